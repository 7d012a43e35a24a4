"""Remembers what is known while the statements of migrations are read one after the other, and words what they do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from checks.evidence import Change, Kind
from pipeline.sql.known import Known, Table
from pipeline.sql.statements import Node

ACCESS_EXCLUSIVE, EXCLUSIVE, SHARE_ROW_EXCLUSIVE = "ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE"
SHARE, SHARE_UPDATE_EXCLUSIVE, ROW_EXCLUSIVE = "SHARE", "SHARE UPDATE EXCLUSIVE", "ROW EXCLUSIVE"
LOCKS = ("", "ACCESS SHARE", "ROW SHARE", ROW_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, SHARE, SHARE_ROW_EXCLUSIVE,
         EXCLUSIVE, ACCESS_EXCLUSIVE)  # fmt: skip
LOCK_MODES = dict(enumerate(LOCKS))


@dataclass
class Reading:
    """What is known while statements are read: what was there, and what these migrations have made so far."""

    known: Known
    tables: dict[str, Table] = field(default_factory=dict)
    """Made by an earlier statement: nobody uses them yet."""
    columns: set[tuple[str, str]] = field(default_factory=set)
    defaulted: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that have a default, so that live code, which does not know them, can still insert rows."""
    made: set[str] = field(default_factory=set)
    """Types, views and so on that these migrations made."""
    never_null: set[tuple[str, str]] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """Tables that were renamed away or dropped: later statements on that name are about something new."""
    index_tables: dict[str, str] = field(default_factory=dict)
    unchecked: dict[tuple[str, str], str] = field(default_factory=dict)
    """(table, constraint) → the column it will keep from being null once validated."""

    def is_new(self, table: str) -> bool:
        return table in self.tables

    def rows(self, table: str) -> int:
        if self.is_new(table):
            return 0
        found = self.known.tables.get(table)
        return found.rows if found else 0

    def table(self, relation: Node) -> str:
        """Name a parsed table as ``Known`` does."""
        return self.known.name(relation.get("schemaname", ""), relation["relname"])


Found = Iterator[Change]
Reader = Callable[[Reading, Node], Found]


def change(rule: str, kind: Kind, table: str = "", column: str = "", lock: str = "", **more: bool) -> Change:
    """Make a change whose place is filled in by whoever reads the statement."""
    return Change("", 0, rule, kind, table, column, lock, **more)


def type_key(names: list[Node]) -> str:
    """The last part of a parsed name, by which a type is known."""
    return str(names[-1]["String"]["sval"])
