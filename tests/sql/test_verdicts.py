"""What the gates say of whole migrations, on a database that was asked: what stops, what is only told, what passes."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from checks.evidence import Change, LiveSchema, LiveTable, PlannedChanges
from checks.gate import Finding
from checks.policy import DatabasePolicy
from checks.sql import can_run, data_are_kept, live_code_survives, nobody_waits
from pipeline.clients.postgres import Postgres
from pipeline.sandbox.postgres import Postgres as Server
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known
from tests.sql.measuring import TOWN

LIVE = LiveSchema(
    "a" * 40,
    True,
    (
        LiveTable(
            "street",
            ("id", "name", "code", "n", "nick", "opened", "note", "load", "tag", "zone", "level", "mood"),
            (("id",), ("code",), ("n",)),
            ("id",),
        ),
        LiveTable("house", ("id", "street_id", "door"), (("id",),)),
        LiveTable("guest", ("id", "house_id", "name"), (("id",),)),
        LiveTable("scrap", ("id", "text")),
        LiveTable("archive.house", ("id", "door")),
        LiveTable("busy_street", ("id", "title")),
        LiveTable("tally", ("block", "houses")),
    ),
    enums=(("mood", ("calm", "busy")),),
)


@pytest.fixture(scope="module")
def known(postgres: Server) -> Iterator[Known]:
    url = postgres.fresh_database("verdicts")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"drop schema public cascade; create schema public")
        db.execute(TOWN.encode())
    yield asyncio.run(Postgres(url).known())
    postgres.drop("verdicts")


def changes(known: Known, *files: str) -> tuple[Change, ...]:
    return changes_of([(f"m{at}", sql.encode()) for at, sql in enumerate(files)], known)


def findings(known: Known, *files: str, live: LiveSchema = LIVE, large: int = 10) -> list[Finding]:
    """Ask the gates; the tables of the town, of 40 rows, are large by default."""
    planned = PlannedChanges(changes(known, *files))
    return [
        *can_run.judge(planned),
        *live_code_survives.judge(planned, live),
        *nobody_waits.judge(DatabasePolicy(large_rows=large), planned),
        *data_are_kept.judge(planned),
    ]


def blocks(known: Known, *files: str, live: LiveSchema = LIVE, large: int = 10) -> list[str]:
    return [one.says for one in findings(known, *files, live=live, large=large) if one.verdict.stops]


STOPPED = {
    "a table that is renamed and emptied": ("ALTER TABLE scrap RENAME TO old; TRUNCATE old;", "empties old"),
    "a table that is moved and emptied": ("ALTER TABLE scrap SET SCHEMA archive; TRUNCATE archive.scrap;", "empties"),
    "a truncation that goes further": ("CREATE TABLE x (id int); TRUNCATE street CASCADE;", "empties guest"),
    "a truncation two tables away": ("TRUNCATE street CASCADE;", "empties booking"),
    "a delete that says where true": ("DELETE FROM scrap WHERE true;", "deletes every row"),
    "a delete that says where 1 = 1": ("DELETE FROM scrap WHERE 1 = 1;", "deletes every row"),
    "a type that takes its columns along": ("DROP TYPE mood CASCADE;", "drops street.mood"),
    "a domain that does": ("DROP DOMAIN percent CASCADE;", "drops street.load"),
    "a domain below it that does": ("DROP DOMAIN label CASCADE;", "drops street.tag"),
    "an extension that does": ("DROP EXTENSION citext CASCADE;", "drops street.nick"),
    "a column that takes a view along": ("ALTER TABLE street DROP COLUMN title CASCADE;", "drops the view busy_street"),
    "a table that takes a view along": ("DROP TABLE house CASCADE;", "drops the view tally"),
    "a schema with a table in it": ("DROP SCHEMA archive CASCADE;", "drops archive.house"),
    "an index that an upsert needs": ("DROP INDEX street_n_key;", "drops the unique key on street (n)"),
    "a constraint that an upsert needs": ("ALTER TABLE street DROP CONSTRAINT street_code_key CASCADE;", "(code)"),
    "a key that no longer has all rows": (
        "DROP INDEX street_n_key; CREATE UNIQUE INDEX street_n_key ON street (n) WHERE n > 0;",
        "drops the unique key",
    ),
    "a key of another name and other columns": (
        "DROP INDEX street_n_key; CREATE UNIQUE INDEX x ON street (n, level);",
        "drops the unique key",
    ),
    "a new value that a row then carries": (
        "ALTER TYPE mood ADD VALUE 'wild'; COMMIT; UPDATE street SET mood = 'wild' WHERE id = 1;",
        "writes a value into street.mood",
    ),
    "a new value that a new row carries": (
        "ALTER TYPE mood ADD VALUE 'wild'; COMMIT; INSERT INTO street (id, name, mood) VALUES (99, 'x', 'wild');",
        "writes a value into street.mood",
    ),
    "a new value in the transaction that adds it": (
        "ALTER TYPE mood ADD VALUE 'wild'; UPDATE street SET level = 1 WHERE mood = 'wild';",
        "uses the value wild",
    ),
    "a view without a column it had": (
        "DROP VIEW busy_names; DROP VIEW busy_street; CREATE VIEW busy_street AS SELECT id FROM street;",
        "drops busy_street.title",
    ),
    "a view whose column has another type": (
        "DROP VIEW busy_names, busy_street; CREATE VIEW busy_street AS SELECT id::text AS id, title FROM street;",
        "changes the type of busy_street.id",
    ),
    "a view made anew after a COMMIT": (
        "DROP VIEW busy_names, busy_street; COMMIT; CREATE VIEW busy_street AS SELECT id, title FROM street;",
        "drops the view busy_street",
    ),
    "a materialized view that is filled anew": (
        "DROP MATERIALIZED VIEW tally;"
        " CREATE MATERIALIZED VIEW tally AS SELECT block, count(*) AS houses FROM house GROUP BY 1;",
        "fills it anew",
    ),
    "a materialized view that is empty": (
        "DROP MATERIALIZED VIEW tally;"
        " CREATE MATERIALIZED VIEW tally AS SELECT block, 1 AS houses FROM house WITH NO DATA;",
        "drops the view tally",
    ),
    "a required column without a default at the end": (
        "ALTER TABLE street ADD x int DEFAULT 1; UPDATE street SET x = 2 WHERE id = 1;"
        " ALTER TABLE street ALTER x SET NOT NULL, ALTER x DROP DEFAULT;",
        "NOT NULL without a default",
    ),
    "a column in another order": ('ALTER TABLE street ALTER zone TYPE text COLLATE "POSIX";', "another order"),
    "a column that loses its collation": ("ALTER TABLE street ALTER zone TYPE text;", "another order"),
    "a column of a checked domain": ("ALTER TABLE street ADD x percent;", "a domain that checks its values"),
    "a domain that is checked more": ("ALTER DOMAIN percent ADD CHECK (VALUE < 500);", "checks every row of street"),
    "a partition beside a grown default": (
        "CREATE TABLE booking_27 PARTITION OF booking FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
        "DEFAULT partition",
    ),
    "an index on a partitioned table": ("CREATE INDEX x ON booking (id);", "locks writers out"),
    "a foreign key that is enforced": ("ALTER TABLE loose ALTER CONSTRAINT loose_house ENFORCED;", "under the lock"),
    "a key on what is not proved": (
        "ALTER TABLE loose ADD CONSTRAINT nn NOT NULL a NOT VALID; ALTER TABLE loose ADD PRIMARY KEY (a);",
        "55000",
    ),
    "a type of another name": ("ALTER TYPE mood RENAME TO temper;", "renames or moves the type mood"),
    "a value of another name": ("ALTER TYPE mood RENAME VALUE 'calm' TO 'still';", "renames the value"),
    "an enum with a value less": (
        "CREATE TYPE m2 AS ENUM ('calm'); ALTER TABLE street ALTER mood DROP DEFAULT;"
        " ALTER TABLE street ALTER mood TYPE m2 USING mood::text::m2; ALTER TYPE mood RENAME TO old;"
        " ALTER TYPE m2 RENAME TO mood; DROP TYPE old;",
        "changes the type of street.mood",
    ),
    "a lock that is held": ("LOCK TABLE street IN SHARE MODE;", "until the migration ends"),
}


@pytest.mark.parametrize("name", STOPPED)
def test_it_is_stopped(known: Known, name: str) -> None:
    sql, says = STOPPED[name]
    said = blocks(known, sql)
    assert any(says in one for one in said), said


PASSES = {
    "a value after the commit that it needs": "ALTER TYPE size ADD VALUE 'xl'; COMMIT; SELECT 'xl'::size;",
    "a value that stands in a text": "ALTER TYPE mood ADD VALUE 'wild'; UPDATE street SET note = 'wild' WHERE id = 1;",
    "a value that is there": (
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'busy'; UPDATE street SET mood = 'busy' WHERE id = 1;"
    ),
    "a view made anew": (
        "DROP VIEW busy_names; DROP VIEW busy_street; CREATE VIEW busy_street AS SELECT id, title, n FROM street;"
    ),
    "a view made anew with a star": (
        "DROP VIEW busy_names, busy_street; CREATE VIEW busy_street AS SELECT s.* FROM street s;"
    ),
    "a view that is kept aside and made anew": (
        "ALTER VIEW busy_street RENAME TO old; CREATE VIEW busy_street AS SELECT id, title FROM street;"
    ),
    "a trigger made anew": (
        "DROP TRIGGER street_stamp ON street;"
        " CREATE TRIGGER street_stamp BEFORE UPDATE ON street FOR EACH ROW EXECUTE FUNCTION stamp();"
    ),
    "an index that is there": "CREATE INDEX IF NOT EXISTS street_name ON street (name);",
    "a unique index that is there": "CREATE UNIQUE INDEX IF NOT EXISTS street_n_key ON street (n);",
    "a materialized view that is there": "CREATE MATERIALIZED VIEW IF NOT EXISTS tally AS SELECT 1;",
    "a table that is there": "CREATE TABLE IF NOT EXISTS street (id int);",
    "a column that is there": "ALTER TABLE street ADD COLUMN IF NOT EXISTS name text NOT NULL;",
    "not null that is there": "ALTER TABLE street ALTER name SET NOT NULL;",
    "nothing that is dropped": (
        "DROP TRIGGER IF EXISTS no ON street; DROP INDEX IF EXISTS no; DROP FUNCTION IF EXISTS no();"
        " DROP VIEW IF EXISTS no; DROP MATERIALIZED VIEW IF EXISTS no; DROP TYPE IF EXISTS no;"
        " DROP TABLE IF EXISTS no CASCADE;"
        " DROP SEQUENCE IF EXISTS no; DROP SCHEMA IF EXISTS no CASCADE; DROP EXTENSION IF EXISTS no;"
        " DROP DOMAIN IF EXISTS no; DROP POLICY IF EXISTS no ON street; DROP RULE IF EXISTS no ON street;"
        " ALTER TABLE street DROP CONSTRAINT IF EXISTS no; ALTER TABLE street DROP COLUMN IF EXISTS no;"
        " ALTER TABLE IF EXISTS no RENAME TO other; ALTER TABLE IF EXISTS no DROP COLUMN x;"
    ),
    "more precision": "ALTER TABLE street ALTER opened TYPE timestamp(6);",
    "a wider text": "ALTER TABLE house ALTER door TYPE varchar;",
    "a required column with its default in the end": (
        "ALTER TABLE scrap ADD s text; ALTER TABLE scrap ALTER s SET DEFAULT 'a', ALTER s SET NOT NULL;"
    ),
    "a required column that is relaxed": (
        "ALTER TABLE street ADD x int NOT NULL; ALTER TABLE street ALTER x DROP NOT NULL;"
    ),
    "a required column that goes again": "ALTER TABLE street ADD x int NOT NULL; ALTER TABLE street DROP x;",
    "a key that another one stands in for": "CREATE UNIQUE INDEX x ON street (n); DROP INDEX street_n_key;",
    "a key that nobody upserts by": "DROP INDEX street_big_ready;",
    "a partition beside an empty default": (
        "CREATE TABLE ledger_26 PARTITION OF ledger FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
    ),
    "a virtual column": "ALTER TABLE street ADD x int GENERATED ALWAYS AS (n + 1);",
    "a schema that is empty": "CREATE SCHEMA x; DROP SCHEMA x;",
    "a sequence of another name": "ALTER SEQUENCE ticket RENAME TO stub;",
    "an enum that nobody names": "ALTER TYPE size RENAME TO extent;",
    "what 18 has": (
        "ALTER TABLE street ADD CONSTRAINT nn NOT NULL level NOT VALID;"
        " CREATE TABLE stay (id int4range, at daterange, CONSTRAINT p UNIQUE (id, at WITHOUT OVERLAPS));"
    ),
}


@pytest.mark.parametrize("name", PASSES)
def test_it_passes(known: Known, name: str) -> None:
    assert blocks(known, PASSES[name], large=1000 if name in LONG else 10) == []


LONG = ("a key that another one stands in for", "a required column with its default in the end")
"""What is right on a small table only: it reads every row."""
QUIET = ("nothing that is dropped", "an index that is there", "a column that is there", "not null that is there",
         "a trigger made anew", "a view made anew", "a value that is there", "a table that is there")  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_nothing_at_all_is_said(known: Known, name: str) -> None:
    assert findings(known, PASSES[name]) == []


def test_a_check_that_is_not_valid_is_not_told_to_be_so(known: Known) -> None:
    (found,) = findings(known, "ALTER TABLE street ADD CONSTRAINT ck CHECK (n > 0) NOT VALID;")
    assert not found.verdict.stops
    assert "reads none" in found.says
    assert "NOT VALID" not in found.fix


def test_a_wider_type_is_told_to_break_prepared_statements(known: Known) -> None:
    (found,) = findings(known, "ALTER TABLE street ALTER code TYPE varchar(40);")
    assert not found.verdict.stops
    assert "0A000" in found.says
    assert findings(known, "ALTER TABLE street ALTER tea TYPE time(6);") == [], "nobody reads it"


def test_what_an_older_server_does_not_know_cannot_run(known: Known) -> None:
    from dataclasses import replace

    older = replace(known, version=17)
    for sql in (
        "ALTER TABLE street ADD CONSTRAINT nn NOT NULL level NOT VALID;",
        "ALTER TABLE street ADD x int GENERATED ALWAYS AS (n) VIRTUAL;",
        "ALTER TABLE street ADD CONSTRAINT c CHECK (n > 0) NOT ENFORCED;",
        "VACUUM ONLY street;",
    ):
        assert any("PostgreSQL 18" in one for one in blocks(older, sql)), sql
        assert not any("PostgreSQL 18" in one for one in blocks(known, sql)), sql


def test_prismas_own_way_to_widen_an_enum_breaks_nobody(known: Known) -> None:
    sql = """
    BEGIN;
    CREATE TYPE "mood_new" AS ENUM ('calm', 'busy', 'wild');
    ALTER TABLE "street" ALTER COLUMN "mood" DROP DEFAULT;
    ALTER TABLE "street" ALTER COLUMN "mood" TYPE "mood_new" USING ("mood"::text::"mood_new");
    ALTER TYPE "mood" RENAME TO "mood_old";
    ALTER TYPE "mood_new" RENAME TO "mood";
    DROP TYPE "mood_old";
    ALTER TABLE "street" ALTER COLUMN "mood" SET DEFAULT 'calm';
    COMMIT;
    """
    assert blocks(known, sql, large=1000) == []
    assert any("rewritten" in one for one in blocks(known, sql))


def test_a_new_value_is_remembered_from_file_to_file(known: Known) -> None:
    add, use = "ALTER TYPE mood ADD VALUE 'wild';", "UPDATE street SET mood = 'wild' WHERE id = 1;"
    (said,) = blocks(known, add, use)
    assert "writes a value into street.mood" in said
    assert blocks(known, add, use.replace("mood =", "note =")) == []
    assert blocks(known, add, "UPDATE loose SET d = 'wild';", large=1000) == []


def test_what_a_newer_server_may_know_is_not_called_impossible(known: Known) -> None:
    from dataclasses import replace

    (seen,) = changes(replace(known, version=19), "ALTER TABLE street MERGE PARTITIONS SIDEWAYS;")
    assert (seen.rule, seen.kind, seen.lock) == ("unread", "unknown", "ACCESS EXCLUSIVE")
    assert blocks(replace(known, version=19), "ALTER TABLE street MERGE PARTITIONS SIDEWAYS;") == []
    assert blocks(known, "ALTER TABLE street MERGE PARTITIONS SIDEWAYS;")


def test_what_is_nested_too_deeply_is_not_called_impossible(known: Known) -> None:
    (seen,) = changes(known, f"SELECT {'1 + ' * 3000}1;")
    assert (seen.rule, seen.kind, seen.lock) == ("unread", "unknown", "ACCESS EXCLUSIVE")


@pytest.mark.parametrize("asked", [True, False], ids=["of a database", "of nothing"])
def test_whatever_is_written_is_read(known: Known, asked: bool) -> None:
    from pathlib import Path

    from checks.rules import does, instead

    lines = (Path(__file__).parent / "odd.sql").read_text().splitlines()[1:]
    assert len(lines) > 200
    for line in lines:
        for one in changes(known if asked else Known(), line, line):
            assert does(one)
            assert one.rule != "unparsable", line
            instead(one)


def test_a_check_on_what_a_table_is_cut_by_may_save_the_reading(known: Known) -> None:
    rest = (
        "ALTER TABLE booking_rest ADD CONSTRAINT old CHECK ({0}) NOT VALID; COMMIT;"
        " ALTER TABLE booking_rest VALIDATE CONSTRAINT old;"
    )
    made = "CREATE TABLE b27 PARTITION OF booking FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');"
    assert blocks(known, rest.format("at >= '2029-01-01'"), made) == []
    assert blocks(known, rest.format("id > 0"), made), "that CHECK is about something else"
    attached = "ALTER TABLE ledger ATTACH PARTITION ledger_25 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
    (found,) = findings(known, attached)
    assert "unless its CHECK" in found.says
    assert not found.verdict.stops


def test_what_nobody_asked_about_is_not_taken_to_be_missing() -> None:
    from pipeline.sql.known import Table

    some = Known({"street": Table(0), "scrap": Table(0)})
    assert blocks(some, "TRUNCATE street CASCADE"), "nobody said which tables refer to it"
    assert blocks(some, "DROP TYPE mood CASCADE")
    nothing = Known()
    assert blocks(nothing, "TRUNCATE a CASCADE")
    assert blocks(nothing, "DROP TYPE t CASCADE")
    assert blocks(nothing, "DROP TABLE IF EXISTS street")
    assert blocks(nothing, "TRUNCATE a"), "nobody knows how many rows"
