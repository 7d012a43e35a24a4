"""What the corpus says of locks and rewrites is what a real Postgres does."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql

from pipeline.sandbox.postgres import Postgres

from .corpus import CASES, SCHEMAS, Case

MODES = {
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}
WEAKEST_FIRST = list(MODES.values())

TABLES = """
    select c.oid, pg_relation_filenode(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
LOCKS = "select mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and relation = any(%s)"

# In some zones a change from timestamp to timestamptz rewrites nothing; this is not one of them.
OPTIONS = "-c timezone=Europe/Berlin -c client_min_messages=error"

Connect = Callable[[str], psycopg.Connection]


@pytest.fixture(scope="module")
def connect(postgres: Postgres) -> Iterator[Connect]:
    """A connection to a database that holds the named schema; cases roll back, so each schema is made only once."""
    url = postgres.fresh_database("lint")
    made: dict[str, psycopg.Connection] = {}
    with ExitStack() as stack:

        def connected(schema: str) -> psycopg.Connection:
            if schema not in made:
                name = f"lint_{schema or 'empty'}"
                with psycopg.connect(url, autocommit=True) as admin:
                    admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
                    admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
                made[schema] = stack.enter_context(psycopg.connect(url, dbname=name, options=OPTIONS))
                made[schema].execute(SCHEMAS[schema])  # type: ignore[arg-type]
                made[schema].commit()
            return made[schema]

        yield connected


def test_the_corpus_is_well_formed() -> None:
    """Names are unique and kebab-case, and every word is one of those allowed."""
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 75
    for case in CASES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", case.name)
        assert case.on in SCHEMAS
        assert case.kind in {"expand", "data", "contract", "unknown"}
        assert case.lock in {"", *WEAKEST_FIRST}
        assert case.stops in {"never", "large", "always"}
        assert isinstance(case.rewrites, bool)


@pytest.mark.parametrize("case", [case for case in CASES if not case.not_run], ids=lambda case: case.name)
def test_postgres_agrees(case: Case, connect: Connect) -> None:
    """The strongest lock it takes on a table that was there before, and whether that table got a new heap."""
    connection = connect(case.on)
    try:
        before = dict(connection.execute(TABLES).fetchall())
        # It is a transaction already, and one to be rolled back.
        connection.execute(re.sub(r"^(BEGIN|COMMIT);$", "", case.sql, flags=re.MULTILINE))  # type: ignore[arg-type]
        modes = {MODES.get(mode, "") for (mode,) in connection.execute(LOCKS, [list(before)]).fetchall()}
        after = dict(connection.execute(TABLES).fetchall())
    finally:
        connection.rollback()
    lock = max(modes, key=["", *WEAKEST_FIRST].index, default="")
    rewrites = any(after.get(table, heap) != heap for table, heap in before.items())
    assert (lock, rewrites) == (case.lock, case.rewrites)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.not_run.startswith("fails on purpose")], ids=lambda case: case.name
)
def test_postgres_refuses(case: Case, connect: Connect) -> None:
    """What can never work does not: sent as Prisma sends it, as one text."""
    connection = connect(case.on)
    connection.autocommit = True
    try:
        with pytest.raises(psycopg.Error):
            connection.execute(case.sql)  # type: ignore[arg-type]
    finally:
        connection.rollback()
        connection.autocommit = False
