"""Reads each kind of statement; ALTER TABLE has a file of its own."""

from collections.abc import Iterator
from typing import Any

from checks.evidence import Kind
from pipeline.sql import altering, dropping
from pipeline.sql.known import Table
from pipeline.sql.reading import (
    ACCESS_EXCLUSIVE,
    EXCLUSIVE,
    LOCK_MODES,
    ROW_EXCLUSIVE,
    SHARE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Found,
    Reader,
    Reading,
    change,
    type_key,
)
from pipeline.sql.statements import Node, nodes

READ_ONLY = frozenset(
    {"set_config", "setval", "nextval", "now", "version", "current_setting", "pg_sleep", "count", "coalesce", "max",
     "min", "pg_get_serial_sequence"}
)  # fmt: skip


def _create_table(reading: Reading, node: Node) -> Found:
    name = reading.table(node["relation"])
    if node.get("if_not_exists") and name in reading.known.tables and name not in reading.gone:
        yield change("comment", "expand")
        return
    reading.tables[name] = Table(0)
    for constraint in nodes(node.get("tableElts", []), "Constraint"):
        if "pktable" in constraint:
            to = reading.table(constraint["pktable"])
            if not reading.is_new(to):
                yield change("brief-lock", "expand", to, name, SHARE_ROW_EXCLUSIVE)
    if node.get("partbound"):
        for parent in node["inhRelations"]:
            yield change("brief-lock", "expand", reading.table(parent["RangeVar"]), name, ACCESS_EXCLUSIVE)
    yield change("create", "expand", column=name)


def _create_table_as(reading: Reading, node: Node) -> Found:
    name = reading.table(node["into"]["rel"])
    reading.tables[name] = Table(0)
    yield change("create", "expand", column=name)


def _create_index(reading: Reading, node: Node) -> Found:
    table = reading.table(node["relation"])
    reading.index_tables[node.get("idxname", "")] = table
    columns = [one["IndexElem"].get("name", "") for one in node["indexParams"]]
    named = ", ".join(filter(None, columns)) or node.get("idxname", "")
    fresh = all((table, column) in reading.columns for column in columns)
    if node.get("concurrent"):
        kind: Kind = "contract" if node.get("unique") and not fresh else "expand"
        yield change("create-index-concurrently", kind, table, node.get("idxname", named), SHARE_UPDATE_EXCLUSIVE)
    elif node.get("unique") and not fresh:
        yield change("add-unique", "contract", table, named, SHARE, scans=True)
    else:
        whole = bool(node["relation"].get("inh"))  # ON ONLY a partitioned table has no rows to read
        yield change("create-index", "expand", table, node.get("idxname", named), SHARE, scans=whole)


def _make(reading: Reading, node: Node) -> Found:
    name = _named(node)
    if node.get("replace") and name not in reading.made and (name in reading.known.others or not reading.known.tables):
        yield change("replace", "unknown", column=name)
    else:
        reading.made.add(name)
        yield change("create", "expand", column=name)


def _named(node: Node) -> str:
    for key in ("view", "sequence"):
        if key in node:
            return str(node[key]["relname"])
    for key in ("typeName", "funcname", "domainname", "defnames"):
        if node.get(key):
            return type_key(node[key])
    if "typevar" in node:
        return str(node["typevar"]["relname"])
    return str(node.get("extname") or node.get("schemaname") or "it")


def _create_statistics(reading: Reading, node: Node) -> Found:
    for relation in node["relations"]:
        yield change("maintenance", "expand", reading.table(relation["RangeVar"]), lock=SHARE_UPDATE_EXCLUSIVE)


def _create_trigger(reading: Reading, node: Node) -> Found:
    yield change("trigger", "unknown", reading.table(node["relation"]), node["trigname"], SHARE_ROW_EXCLUSIVE)


def _policy(reading: Reading, node: Node) -> Found:
    yield change("row-security", "contract", reading.table(node["table"]), node["policy_name"], ACCESS_EXCLUSIVE)


