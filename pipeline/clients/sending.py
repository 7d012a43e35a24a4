"""Sends one migration part by part: again while it is blocked, and cut finer where Postgres wants no transaction."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.clients import heldlocks, indexes, prisma, privileges
from pipeline.clients.finer import RUNS_CODE, WANTS_A_CUT, finer
from pipeline.clients.historytable import HistoryTable
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.marks import left_behind, mark_in
from pipeline.clients.postgres import LOCK_NOT_AVAILABLE, Postgres, translate
from pipeline.clients.prisma import Migration
from pipeline.clients.prismalock import lock_waiters
from pipeline.clients.sessionstate import reads
from pipeline.clients.waiting import Watch
from pipeline.clock import Clock
from pipeline.errors import Refused, Rejected, ServiceError
from pipeline.sql.parts import Part

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

LONGEST_PAUSE = 10.0
FIRST_PAUSE = 0.5
DEFINES = frozenset({"CreateStmt", "IndexStmt", "AlterTableStmt", "CreateEnumStmt", "AlterEnumStmt", "DropStmt",
                     "RenameStmt", "ViewStmt", "CommentStmt", "CreateSchemaStmt"})  # fmt: skip
LATER = b"set local synchronous_commit = off"
"""What is committed so reaches the disk with the next commit that waits for it, and never after that one."""
QUICK = 2.0  # what failed within it is sent once more, statement by statement
DEADLOCK = "40P01"


@dataclass(frozen=True)
class MigrationSession:
    """A session with a database: its backend's ``pid``, what it may take, whom it tells; ``opened`` makes it anew."""

    db: "Connection"
    at: Postgres
    pid: int
    limits: LockBudget
    clock: Clock
    tell: Callable[[str], None]
    table: HistoryTable
    opened: bytes
    reads: tuple[str, ...]
    """How the server reads a text, when nobody has set anything: see ``sessionstate.reads``."""


