"""Reads DROP: what goes, what CASCADE takes along, and who else is locked for it."""

from collections.abc import Callable

from pipeline.sql.columns import lose_column
from pipeline.sql.constraints import losing_constraint
from pipeline.sql.known import PARTITIONED
from pipeline.sql.partitions import lose_part
from pipeline.sql.reading import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, Found, Reading, briefly, change
from pipeline.sql.statements import Node
from pipeline.sql.types import read_type
from pipeline.sql.views import lose_view, lose_views

Drop = Callable[[Reading, Node, list[str]], Found]


def drop(reading: Reading, node: Node) -> Found:
    """Read the changes of one DROP: each thing that it names is a change of its own."""
    reader = KINDS.get(node["removeType"], _object)
    for dropped in node["objects"]:
        yield from reader(reading, node, parts_of_name(dropped))


def parts_of_name(node: Node) -> list[str]:
    """Split a parsed name into its parts: schema, table, column."""
    if "List" in node:
        return [str(one["String"]["sval"]) for one in node["List"]["items"] if "String" in one]
    for key, inner in (("TypeName", "names"), ("ObjectWithArgs", "objname")):
        if key in node:
            return [str(one["String"]["sval"]) for one in node[key][inner]]
    return [str(node["String"]["sval"])] if "String" in node else []


def _cascades(node: Node) -> bool:
    return node.get("behavior") == "DROP_CASCADE"


def _nothing() -> Found:
    yield change("comment", "expand")


def _table(reading: Reading, node: Node, parts: list[str]) -> Found:
    name = reading.name(".".join(parts[:-1]), parts[-1])
    if node.get("missing_ok") and reading.lacks(name, reading.tables):
        yield from _nothing()
    else:
        yield from lose_table(reading, name, cascade=_cascades(node))


def lose_table(reading: Reading, name: str, *, cascade: bool) -> Found:
    """Follow a table that goes: both sides of its foreign keys are locked, and its partitions go with it."""
    if reading.is_new(name):
        yield change("create", "expand", column=name)
    else:
        yield change("drop-table", "contract", name, lock=ACCESS_EXCLUSIVE)
    parent = reading.about(name).parent
    if reading.about(parent).kind == PARTITIONED and not reading.is_new(parent):
        yield briefly(parent, name)
        yield from lose_part(reading, name, parent)
    for child in list(reading.children.get(name, ())):
        yield from lose_table(reading, child, cascade=cascade)
    for key, one in reading.foreign(name):
        inherited = key in reading.constraints.get(parent, {})
        if one.to != name and one.enforced and not inherited and not reading.is_new(one.to):
            yield briefly(one.to, f"the foreign key {key} of {name}")
    for other, key, _ in reading.referring(name):
        if other != name and not reading.is_new(other):
            yield briefly(other, f"its foreign key {key}")
    if cascade:
        yield from lose_views(reading, name)
    reading.forget(name)


def _view(reading: Reading, node: Node, parts: list[str]) -> Found:
    name = reading.name(".".join(parts[:-1]), parts[-1])
    if node.get("missing_ok") and reading.lacks(name, reading.views, reading.made):
        yield from _nothing()
    else:
        yield from lose_view(reading, name, cascade=_cascades(node))


def _index(reading: Reading, node: Node, parts: list[str]) -> Found:
    name = reading.name(".".join(parts[:-1]), parts[-1])
    name = name if name in reading.index_tables or parts[-1] not in reading.index_tables else parts[-1]
    if node.get("missing_ok") and reading.lacks(name, reading.index_tables):
        yield from _nothing()
    else:
        lock = SHARE_UPDATE_EXCLUSIVE if node.get("concurrent") else ACCESS_EXCLUSIVE
        yield from lose_index(reading, name, lock)


def lose_index(reading: Reading, name: str, lock: str) -> Found:
    """Follow an index that goes."""
    table = reading.index_tables.get(name, "")
    index = reading.forget_index(name)
    if index and index.unique and index.plain and index.columns:
        yield change("drop-unique", "contract", table, ", ".join(index.columns), lock)
    else:
        yield change("drop-index", "contract", table, name, lock)


