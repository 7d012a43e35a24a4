"""Reads and writes the mark in the row of a migration: whoever finds the row knows how far the migration came."""

import re
from dataclasses import dataclass

from pipeline.clients.prisma import Migration, MigrationRow
from pipeline.sql.parts import parts_of
from pipeline.sql.statements import Unparsable, parse

MARK = re.compile(r"^deploy-pipeline: run (\S+): part (\d+) of (\d+)(, alone)?, line (\d+)")


@dataclass(frozen=True)
class Mark:
    """A mark says that ``part`` of ``parts`` was under way, ``alone`` or in a transaction.

    It begins at ``line`` of the file.
    """

    run: str
    part: int
    parts: int
    alone: bool
    line: int

    @property
    def undone(self) -> bool:
        """Whether nothing of the migration can be in the database: its first part is a transaction that never ended."""
        return self.part == 1 and not self.alone

    @property
    def text(self) -> str:
        alone = ", alone" if self.alone else ""
        return f"deploy-pipeline: run {self.run}: part {self.part} of {self.parts}{alone}, line {self.line}"


def mark_of(row: MigrationRow) -> Mark | None:
    """Read the mark in a row that was left over; None for rows that somebody else wrote."""
    return mark_in(row.logs)


def mark_in(logs: str) -> Mark | None:
    """Read the mark that a text begins with; None when it begins with none."""
    found = MARK.match(logs)
    return Mark(found[1], int(found[2]), int(found[3]), bool(found[4]), int(found[5])) if found else None


def continues(row: MigrationRow, migration: Migration | None) -> bool:
    """Whether a migration that was cut off can go on where it was: an index was worked on, and the file is the same.

    All parts before that one are in the database, and what an index that is not whole looks like is known.
    """
    mark = mark_of(row)
    if mark is None or not mark.alone or migration is None or row.checksum not in migration.checksums:
        return False
    try:
        parts = parts_of(parse(migration.sql))
    except Unparsable:
        return False
    if len(parts) != mark.parts or not parts[mark.part - 1].alone:
        return False
    (statement,) = parts[mark.part - 1].statements
    return statement.concurrent and statement.tag in ("IndexStmt", "DropStmt", "ReindexStmt")


def left_behind(mark: Mark) -> str:
    """Say what a migration that did not end has left in the database, as far as its row tells."""
    if mark.undone:
        return "Postgres rolled all of it back"
    if mark.alone:
        return f"line {mark.line} runs outside of any transaction: look whether it is done, or left an INVALID index"
    return f"what stands before line {mark.line} is in the database, and nothing after it"
