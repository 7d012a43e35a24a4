"""Looks, over a second connection, at what lock a statement waits for and how far it has come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from pipeline.clients.postgres import Postgres
from pipeline.clock import SystemClock
from pipeline.errors import ServiceError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

FIRST_LOOK, EVERY = 0.3, 2.0
BLOCKERS = """
select b.pid, coalesce(nullif(b.application_name, ''), 'unnamed'), b.usename, coalesce(host(b.client_addr), 'local'),
  b.state, round(extract(epoch from now() - b.xact_start))::int
from unnest(pg_blocking_pids(%s)) as p(pid) join pg_stat_activity b on b.pid = p.pid"""
PROGRESS = """
select 'building the index: ' || phase, blocks_done, blocks_total from pg_stat_progress_create_index where pid = %(p)s
union all select 'rewriting the table: ' || phase, heap_blks_scanned, heap_blks_total
 from pg_stat_progress_cluster where pid = %(p)s
union all select 'vacuum: ' || phase, heap_blks_scanned, heap_blks_total from pg_stat_progress_vacuum where pid = %(p)s
union all select 'copying', bytes_processed, bytes_total from pg_stat_progress_copy where pid = %(p)s
union all select 'analyze: ' || phase, sample_blks_scanned, sample_blks_total
 from pg_stat_progress_analyze where pid = %(p)s"""


class Watch:
    """Watches the session of a migration, by the ``pid`` of its backend (a proxy tells the client another one).

    ``blocked_by``: who kept its last statement waiting, in words; empty for nobody.
    """

    def __init__(self, database: Postgres, pid: int, lock: float, tell: Callable[[str], None]) -> None:
        self._at, self._pid, self._tell = database, pid, tell
        self._first = min(FIRST_LOOK, lock / 3)
        self.blocked_by = ""

    @contextlib.asynccontextmanager
    async def over(self, statement: str) -> AsyncIterator[None]:
        """Watch ``statement`` while the body runs it; that costs nothing when it is quick."""
        looking: list[asyncio.Task[None]] = []

        def begin() -> None:
            looking.append(asyncio.ensure_future(self._look(statement)))

        timer = asyncio.get_running_loop().call_later(
            self._first, begin
        )  # real time: Postgres does not go by our clock
        try:
            yield
        finally:
            timer.cancel()
            for task in looking:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _look(self, statement: str) -> None:
        with contextlib.suppress(ServiceError):  # it is only looking
            async with self._at.connection("look at what takes long") as db:
                while True:
                    await self._once(db, statement)
                    await SystemClock().sleep(EVERY if not self.blocked_by else self._first)

    async def _once(self, db: "Connection", statement: str) -> None:
        cursor = await db.execute(BLOCKERS.encode(), (self._pid,))
        blockers = await cursor.fetchall()
        if blockers:
            self.blocked_by = "; ".join(
                f"pid {pid} ({name}, {user}@{host}, {state}, in its transaction for {seconds or 0} s)"
                for pid, name, user, host, state, seconds in blockers
            )
            return
        self.blocked_by = ""
        cursor = await db.execute(PROGRESS.encode(), {"p": self._pid})
        found = await cursor.fetchone()
        if found:
            phase, done, total = found
            share = f", {100 * done // total} %" if total else ""
            self._tell(f"{statement}: {phase}{share}")
        else:
            self._tell(f"{statement}: still at it")
