"""Reads what an ALTER TABLE does to constraints: of one table, and of both when it is a foreign key."""

from dataclasses import replace
from typing import Any

from checks.evidence import Kind
from pipeline.sql.expressions import columns_in
from pipeline.sql.known import Constraint, Index
from pipeline.sql.reading import (
    ACCESS_EXCLUSIVE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Found,
    Reading,
    briefly,
    change,
)
from pipeline.sql.statements import Node, nodes

LETTERS = {
    "CONSTR_UNIQUE": "u", "CONSTR_PRIMARY": "p", "CONSTR_CHECK": "c", "CONSTR_FOREIGN": "f", "CONSTR_NOTNULL": "n",
    "CONSTR_EXCLUSION": "x",
}  # fmt: skip
SUFFIX = {"u": "key", "p": "pkey", "c": "check", "f": "fkey", "n": "not_null", "x": "excl"}


def named_columns(names: list[Node]) -> tuple[str, ...]:
    """Name the columns of a parsed list of them."""
    return tuple(one["String"]["sval"] for one in names if "String" in one)


def constraints_of(column: Node) -> list[Node]:
    """List the constraints that stand beside a column; what is said of one after it (NOT ENFORCED …) is put into it."""
    found: list[dict[str, Any]] = []
    for one in column.get("constraints", ()):
        node = one["Constraint"]
        if node["contype"] == "CONSTR_ATTR_NOT_ENFORCED" and found:
            found[-1].update(is_enforced=False, skip_validation=True)
        elif node["contype"] == "CONSTR_ATTR_DEFERRABLE" and found:
            found[-1]["deferrable"] = True
        elif not node["contype"].startswith("CONSTR_ATTR_"):
            found.append(dict(node))
    return list(found)


def constraint_of(reading: Reading, table: str, node: Node, columns: tuple[str, ...] = ()) -> tuple[str, Constraint]:
    """Name a parsed constraint, as Postgres would when nobody did, and say what it is. ``columns``: whose it is."""
    kind = LETTERS[node["contype"]]
    if node.get("indexname"):
        index = reading.keys.get(table, {}).get(node["indexname"])
        columns = index.columns if index else ()
    elif kind == "f":
        columns = named_columns(node.get("fk_attrs", ())) or columns
    elif kind == "c":
        columns = tuple(dict.fromkeys(columns_in(node.get("raw_expr", {})))) or columns
    else:
        columns = named_columns(node.get("keys", ())) or columns
    to = reading.table(node["pktable"]) if "pktable" in node else ""
    to_columns = named_columns(node.get("pk_attrs", ())) or (_primary(reading, to) if to else ())
    unchecked = bool(node.get("skip_validation"))
    enforced = kind not in "cf" or bool(node.get("is_enforced"))
    short = table.rpartition(".")[2]
    name = node.get("conname") or "_".join((short, *(columns if kind != "p" else ()), SUFFIX[kind]))
    deletes = node.get("fk_del_action") == "c"
    about_null = kind == "c" and bool(_not_null_column(node))
    return name, Constraint(kind, columns, to, to_columns, not unchecked, enforced, deletes, about_null)


def _primary(reading: Reading, table: str) -> tuple[str, ...]:
    keys = (one.columns for one in reading.constraints.get(table, {}).values() if one.kind == "p")
    return next(keys, ())


def remember(reading: Reading, table: str, node: Node, columns: tuple[str, ...] = ()) -> tuple[str, Constraint]:
    """Follow a constraint that is added, with the index that keeps it."""
    name, found = constraint_of(reading, table, node, columns)
    reading.constrain(table, name, found)
    if found.kind in "pu":
        reading.forget_index(node.get("indexname", ""))
        plain = not node.get("deferrable")
        reading.index(
            reading.beside(table, name),
            Index(table, found.columns, unique=True, plain=plain, uses=frozenset(found.columns)),
        )
    return name, found


def remember_beside(reading: Reading, table: str, column: str, constraints: list[Node]) -> None:
    """Follow the CHECKs and keys that stand beside a new column."""
    for one in constraints:
        if one["contype"] in ("CONSTR_CHECK", "CONSTR_UNIQUE", "CONSTR_PRIMARY"):
            remember(reading, table, one, (column,))


