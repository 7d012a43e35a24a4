"""Writes the row of a migration in ``_prisma_migrations``: when it begins, after each part, and at its end."""

from typing import TYPE_CHECKING, Any

from pipeline.clients.marks import Mark
from pipeline.clients.prisma import Migration
from pipeline.sql.parts import Part

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]


class HistoryTable:
    """Prisma's history table in one schema. ``name`` is quoted and has its schema; marks name the ``run``."""

    def __init__(self, name: str, run: str) -> None:
        self.name, self._run = name, run

    def begun(self, db: "Connection", id: str, migration: Migration, mark: str) -> bytes:
        """The transaction that writes the row of a migration, if it is not written yet.

        It is flushed to the disk with the first part, if not before.
        """
        row = self.row(db, id, migration, mark)
        return b"begin read write; set local synchronous_commit = off; " + row + b"; commit"

    def row(self, db: "Connection", id: str, migration: Migration, mark: str) -> bytes:
        """The statement that writes the row of a migration, if it is not written yet."""
        values = ", ".join(_quoted(db, text) for text in (id, migration.checksum, migration.name, mark))
        return (
            f"insert into {self.name} (id, checksum, migration_name, logs, started_at)"
            f" values ({values}, clock_timestamp()) on conflict do nothing"
        ).encode()

    async def marked(self, db: "Connection", id: str, number: int, parts: tuple[Part, ...]) -> None:
        """Write into the row that part ``number`` (from 1) is under way."""
        await db.execute(self.noting(db, id, self.mark(number, parts)))

    def noting(self, db: "Connection", id: str, logs: str) -> bytes:
        """The statement that writes ``logs`` into the row."""
        return f"update {self.name} set logs = {_quoted(db, logs)} where id = {_quoted(db, id)}".encode()

    async def close(self, db: "Connection", id: str, set_: str, logs: str) -> None:
        """Write into the row how the migration ended (``set_``: SQL) and, in ``logs``, why."""
        await db.execute(f"update {self.name} set {set_}, logs = %s where id = %s".encode(), (logs, id))

    def finished(self, db: "Connection", id: str) -> bytes:
        """The statement by which the row says that the migration is applied."""
        return (
            f"update {self.name} set finished_at = clock_timestamp(), logs = null,"
            f" applied_steps_count = applied_steps_count + 1 where id = {_quoted(db, id)}"
        ).encode()

    def noted(self, db: "Connection", id: str, number: int, parts: tuple[Part, ...]) -> bytes:
        """The statement by which the row says that part ``number`` (from 1) is done and the next one begins."""
        if number == len(parts):
            return self.finished(db, id)
        return self.noting(db, id, self.mark(number + 1, parts))

    def mark(self, number: int, parts: tuple[Part, ...]) -> str:
        """The text of the mark that part ``number`` (from 1) is under way."""
        part = parts[number - 1] if parts else Part(())
        return Mark(self._run, number, max(len(parts), 1), part.alone, part.line).text


def _quoted(db: "Connection", text: str) -> str:
    from psycopg import sql

    return sql.Literal(text).as_string(db)
