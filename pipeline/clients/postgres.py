"""The database: Prisma's migration history, and migrations applied the way Prisma applies them."""

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Mistake, Refused, ServiceError, Unreachable

if TYPE_CHECKING:
    import psycopg

PRISMA_LOCK = 72707369  # the advisory lock that Prisma's own engine takes
LOCK_NOT_AVAILABLE = "55P03"
HISTORY = """
create table if not exists _prisma_migrations (
    id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz,
    migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0)
"""


@dataclass(frozen=True)
class Migration:
    """One folder under ``prisma/migrations``. ``checksum``: lowercase hex SHA-256 of its migration.sql."""

    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql).hexdigest()

    @property
    def checksums(self) -> frozenset[str]:
        """Every checksum that Prisma takes for this file: as it is, and with either kind of newline."""
        unix = self.sql.replace(b"\r\n", b"\n")
        return frozenset(hashlib.sha256(text).hexdigest() for text in (self.sql, unix, unix.replace(b"\n", b"\r\n")))


@dataclass(frozen=True)
class Row:
    """One row of ``_prisma_migrations``."""

    name: str
    checksum: str
    finished: bool
    rolled_back: bool


def migrations_in(folder: Path) -> tuple[Migration, ...]:
    """The migrations on disk, in the order of their names, which is the order Prisma applies them in."""
    found = sorted(folder.glob("*/migration.sql"))
    return tuple(Migration(path.parent.name, path.read_bytes()) for path in found)


class Postgres:
    """The target's database, by its direct URL. psycopg is loaded by the first query."""

    def __init__(self, url: str) -> None:
        if "-pooler." in url:
            raise Mistake(
                "DIRECT_URL: is a Neon -pooler address; migrations need the direct one, because a session lock and"
                " transaction pooling do not mix. Remove `-pooler` from the host name"
            )
        self._url = url

    async def history(self) -> tuple[Row, ...]:
        """Every row of Prisma's table, oldest first; empty when there is no such table."""
        async with self._connection("read the migration history") as db:
            cursor = await db.execute("select to_regclass('_prisma_migrations') is not null")
            (exists,) = await cursor.fetchone() or (False,)
            if not exists:
                return ()
            cursor = await db.execute(
                "select migration_name, checksum, finished_at is not null, rolled_back_at is not null"
                " from _prisma_migrations order by started_at"
            )
            return tuple(Row(*row) for row in await cursor.fetchall())

    async def apply(self, migration: Migration, *, lock_timeout: float, statement_timeout: float) -> None:
        """Apply one migration under Prisma's lock and leave the rows that Prisma would leave.

        The script is sent as one simple query, so it is one transaction unless it says otherwise itself. Does
        nothing when it is already recorded as finished. Raises Refused when Postgres rejects it; the history then
        says so (P3018 now, P3009 from the next run on).
        """
        async with self._connection(f"apply {migration.name}") as db:
            await db.execute("set lock_timeout = '10s'")
            await db.execute(f"select pg_advisory_lock({PRISMA_LOCK})")
            await db.execute(HISTORY)
            cursor = await db.execute(
                "select 1 from _prisma_migrations where migration_name = %s and finished_at is not null"
                " and rolled_back_at is null",
                (migration.name,),
            )
            if await cursor.fetchone():
                return
            id = str(uuid.uuid4())
            await db.execute(
                "insert into _prisma_migrations (id, checksum, migration_name) values (%s, %s, %s)",
                (id, migration.checksum, migration.name),
            )
            await db.execute(f"set lock_timeout = '{lock_timeout}s'")
            await db.execute(f"set statement_timeout = '{statement_timeout}s'")
            await self._script(db, id, migration)
            await db.execute(
                "update _prisma_migrations set finished_at = now(), applied_steps_count = applied_steps_count + 1"
                " where id = %s",
                (id,),
            )

    async def _script(self, db: "psycopg.AsyncConnection[Any]", id: str, migration: Migration) -> None:
        import psycopg

        try:
            await db.execute(migration.sql)
        except psycopg.Error as error:
            await db.execute("update _prisma_migrations set logs = %s where id = %s", (str(error), id))
            raise

    @asynccontextmanager
    async def _connection(self, asked: str) -> AsyncIterator["psycopg.AsyncConnection[Any]"]:
        import psycopg

        try:
            async with await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=10) as db:
                yield db
        except psycopg.Error as error:
            raise self._translate(error, asked) from error

    def _translate(self, error: "psycopg.Error", asked: str) -> ServiceError:
        says = " ".join(str(error).split())
        if error.sqlstate is None:
            return Unreachable("postgres", asked, says)
        status = 423 if error.sqlstate == LOCK_NOT_AVAILABLE else 400
        return Refused("postgres", asked, status, error.sqlstate, f"{error.sqlstate} {says}")
