"""Applies migrations the way Prisma does and leaves behind what Prisma would, but knows what a cut connection left.

The row of a migration is committed before its first statement, and says in ``logs`` which part is under way. What
ends a part and what the row says about it are one transaction. So a row that was left over tells what happened.
"""

import contextlib
import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.clients import heldlocks, prisma
from pipeline.clients.historytable import HistoryTable, commits
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.marks import Mark, left_behind, mark_of
from pipeline.clients.postgres import LOCK_NOT_AVAILABLE, Postgres, history, says, translate
from pipeline.clients.prisma import History, Migration
from pipeline.clients.prismalock import answer, prismas_lock
from pipeline.clients.waiting import Watch
from pipeline.clock import Clock
from pipeline.errors import Refused, Rejected, ServiceError, Unreachable
from pipeline.sql.parts import Part, parts_of
from pipeline.sql.statements import Unparsable, parse

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

LONGEST_PAUSE = 10.0
FIRST_PAUSE = 0.5
QUICK = 2.0  # what failed within it is sent once more, statement by statement


class Migrator:
    """Applies migrations in one session with the database. ``tell`` gets one line of text about what takes long."""

    def __init__(
        self,
        database: Postgres,
        limits: LockBudget,
        clock: Clock,
        *,
        run: str = "",
        tell: Callable[[str], None] = lambda _: None,
        observe: bool = False,
    ) -> None:
        self._at, self._limits, self._clock, self._tell = database, limits, clock, tell
        self._run = run or "by-hand"
        self._table = HistoryTable("_prisma_migrations", self._run)
        self._observe = observe
        self.observed: list[tuple[str, float, str]] = []
        """With ``observe``: each migration, its seconds, and the strongest lock on a table that was there before."""

    async def apply(self, migrations: Sequence[Migration]) -> tuple[str, ...]:
        """Apply those of ``migrations`` that are not applied yet, in order, under Prisma's lock; gives their names.

        Raises Refused (P1002 the lock is held, P3005 no history in a database that is not empty, P3009 an earlier one
        failed, P3018 this one failed, 423 blocked for too long) or Unreachable; the message says what was left behind.
        """
        import psycopg

        done: list[str] = []
        name = f"deploy-pipeline {self._run}"[:63]
        async with self._at.connection("apply migrations", name=name) as db, prismas_lock(db, self._clock, self._tell):
            with contextlib.suppress(psycopg.Error):  # Postgres 13 does not know it
                await db.execute("set client_connection_check_interval = 500")  # when we are killed, so is what runs
            table = await answer(db, "select quote_ident(current_schema()) || '._prisma_migrations'")
            self._table = HistoryTable(table, self._run)
            seen = await self._history(db)
            for migration in migrations:
                row = seen.current.get(migration.name)
                if row and row.finished:
                    continue
                self._tell(f"applying {migration.name}")
                await self._observed(db, migration)
                done.append(migration.name)
        return tuple(done)

    async def _history(self, db: "Connection") -> History:
        """Read the migration history, with what an earlier run of ours provably did not do cleared away."""
        seen = await history(db)
        if not seen.managed:
            if not seen.empty:
                raise Rejected(
                    "find the migration history", "P3005", "the database is not empty and has none", status=409
                )
            await db.execute(prisma.HISTORY.encode())
            return await history(db)
        for row in seen.rows:
            mark = mark_of(row)
            if row.failed and mark and mark.undone:  # the lock is ours, so the session that began it has ended
                self._tell(f"{row.name} was cut off in run {mark.run} and rolled back by Postgres")
                await self._table.close(db, row.id, "rolled_back_at = now()", f"cut off in run {mark.run}, rolled back")
                return await self._history(db)
            if row.failed:
                raise Rejected(f"apply after {row.name}", "P3009", f"{row.name} failed before")
        return seen

    async def _observed(self, db: "Connection", migration: Migration) -> None:
        self._there, self._lock = [], ""
        if self._observe:
            self._there = await heldlocks.tables(db)
        began = time.perf_counter()  # Postgres does not go by our clock
        try:
            await self._apply(db, migration)
        finally:
            self.observed.append((migration.name, time.perf_counter() - began, self._lock))

    async def _apply(self, db: "Connection", migration: Migration) -> None:
        try:
            parts = parts_of(parse(migration.sql))
        except Unparsable:
            parts = ()
            if migration.sql.strip():
                await self._as_a_whole(db, migration)
                return
        id = str(uuid.uuid4())
        await self._table.begin(db, id, migration, self._table.mark(1, parts))
        try:
            for number in range(1, len(parts) + 1):
                await self._part(db, migration, id, number, parts)
            if not parts or not commits(parts[-1]):
                await db.execute(self._table.finished(db, id))
        except ServiceError as error:
            if isinstance(error, Unreachable):
                await self._after_a_cut(migration, id, error)
            else:
                raise
        except BaseException:
            await self._forget(db, id, len(parts))
            raise

    async def _forget(self, db: "Connection", id: str, parts: int) -> None:
        """Mark the migration rolled back when a person interrupted it, as Postgres did.

        When that fails, its mark still says so.
        """
        with contextlib.suppress(Exception):
            if parts == 1 and not db.closed:
                await db.execute("rollback")
                await self._table.close(
                    db, id, "rolled_back_at = now()", f"interrupted in run {self._run}, rolled back"
                )

    async def _part(
        self, db: "Connection", migration: Migration, id: str, number: int, parts: tuple[Part, ...]
    ) -> None:
        """Send one part of a migration, again while it is blocked and patience lasts."""
        part, until, pause = parts[number - 1], self._clock.monotonic() + self._limits.patience, FIRST_PAUSE
        while True:
            watch = Watch(self._at, db, self._limits.lock, self._tell)
            try:
                await self._send(db, id, number, parts, watch)
                return
            except ServiceError as error:
                if not isinstance(error, Refused):
                    raise
                blocked = error.code == LOCK_NOT_AVAILABLE and not part.alone
                if blocked and self._clock.monotonic() < until:
                    by = watch.blocked_by or "somebody who is gone now"
                    pause = min(pause * 2, LONGEST_PAUSE)
                    self._tell(f"{migration.name} is blocked by {by}; it stepped aside and tries again")
                    await self._clock.sleep(pause * random.uniform(0.5, 1))
                    continue
                raise await self._failed(db, migration, id, number, parts, error, watch) from error

    async def _send(self, db: "Connection", id: str, number: int, parts: tuple[Part, ...], watch: Watch) -> None:
        import psycopg

        part = parts[number - 1]
        current = part.statements[0]
        try:
            if part.alone:
                limits = self._limits.behind_nobody if current.concurrent else self._limits
                await db.execute(limits.timeouts(""))
                async with watch.over(f"line {part.line}: {current.label}"):
                    await db.execute(current.text)
                await db.execute("reset lock_timeout; reset statement_timeout")
                return
            if not self._observe and commits(part) and await self._at_once(db, id, number, parts, watch):
                return
            await db.execute(part.begin + b"; " + self._limits.timeouts("local"))
            for current in part.statements:
                async with watch.over(f"line {current.line}: {current.label}"):
                    await db.execute(current.text)
            if self._there:
                self._lock = await heldlocks.strongest(db, self._there, self._lock)
            await self._end(db, id, number, parts)
        except psycopg.Error as error:
            if error.sqlstate is None or db.closed:
                raise translate(error, f"line {current.line}: {current.label}") from error
            if not part.alone:
                await db.execute("rollback")
            raise translate(error, f"line {current.line}: {current.label}") from error

    async def _at_once(self, db: "Connection", id: str, number: int, parts: tuple[Part, ...], watch: Watch) -> bool:
        """Send the whole part in one round trip.

        False: it failed quickly, and one by one it will tell in which line.
        """
        import psycopg

        part, began = parts[number - 1], time.perf_counter()
        texts = [part.begin, self._limits.timeouts("local"), *(statement.text + b"\n" for statement in part.statements)]
        where = f"line {part.line}: {part.statements[0].label}"
        if len(part.statements) > 1:
            where = f"lines {part.line} to {part.last_line}"
        try:
            async with watch.over(where):
                await db.execute(b";\n".join([*texts, self._table.noted(db, id, number, parts), part.end]))
            return True
        except psycopg.Error as error:
            if error.sqlstate is None or db.closed:
                raise
            await db.execute("rollback")
            tells = len(part.statements) > 1 and error.sqlstate != LOCK_NOT_AVAILABLE
            if tells and time.perf_counter() - began < QUICK:
                return False
            raise translate(error, where) from error

    async def _end(self, db: "Connection", id: str, number: int, parts: tuple[Part, ...]) -> None:
        """End the part's transaction, and in it write into the row that the part is done."""
        part, note = parts[number - 1], self._table.noted(db, id, number, parts)
        if commits(part):
            await db.execute(note + b"; " + part.end)
        else:
            await db.execute(part.end)
            await db.execute(note)

    async def _failed(
        self,
        db: "Connection",
        migration: Migration,
        id: str,
        number: int,
        parts: tuple[Part, ...],
        error: Refused,
        watch: Watch,
    ) -> Refused:
        """Write into the row what a failed migration left behind, and give the error to raise."""
        part, asked = parts[number - 1], error.asked
        said = error.came
        if watch.blocked_by:
            said += f"; blocked by {watch.blocked_by}"
        if number == 1 and not part.alone:
            await self._table.close(db, id, "rolled_back_at = now()", f"{asked}: {said}")
            left = "Postgres rolled all of it back"
        else:
            await self._table.close(db, id, "finished_at = null", f"{self._table.mark(number, parts)}: {asked}: {said}")
            left = left_behind(Mark(self._run, number, len(parts), part.alone, part.line))
        code = error.code if error.code == LOCK_NOT_AVAILABLE else "P3018"
        status = 423 if error.code == LOCK_NOT_AVAILABLE else 409
        return Rejected(f"apply {migration.name}", code, f"{asked}: {said}; {left}", status=status)

    async def _as_a_whole(self, db: "Connection", migration: Migration) -> None:
        """Send a migration that our parser does not take as Prisma sends it. Only a waiver lets it come this far."""
        import psycopg

        id = str(uuid.uuid4())
        await self._table.begin(db, id, migration, f"deploy-pipeline: run {self._run}: as a whole")
        try:
            await db.execute(f"set statement_timeout = {round(self._limits.statement * 1000)}")
            await db.execute(migration.sql)
        except psycopg.Error as error:
            if not db.closed:
                await db.execute("rollback; reset statement_timeout")
                await self._table.close(db, id, "finished_at = null", says(error))
            raise Rejected(f"apply {migration.name}", "P3018", says(error), status=409) from error
        await db.execute("reset statement_timeout")
        await db.execute(self._table.finished(db, id))

    async def _after_a_cut(self, migration: Migration, id: str, error: Unreachable) -> None:
        """Ask on a new connection what came of the migration when the old one died.

        Returns when it was finished after all.
        """
        try:
            async with (
                self._at.connection(f"look at {migration.name} again") as db,
                prismas_lock(db, self._clock, self._tell),
            ):
                row = next((row for row in (await history(db)).rows if row.id == id), None)
                if row is None or row.finished:
                    return
                mark = mark_of(row)
                if mark and mark.undone:
                    await self._table.close(db, id, "rolled_back_at = now()", "the connection was lost; rolled back")
                left = left_behind(mark) if mark else "it is not known how far it came"
        except ServiceError as twice:
            raise Unreachable("postgres", error.asked, f"{error.came}; and then: {twice.came}") from error
        raise Unreachable("postgres", f"apply {migration.name}", f"{error.asked}: {error.came}; {left}") from error
