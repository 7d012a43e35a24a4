"""What a session of the migrator must be like: it reaches one backend, and no file rules what runs after it."""

from typing import TYPE_CHECKING, Any

from pipeline.clients.address import Address
from pipeline.clients.postgres import Postgres
from pipeline.errors import Rejected

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

POOLER = (
    "two sessions were given the same backend, so a pooler in transaction mode stands in between; migrations need the"
    " direct address, because a session lock and transaction pooling do not mix"
)


async def backend_of(db: "Connection", database: Postgres) -> int:
    """The process id of the backend that serves the session. Raises Rejected when sessions share their backends.

    A proxy gives out a key of its own. Only then are two sessions compared: Neon's proxy does so, and does not pool.
    """
    pid = await _pid(db)
    if pid == db.info.backend_pid:
        return pid
    async with database.connection("see whether a pooler stands in between") as other:
        await other.execute(b"begin")
        shared = await _pid(other) == pid or await _pid(db) != pid
    if shared:
        await db.execute(b"reset all")  # who is given this backend next shall not have our search_path
        raise Rejected("open a session", "pooled", POOLER, status=409)
    return pid


async def _pid(db: "Connection") -> int:
    (pid,) = await (await db.execute(b"select pg_backend_pid()")).fetchone() or (0,)
    return int(pid)


def as_opened(db: "Connection", address: Address) -> bytes:
    """The statements that make a session what it was: its role, its settings, its search_path.

    A killed client ends what runs for it, where the server can tell (from 14 on).
    """
    from psycopg import sql

    words = ["reset session authorization", "reset role", "reset all"]
    if address.schema_named or address.schema != "public":
        words.append(f"set search_path to {sql.Identifier(address.schema).as_string(db)}")
    if db.info.server_version >= 140000:
        words.append("set client_connection_check_interval = 500")
    return "; ".join(words).encode()


async def make_schema(db: "Connection", address: Address) -> None:
    """Make the schema that the address names, as Prisma does, when it is not there."""
    from psycopg import sql

    if not address.schema_named and address.schema == "public":
        return
    found = await db.execute(b"select from pg_namespace where nspname = %s", (address.schema,))
    if await found.fetchone() is None:
        await db.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(address.schema)))


def reads(db: "Connection") -> tuple[str, ...]:
    """How the server reads a text now: what a backslash in a plain string is, and the encoding. Costs no request."""
    return tuple(db.info.parameter_status(name) or "" for name in ("standard_conforming_strings", "client_encoding"))


def escapes(read: tuple[str, ...]) -> bool:
    """Whether the server takes a backslash in a plain string as an escape.

    Then our parser sees other strings than it does, and a file must not be cut.
    """
    return read[0] == "off"
