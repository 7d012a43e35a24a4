"""What our parser takes for a statement is what the server takes for one: else something is applied that was not run.

Files are put together at random from what SQL has to hide a semicolon in. Each is sent to one schema as Prisma sent
it before 7.4, whole, and applied to another by us: both must succeed, with the same tables, or both must fail.
"""

import asyncio
import codecs
import random

import psycopg
import pytest

from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.clock import SystemClock
from pipeline.errors import Rejected
from pipeline.sql.statements import Unparsable, parse

FILES = 120
BLANKS = (
    " ", "\n", "\t", "\r", "\r\n", "\f", "-- ;\n", "-- it's; \r\n", "--\r", "-- /* ;\n", "-- $$ ;\n", "/* ; */",
    "/* /* ; */ ; */", "/*/**/*/", "/* -- */", "/* ' */", "/*;--\n*/", "\n--\n", "/***/", "/*/ ; */",
)  # fmt: skip
ODD_BLANKS = ("\v", "\u00a0", "\u2028", "\ufeff", "\u3000", "\u200b", "\\d\n", "\\. \n", "*/")
STRINGS = (
    "''", "';'", "'it''s;'", "E'\\';'", "E'\\\\'", "e'a\\'';'", "U&'\\0061;'", "U&'!0061;' uescape '!'", "$$;$$",
    "$a$ $$ ; $a$", "$a$ $b$;$a$", "$é$ ; $é$", "'a'\n';b'", "'a' -- ;\n ';'", "'a\\'", "'--'", "'/*'", "$$--$$",
    "$_1$'$_1$", "B'01'::text", "N';'", "'$$'",
)  # fmt: skip
UNENDED = ("'", '"', "/*", "$$", "$a$", "E'\\'", "(", "/* /* */", "select 'a' 'b'", "create table (", "\\")
NAMES = ('"a;b"', '"a""b;"', 'U&"d\\0061;"', '"--"', '"/*"', '"$$"', "a$$b", "é")
BODIES = (
    "create function f{n}() returns int language plpgsql as $$ begin perform 1; return 2; end $$",
    "create function f{n}() returns int language sql begin atomic; select 1; select case when true then 2 end; end",
    "create procedure f{n}() language sql begin atomic select 1; end",
    "do $do$ begin execute 'create table m{n} (); select 1;'; end $do$",
    "create table m{n} (a int); create rule r as on insert to m{n} do also (select 1; select 2)",
    "copy m1 from stdin",
    "",
    "select 1 as {name}",
    "comment on schema public is {string}",
    "create table m{n} (t text default {string})",
    "create table m{n} ({name} int)",
    "select {string}",
)


def a_file(chance: random.Random) -> str:
    """One file; its tables are m1, m2, … so that it can be told what was run."""
    pieces = []
    for number in range(chance.randint(1, 6)):
        body = chance.choice((*BODIES, "create table m{n} (a int)", "create table m{n} (a int)"))
        body = body.format(n=number, string=chance.choice(STRINGS), name=chance.choice(NAMES))
        if chance.random() < 0.06:
            body += " " + chance.choice((*UNENDED, *ODD_BLANKS))
        around = [chance.choice(BLANKS if chance.random() < 0.97 else ODD_BLANKS) for _ in range(chance.randint(0, 3))]
        pieces.append("".join(around) + body + chance.choice(("", "", chance.choice(BLANKS))))
    return ";".join(pieces) + chance.choice((";", "", ";--", "; -- end", ";/* end */", "\n;\n", ";;", "--;"))


def tables(url: str, schema: str) -> set[str]:
    with psycopg.connect(url, autocommit=True) as db:
        sql = b"select tablename from pg_tables where schemaname = %s and tablename <> '_prisma_migrations'"
        return {name for (name,) in db.execute(sql, (schema,))}


