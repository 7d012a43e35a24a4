"""Reads DROP, RENAME and SET SCHEMA: the statements that take a name away."""

from collections.abc import Mapping

from pipeline.sql.known import Table
from pipeline.sql.reading import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, Found, Reading, change
from pipeline.sql.statements import Node


def drop(reading: Reading, node: Node) -> Found:
    kind = node["removeType"]
    for dropped in node["objects"]:
        parts = parts_of_name(dropped)
        name = reading.known.name(".".join(parts[:-1]), parts[-1]) if parts else ""
        yield from _drop_one(reading, node, kind, parts, name)


def _drop_one(reading: Reading, node: Node, kind: str, parts: list[str], name: str) -> Found:
    if kind in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        if reading.is_new(name):
            del reading.tables[name]
            yield change("create", "expand", column=name)
        elif node.get("missing_ok") and reading.known.tables and name not in reading.known.tables:
            yield change("comment", "expand")
        else:
            reading.gone.add(name)
            yield change("drop-table", "contract", name, lock=ACCESS_EXCLUSIVE)
    elif kind == "OBJECT_INDEX":
        table = reading.index_tables.get(parts[-1]) or reading.known.indexes.get(name, "")
        lock = SHARE_UPDATE_EXCLUSIVE if node.get("concurrent") else ACCESS_EXCLUSIVE
        yield change("drop-index", "contract", table, parts[-1], lock)
    elif kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        table = reading.known.name(".".join(parts[:-2]), parts[-2])
        rule = "row-security" if kind == "OBJECT_POLICY" else "drop-object"
        yield change(rule, "contract", table, parts[-1], ACCESS_EXCLUSIVE)
    elif kind in ("OBJECT_VIEW", "OBJECT_MATVIEW"):
        made = parts[-1] in reading.made
        lock = ACCESS_EXCLUSIVE if kind == "OBJECT_MATVIEW" else ""
        yield change("create", "expand", column=name) if made else change("drop-view", "contract", name, lock=lock)
    elif parts and parts[-1] in reading.made:
        yield change("create", "expand", column=name)
    elif kind == "OBJECT_SCHEMA":
        yield change("drop-schema", "contract", column=name, lock=ACCESS_EXCLUSIVE)
    else:
        yield change("drop-object", "contract", column=name or kind)


def parts_of_name(node: Node) -> list[str]:
    """Split a parsed name into its parts: schema, table, column."""
    if "List" in node:
        return [str(one["String"]["sval"]) for one in node["List"]["items"] if "String" in one]
    for key, inner in (("TypeName", "names"), ("ObjectWithArgs", "objname")):
        if key in node:
            return [str(one["String"]["sval"]) for one in node[key][inner]]
    return [str(node["String"]["sval"])] if "String" in node else []


def rename(reading: Reading, node: Node) -> Found:
    kind, new = node["renameType"], node.get("newname", "")
    table = reading.table(node["relation"]) if "relation" in node else ""
    if kind == "OBJECT_COLUMN":
        reading.columns.add((table, new))
        yield change("rename-column", "contract", table, node["subname"], ACCESS_EXCLUSIVE)
    elif kind == "OBJECT_TABLE":
        if reading.is_new(table):
            reading.tables[new] = reading.tables.pop(table)
            yield change("create", "expand", column=new)
        else:
            reading.gone.add(table)
            reading.tables[new] = Table(reading.rows(table))
            yield change("rename-table", "contract", table, new, ACCESS_EXCLUSIVE)
    elif kind == "OBJECT_TABCONSTRAINT":
        yield change("rename-index", "expand", table, node["subname"], ACCESS_EXCLUSIVE)
    elif kind in ("OBJECT_INDEX", "OBJECT_DOMCONSTRAINT"):
        yield change("rename-index", "expand", "", new)
    elif kind in ("OBJECT_VIEW", "OBJECT_MATVIEW"):
        yield change("rename", "contract", column=table)
    else:
        parts = parts_of_name(node["object"]) if "object" in node else []
        old = parts[-1] if parts else node.get("subname", "it")
        if isinstance(node.get("object"), Mapping) and "List" in node["object"] and old in reading.made:
            reading.made.add(new)
            yield change("create", "expand", column=new)
        else:
            reading.made.add(new)
            yield change("rename", "contract", table, old)


def move(reading: Reading, node: Node) -> Found:
    table = reading.table(node["relation"]) if "relation" in node else ""
    named = table or ".".join(parts_of_name(node.get("object", {}))) or "it"
    yield change("rename", "contract", table, named, ACCESS_EXCLUSIVE if table else "")
