"""Sends a migration that our parser does not take as Prisma sends it: the whole file in one message."""

import random
import re
import uuid
from typing import Any

from pipeline.clients.finer import NO_COMMIT, NO_TRANSACTION
from pipeline.clients.postgres import LOCK_NOT_AVAILABLE, says
from pipeline.clients.prisma import Migration
from pipeline.clients.sending import DEADLOCK, FIRST_PAUSE, LONGEST_PAUSE, MigrationSession
from pipeline.clients.waiting import Watch
from pipeline.errors import Rejected

TAKES_BACK = re.compile(rb"\b(rollback|abort|prepare)\b", re.I)


class Whole:
    """A file that is sent at once. Only a waiver lets one come this far that nobody could read.

    The file's first transaction also writes a trace into the row. When the trace is not there afterwards, Postgres took
    back all that was done: then the row says so, and a file that was only in somebody's way is sent again. A file
    that speaks of taking back itself, or wants no transaction, leaves no trace, and is sent once.
    """

    def __init__(self, session: MigrationSession, migration: Migration, run: str) -> None:
        self._session, self._migration, self._id = session, migration, str(uuid.uuid4())
        self._begun = f"deploy-pipeline: run {run}: as a whole"
        self._traces = not TAKES_BACK.search(migration.sql)

    async def send(self) -> None:
        """Send it, again while it is blocked and patience lasts. Raises Rejected; the row says what was left behind."""
        import psycopg

        at, db, clock, pause = self._session, self._session.db, self._session.clock, FIRST_PAUSE
        await db.execute(at.opened + b"; " + at.table.begun(db, self._id, self._migration, self._begun))
        until = clock.monotonic() + at.limits.patience
        while True:
            watch = Watch(at.at, at.pid, at.limits.lock, at.tell)
            try:
                await db.execute(at.limits.timeouts(""))
                async with watch.over(self._migration.name):
                    await db.execute(self._trace() + self._migration.sql)
                break
            except psycopg.Error as error:
                undone = error.sqlstate is not None and not db.closed and await self._taken_back()
                if undone and error.sqlstate in (NO_TRANSACTION, NO_COMMIT):
                    self._traces = False
                elif undone and error.sqlstate in (LOCK_NOT_AVAILABLE, DEADLOCK) and clock.monotonic() < until:
                    by = watch.blocked_by or "somebody who is gone now"
                    at.tell(f"{self._migration.name} is blocked by {by}; it stepped aside and tries again")
                    pause = min(pause * 2, LONGEST_PAUSE)
                    await clock.sleep(pause * random.uniform(0.5, 1))
                else:
                    raise await self._failed(error, undone, watch.blocked_by) from error
        await db.execute(b"reset lock_timeout; reset statement_timeout; " + at.table.finished(db, self._id))

    def _trace(self) -> bytes:
        if not self._traces:
            return b""
        table, db = self._session.table, self._session.db
        return table.noting(db, self._id, f"{self._begun}, under way") + b";\n"

    async def _taken_back(self) -> bool:
        """Whether Postgres took back all of it, by what the row says now."""
        table, db = self._session.table, self._session.db
        await db.execute(b"rollback; reset lock_timeout; reset statement_timeout")
        if not self._traces:
            return False
        row = await (await db.execute(f"select logs from {table.name} where id = %s".encode(), (self._id,))).fetchone()
        return row is not None and row[0] == self._begun

    async def _failed(self, error: Any, undone: bool, blocked_by: str) -> Rejected:
        said = says(error) + (f"; blocked by {blocked_by}" if blocked_by else "")
        if error.sqlstate is not None and not self._session.db.closed:
            ended = "rolled_back_at = now()" if undone else "finished_at = null"
            await self._session.table.close(self._session.db, self._id, ended, said)
        said += "; Postgres rolled all of it back" if undone else ""
        blocked = error.sqlstate == LOCK_NOT_AVAILABLE
        code, status = (LOCK_NOT_AVAILABLE, 423) if blocked else ("P3018", 409)
        return Rejected(f"apply {self._migration.name}", code, said, status=status)