def _create_rule(reading: Reading, node: Node) -> Found:
    yield change("trigger", "unknown", reading.table(node["relation"]), node["rulename"], ACCESS_EXCLUSIVE)


def _alter_enum(reading: Reading, node: Node) -> Found:
    name, value = type_key(node["typeName"]), node["newVal"]
    if name in reading.made:
        yield change("create", "expand", column=name)
    elif "oldVal" in node:
        yield change("rename-enum-value", "contract", column=f"{name}.{node['oldVal']}")
    else:
        yield change("add-enum-value", "expand", column=f"{name}.{value}")


def _written(rule: str, whole: str) -> Reader:
    def read(reading: Reading, node: Node) -> Found:
        table = reading.table(node["relation"])
        if table not in _ctes(node):
            named = rule if node.get("whereClause") or not whole else whole
            yield change(named, "data", table, lock=ROW_EXCLUSIVE)
        yield from _inside(reading, node)

    return read


def _ctes(node: Node) -> set[str]:
    return {one["ctename"] for one in nodes(node, "CommonTableExpr")}


def _inside(reading: Reading, node: Node) -> Iterator[Any]:
    """Find the writes that hide in a WITH of a statement."""
    for tag, reader in WRITES.items():
        for inner in nodes(node, tag):
            yield from reader(reading, inner)


def _copy(reading: Reading, node: Node) -> Found:
    if node.get("is_from") and "relation" in node:
        yield change("insert", "data", reading.table(node["relation"]), lock=ROW_EXCLUSIVE)
    else:
        yield change("code", "unknown", column="COPY")


def _truncate(reading: Reading, node: Node) -> Found:
    for relation in node["relations"]:
        yield change("truncate", "data", reading.table(relation["RangeVar"]), lock=ACCESS_EXCLUSIVE, rewrites=True)


def _select(reading: Reading, node: Node) -> Found:
    written = list(_inside(reading, node))
    yield from written
    called = {call["funcname"][-1]["String"]["sval"] for call in nodes(node, "FuncCall")}
    if node.get("intoClause"):
        name = reading.table(node["intoClause"]["rel"])
        reading.tables[name] = Table(0)
    if called - READ_ONLY:
        yield change("code", "unknown", column=", ".join(sorted(called - READ_ONLY)))
    elif not written:
        yield change("setting", "expand")


def _code(reading: Reading, node: Node) -> Found:
    yield change("code", "unknown", column="CALL" if "funccall" in node else "DO")


def _vacuum(reading: Reading, node: Node) -> Found:
    full = any(one["DefElem"]["defname"] == "full" for one in node.get("options", ()))
    tables = [reading.table(one["VacuumRelation"]["relation"]) for one in node.get("rels", ())] or [""]
    for table in tables:
        if full:
            yield change("rewrite", "expand", table, lock=ACCESS_EXCLUSIVE, rewrites=True, scans=True)
        else:
            yield change("maintenance", "expand", table, lock=SHARE_UPDATE_EXCLUSIVE)


def _cluster(reading: Reading, node: Node) -> Found:
    table = reading.table(node["relation"]) if "relation" in node else ""
    yield change("rewrite", "expand", table, lock=ACCESS_EXCLUSIVE, rewrites=True, scans=True)


def _reindex(reading: Reading, node: Node) -> Found:
    gently = any(one["DefElem"]["defname"] == "concurrently" for one in node.get("params", ()))
    table = reading.table(node["relation"]) if "relation" in node else ""
    if node.get("kind") == "REINDEX_OBJECT_INDEX" and table:
        table = reading.index_tables.get(table) or reading.known.indexes.get(table, "")
    if gently:
        yield change("maintenance", "expand", table, lock=SHARE_UPDATE_EXCLUSIVE)
    else:
        yield change("reindex", "expand", table, lock=SHARE, scans=True)