def sent_whole(url: str, schema: str, sql: bytes) -> bool:
    done = (psycopg.pq.ExecStatus.COMMAND_OK, psycopg.pq.ExecStatus.TUPLES_OK, psycopg.pq.ExecStatus.EMPTY_QUERY)
    db = psycopg.connect(url, autocommit=True)
    try:
        db.execute(f"create schema {schema}; set search_path to {schema}; set client_encoding to utf8".encode())
        return db.pgconn.exec_(sql).status in done  # of COPY it is neither
    finally:
        db.pgconn.finish()


def applied(url: str, schema: str, sql: bytes) -> bool:
    limits = LockBudget(1, 0, 30)
    try:
        migrator = Migrator(Postgres(f"{url}?schema={schema}"), limits, SystemClock(), run="r1")
        asyncio.run(migrator.apply([Migration("20260401_a", sql)]))
    except Rejected:
        return False
    return True


def alike(url: str, number: int, sql: bytes) -> None:
    whole = sent_whole(url, f"w{number}", sql.removeprefix(codecs.BOM_UTF8))  # which only Postgres itself minds
    assert applied(url, f"o{number}", sql) is whole, sql
    assert tables(url, f"o{number}") == tables(url, f"w{number}"), sql


@pytest.mark.parametrize("strings", ["on", "off"])
def test_files_at_random_are_read_as_the_server_reads_them(database_url: str, strings: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        name = database_url.rpartition("/")[2]
        db.execute(f"alter database {name} set standard_conforming_strings = {strings}".encode())
    chance, went_well = random.Random(strings + "2"), 0
    for number in range(FILES):
        sql = a_file(chance).encode()
        alike(database_url, number, sql)
        went_well += bool(tables(database_url, f"w{number}"))
    assert FILES // 4 < went_well < FILES, "both kinds of file are tried"


@pytest.mark.parametrize(
    "sql",
    [
        "-- by hand\rcreate table m1 (a int);",
        "--\r\rcreate table m1 (a int)",
        "create table m1 (a int);-- the end\rcreate table m2 (a int)",
        "create table m1 (a int) -- no newline",
        "create table m1 (a int);/* /* */",
        "create table m1 (a int);\n\\d\n",
        "create table m1 (a int);copy m1 from stdin;\n1\n\\.\ncreate table m2 (a int);",
        "\x1acreate table m1 (a int);",
    ],
)
def test_where_a_comment_ends_and_what_psql_alone_understands(database_url: str, sql: str) -> None:
    whole = sent_whole(database_url, "w1", sql.encode())
    assert applied(database_url, "o1", sql.encode()) is whole
    assert tables(database_url, "o1") == tables(database_url, "w1")


def test_what_only_psql_can_do_is_refused_before_anything_is_sent(database_url: str) -> None:
    assert not applied(database_url, "o1", b"create table m1 (a int);copy m1 to stdout")
    assert not applied(database_url, "o2", b"create table m1 (a int);\ncopy m1 from stdin;")
    assert tables(database_url, "o1") == tables(database_url, "o2") == set()


def test_a_nul_byte_is_never_applied_up_to_there(database_url: str) -> None:
    """The parser, and libpq, take it for the end; Prisma's engine is told "invalid message format"."""
    for sql in (b"create table a(id int);\0create table b(id int);", "create table a(id int);".encode("utf-16")):
        assert not applied(database_url, "o1", sql)
        with pytest.raises(Unparsable):
            parse(sql)
    assert tables(database_url, "o1") == set()


def test_a_file_is_utf8_whatever_the_database_is_encoded_in(database_url: str) -> None:
    name = database_url.rpartition("/")[2] + "_latin"
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(f"create database {name} template template0 encoding latin1 locale 'C'".encode())
    url = f"{database_url.rpartition('/')[0]}/{name}"
    assert applied(url, "public", "create table m1 (a text default 'größe')".encode())
    with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as db:
        assert db.execute("select length('größe'), count(*) from pg_tables where tablename = 'm1'").fetchone() == (5, 1)
        (default,) = db.execute(
            "select column_default from information_schema.columns where table_name = 'm1'"
        ).fetchone()  # type: ignore[misc]
    assert default == "'größe'::text"
