"""Cuts a migration into the parts that are sent as one transaction each, so that it is known what a cut left behind."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.sql.statements import Statement

BEGINS = ("TRANS_STMT_BEGIN", "TRANS_STMT_START")
ENDS = ("TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE")


@dataclass(frozen=True)
class Part:
    """The statements that take effect together. ``alone``: one that Postgres runs outside of any transaction.

    ``begin`` and ``end`` are the file's own words for it, when it has any.
    """

    statements: tuple[Statement, ...]
    alone: bool = False
    begin: bytes = b"begin"
    end: bytes = b"commit"

    @property
    def line(self) -> int:
        return self.statements[0].line if self.statements else 1

    @property
    def last_line(self) -> int:
        return self.statements[-1].line if self.statements else 1


def parts_of(statements: Iterable[Statement]) -> tuple[Part, ...]:
    """Cut statements into the transactions that Postgres makes of a file that is sent to it as a whole.

    A file is one transaction, up to a COMMIT of its own; what stands before a BEGIN belongs to that transaction.
    """
    found: list[Part] = []
    waiting: list[Statement] = []
    begin = b"begin"
    for statement in statements:
        if statement.control in BEGINS:
            begin = statement.text if not waiting else begin
        elif statement.control in ENDS:
            found.append(Part(tuple(waiting), begin=begin, end=statement.text))
            waiting, begin = [], b"begin"
        else:
            waiting.append(statement)
    if len(waiting) == 1 and waiting[0].stands_alone:
        found.append(Part((waiting[0],), alone=True))
    elif waiting:
        found.append(Part(tuple(waiting), begin=begin))
    return tuple(part for part in found if part.statements)
