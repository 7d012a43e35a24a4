"""The judge says of every migration in statements.sql what Postgres itself shows: locks, tables, rewrites, scans."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from pipeline.clients.postgres import Postgres
from pipeline.sandbox.postgres import Postgres as Server
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known
from tests.sql.measuring import TOWN, judged, measured, migrations

DIFFERS = {
    "DROP MATERIALIZED VIEW tally; CREATE": "it is another view of the same name, and yet nobody reads it meanwhile",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY": "its lock keeps out writers only, and nobody writes to it",
}
"""How a migration begins of which we say something else than Postgres shows, and why."""


@pytest.fixture(scope="module")
def town(postgres: Server) -> Iterator[tuple[psycopg.Connection, Known]]:
    url = postgres.fresh_database("town")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"drop schema public cascade; create schema public")
        db.execute(TOWN.encode())
        db.execute(b"alter database town set timezone to 'Europe/Berlin'")
    known = asyncio.run(Postgres(url).known())
    with psycopg.connect(url, options="-c client_min_messages=error") as db:
        yield db, known
    postgres.drop("town")


@pytest.mark.parametrize("sql", migrations())
def test_the_judge_says_what_postgres_does(town: tuple[psycopg.Connection, Known], sql: str) -> None:
    db, known = town
    seen = measured(db, sql)
    said = judged(changes_of([("m", sql.encode())], known), sql)
    same = dict(said.locks) == dict(seen.locks) and bool(said.rewrites) == bool(seen.rewrites)
    emptied = "TRUNCATE" in sql  # it reads a table from end to end to find it empty
    same = same and (emptied or bool(said.scans) == bool(seen.scans))
    assert same != any(sql.startswith(begins) for begins in DIFFERS), (said, seen)


def test_nearly_nothing_differs() -> None:
    assert len(DIFFERS) <= 0.01 * len(migrations())


def test_a_partitioned_table_is_as_large_as_its_partitions(town: tuple[psycopg.Connection, Known]) -> None:
    _, known = town
    assert known.tables["booking"].rows == sum(known.tables[f"booking_{part}"].rows for part in ("24", "25", "rest"))
    assert known.tables["booking"].rows == 80


def test_drift_tells_what_only_looks_alike(postgres: Server) -> None:
    """The catalogue calls a column NOT NULL at once, and a virtual column generated like a stored one."""

    def defined(sql: str) -> dict[str, str]:
        url = postgres.fresh_database("alike")
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(sql.encode())
        return dict(asyncio.run(Postgres(url).definitions()))

    valid = "ALTER TABLE alike ADD CONSTRAINT n NOT NULL a"
    made = "CREATE TABLE alike (a int, b int GENERATED ALWAYS AS (a) "
    first = defined(f"{made} STORED); {valid};")
    for other in (f"{made} STORED); {valid} NOT VALID;", f"{made} VIRTUAL); {valid};"):
        second = defined(other)
        assert {name for name in first if first[name] != second[name]} & {"column alike.a", "column alike.b"}
    postgres.drop("alike")


def test_what_is_known_after_the_files_is_what_the_catalogue_says(town: tuple[psycopg.Connection, Known]) -> None:
    """Before a merge there is no database to ask: the files have to do, and lead to the same words."""
    from pipeline.sql.changes import known_after

    _, known = town
    plain = TOWN.replace("CREATE EXTENSION citext;", "").replace("nick citext", "nick text")
    read = known_after([("town", plain.encode())])
    for table, about in known.tables.items():
        mine = read.tables[table]
        assert mine.columns.keys() == about.columns.keys(), table
        assert mine.required == about.required, table
        assert (mine.parent, mine.kind, mine.default_part) == (about.parent, about.kind, about.default_part)
    keys = {("f", one.columns, one.to, one.to_columns) for one in known.constraints.values() if one.kind == "f"}
    assert {("f", one.columns, one.to, one.to_columns) for one in read.constraints.values() if one.kind == "f"} == keys
    assert {name: (key.table, key.columns, key.unique, key.plain) for name, key in read.keys.items()} == {
        name: (key.table, key.columns, key.unique, key.plain) for name, key in known.keys.items()
    }
    assert read.enums == known.enums
    assert read.domains == known.domains
    assert {name: set(view.columns) for name, view in read.views.items()} == {
        name: set(view.columns) for name, view in known.views.items()
    }