def add(reading: Reading, table: str, cmd: Node) -> Found:
    """Read ADD CONSTRAINT."""
    node = cmd["def"]["Constraint"]
    if node["contype"] not in LETTERS:
        yield change("other", "unknown", table, node["contype"], ACCESS_EXCLUSIVE)
        return
    if node["contype"] == "CONSTR_FOREIGN":
        own = named_columns(node.get("fk_attrs", ()))
        fresh = bool(own) and all((table, column) in reading.columns for column in own)
        yield from foreign_key(reading, table, node, own, scans=not node.get("skip_validation"), fresh=fresh)
        return
    by_index = bool(node.get("indexname"))
    gives_null = by_index and not _never_null(reading, table, node["indexname"])
    name, one = remember(reading, table, node)
    fresh = bool(one.columns) and all((table, column) in reading.columns for column in one.columns)
    how: Kind = "expand" if fresh else "contract"
    about = ", ".join(one.columns) or name
    match one.kind:
        case "u" if by_index:
            yield change("narrow", how, table, about, ACCESS_EXCLUSIVE)
        case "u":
            yield change("add-unique", how, table, about, ACCESS_EXCLUSIVE, scans=True)
        case "p":
            yield from _primary_key(reading, table, one, by_index=by_index, scans=gives_null or not by_index, how=how)
        case "c":
            yield from _check(reading, table, name, one, how)
        case "x":
            yield change("add-exclusion", "contract", table, name, ACCESS_EXCLUSIVE, scans=True)
        case _:
            yield from _not_null(reading, table, one, how)


def _never_null(reading: Reading, table: str, index: str) -> bool:
    seen, about = reading.keys.get(table, {}).get(index), reading.about(table)
    return seen is not None and set(seen.columns) <= about.required | about.never_null


def _primary_key(
    reading: Reading, table: str, constraint: Constraint, *, by_index: bool, scans: bool, how: Kind
) -> Found:
    about = ", ".join(constraint.columns)
    unproved = {
        column
        for other in reading.constraints.get(table, {}).values()
        if other.kind == "n" and not other.valid
        for column in other.columns
    }
    if unproved & set(constraint.columns):
        yield change("unproved-key", "contract", table, about, ACCESS_EXCLUSIVE)
        return
    reading.update(table, required=reading.about(table).required | set(constraint.columns))
    rule = "key-by-index" if by_index and not scans else "add-primary-key"
    yield change(rule, how, table, about or "by an index that is there", ACCESS_EXCLUSIVE, scans=scans)


def _check(reading: Reading, table: str, name: str, constraint: Constraint, how: Kind) -> Found:
    if not constraint.enforced:
        yield change("comment", "expand", table, name, ACCESS_EXCLUSIVE)
        return
    if not constraint.valid:
        yield change("check-new-rows", how, table, name, ACCESS_EXCLUSIVE)
        return
    if constraint.not_null:
        reading.update(table, never_null=reading.about(table).never_null | set(constraint.columns))
    yield change("add-check", how, table, name, ACCESS_EXCLUSIVE, scans=True)


def _not_null(reading: Reading, table: str, constraint: Constraint, how: Kind) -> Found:
    (column, *_) = constraint.columns or ("",)
    about = reading.about(table)
    if column in about.required and (table, column) not in reading.columns:
        yield change("comment", "expand", table, column, ACCESS_EXCLUSIVE)
        return
    reading.update(table, required=about.required | {column})
    if (table, column) in reading.columns and column not in about.defaulted:
        yield change("add-required-column", "contract", table, column, ACCESS_EXCLUSIVE, scans=constraint.valid)
    elif not constraint.valid:
        yield change("not-null-new-rows", how, table, column, ACCESS_EXCLUSIVE)
    elif column in about.never_null:
        yield change("keep-not-null", how, table, column, ACCESS_EXCLUSIVE)
    else:
        yield change("set-not-null", how, table, column, ACCESS_EXCLUSIVE, scans=True)


