"""Reads what is done to partitions: beside a DEFAULT partition, that one is locked and read as well."""

from dataclasses import replace

from pipeline.sql.reading import (
    ACCESS_EXCLUSIVE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Found,
    Reading,
    briefly,
    change,
)
from pipeline.sql.statements import Node


def beside_default(reading: Reading, parent: str) -> Found:
    """Postgres looks through the DEFAULT partition for rows of a new one, and nobody else does meanwhile."""
    default = reading.default_part(parent)
    if default and _may_be_proved(reading, default, parent):
        yield change("beside-proved", "unknown", default, parent, ACCESS_EXCLUSIVE)
    elif default and not reading.is_new(default):
        yield change("beside-default", "expand", default, parent, ACCESS_EXCLUSIVE, scans=True)


def _may_be_proved(reading: Reading, part: str, parent: str) -> bool:
    """Whether a valid CHECK on what ``parent`` is cut by may save the reading; which rows it rules out is not read."""
    cut = reading.about(parent).key
    own = reading.constraints.get(part, {}).values()
    return any(one.kind == "c" and one.valid and one.enforced and cut & set(one.columns) for one in own)


def _foreign_keys(reading: Reading, parent: str, lock: str) -> Found:
    for name, one in reading.foreign(parent):
        if not reading.is_new(one.to):
            yield briefly(one.to, f"the foreign key {name} of {parent}", lock)


def create(reading: Reading, name: str, parent: str, *, default: bool) -> Found:
    """Follow a table that is made as a partition of ``parent``."""
    yield briefly(parent, name)
    yield from beside_default(reading, parent)
    yield from _foreign_keys(reading, parent, SHARE_ROW_EXCLUSIVE)
    _join(reading, name, parent, default=default)


def _join(reading: Reading, name: str, parent: str, *, default: bool) -> None:
    above = reading.about(parent)
    reading.update(
        name,
        parent=parent,
        default_part=default,
        columns=above.columns,
        required=above.required | reading.about(name).required,
        defaulted=above.defaulted | reading.about(name).defaulted,
    )
    reading.children[parent].append(name)
    for key, one in reading.foreign(parent):
        reading.constrain(name, key, replace(one))


def attach(reading: Reading, table: str, cmd: Node) -> Found:
    part, default = reading.table(cmd["def"]["PartitionCmd"]["name"]), _is_default(cmd)
    yield change("brief-lock", "expand", table, part, SHARE_UPDATE_EXCLUSIVE)
    if not reading.is_new(part):
        if _may_be_proved(reading, part, table):
            yield change("attach-proved", "unknown", part, part, ACCESS_EXCLUSIVE)
        else:
            yield change("attach-partition", "expand", part, part, ACCESS_EXCLUSIVE, scans=True)
    yield from beside_default(reading, table)
    yield from _foreign_keys(reading, table, SHARE_ROW_EXCLUSIVE)
    _join(reading, part, table, default=default)


def _is_default(cmd: Node) -> bool:
    bound = cmd["def"]["PartitionCmd"].get("bound", {})
    return bool(bound.get("is_default") or bound.get("PartitionBoundSpec", {}).get("is_default"))


def detach(reading: Reading, table: str, cmd: Node) -> Found:
    part, gently = reading.table(cmd["def"]["PartitionCmd"]["name"]), cmd["def"]["PartitionCmd"].get("concurrent")
    lock = SHARE_UPDATE_EXCLUSIVE if gently else ACCESS_EXCLUSIVE
    yield change("detach-partition", "contract", table, part, lock)
    if not gently:
        yield from lose_part(reading, part, table)
        yield from _foreign_keys(reading, table, SHARE_ROW_EXCLUSIVE)
        yield briefly(part, table)
    if part in reading.children.get(table, ()):
        reading.children[table].remove(part)
        reading.update(part, parent="", default_part=False)


def lose_part(reading: Reading, part: str, parent: str) -> Found:
    """A partition that goes locks its parent's DEFAULT partition, whose bounds become wider."""
    default = reading.default_part(parent)
    if default and default != part and not reading.is_new(default):
        yield briefly(default, part)


def leave(reading: Reading, table: str, cmd: Node) -> Found:
    """Read NO INHERIT."""
    parent = reading.table(cmd["def"]["RangeVar"])
    yield change("detach-partition", "contract", parent, table)
    yield briefly(table, parent)
    if table in reading.children.get(parent, ()):
        reading.children[parent].remove(table)
        reading.update(table, parent="")
