"""DROP, RENAME and SET SCHEMA: what takes a name away."""

from collections.abc import Mapping

from pipeline.sql.known import Table
from pipeline.sql.reading import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, Found, Reading, change
from pipeline.sql.statements import Node


def drop(reading: Reading, node: Node) -> Found:
    what = node["removeType"]
    for one in node["objects"]:
        parts = parts_of_name(one)
        name = reading.known.name(".".join(parts[:-1]), parts[-1]) if parts else ""
        yield from _drop_one(reading, node, what, parts, name)


def _drop_one(reading: Reading, node: Node, what: str, parts: list[str], name: str) -> Found:
    if what in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        if reading.is_new(name):
            del reading.tables[name]
            yield change("create", "expand", column=name)
        elif node.get("missing_ok") and reading.known.tables and name not in reading.known.tables:
            yield change("comment", "expand")
        else:
            reading.gone.add(name)
            yield change("drop-table", "contract", name, lock=ACCESS_EXCLUSIVE)
    elif what == "OBJECT_INDEX":
        table = reading.index_tables.get(parts[-1]) or reading.known.indexes.get(name, "")
        lock = SHARE_UPDATE_EXCLUSIVE if node.get("concurrent") else ACCESS_EXCLUSIVE
        yield change("drop-index", "contract", table, parts[-1], lock)
    elif what in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        table = reading.known.name(".".join(parts[:-2]), parts[-2])
        rule = "row-security" if what == "OBJECT_POLICY" else "drop-object"
        yield change(rule, "contract", table, parts[-1], ACCESS_EXCLUSIVE)
    elif what in ("OBJECT_VIEW", "OBJECT_MATVIEW"):
        made = parts[-1] in reading.made
        lock = ACCESS_EXCLUSIVE if what == "OBJECT_MATVIEW" else ""
        yield change("create", "expand", column=name) if made else change("drop-view", "contract", name, lock=lock)
    elif parts and parts[-1] in reading.made:
        yield change("create", "expand", column=name)
    elif what == "OBJECT_SCHEMA":
        yield change("drop-schema", "contract", column=name, lock=ACCESS_EXCLUSIVE)
    else:
        yield change("drop-object", "contract", column=name or what)


def parts_of_name(node: Node) -> list[str]:
    """The parts of a parsed name: schema, table, column."""
    if "List" in node:
        return [str(one["String"]["sval"]) for one in node["List"]["items"] if "String" in one]
    for key, inner in (("TypeName", "names"), ("ObjectWithArgs", "objname")):
        if key in node:
            return [str(one["String"]["sval"]) for one in node[key][inner]]
    return [str(node["String"]["sval"])] if "String" in node else []


def rename(reading: Reading, node: Node) -> Found:
    what, new = node["renameType"], node.get("newname", "")
    table = reading.table(node["relation"]) if "relation" in node else ""
    if what == "OBJECT_COLUMN":
        reading.columns.add((table, new))
        yield change("rename-column", "contract", table, node["subname"], ACCESS_EXCLUSIVE)
    elif what == "OBJECT_TABLE":
        if reading.is_new(table):
            reading.tables[new] = reading.tables.pop(table)
            yield change("create", "expand", column=new)
        else:
            reading.gone.add(table)
            reading.tables[new] = Table(reading.rows(table))
            yield change("rename-table", "contract", table, new, ACCESS_EXCLUSIVE)
    elif what == "OBJECT_TABCONSTRAINT":
        yield change("rename-index", "expand", table, node["subname"], ACCESS_EXCLUSIVE)
    elif what in ("OBJECT_INDEX", "OBJECT_DOMCONSTRAINT"):
        yield change("rename-index", "expand", "", new)
    elif what in ("OBJECT_VIEW", "OBJECT_MATVIEW"):
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
