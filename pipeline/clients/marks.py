"""Reads and writes the mark in the row of a migration: whoever finds the row knows how far the migration came."""

import re
from dataclasses import dataclass

from pipeline.clients.prisma import MigrationRow

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
    found = MARK.match(row.logs)
    return Mark(found[1], int(found[2]), int(found[3]), bool(found[4]), int(found[5])) if found else None


def left_behind(mark: Mark) -> str:
    """Say what a migration that did not end has left in the database, as far as its row tells."""
    if mark.undone:
        return "Postgres rolled all of it back"
    if mark.alone:
        return f"line {mark.line} runs outside of any transaction: look whether it is done, or left an INVALID index"
    return f"what stands before line {mark.line} is in the database, and nothing after it"
