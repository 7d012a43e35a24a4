"""Addresses of databases as people have them: read as libpq reads them, and never quoted."""

import asyncio
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from pipeline.clients.address import Address, address_of, environment, parts_of
from pipeline.clients.postgres import Postgres
from pipeline.errors import Mistake
from pipeline.redact import Redactor
from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parents[2]
PIECES = ("S3cret", "Passw0rd")
READ = ("?", "#", ":")  # libpq takes these as they stand
ODD = ("%", "/", "?", "#", "@", " ", ":", "%zz", "@@", "/?#")


@pytest.mark.parametrize("sign", ODD)
def test_a_password_with_a_special_character_is_read_or_refused_and_never_quoted(sign: str) -> None:
    url = f"postgresql://app:S3cret{sign}Passw0rd@db.example:5432/lms"
    if sign in READ:
        found = parts_of(address_of(url).url)
        assert (found["password"], found["host"], found["dbname"]) == (f"S3cret{sign}Passw0rd", "db.example", "lms")
        return
    with pytest.raises(Mistake, match="must be written with a percent sign") as said:
        address_of(url)
    assert not [piece for piece in PIECES if piece in str(said.value)]


@pytest.mark.parametrize("sign", ["%", "@", "/"])
@pytest.mark.parametrize("command", ["monitor.daily", "diagnose.database"])
def test_no_command_says_a_piece_of_the_password(sign: str, command: str, tmp_path: Path) -> None:
    secrets = ("VERCEL_TOKEN", "GITHUB_TOKEN", "SENTRY_AUTH_TOKEN", "BETTERSTACK_API_TOKEN", "SMOKE_EMAIL")
    env = {**os.environ, **dict.fromkeys((*secrets, "SMOKE_PASSWORD"), "x" * 12)}
    env["DIRECT_URL"] = f"postgresql://app:S3cret{sign}Passw0rd@127.0.0.1:1/lms"
    words = [ROOT / "inv", command, "--target", "production"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=LONGEST, check=False, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert not [piece for piece in PIECES if piece in done.stdout + done.stderr]
    assert "error: DIRECT_URL" in done.stderr


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("options=-c%20statement_timeout%3D5min", "options=-c%20statement_timeout%3D5min"),
        ("sslmode=require&uselibpqcompat=true", "sslmode=require"),
        ("sslmode=require&supa=base-pooler.x", "sslmode=require"),
        (
            "schema=lms&connection_limit=5&sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem",
            "sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem",
        ),
        ("pgbouncer=false", ""),
        ("ssl=true&supa=x", "sslmode=require"),
        ("ssl=false", "sslmode=prefer"),
        ("ssl=no-verify", "sslmode=require"),
        ("ssl=true&sslmode=verify-full", "sslmode=verify-full"),
        ("sslmode=no-verify", "sslmode=require"),
        ("sslcert=/etc/ca.pem&sslaccept=strict", "sslrootcert=/etc/ca.pem"),
        ("sslcert=/my.crt&sslkey=/my.key", "sslcert=/my.crt&sslkey=/my.key"),
        ("statement_cache_size=0&pool_timeout=3&socket_timeout=5&sslmode=require", "sslmode=require"),
        ("host=/var/run/postgresql&application_name=a%20b", "host=/var/run/postgresql&application_name=a%20b"),
    ],
)
def test_what_libpq_takes_stays_as_it_stands_and_the_rest_is_left_out(query: str, kept: str) -> None:
    assert address_of(f"postgresql://u:p@h/db?{query}").url == "postgresql://u:p@h/db" + (f"?{kept}" if kept else "")


def test_options_with_a_space_reach_the_server(database_url: str) -> None:
    url = f"{database_url}{'&' if '?' in database_url else '?'}options=-c%20statement_timeout%3D4321"
    with psycopg.connect(address_of(url).url) as db:
        assert db.execute("show statement_timeout").fetchone() == ("4321ms",)


@pytest.mark.parametrize(("said", "patience"), [("", 10), ("30", 30), ("3", 3), ("0", 10), ("900", 60), ("soon", 10)])
def test_the_address_says_how_long_a_connection_may_take(said: str, patience: int) -> None:
    assert address_of(f"postgresql://u:p@h/db{f'?connect_timeout={said}' if said else ''}").patience == patience


def test_pg_dump_gets_all_that_the_address_says() -> None:
    found = environment(
        address_of(
            "postgresql://u:p%40x@h:5433/db?sslmode=verify-full&sslrootcert=/ca.pem&channel_binding=require&options=-c%20a%3Db"
        )
    )
    assert found == {
        "PGHOST": "h",
        "PGPORT": "5433",
        "PGUSER": "u",
        "PGPASSWORD": "p@x",
        "PGDATABASE": "db",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca.pem",
        "PGCHANNELBINDING": "require",
        "PGOPTIONS": "-c a=b",
        "PGCONNECT_TIMEOUT": "10",
    }


def test_another_database_of_the_same_server_keeps_everything_else() -> None:
    there = address_of("postgresql://u:p?x@h:5433/db?sslmode=require&schema=lms").with_database("inv_a b")
    assert there == Address("postgresql://u:p?x@h:5433/inv_a%20b?sslmode=require", "lms", schema_named=True)
    assert there.database == "inv_a b"
    assert address_of("postgresql:///db").with_database("x").url == "postgresql:///x"


def looks_into(url: str) -> str:
    """The search_path of a session of ours."""

    async def ask() -> str:
        async with Postgres(url).connection("look") as db:
            row = await (await db.execute("show search_path")).fetchone()
            return str(row and row[0])

    return asyncio.run(ask())


def test_a_schema_that_the_address_names_rules_over_the_roles_own(database_url: str) -> None:
    """As Prisma does: a role whose search_path leads elsewhere would be migrated into another schema."""
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("alter role current_user set search_path = elsewhere")
        try:
            assert looks_into(database_url) == "elsewhere"
            assert looks_into(f"{database_url}{'&' if '?' in database_url else '?'}schema=public") == "public"
        finally:
            db.execute("alter role current_user reset search_path")


@pytest.mark.parametrize("sign", [sign for sign in ODD if sign != "%zz"])
def test_what_a_parser_says_of_an_address_is_hidden(sign: str) -> None:
    hide = Redactor([f"postgresql://app:S3cret{sign}Passw0rd@db.example:5432/lms"])
    whole = f"S3cret{sign}Passw0rd"
    for said in ("port 'S3cret' is none", "no host Passw0rd@db.example", whole, f"bad: {whole}@db"):
        assert not [piece for piece in PIECES if piece in hide(said)], said


def test_an_ordinary_address_has_no_secret() -> None:
    assert Redactor(["https://db.example/path@v1"])("path v1 db.example") == "path v1 db.example"
