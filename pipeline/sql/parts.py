"""Cuts a migration into the parts that are sent as one transaction each, so that it is known what a cut left behind."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.sql.statements import Statement

BEGINS = ("TRANS_STMT_BEGIN", "TRANS_STMT_START")
ENDS = ("TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE")


@dataclass(frozen=True)
class Part:
    """The statements that take effect together. ``alone``: one that Postgres runs outside of any transaction.

    ``begin`` and ``end`` are the file's own words for it, when it has any. ``own``: the file says BEGIN itself.
    """

    statements: tuple[Statement, ...]
    alone: bool = False
    begin: bytes = b"begin"
    end: bytes = b"commit"
    own: bool = False

    @property
    def line(self) -> int:
        return self.statements[0].line if self.statements else 1

    @property
    def last_line(self) -> int:
        return self.statements[-1].line if self.statements else 1

    @property
    def commits(self) -> bool:
        """Whether the part ends with a commit, in which the row of the migration can be written too."""
        return not self.alone and self.end.strip().lower().startswith((b"commit", b"end"))


def parts_of(statements: Iterable[Statement]) -> tuple[Part, ...]:
    """Cut statements into transactions, as few as Postgres allows.

    A file is one transaction, up to a COMMIT of its own; what stands before a BEGIN belongs to that transaction. What
    cannot run inside a transaction is a part of its own: since 7.4 Prisma sends every statement by itself (engines
    #5767), before that such a file failed.
    """
    found: list[Part] = []
    waiting: list[Statement] = []
    begin, own = b"begin", False
    for statement in statements:
        if statement.control in BEGINS:
            begin, own = statement.text if not waiting else begin, True
        elif statement.control in ENDS:
            found.append(Part(tuple(waiting), begin=begin, end=statement.text, own=own))
            waiting, begin, own = [], b"begin", False
        elif statement.stands_alone and not own:
            found += [Part(tuple(waiting)), Part((statement,), alone=True)]
            waiting = []
        else:
            waiting.append(statement)
    found.append(Part(tuple(waiting), begin=begin, own=own))
    return tuple(part for part in found if part.statements)


def cut(part: Part, index: int, *, alone: bool) -> tuple[Part, ...]:
    """Cut a part before its statement number ``index``, from 0; with ``alone`` that one is in no transaction."""
    before = replace(part, statements=part.statements[:index], end=b"commit")
    middle = (Part((part.statements[index],), alone=True),) if alone else ()
    after = replace(part, statements=part.statements[index + len(middle) :], begin=b"begin")
    return tuple(piece for piece in (before, *middle, after) if piece.statements)