def _lock(reading: Reading, node: Node) -> Found:
    for relation in node["relations"]:
        lock = LOCK_MODES.get(node.get("mode", 8), ACCESS_EXCLUSIVE)
        yield change(
            "lock-table", "expand", reading.table(relation["RangeVar"]), lock=lock, scans=node.get("mode", 8) >= 5
        )


def _refresh(reading: Reading, node: Node) -> Found:
    view, gently = reading.table(node["relation"]), bool(node.get("concurrent"))
    if view in reading.made:
        yield change("create", "expand", column=view)
    elif gently:
        yield change("maintenance", "expand", view, lock=EXCLUSIVE)
    else:
        yield change("refresh", "expand", view, lock=ACCESS_EXCLUSIVE, scans=True, rewrites=True)


def _grant(reading: Reading, node: Node) -> Found:
    tables = [reading.table(one["RangeVar"]) for one in node.get("objects", ()) if "RangeVar" in one] or [""]
    for table in tables:
        yield change("setting", "expand") if node.get("is_grant") else change("revoke", "contract", table)


def _comment(reading: Reading, node: Node) -> Found:
    parts = dropping.parts_of_name(node["object"])
    of = {"OBJECT_TABLE": parts, "OBJECT_COLUMN": parts[:-1]}.get(node["objtype"], [])
    table = reading.known.name(".".join(of[:-1]), of[-1]) if of else ""
    yield change("comment", "expand", table, lock=SHARE_UPDATE_EXCLUSIVE if table else "")


def _always(rule: str, kind: Kind = "expand") -> Reader:
    def read(reading: Reading, node: Node) -> Found:
        yield change(rule, kind, column=_named(node) if rule != "transaction" else "")

    return read


WRITES: dict[str, Reader] = {
    "InsertStmt": _written("insert", ""),
    "UpdateStmt": _written("update", "update-all"),
    "DeleteStmt": _written("delete", "delete-all"),
    "MergeStmt": _written("update", ""),
}
READERS: dict[str, Reader] = {
    **WRITES,
    "CreateStmt": _create_table,
    "CreateForeignTableStmt": _always("create"),
    "CreateTableAsStmt": _create_table_as,
    "IndexStmt": _create_index,
    **dict.fromkeys(
        ("ViewStmt", "CreateFunctionStmt", "CreateEnumStmt", "CreateDomainStmt", "CompositeTypeStmt", "CreateSeqStmt",
         "CreateExtensionStmt", "CreateSchemaStmt", "CreateRangeStmt", "DefineStmt", "CreateCastStmt"),
        _make,
    ),
    "CreateStatsStmt": _create_statistics,
    "CreateTrigStmt": _create_trigger,
    "CreatePolicyStmt": _policy,
    "AlterPolicyStmt": _policy,
    "RuleStmt": _create_rule,
    "AlterTableStmt": altering.alter_table,
    "AlterEnumStmt": _alter_enum,
    "AlterSeqStmt": _always("setting"),
    "AlterDomainStmt": _always("narrow", "contract"),
    "AlterExtensionStmt": _always("setting"),
    "AlterFunctionStmt": _always("replace", "unknown"),
    "AlterOwnerStmt": _always("other", "unknown"),
    "AlterObjectSchemaStmt": dropping.move,
    "RenameStmt": dropping.rename,
    "DropStmt": dropping.drop,
    "CopyStmt": _copy,
    "TruncateStmt": _truncate,
    "SelectStmt": _select,
    "DoStmt": _code,
    "CallStmt": _code,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _cluster,
    "ReindexStmt": _reindex,
    "LockStmt": _lock,
    "RefreshMatViewStmt": _refresh,
    "GrantStmt": _grant,
    "CommentStmt": _comment,
    "VariableSetStmt": _always("setting"),
    "VariableShowStmt": _always("setting"),
    "ConstraintsSetStmt": _always("setting"),
    "TransactionStmt": _always("transaction"),
}  # fmt: skip
