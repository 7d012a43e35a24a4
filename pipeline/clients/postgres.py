"""Asks the database by its direct address: history, catalogue, throw-away databases. psycopg is loaded late."""

import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from pipeline.clients import catalogue
from pipeline.clients.address import Address, address_of
from pipeline.clients.prisma import History, MigrationRow
from pipeline.errors import Rejected, ServiceError, Unreachable
from pipeline.sql.known import Known

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

LEFT_OVER = 3600  # seconds after which a throw-away database belongs to nobody any more
THROWN_AWAY = b"select datname from pg_database where datname ~ '^inv_[a-z]+_[0-9]+_'"
LOCK_NOT_AVAILABLE = "55P03"
PASSWORD = re.compile(r"(?<=://)([^:@/]*):[^@/]*@")


@dataclass(frozen=True)
class Facts:
    """The facts about a server: its major ``version``, and the ``size`` of the database in bytes."""

    version: int
    size: int


class Postgres:
    """Asks one database. ``url`` is as in a Prisma project: with ``?schema=`` and the like."""

    def __init__(self, url: str, named: str = "DIRECT_URL") -> None:
        self.address = address_of(url, named)

    @classmethod
    def nowhere(cls) -> "Postgres":
        """Give a client whose database nobody has named: whatever it is asked raises Unreachable."""
        return cls.at(Address(""))

    def in_schema(self, schema: str) -> "Postgres":
        """Give a client of the same database that looks at another schema."""
        return Postgres.at(Address(self.address.url, schema, schema_named=True))

    @classmethod
    def at(cls, address: Address) -> "Postgres":
        made = cls.__new__(cls)
        made.address = address
        return made

    @asynccontextmanager
    async def connection(self, asked: str, *, name: str = "deploy-pipeline") -> AsyncIterator["Connection"]:
        """Open a session of its own, in autocommit. What goes wrong in it leaves as ServiceError."""
        import psycopg

        if not self.address.url:  # libpq would look for a server on this machine
            raise Unreachable("postgres", asked, "its URL is not set, so nobody knows where it is")
        try:
            async with await psycopg.AsyncConnection.connect(
                self.address.url,
                autocommit=True,
                connect_timeout=self.address.patience,
                application_name=name,
                client_encoding="UTF8",  # files are, whatever the database's encoding is
                prepare_threshold=None,  # nothing is asked often enough, and a pooler would mix them up
            ) as db:
                if self.address.schema != "public" or self.address.schema_named:
                    await db.execute(_sql("set search_path to {}", self.address.schema))
                yield db
        except psycopg.Error as error:
            raise translate(error, asked) from error

    async def query(
        self, sql: str, values: Sequence[Any] = (), *, asked: str, seconds: float = 10
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Answer one query with column names and rows, in a transaction that can neither write nor last."""
        async with self.connection(asked) as db:
            await db.execute(
                f"begin read only; set local statement_timeout = {round(seconds * 1000)}; set local lock_timeout = 1000"
            )
            cursor = await db.execute(sql.encode(), values or None)
            return tuple(column.name for column in cursor.description or ()), await cursor.fetchall()

    async def history(self) -> History:
        """Read Prisma's history table, oldest row first, and whether there is one."""
        async with self.connection("read the migration history") as db:
            return await history(db)

    async def known(self) -> Known:
        """Read the tables, their columns and sizes, as the linter of migrations needs them."""
        async with self.connection("read the catalogue") as db:
            return await catalogue.known(db, self.address.schema)

    async def definitions(self, others: Iterable[str] = ()) -> Mapping[str, str]:
        """Read how every object of the schema is defined, and of the schemas ``others``.

        Two databases with equal definitions are alike.
        """
        async with self.connection("read the schema") as db:
            found = dict(await catalogue.definitions(db, self.address.schema))
            for schema in others:
                found |= await catalogue.definitions(db, schema, named=True)
            return found

    async def other_schemas(self) -> tuple[str, ...]:
        """List the schemas beside the address's own in which there is something that belongs to no extension."""
        async with self.connection("list the schemas") as db:
            return tuple(name for name in await catalogue.schemas(db) if name != self.address.schema)

    async def counts(self) -> Mapping[str, int]:
        """Count the rows of every table."""
        async with self.connection("count rows") as db:
            return await catalogue.counts(db, self.address.schema)

    @asynccontextmanager
    async def scratch(self, purpose: str) -> AsyncIterator["Postgres"]:
        """Create an empty database beside this one; it is dropped at the end, or by the next run an hour later."""
        now = int(time.time())
        name = f"inv_{purpose}_{now}_{secrets.token_hex(3)}"
        async with self.connection(f"make the throw-away database {name}") as db:
            for (old,) in await (await db.execute(THROWN_AWAY)).fetchall():
                if now - int(old.split("_")[2]) > LEFT_OVER:
                    await _drop(db, old)
            await db.execute(_sql("create database {} template template0", name))
        try:
            yield Postgres.at(self.address.with_database(name))
        finally:
            async with self.connection(f"drop the throw-away database {name}") as db:
                await _drop(db, name)

    async def facts(self) -> "Facts":
        """Read the server's version and the size of the database."""
        _, rows = await self.query(
            "select current_setting('server_version_num')::int / 10000, pg_database_size(current_database())",
            asked="read the server's version",
        )
        return Facts(*rows[0])


async def history(db: "Connection") -> History:
    """Read Prisma's history table in a session that is open already."""
    cursor = await db.execute(
        "select to_regclass('_prisma_migrations') is not null, not exists (select from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema()"
        " and c.relkind = 'r' and c.relname not in ('_prisma_migrations', 'spatial_ref_sys') and not exists"
        " (select from pg_depend d where d.objid = c.oid and d.deptype = 'e'))"
    )
    managed, empty = await cursor.fetchone() or (False, True)
    if not managed:
        return History((), managed=False, empty=bool(empty))
    cursor = await db.execute(
        "select id, migration_name, checksum, finished_at is not null, rolled_back_at is not null,"
        " extract(epoch from started_at)::float8, coalesce(logs, '') from _prisma_migrations"
        " order by started_at, migration_name"
    )
    return History(tuple(MigrationRow(*row) for row in await cursor.fetchall()), managed=True, empty=bool(empty))


def translate(error: "psycopg.Error", asked: str) -> ServiceError:
    """Make our error of psycopg's: *unreachable* without a word from Postgres, else refused, with its SQLSTATE."""
    if error.sqlstate is None:
        return Unreachable("postgres", asked, PASSWORD.sub(r"\1:***@", " ".join(str(error).split())))
    status = 423 if error.sqlstate == LOCK_NOT_AVAILABLE else 400
    return Rejected(asked, error.sqlstate, says(error), status=status)


def says(error: "psycopg.Error") -> str:
    """The message and hint of a Postgres error; not the detail, which quotes rows."""
    words = (error.diag.message_primary or str(error), error.diag.message_hint)
    return " ".join(" ".join(filter(None, words)).split())


async def _drop(db: "Connection", name: str) -> None:
    await db.execute(_sql("drop database if exists {} with (force)", name))


def _sql(text: LiteralString, name: str) -> Any:
    """Put the quoted ``name`` into the SQL ``text``."""
    from psycopg import sql

    return sql.SQL(text).format(sql.Identifier(name))