class Sender:
    """Sends the parts of ``migration``, whose row is ``id``. ``there``: oids of tables; their strongest lock is kept.

    Without ``there`` a part is sent in one round trip.
    """

    def __init__(
        self,
        session: MigrationSession,
        migration: Migration,
        id: str,
        parts: tuple[Part, ...],
        there: Sequence[int] = (),
    ) -> None:
        self._session, self._db, self._table = session, session.db, session.table
        self._migration, self.id, self._there = migration, id, there
        self.parts, self.lock = parts, ""
        self.following: Sender | None = None
        """Whose row is written with the end of this migration: one commit less for each, and one wait for the disk."""
        self.written = False
        """Whether somebody has done so for this one."""
        self.afresh = True
        """Whether what was run in the session before may have set something."""
        self._begun, self._current, self._cleared, self._cleaned = b"", 0, "", True
        self._before = frozenset[int]()

    async def send(self, number: int = 1) -> None:
        """Send the parts from ``number`` on. The row is written before the first, and says at the end that all is done.

        Raises Rejected; then the row says what was left behind.
        """
        mark = self._table.mark(number, self.parts)
        begun = b"" if self.written else self._table.begun(self._db, self.id, self._migration, mark)
        self._begun = b"; ".join(filter(None, [self._session.opened if self.afresh else b"", begun]))
        if reads(self._db) != self._session.reads:  # a message is read as a whole before any of it is run
            await self._db.execute(self._session.opened)
        if not self.parts:
            await self._db.execute(self._begun + b"; " + self._table.finished(self._db, self.id))
        while number <= len(self.parts):
            await self._part(number)
            number += 1

    @property
    def row(self) -> bytes:
        """The statement that writes the row, for the transaction that ends the migration before this one.

        Only for one whose first part is a transaction: a row that was left over says then that nothing was done.
        """
        return self._table.row(self._db, self.id, self._migration, self._table.mark(1, self.parts))

    @property
    def sets_nothing(self) -> bool:
        """Whether no statement can have set anything for the session: all of them only define what is stored."""
        return all(statement.tag in DEFINES for part in self.parts for statement in part.statements)

    async def _part(self, number: int) -> None:
        """Send one part, again while it is blocked and patience lasts."""
        clock, pause = self._session.clock, FIRST_PAUSE
        until = clock.monotonic() + self._session.limits.patience
        while True:
            watch = Watch(self._session.at, self._session.pid, self._session.limits.lock, self._session.tell)
            try:
                await self._once(number, watch)
                return
            except ServiceError as error:
                if not isinstance(error, Refused):
                    raise
                if await self._recut(number, error.code):
                    continue
                if self._harmless(number, error.code) and clock.monotonic() < until:
                    by = watch.blocked_by or self._cleared or "somebody who is gone now"
                    pause = min(pause * 2, LONGEST_PAUSE)
                    self._session.tell(f"{self._migration.name} is blocked by {by}; it stepped aside and tries again")
                    await clock.sleep(pause * random.uniform(0.5, 1))
                    continue
                raise await self._failed(number, error, watch) from error

    def _harmless(self, number: int, code: str) -> bool:
        """Whether the part was only in somebody's way, and nothing of it is left."""
        part = self.parts[number - 1]
        again = not part.alone or (part.statements[0].tag not in RUNS_CODE and self._cleaned)
        return again and code in (LOCK_NOT_AVAILABLE, DEADLOCK)

    async def _recut(self, number: int, code: str) -> bool:
        """Cut the part that failed where Postgres, which took all of it back, would have a transaction end."""
        pieces = finer(self.parts[number - 1], self._current, code)
        if pieces is None:
            return False
        self.parts = (*self.parts[: number - 1], *pieces, *self.parts[number:])
        await self._table.marked(self._db, self.id, number, self.parts)
        return True

    async def _once(self, number: int, watch: Watch) -> None:
        import psycopg

        part, self._current = self.parts[number - 1], 0
        for statement in part.statements:
            if done := await indexes.make_room(self._db, statement):
                self._session.tell(done)
        if not part.alone and not self._there and part.commits and await self._at_once(number, watch):
            return
        if self._begun:
            await self._db.execute(self._begun)
            self._begun = b""
        try:
            await (self._alone(number, watch) if part.alone else self._one_by_one(number, watch))
        except psycopg.Error as error:
            statement = part.statements[self._current]
            if error.sqlstate is not None and not self._db.closed and not part.alone:
                await self._db.execute(b"rollback")
            raise translate(error, f"line {statement.line}: {statement.label}") from error

    async def _one_by_one(self, number: int, watch: Watch) -> None:
        part = self.parts[number - 1]
        await self._db.execute(part.begin + b"; " + self._session.limits.timeouts("local"))
        for self._current, statement in enumerate(part.statements):
            async with watch.over(f"line {statement.line}: {statement.label}"):
                await self._db.execute(statement.text)
        if self._there:
            self.lock = await heldlocks.strongest(self._db, self._there, self.lock)
        note = self._table.noted(self._db, self.id, number, self.parts)
        if part.commits:
            await self._db.execute(note + b"; " + part.end)
        else:
            await self._db.execute(part.end)
            await self._db.execute(note)

    async def _at_once(self, number: int, watch: Watch) -> bool:
        """Send the whole part, and the row before it, in one round trip.

        False: it failed quickly, and one by one it will tell in which line.
        """
        import psycopg

        part, began, begun = self.parts[number - 1], time.perf_counter(), self._begun
        note, following = self._table.noted(self._db, self.id, number, self.parts), self.following
        if following and number == len(self.parts):
            note += b"; " + following.row + b"; " + LATER
        texts = [part.begin, self._session.limits.timeouts("local")]
        texts += [*(statement.text + b"\n" for statement in part.statements), note, part.end]
        where = f"line {part.line}: {part.statements[0].label}"
        if len(part.statements) > 1:
            where = f"lines {part.line} to {part.last_line}"
        try:
            async with watch.over(where):
                await self._db.execute(b";\n".join([begun, *texts] if begun else texts))
            self._begun = b""
            if following and number == len(self.parts):
                following.written = True
            return True
        except psycopg.Error as error:
            if error.sqlstate is None or self._db.closed:
                raise translate(error, where) from error
            await self._db.execute(b"rollback")
            if begun:  # what does not even parse has not written the row
                await self._db.execute(begun)
                self._begun = b""
            state, several = error.sqlstate, len(part.statements) > 1
            quick = time.perf_counter() - began < QUICK and state not in (LOCK_NOT_AVAILABLE, DEADLOCK)
            if several and (quick or state in WANTS_A_CUT):
                return False
            raise translate(error, where) from error

    async def _alone(self, number: int, watch: Watch) -> None:
        """Send a statement outside of any transaction; what a build that fails leaves behind is cleared away."""
        import psycopg

        (statement,) = self.parts[number - 1].statements
        limits = self._session.limits
        if statement.concurrent:
            await self._let_others_go()
            limits = limits.behind_nobody
            self._before = frozenset(one.oid for one in await indexes.invalid(self._db))
        self._cleared, self._cleaned = "", True
        await self._db.execute(limits.timeouts(""))
        note = self._table.noted(self._db, self.id, number, self.parts)
        try:
            async with watch.over(f"line {statement.line}: {statement.label}"):
                await self._db.execute(statement.text)
        except psycopg.Error as error:
            if statement.concurrent and error.sqlstate is not None and not self._db.closed:
                self._cleaned, self._cleared = await indexes.clear(self._db, self._before, statement)
            raise
        if statement.tag == "DiscardStmt":  # it let go of the migration lock, too
            await self._db.execute(self._session.opened)
            await self._db.execute(f"select pg_advisory_lock({prisma.LOCK})".encode())
        await self._db.execute(b"reset lock_timeout; reset statement_timeout; " + note)

    async def forget(self, run: str) -> None:
        """Mark the migration rolled back when a person interrupted it, as Postgres did.

        When that fails, its mark still says so.
        """
        if len(self.parts) != 1 or self._db.closed:
            return
        (part,) = self.parts
        await self._db.execute(b"rollback")
        undone = not part.alone
        if part.alone and part.statements[0].concurrent:
            undone, _ = await indexes.clear(self._db, self._before, part.statements[0])
        if undone:
            says = f"interrupted in run {run}, rolled back"
            await self._table.close(self._db, self.id, "rolled_back_at = now()", says)

    async def _let_others_go(self) -> None:
        """Wait until nobody waits for the migration lock: such a wait and CONCURRENTLY would wait for one another."""
        clock = self._session.clock
        until = clock.monotonic() + prisma.LOCK_SECONDS
        while (waiters := await lock_waiters(self._db)) and clock.monotonic() < until:
            self._session.tell(f"waiting until {'; '.join(waiters)} gives up the wait for Prisma's lock")
            await clock.sleep(0.5)

    async def _failed(self, number: int, error: Refused, watch: Watch) -> Refused:
        """Write into the row what a failed migration left behind, and give the error to raise."""
        part, asked, said = self.parts[number - 1], error.asked, error.came
        if watch.blocked_by:
            said += f"; blocked by {watch.blocked_by}"
        if error.code == privileges.DENIED:
            lacks = await privileges.of_statement(self._session.at, part.statements[self._current])
            said += f"; {lacks}" if lacks else ""
        if self._cleared:
            said += f"; {self._cleared}"
        undone = not part.alone or (part.statements[0].concurrent and self._cleaned)
        if number == 1 and undone:
            await self._table.close(self._db, self.id, "rolled_back_at = now()", f"{asked}: {said}")
            left = "nothing of it is left" if part.alone else "Postgres rolled all of it back"
        else:
            mark = self._table.mark(number, self.parts)
            await self._table.close(self._db, self.id, "finished_at = null", f"{mark}: {asked}: {said}")
            found = mark_in(mark)
            left = left_behind(found) if found else ""
        blocked = error.code == LOCK_NOT_AVAILABLE
        code, status = (LOCK_NOT_AVAILABLE, 423) if blocked else ("P3018", 409)
        return Rejected(f"apply {self._migration.name}", code, f"{asked}: {said}; {left}", status=status)
