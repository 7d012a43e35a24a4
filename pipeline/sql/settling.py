"""Looks at a transaction from its end: what it takes away and brings back, nobody has missed.

Others see a transaction's work at once. A view that is dropped and made anew, a column that gets its default two lines
later, an enum that another of the same name replaces: live code never sees what was between.
"""

from collections.abc import Callable
from dataclasses import replace

from checks.evidence import Change
from pipeline.sql.known import View
from pipeline.sql.reading import Found, Reading, change
from pipeline.sql.types import holds_all, read_type

Settle = Callable[[Reading, Change], Found]


def settled(reading: Reading, part: list[Change]) -> list[Change]:
    """Judge the changes of one transaction by what is there at its end."""
    found: list[Change] = []
    for one in part:
        settle = SETTLES.get(one.rule)
        if settle is None:
            found.append(one)
        else:
            place = {"migration": one.migration, "line": one.line, "rows": one.rows}
            found += [replace(other, **place) for other in settle(reading, one)]  # type: ignore[arg-type]
    return found


def _required(reading: Reading, taken: Change) -> Found:
    about = reading.about(taken.table)
    is_filled = taken.column in about.defaulted or taken.column not in about.required
    if taken.table in reading.tables and (is_filled or taken.column not in about.columns):
        rule = "set-not-null" if taken.scans and not taken.rewrites else "add-column"
        yield replace(taken, rule=rule, kind="expand")
    else:
        yield taken


def _default(reading: Reading, taken: Change) -> Found:
    about = reading.about(taken.table)
    there = taken.column in about.defaulted
    yield replace(taken, rule="set-default", kind="expand") if there else taken


def _unique(reading: Reading, taken: Change) -> Found:
    """A unique key is missed only when no other one on the same columns is there."""
    columns = set(taken.column.split(", "))
    others = reading.keys.get(taken.table, {}).values()
    if any(key.unique and key.plain and set(key.columns) == columns for key in others):
        yield replace(taken, rule="unique-anew", kind="expand")
    elif taken.table in reading.tables and not columns <= set(reading.about(taken.table).columns or columns):
        yield replace(taken, rule="drop-index")  # its columns went with it, and are judged themselves
    else:
        yield taken


def _view(reading: Reading, taken: Change) -> Found:
    lost, there = reading.lost.get(taken.table), reading.views.get(taken.table)
    if lost is None or there is None:
        yield taken
        return
    old, materialized = lost
    now = taken.table in reading.tables
    if materialized:
        yield change("refill", "expand", taken.table, lock=taken.lock, scans=True, rewrites=True)
    if materialized and now and not there.columns:
        yield taken  # WITH NO DATA: who reads it meets an error
    elif not old.columns or not there.columns:
        yield change("view-anew", "unknown", taken.table)
    else:
        yield from _columns(taken.table, old, there)


def _columns(name: str, old: View, new: View) -> Found:
    missing = [column for column in old.columns if column not in new.columns]
    for column in missing:
        yield change("drop-column", "contract", name, column)
    for column, kind in old.columns.items():
        becomes = new.columns.get(column, "")
        if becomes and kind and not holds_all(read_type(kind), read_type(becomes)):
            yield change("change-type", "contract", name, column)
    if not missing:
        yield change("view-same", "expand", column=name)


def _object(reading: Reading, taken: Change) -> Found:
    """A trigger, a function, a type: made anew under its name, it is there."""
    name = f"{taken.table}.{taken.column}" if taken.table else taken.column
    if taken.table and taken.column in reading.triggers.get(taken.table, {}) and name in reading.lost:
        yield replace(taken, rule="made-anew", kind="expand")
    elif not taken.table and name in reading.lost and (name in reading.made or name in reading.others):
        values, now = reading.lost[name], reading.enums.get(name)
        if values is None:
            yield replace(taken, rule="replace" if taken.rule == "drop-object" else taken.rule, kind="unknown")
        elif now is not None and set(values) <= set(now):
            yield replace(taken, rule="made-anew", kind="expand")
        else:
            yield taken
    else:
        yield taken


SETTLES: dict[str, Settle] = {
    "add-required-column": _required,
    "drop-default": _default,
    "drop-unique": _unique,
    "drop-view": _view,
    "rename-table": _view,
    "drop-object": _object,
    "rename-type": _object,
}
