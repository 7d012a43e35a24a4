"""Finds what the statements of a migration change, statement by statement, given what the database holds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from checks.evidence import Change
from pipeline.sql import enums, newer
from pipeline.sql.known import UNKNOWN_ROWS, Known
from pipeline.sql.parser import RELEASE
from pipeline.sql.parts import ENDS
from pipeline.sql.readers import READERS
from pipeline.sql.reading import ACCESS_EXCLUSIVE, LOCKS, SHARE, Found, Reading, change
from pipeline.sql.settling import settled
from pipeline.sql.statements import Statement, Unparsable, parse


def changes_of(migrations: Iterable[tuple[str, bytes]], known: Known) -> tuple[Change, ...]:
    """Find what ``migrations`` (name, text), applied in this order to what is ``known``, change. Never raises."""
    reading = Reading(known)
    return tuple(one for name, sql in migrations for one in _read(reading, name, sql))


def known_after(migrations: Iterable[tuple[str, bytes]]) -> Known:
    """What a database holds after ``migrations`` by their text; nobody knows how many rows. Never raises."""
    reading = Reading(Known(whole=True))
    for name, sql in migrations:
        deque(_read(reading, name, sql), maxlen=0)
    held = reading.held()
    return replace(held, tables={name: replace(table, rows=UNKNOWN_ROWS) for name, table in held.tables.items()})


def _read(reading: Reading, name: str, sql: bytes) -> Found:
    try:
        statements = parse(sql)
    except Unparsable as error:
        reading.complete = False
        why = str(error).partition(": ")[2]
        may_run = error.ours or reading.known.version > RELEASE  # a newer one knows what our parser does not
        rule, lock = ("unread", ACCESS_EXCLUSIVE) if may_run else ("unparsable", "")
        yield replace(change(rule, "unknown", column=why, lock=lock), migration=name, line=error.line)
        return
    found: list[Change] = []
    part: list[Change] = []
    for statement in statements:
        for one in read_statement(reading, statement):
            part.append(_placed(one, name, statement.line, reading.rows(one.table)))
        if statement.control in ENDS:
            found += settled(reading, part)
            part = []
            reading.committed()
    found += settled(reading, part)
    reading.committed()
    reading.schema = reading.known.schema  # a session of its own, or one that was put back
    yield from found
    yield from _company(name, statements)
    yield from _long_under_lock(found)


def _placed(read: Change, name: str, line: int, rows: int) -> Change:
    """Fill in a change's place; ``dataclasses.replace`` would take a fifth of all the time."""
    return Change(name, line, read.rule, read.kind, read.table, read.column, read.lock, read.rewrites, read.scans, rows)


def read_statement(reading: Reading, statement: Statement) -> Found:
    """Find what one statement changes. What is made only now is nobody's loss: no lock matters, nothing breaks."""
    reader = READERS.get(statement.tag)
    if reader is None:
        yield change("other", "unknown", column=statement.tag)
        return
    yield from newer.needs(reading, statement)
    carried = enums.carried(reading, statement)
    for read in reader(reading, statement.node):
        if not read.table:
            yield read
        elif reading.is_new(read.table):
            yield change("create", "expand", column=read.table)
        elif (read.table, read.column) in reading.columns and read.rule not in OWN_COLUMN:
            rule = read.rule if read.scans or read.rule in KEPT else "add-column"
            yield replace(read, kind="expand", rule=rule)
        else:
            yield read
    yield from carried


OWN_COLUMN = ("add-column", "add-volatile-column", "add-identity-column", "add-generated-column", "add-unique-column",
              "add-required-column", "add-domain-column")  # fmt: skip
KEPT = ("brief-lock", "comment", "change-type")
"""What stays what it is, even when it is about a column that nobody knows yet."""


def _company(name: str, statements: tuple[Statement, ...]) -> Found:
    if len(statements) > 1:
        for statement in statements:
            if statement.stands_alone:
                yield replace(change("not-alone", "expand"), migration=name, line=statement.line)


def _long_under_lock(changes: list[Change]) -> Found:
    """Find work that takes long while an earlier statement of the transaction still keeps others out of a table."""
    locked: dict[str, Change] = {}
    held: dict[str, Change] = {}
    for work in changes:
        if work.rule == "transaction":
            locked, held = {}, {}
            continue
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
        elif work.rule in ("add-foreign-key", "reference-new-rows") and LOCKS.index(work.lock) > LOCKS.index(SHARE):
            held.setdefault(work.table, work)
