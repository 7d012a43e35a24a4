"""Cuts a migration's text into statements with Postgres' own parser."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.sql.parser import SyntaxRefused, syntax_tree

Node = Mapping[str, Any]
BLANK = re.compile(rb"(?:\s+|--[^\r\n]*)*")  # either ends a comment for Postgres


class Unparsable(Exception):
    """Raised when Postgres' parser does not take the text. ``line`` counts from 1.

    ``ours``: it is we who cannot read what the parser made of it; Postgres may well run it.
    """

    def __init__(self, line: int, why: str, *, ours: bool = False) -> None:
        super().__init__(f"line {line}: {why}")
        self.line, self.ours = line, ours


@dataclass(frozen=True)
class Statement:
    """A statement as it was parsed.

    ``tag``: the parser's name for it, e.g. ``AlterTableStmt``; ``node``: what it parsed.
    """

    text: bytes
    line: int
    tag: str
    node: Node

    @property
    def control(self) -> str:
        """The kind of a statement that steers a transaction, ``TRANS_STMT_BEGIN`` and so on; empty for any other."""
        return str(self.node["kind"]) if self.tag == "TransactionStmt" else ""

    @property
    def label(self) -> str:
        """The first words of the statement, without any value: ``alter table "Lesson"``."""
        words = self.text.decode(errors="replace").split("(", 1)[0].split("'", 1)[0].split("$", 1)[0].split()
        return " ".join(words[:4]).removesuffix(" SET").removesuffix(" set")

    @property
    def concurrent(self) -> bool:
        """Whether an index or a partition is worked on CONCURRENTLY: it waits for others, and none of them for it."""
        node = self.node
        match self.tag:
            case "IndexStmt" | "DropStmt":
                return bool(node.get("concurrent"))
            case "ReindexStmt":
                return "concurrently" in {option["DefElem"]["defname"] for option in node.get("params", ())}
            case "AlterTableStmt":
                cmds = (cmd["AlterTableCmd"] for cmd in node["cmds"])
                return any(cmd.get("def", {}).get("PartitionCmd", {}).get("concurrent") for cmd in cmds)
        return False

    @property
    def stands_alone(self) -> bool:
        """Whether Postgres refuses the statement inside a transaction. What is not seen here, Postgres says (25001)."""
        if self.concurrent:
            return True
        match self.tag:
            case "VacuumStmt":
                return bool(self.node.get("is_vacuumcmd"))
            case "ClusterStmt":
                return "relation" not in self.node
            case "DiscardStmt":
                return self.node.get("target") == "DISCARD_ALL"
            case "TransactionStmt":
                return self.control.endswith("_PREPARED")
            case "ReindexStmt":
                return self.node.get("kind") not in ("REINDEX_OBJECT_TABLE", "REINDEX_OBJECT_INDEX")
            case "CreatedbStmt" | "DropdbStmt" | "AlterSystemStmt" | "CreateTableSpaceStmt" | "DropTableSpaceStmt":
                return True
        return False


def parse(sql: bytes) -> tuple[Statement, ...]:
    """Parse the statements of ``sql``, in order, without the comments before them. Raises Unparsable."""
    try:
        text = sql.decode()
    except UnicodeDecodeError as error:
        raise Unparsable(sql.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None
    if "\0" in text:  # the parser, and libpq, would end there without a word
        raise Unparsable(text.count("\n", 0, text.index("\0")) + 1, "holds a NUL byte: is the file saved as UTF-16?")
    text = text.removeprefix("\ufeff")
    encoded = text.encode()
    try:
        found = syntax_tree(encoded)
    except SyntaxRefused as error:
        raise Unparsable(text.count("\n", 0, max(error.position - 1, 0)) + 1, error.message) from None
    except RecursionError:
        raise Unparsable(1, "is nested too deeply to be read", ours=True) from None
    return tuple(_statements(encoded, found))


def _statements(sql: bytes, parsed: list[Node]) -> Iterator[Statement]:
    line, counted = 1, 0
    for raw in parsed:
        if not raw.get("stmt"):  # nothing but a comment between two semicolons
            continue
        begins = raw.get("stmt_location", 0)
        ends = begins + raw["stmt_len"] if raw.get("stmt_len") else len(sql)
        begins += _blank(sql[begins:ends])
        line, counted = line + sql.count(b"\n", counted, begins), begins
        ((tag, node),) = raw["stmt"].items()
        yield Statement(sql[begins:ends].strip(), line, tag, node)


def _blank(text: bytes) -> int:
    """Count how many bytes of white space and comments ``text`` begins with."""
    offset = 0
    while (found := BLANK.match(text, offset)) and text.startswith(b"/*", found.end()):
        offset = _past_comment(text, found.end())
    return found.end() if found else offset


def _past_comment(text: bytes, offset: int) -> int:
    """Find the end of the block comment that begins at ``offset``; they nest."""
    depth = 0
    while offset < len(text):
        if text.startswith(b"/*", offset):
            depth, offset = depth + 1, offset + 2
        elif text.startswith(b"*/", offset):
            depth, offset = depth - 1, offset + 2
            if depth == 0:
                return offset
        else:
            offset += 1
    return offset


def nodes(tree: Any, tag: str) -> Iterator[Node]:
    """Find every node of that name anywhere inside ``tree``."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key == tag:
                yield value
            yield from nodes(value, tag)
    elif isinstance(tree, list):
        for item in tree:
            yield from nodes(item, tag)