def foreign_key(
    reading: Reading, table: str, node: Node, columns: tuple[str, ...], *, scans: bool, fresh: bool
) -> Found:
    """Read a foreign key that is added: it locks both tables."""
    name, one = remember(reading, table, node, columns)
    if not reading.is_new(one.to) and one.to != table:
        yield briefly(one.to, f"the foreign key {name}", SHARE_ROW_EXCLUSIVE)
    kind: Kind = "expand" if fresh or not one.enforced else "contract"
    rule = "add-foreign-key" if scans and one.valid else "reference-new-rows"
    yield change(rule, kind, table, name, SHARE_ROW_EXCLUSIVE, scans=scans and one.enforced and one.valid)


def _not_null_column(constraint: Node) -> str:
    """Name the column that a CHECK (column IS NOT NULL) is about; empty for any other CHECK."""
    test = constraint.get("raw_expr", {}).get("NullTest", {})
    if test.get("nulltesttype") != "IS_NOT_NULL":
        return ""
    found = [
        node["fields"][-1]["String"]["sval"] for node in nodes(test, "ColumnRef") if "String" in node["fields"][-1]
    ]
    return found[0] if len(found) == 1 else ""


def drop(reading: Reading, table: str, cmd: Node) -> Found:
    """Read DROP CONSTRAINT, which locks both tables of a foreign key, and all that refer to a key."""
    name = cmd["name"]
    one = reading.constraints.get(table, {}).get(name)
    if one is None:
        missing = cmd.get("missing_ok") and reading.complete
        yield change("comment" if missing else "loosen", "expand", table, name, ACCESS_EXCLUSIVE)
        return
    unique = one.kind in "pu" and not reading.is_new(table)
    if unique:
        yield change("drop-unique", "contract", table, ", ".join(one.columns), ACCESS_EXCLUSIVE)
    else:
        yield change("loosen", "expand", table, name, ACCESS_EXCLUSIVE)
    yield from losing_constraint(reading, table, name, one)


def losing_constraint(reading: Reading, table: str, name: str, constraint: Constraint) -> Found:
    """Follow a constraint that goes: the other table of a foreign key is locked, and so is who refers to a key."""
    reading.constraints[table].pop(name, None)
    about = reading.about(table)
    if constraint.kind == "n":
        reading.update(table, required=about.required - set(constraint.columns))
    if constraint.not_null:
        reading.update(table, never_null=about.never_null - set(constraint.columns))
    if constraint.to and constraint.to != table:
        yield briefly(constraint.to, f"the foreign key {name}")
    if constraint.kind in "pu":
        reading.forget_index(reading.beside(table, name))
        for other, key, foreign in reading.referring(table):
            if set(foreign.to_columns) == set(constraint.columns):
                del reading.constraints[other][key]
                if other != table:
                    yield briefly(other, f"its foreign key {key}")


def alter(reading: Reading, table: str, cmd: Node) -> Found:
    """Read ALTER CONSTRAINT: whether it may be deferred, and whether it is enforced."""
    node = cmd["def"]["ATAlterConstraint"]
    name = node.get("conname", "")
    one = reading.constraints.get(table, {}).get(name)
    to = one.to if one and one.to != table else ""
    if not node.get("alterEnforceability"):
        yield change("loosen", "expand", table, name, ACCESS_EXCLUSIVE)
        return
    enforced = bool(node.get("is_enforced"))
    if one:
        reading.constrain(table, name, replace(one, enforced=enforced, valid=enforced))
    if enforced and not (one and one.enforced):
        if to:
            yield briefly(to, f"the foreign key {name}", SHARE_ROW_EXCLUSIVE)
        yield change("enforce", "contract", table, name, ACCESS_EXCLUSIVE, scans=True)
    else:
        if to and not enforced:
            yield briefly(to, f"the foreign key {name}")
        yield change("loosen", "expand", table, name, ACCESS_EXCLUSIVE)


def validate(reading: Reading, table: str, cmd: Node) -> Found:
    """Read VALIDATE CONSTRAINT."""
    one = reading.constraints.get(table, {}).get(cmd["name"])
    if one:
        reading.constrain(table, cmd["name"], replace(one, valid=True))
        if one.not_null:
            reading.update(table, never_null=reading.about(table).never_null | set(one.columns))
    yield change("validate-constraint", "expand", table, cmd["name"], SHARE_UPDATE_EXCLUSIVE)