def _on_table(reading: Reading, node: Node, parts: list[str]) -> Found:
    """Read what goes from a table: a trigger, a policy or a rule."""
    table = reading.name(".".join(parts[:-2]), parts[-2])
    own = reading.triggers.get(table, {})
    if node.get("missing_ok") and reading.lacks(parts[-1], own):
        yield from _nothing()
        return
    own.pop(parts[-1], None)
    reading.lost.setdefault(f"{table}.{parts[-1]}", None)
    rule = "row-security" if node["removeType"] == "OBJECT_POLICY" else "drop-object"
    yield change(rule, "contract", table, parts[-1], ACCESS_EXCLUSIVE)


def _schema(reading: Reading, node: Node, parts: list[str]) -> Found:
    (name,) = parts
    if node.get("missing_ok") and reading.lacks(name, reading.schemas, reading.made):
        yield from _nothing()
        return
    if not reading.complete and name not in reading.made:
        yield change("drop-schema", "contract", column=name, lock=ACCESS_EXCLUSIVE)
        return
    mine = name == reading.known.schema

    def within(those: object) -> list[str]:
        return [one for one in list(those) if ("." not in one if mine else one.startswith(f"{name}."))]  # type: ignore[call-overload]

    for table in within(reading.tables):
        if table in reading.tables and table not in reading.views:
            yield from lose_table(reading, table, cascade=True)
    for view in within(reading.views):
        if view in reading.views:
            yield from lose_view(reading, view, cascade=True)
    reading.schemas.discard(name)
    yield change("drop-object" if name not in reading.made else "create", "contract", column=name)


def _object(reading: Reading, node: Node, parts: list[str]) -> Found:
    """Read what goes by its last name: a type, a function, a sequence, an extension."""
    name = parts[-1] if parts else node["removeType"]
    if node.get("missing_ok") and reading.lacks(name, reading.others, reading.made, reading.extensions):
        yield from _nothing()
        return
    new = name in reading.made
    reading.lost.setdefault(name, reading.enums.get(name))
    yield change("create" if new else "drop-object", "expand" if new else "contract", column=name)
    if _cascades(node):
        yield from _along(reading, name, new=new)
    for kept in (reading.others, reading.made, reading.stable):
        kept.discard(name)
    for values in (reading.enums, reading.domains, reading.extensions):
        values.pop(name, None)


def _along(reading: Reading, name: str, *, new: bool) -> Found:
    """Follow what CASCADE takes along with a type, a function, a sequence or an extension."""
    if not reading.depends and not new:
        yield change("drop-cascade", "contract", column=name)
    taken = set(reading.known.dependents.get(name, ()))
    types = {name, *reading.extensions.get(name, ())}
    for table, about in reading.tables.items():
        taken |= {("column", table, column) for column, kind in about.columns.items() if read_type(kind).base in types}
    for table, triggers in reading.triggers.items():
        taken |= {("trigger", table, trigger) for trigger, function in triggers.items() if function == name}
    for what, table, part in sorted(taken):
        yield from _taken(reading, what, table, part)


def _taken(reading: Reading, what: str, table: str, part: str) -> Found:
    about = reading.about(table)
    if what == "view" and table in reading.views:
        yield from lose_view(reading, table, cascade=True)
    elif what == "column" and part in about.columns and table not in reading.views:
        yield change("drop-column", "contract", table, part, ACCESS_EXCLUSIVE)
        yield from lose_column(reading, table, part, cascade=True)
    elif what == "default" and part in about.columns:
        reading.update(table, defaulted=about.defaulted - {part})
        yield change("drop-default", "contract", table, part, ACCESS_EXCLUSIVE)
    elif what == "index" and part in reading.index_tables:
        yield from lose_index(reading, part, ACCESS_EXCLUSIVE)
    elif what == "constraint" and part in reading.constraints.get(table, {}):
        yield change("loosen", "expand", table, part, ACCESS_EXCLUSIVE)
        yield from losing_constraint(reading, table, part, reading.constraints[table][part])
    elif what == "trigger" and part in reading.triggers.get(table, {}):
        del reading.triggers[table][part]
        yield change("drop-object", "contract", table, part, ACCESS_EXCLUSIVE)


KINDS: dict[str, Drop] = {
    "OBJECT_TABLE": _table,
    "OBJECT_FOREIGN_TABLE": _table,
    "OBJECT_VIEW": _view,
    "OBJECT_MATVIEW": _view,
    "OBJECT_INDEX": _index,
    "OBJECT_TRIGGER": _on_table,
    "OBJECT_POLICY": _on_table,
    "OBJECT_RULE": _on_table,
    "OBJECT_SCHEMA": _schema,
}
