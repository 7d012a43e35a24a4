"""Takes Prisma's migration lock: one advisory lock, held by a session."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pipeline.clients import prisma
from pipeline.clock import Clock
from pipeline.errors import Rejected

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]


@asynccontextmanager
async def prismas_lock(db: "Connection", clock: Clock, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Hold Prisma's migration lock while the body runs.

    Raises Rejected (P1002) with who holds it, after as long as Prisma would wait.
    """
    import psycopg

    until = clock.monotonic() + prisma.LOCK_SECONDS
    while not await answer(db, f"select pg_try_advisory_lock({prisma.LOCK})"):
        holders = await lock_holders(db)
        if clock.monotonic() >= until:
            who = "; ".join(holders) or "somebody who is gone now"
            raise Rejected("take Prisma's migration lock", "P1002", f"it is held by {who}", status=423)
        tell(f"waiting for Prisma's lock: {'; '.join(holders)}")
        await clock.sleep(0.5)
    try:
        yield
    finally:
        if not db.closed:
            with contextlib.suppress(psycopg.Error):  # closing the session lets go of it, too: what failed is told
                await db.execute(f"rollback; select pg_advisory_unlock({prisma.LOCK})")


async def lock_holders(db: "Connection") -> tuple[str, ...]:
    """Name the sessions that hold Prisma's migration lock."""
    return await _sessions(db, granted=True)


async def lock_waiters(db: "Connection") -> tuple[str, ...]:
    """Name the sessions that wait for Prisma's migration lock inside Postgres, as Prisma's own engine does."""
    return await _sessions(db, granted=False)


async def _sessions(db: "Connection", *, granted: bool) -> tuple[str, ...]:
    cursor = await db.execute(
        "select a.pid, a.application_name, a.usename, a.client_addr::text, a.state,"
        " round(extract(epoch from now() - a.backend_start))::int from pg_locks l join pg_stat_activity a using (pid)"
        f" where l.locktype = 'advisory' and l.objid = {prisma.LOCK} and l.classid = 0 and l.granted = %s"
        " and l.database = (select oid from pg_database where datname = current_database())"
        " and l.pid <> pg_backend_pid()",
        (granted,),
    )
    return tuple(
        f"pid {pid} ({application or 'unnamed'}, {user}@{address or 'local'}, {state}, connected for {seconds} s)"
        for pid, application, user, address, state, seconds in await cursor.fetchall()
    )


async def answer(db: "Connection", sql: str) -> Any:
    """Answer a query with the first value of its first row; None when there is none."""
    row = await (await db.execute(sql.encode())).fetchone()
    return row[0] if row else None
