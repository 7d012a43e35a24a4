"""Which locks a session holds on tables that were there before: how much its migration keeps others waiting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

MODES = ("", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
         "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")  # fmt: skip
HELD = """select mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and granted
 and relation = any(%s)"""


async def tables(db: "Connection") -> list[int]:
    """The oids of all tables and materialized views that a database has now."""
    rows = await (await db.execute(b"select oid from pg_class where relkind in ('r', 'p', 'm')")).fetchall()
    return [oid for (oid,) in rows]


async def strongest(db: "Connection", tables: Sequence[int], known: str) -> str:
    """The strongest lock mode among ``known`` and those that the session holds on ``tables``; empty for none."""
    held = await (await db.execute(HELD.encode(), (list(tables),))).fetchall()
    modes: list[str] = [known, *(mode for (mode,) in held)]
    return max(modes, key=MODES.index)
