"""Times the statements of a migration one by one, on a copy."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.sql.statements import Statement, Unparsable, parse


@dataclass(frozen=True)
class Took:
    """What one statement took. ``line``: in the file of its migration; ``failure``: why it did not go through."""

    migration: str
    line: int
    ms: float
    failure: str = ""


async def took(database: Postgres, migrations: list[Migration], seconds: float) -> tuple[Took, ...]:
    """Run every statement of ``migrations``, each for itself and at most ``seconds``, up to the first that fails.

    Raises ServiceError when the database is not there.
    """
    found: list[Took] = []
    async with database.connection("time the statements") as db:
        await db.execute(f"set statement_timeout = {round(seconds * 1000)}".encode())
        for migration, statement in _statements(migrations):
            began = time.perf_counter()
            try:
                await db.execute(statement.text)
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                ms = (time.perf_counter() - began) * 1000
                says = str(error).splitlines()[0]
                return (*found, Took(migration.name, statement.line, ms, says))
            found.append(Took(migration.name, statement.line, (time.perf_counter() - began) * 1000))
    return tuple(found)


def _statements(migrations: list[Migration]) -> Iterator[tuple[Migration, Statement]]:
    for migration in migrations:
        try:
            yield from ((migration, statement) for statement in parse(migration.sql))
        except Unparsable:  # the gates have said so
            return
