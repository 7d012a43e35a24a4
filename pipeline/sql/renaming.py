"""Reads RENAME and SET SCHEMA: what is known of a thing follows it to its new name."""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.sql.dropping import parts_of_name
from pipeline.sql.reading import ACCESS_EXCLUSIVE, Found, Reading, briefly, change
from pipeline.sql.statements import Node

TABLES = ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE")
VIEWS = ("OBJECT_VIEW", "OBJECT_MATVIEW")


def rename(reading: Reading, node: Node) -> Found:
    """Read one RENAME."""
    kind, new = node["renameType"], node.get("newname", "")
    table = reading.table(node["relation"]) if "relation" in node else ""
    space = f"{table.rpartition('.')[0]}." if "." in table else ""
    if kind == "OBJECT_INDEX" or (kind in TABLES and table in reading.index_tables and table not in reading.tables):
        yield from _index(reading, table, space + new)
    elif node.get("missing_ok") and reading.lacks(table, reading.tables, reading.views, reading.others):
        yield change("comment", "expand")
    elif kind == "OBJECT_COLUMN":
        yield from _column(reading, table, node["subname"], new)
    elif kind in TABLES and table not in reading.views:
        yield from _table(reading, table, space + new)
    elif kind in (*TABLES, *VIEWS):
        yield from _view(reading, table, space + new)
    elif kind == "OBJECT_TABCONSTRAINT":
        yield from _constraint(reading, table, node["subname"], new)
    elif kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        own = reading.triggers[table]
        own[new] = own.pop(node["subname"], "")
        yield change("rename-index", "expand", table, node["subname"], ACCESS_EXCLUSIVE)
    elif kind == "OBJECT_DOMCONSTRAINT":
        yield change("rename-index", "expand", "", new)
    elif kind == "OBJECT_SEQUENCE":
        reading.others.discard(table)
        reading.made.add(new)
        yield change("rename-index", "expand", "", table)
    elif kind == "OBJECT_ATTRIBUTE":
        yield change("rename", "contract", column=f"{table}.{node['subname']}")
    else:
        yield from _object(reading, node, new)


def _index(reading: Reading, old: str, new: str) -> Found:
    table = reading.index_tables.get(old, "")
    index = reading.forget_index(old)
    if index:
        reading.index(new, index)
    elif table:
        reading.index_tables[new] = table
    for name, one in list(reading.constraints.get(table, {}).items()):
        if name == old.rpartition(".")[2] and one.kind in "pux":
            reading.constrain(table, new.rpartition(".")[2], reading.constraints[table].pop(name))
    yield change("rename-index", "expand", "", new)


def _column(reading: Reading, table: str, old: str, new: str) -> Found:
    view = reading.views.get(table)
    if view and old in view.columns:
        columns = {new if name == old else name: kind for name, kind in view.columns.items()}
        reading.views[table] = replace(view, columns=columns)
    for heir in (table, *reading.family(table)):
        if heir in reading.tables:
            reading.rename_column(heir, old, new)
    for name, other in reading.views.items():
        used = frozenset((of, new if (of, column) == (table, old) else column) for of, column in other.used)
        reading.views[name] = replace(other, used=used) if used != other.used else other
    if (table, new) in reading.columns or table in reading.made:
        yield change("add-column", "expand", table, new, ACCESS_EXCLUSIVE)
    else:
        yield change("rename-column", "contract", table, old, ACCESS_EXCLUSIVE if table in reading.tables else "")
        yield from (briefly(heir, f"{table}, whose columns it has") for heir in reading.family(table))


def _table(reading: Reading, old: str, new: str) -> Found:
    if reading.is_new(old):
        yield change("create", "expand", column=new)
    else:
        yield change("rename-table", "contract", old, new, ACCESS_EXCLUSIVE)
    reading.rename(old, new)


def _view(reading: Reading, old: str, new: str) -> Found:
    made = old in reading.made
    if old in reading.views:
        view = reading.views.pop(old)
        reading.views[new] = view
        if not made:
            reading.lost.setdefault(old, (view, old in reading.tables))
    lock = ACCESS_EXCLUSIVE if old in reading.tables else ""
    if made:
        reading.made.discard(old)
        reading.made.add(new)
        yield change("create", "expand", column=new)
    else:
        yield change("rename-table", "contract", old, new, lock)
    if old in reading.tables:
        reading.rename(old, new)


def _constraint(reading: Reading, table: str, old: str, new: str) -> Found:
    own = reading.constraints.get(table, {})
    if old in own:
        reading.constrain(table, new, own.pop(old))
        key = reading.beside(table, old)
        if key in reading.index_tables:
            list(_index(reading, key, reading.beside(table, new)))
    yield change("rename-index", "expand", table, old, ACCESS_EXCLUSIVE)
    yield from (briefly(heir, f"{table}, whose constraints it has") for heir in reading.family(table))


def _object(reading: Reading, node: Node, new: str) -> Found:
    parts = parts_of_name(node["object"]) if isinstance(node.get("object"), Mapping) else []
    old = parts[-1] if parts else node.get("subname", "it")
    made = old in reading.made
    if not made:
        reading.lost.setdefault(old, reading.enums.get(old))
    for values in (reading.enums, reading.domains, reading.extensions):
        if old in values:
            values[new] = values.pop(old)  # type: ignore[assignment]
    if old in reading.schemas:
        reading.schemas.discard(old)
        reading.schemas.add(new)
    for name, about in list(reading.tables.items()):
        if any(kind.removesuffix("[]").strip('"') == old for kind in about.columns.values()):
            columns = {key: _retyped(kind, old, new) for key, kind in about.columns.items()}
            reading.update(name, columns=columns)
    reading.made.discard(old)
    reading.others.discard(old)
    (reading.made if made else reading.others).add(new)
    if made:
        yield change("create", "expand", column=new)
    else:
        kinds = {"OBJECT_TYPE": "rename-type", "OBJECT_DOMAIN": "rename-index"}
        rule = kinds.get(node["renameType"], "rename")
        yield change(rule, "contract" if rule != "rename-index" else "expand", column=old)


def _retyped(kind: str, old: str, new: str) -> str:
    return kind.replace(old, new) if kind.removesuffix("[]").strip('"') == old else kind


def move(reading: Reading, node: Node) -> Found:
    """Read SET SCHEMA."""
    kind, space = node["objectType"], node["newschema"]
    if "relation" not in node:
        old = (parts_of_name(node.get("object", {})) or ["it"])[-1]
        if old in reading.made:
            yield change("create", "expand", column=old)
        elif kind == "OBJECT_TYPE":
            reading.lost.setdefault(old, reading.enums.get(old))
            yield change("rename-type", "contract", column=old)
        else:
            yield change("rename", "contract", column=old)
        return
    table = reading.table(node["relation"])
    new = reading.known.name(space, table.rpartition(".")[2])
    if node.get("missing_ok") and reading.lacks(table, reading.tables, reading.views, reading.others):
        yield change("comment", "expand")
    elif kind == "OBJECT_SEQUENCE":
        yield change("rename-index", "expand", "", table)
    elif table in reading.views or kind in VIEWS:
        yield from _view(reading, table, new)
    else:
        yield from _table(reading, table, new)
