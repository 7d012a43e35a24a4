"""Applies migrations the way Prisma does and leaves behind what Prisma would, but knows what a cut connection left.

The row of a migration is committed before its first statement, and says in ``logs`` which part is under way. What
ends a part and what the row says about it are one transaction. So a row that was left over tells what happened.
"""

import asyncio
import contextlib
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.clients import heldlocks, indexes, prisma, privileges
from pipeline.clients.historytable import HistoryTable
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.marks import continues, left_behind, mark_of
from pipeline.clients.postgres import Postgres, history
from pipeline.clients.prisma import History, Migration, MigrationRow
from pipeline.clients.prismalock import answer, prismas_lock
from pipeline.clients.sending import MigrationSession, Sender
from pipeline.clients.sessionstate import as_opened, backend_of, escapes, make_schema, reads
from pipeline.clients.whole import Whole
from pipeline.clock import Clock
from pipeline.errors import Rejected, ServiceError, Unreachable
from pipeline.sql.parts import Part, parts_of
from pipeline.sql.statements import Unparsable, parse

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

NOTHING = "nothing of it was run"
COPIES = re.compile(rb"^[ \t]*copy\b[^;]*\bfrom\s+stdin\b", re.I | re.M)


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
        self._observe = observe
        self._by_name: dict[str, Migration] = {}
        self._touched = False
        self._parts_of: dict[str, tuple[Part, ...] | None] = {}
        self.observed: list[tuple[str, float, str]] = []
        """With ``observe``: each migration, its seconds, and the strongest lock on a table that was there before."""

    async def apply(self, migrations: Sequence[Migration]) -> tuple[str, ...]:
        """Apply those of ``migrations`` that are not applied yet, in order, under Prisma's lock; gives their names.

        Raises Refused (P1002 the lock is held, P3005 no history in a database that is not empty, P3009 an earlier one
        failed, P3018 this one failed, 423 blocked for too long) or Unreachable; the message says what was left behind.
        """
        done: list[str] = []
        name = f"deploy-pipeline {self._run}"[:63]
        self._by_name = {one.name: one for one in migrations}
        try:
            async with self._at.connection("apply migrations", name=name) as db:
                pid = await backend_of(db, self._at)
                async with prismas_lock(db, self._clock, self._tell):
                    session = await self._session(db, pid)
                    seen = await self._history(session)
                    rows = seen.current
                    todo = [one for one in migrations if not (row := rows.get(one.name)) or not row.finished]
                    ahead: Sender | None = None
                    for number, migration in enumerate(todo, start=1):
                        self._tell(f"applying {migration.name}")
                        sender, row, following = ahead, rows.get(migration.name), todo[number : number + 2]
                        ahead = self._ahead(session, following[0], rows) if following else None
                        if len(following) > 1:  # it is read while Postgres is at work, not before
                            asyncio.get_running_loop().call_soon(self._read, session, following[1])
                        await self._observed(session, migration, row, sender, ahead)
                        done.append(migration.name)
        except Rejected as error:
            lacks = error.code == privileges.DENIED and await privileges.of_history(self._at, "_prisma_migrations")
            if not lacks:
                raise
            says = f"{error.came.removeprefix(error.code).strip()}; {lacks}"
            raise Rejected(error.asked, error.code, says, status=error.status) from error
        return tuple(done)

    async def _session(self, db: "Connection", pid: int) -> MigrationSession:
        await make_schema(db, self._at.address)
        opened = as_opened(db, self._at.address)
        await db.execute(opened)
        table = await answer(db, "select quote_ident(current_schema()) || '._prisma_migrations'")
        if table is None:
            says = "no schema of the search_path is there; name one in the address: ?schema=public"
            raise Rejected("find the migration history", "3F000", says, status=409)
        found = HistoryTable(table, self._run)
        return MigrationSession(db, self._at, pid, self._limits, self._clock, self._tell, found, opened, reads(db))

    async def _history(self, session: MigrationSession) -> History:
        """Read the migration history, with what an earlier run of ours provably did not do cleared away."""
        db = session.db
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
                ended = f"cut off in run {mark.run}, rolled back"
                await session.table.close(db, row.id, "rolled_back_at = now()", ended)
                return await self._history(session)
            if row.failed and not continues(row, self._by_name.get(row.name)):
                raise Rejected(f"apply after {row.name}", "P3009", f"{row.name} failed before")
        return seen

    def _read(self, session: MigrationSession, migration: Migration) -> None:
        """Read a migration whose turn is yet to come. What is wrong with it is told when it has come."""
        with contextlib.suppress(Rejected):
            self._parts_of[migration.name] = self._parts(session, migration)

    def _ahead(
        self, session: MigrationSession, migration: Migration, rows: Mapping[str, MigrationRow]
    ) -> Sender | None:
        """Make the sender of the next migration, when its row can be written before its turn comes.

        What is left over of such a row says that nothing was done, so its first part must be a transaction.
        """
        if self._observe or migration.name in rows:
            return None
        try:
            parts = self._parts(session, migration)
        except Rejected:  # it is told when its turn comes
            return None
        if not parts or parts[0].alone:
            return None
        return Sender(session, migration, str(uuid.uuid4()), parts)

    async def _observed(
        self,
        session: MigrationSession,
        migration: Migration,
        row: MigrationRow | None,
        sender: Sender | None,
        ahead: Sender | None,
    ) -> None:
        there = await heldlocks.tables(session.db) if self._observe else []
        began, lock = time.perf_counter(), ""  # Postgres does not go by our clock
        try:
            lock = await self._apply(session, migration, row, there, sender, ahead)
        finally:
            self.observed.append((migration.name, time.perf_counter() - began, lock))

    async def _apply(
        self,
        session: MigrationSession,
        migration: Migration,
        row: MigrationRow | None,
        there: Sequence[int],
        sender: Sender | None,
        ahead: Sender | None,
    ) -> str:
        """Apply one migration, or what is left to do of it; gives the strongest lock on a table of ``there``."""
        if sender is None:
            parts = self._parts(session, migration)
            if parts is None:
                await Whole(session, migration, self._run).send()
                self._touched = True
                return ""
            sender = Sender(session, migration, row.id if row else str(uuid.uuid4()), parts, there)
        sender.following, sender.afresh, self._touched = ahead, self._touched, not sender.sets_nothing
        try:
            await sender.send(await self._where(session, row, sender.parts) if row else 1)
        except ServiceError as error:
            if not isinstance(error, Unreachable):
                raise
            await self._after_a_cut(migration, sender.id, error)
        except BaseException:
            with contextlib.suppress(Exception):
                await sender.forget(self._run)
            raise
        return sender.lock

    def _parts(self, session: MigrationSession, migration: Migration) -> tuple[Part, ...] | None:
        """Cut a migration into its parts; None when that must be left to Postgres. Raises Rejected when it cannot run.

        Whatever our parser, libpq and the server would read differently is not sent.
        """
        if migration.name in self._parts_of:
            return self._parts_of.pop(migration.name)
        where = f"apply {migration.name}"
        if b"\0" in migration.sql:
            raise Rejected(
                where, "P3018", "the file holds a NUL byte: is it saved as UTF-16? nothing was run", status=409
            )
        try:
            statements = parse(migration.sql)
        except Unparsable:
            if COPIES.search(migration.sql):
                raise Rejected(
                    where, "P3018", "COPY … FROM stdin is for psql alone; write INSERT", status=409
                ) from None
            return None if migration.sql.strip() else ()
        copies = [one for one in statements if one.tag == "CopyStmt" and "filename" not in one.node]
        if copies:
            says = f"line {copies[0].line}: COPY from or to the client is for psql alone; write INSERT"
            raise Rejected(where, "P3018", says, status=409)
        if escapes(session.reads) and b"\\" in migration.sql:
            return None
        return parts_of(statements)

    async def _where(self, session: MigrationSession, row: MigrationRow, parts: tuple[Part, ...]) -> int:
        """Find the part from which a migration goes on that was cut off while an index was worked on.

        What the cut left of the index is cleared away before.
        """
        mark = mark_of(row)
        if mark is None:
            return 1
        statement, number = parts[mark.part - 1].statements[0], mark.part
        found = await indexes.made_by(session.db, statement)
        done = statement.tag == "DropStmt" and not await indexes.dropped_by(session.db, statement)
        if done or (found and found.valid):
            self._tell(f"{row.name}: line {statement.line} was done before run {mark.run} was cut off")
            await session.db.execute(session.table.noted(session.db, row.id, number, parts))
            return number + 1
        self._tell(f"{row.name} was cut off in run {mark.run} at line {statement.line}; it goes on there")
        return number

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
                if row and row.finished:
                    return
                mark = mark_of(row) if row else None
                if mark and mark.undone:
                    table = HistoryTable("_prisma_migrations", self._run)
                    await table.close(db, id, "rolled_back_at = now()", "the connection was lost; rolled back")
                left = left_behind(mark) if mark else "it is not known how far it came" if row else NOTHING
        except ServiceError as twice:
            raise Unreachable("postgres", error.asked, f"{error.came}; and then: {twice.came}") from error
        raise Unreachable("postgres", f"apply {migration.name}", f"{error.asked}: {error.came}; {left}") from error
