"""Finds what the statements of a migration change, statement by statement, given what the database holds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from checks.evidence import Change
from pipeline.sql.known import UNKNOWN_ROWS, Known
from pipeline.sql.readers import READERS
from pipeline.sql.reading import ACCESS_EXCLUSIVE, Found, Reading, change, type_key
from pipeline.sql.statements import Statement, Unparsable, nodes, parse


def changes_of(migrations: Iterable[tuple[str, bytes]], known: Known) -> tuple[Change, ...]:
    """Find what ``migrations`` (name, text), applied in this order to what is ``known``, change. Never raises."""
    reading = Reading(known)
    return tuple(one for name, sql in migrations for one in _read(reading, name, sql))


def known_after(migrations: Iterable[tuple[str, bytes]]) -> Known:
    """What a database holds after ``migrations`` by their text; nobody knows how many rows. Never raises."""
    reading = Reading(Known())
    for name, sql in migrations:
        deque(_read(reading, name, sql), maxlen=0)
    tables = {
        name: replace(table, rows=UNKNOWN_ROWS) for name, table in reading.tables.items() if name not in reading.gone
    }
    return Known(tables, dict(reading.index_tables), frozenset(reading.made))


def _read(reading: Reading, name: str, sql: bytes) -> Found:
    try:
        statements = parse(sql)
    except Unparsable as error:
        why = str(error).partition(": ")[2]
        yield replace(change("unparsable", "unknown", column=why), migration=name, line=error.line)
        return
    found = [
        replace(one, migration=name, line=statement.line, rows=reading.rows(one.table))
        for statement in statements
        for one in read_statement(reading, statement)
    ]
    yield from found
    yield from _company(name, statements)
    yield from _fresh_values(name, statements)
    yield from _long_under_lock(found)


def read_statement(reading: Reading, statement: Statement) -> Found:
    """Find what one statement changes. What is made only now is nobody's loss: no lock matters, nothing breaks."""
    reader = READERS.get(statement.tag)
    if reader is None:
        yield change("other", "unknown", column=statement.tag)
        return
    for read in reader(reading, statement.node):
        if reading.is_new(read.table):
            yield change("create", "expand", column=read.table)
        elif (read.table, read.column) in reading.columns and read.rule not in OWN_COLUMN:
            yield replace(read, kind="expand", rule="add-column" if not read.scans else read.rule)
        else:
            yield read


OWN_COLUMN = ("add-column", "add-volatile-column", "add-identity-column", "add-generated-column", "add-unique-column",
              "add-required-column")  # fmt: skip


def _company(name: str, statements: tuple[Statement, ...]) -> Found:
    if len(statements) > 1:
        for statement in statements:
            if statement.stands_alone:
                yield replace(change("not-alone", "expand"), migration=name, line=statement.line)


def _fresh_values(name: str, statements: tuple[Statement, ...]) -> Found:
    """Find values that an enum gets and that a later statement of the same file uses."""
    made = {type_key(s.node["typeName"]) for s in statements if s.tag == "CreateEnumStmt"}
    fresh: set[str] = set()
    for statement in statements:
        if statement.tag == "AlterEnumStmt":
            if "oldVal" not in statement.node and type_key(statement.node["typeName"]) not in made:
                fresh.add(statement.node["newVal"])
            continue
        used = {node["sval"]["sval"] for node in nodes(statement.node, "A_Const") if node.get("sval", {}).get("sval")}
        for value in sorted(used & fresh):
            yield replace(change("fresh-enum-value", "expand", column=value), migration=name, line=statement.line)


def _long_under_lock(changes: list[Change]) -> Found:
    """Find work that takes long while an earlier statement of the file still keeps others out of a table."""
    locked: dict[str, Change] = {}
    held: dict[str, Change] = {}
    for work in changes:
        slow = work.rewrites or work.scans or work.rule in ("update-all", "delete-all", "validate-constraint")
        own = work.rule in ("validate-constraint", "update")  # long although, or because, the table is its own
        earlier = next((lock for table, lock in locked.items() if slow and table != work.table), None)
        if own:
            earlier = earlier or locked.get(work.table)
        if work.rule == "validate-constraint":
            earlier = earlier or held.get(work.table)
        if earlier:
            yield replace(
                work,
                rule="long-under-lock",
                kind="expand",
                table=earlier.table,
                column=work.table,
                lock=earlier.lock,
            )
        if work.lock == ACCESS_EXCLUSIVE and work.table:
            locked.setdefault(work.table, work)
        if work.rule == "add-foreign-key":
            held.setdefault(work.table, work)
