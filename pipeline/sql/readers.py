"""Reads each kind of statement; CREATE, ALTER TABLE, DROP and RENAME have files of their own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from checks.evidence import Kind
from pipeline.sql import altering, dropping, making, renaming
from pipeline.sql.expressions import calls_in, is_always_true
from pipeline.sql.known import Domain, Table
from pipeline.sql.reading import (
    ACCESS_EXCLUSIVE,
    EXCLUSIVE,
    LOCK_MODES,
    ROW_EXCLUSIVE,
    SHARE,
    SHARE_UPDATE_EXCLUSIVE,
    Found,
    Reader,
    Reading,
    briefly,
    change,
    type_key,
)
from pipeline.sql.statements import Node, nodes
from pipeline.sql.types import read_type

READ_ONLY = frozenset(
    {"set_config", "setval", "nextval", "now", "version", "current_setting", "pg_sleep", "count", "coalesce", "max",
     "min", "pg_get_serial_sequence"}
)  # fmt: skip


def _alter_enum(reading: Reading, node: Node) -> Found:
    name, value = type_key(node["typeName"]), node["newVal"]
    values = reading.enums.get(name, ())
    if "oldVal" in node:
        reading.enums[name] = tuple(value if one == node["oldVal"] else one for one in values)
    elif node.get("skipIfNewValExists") and value in values:
        yield change("comment", "expand", column=f"{name}.{value}")
        return
    else:
        reading.enums[name] = (*values, value)
    if name in reading.made_now:
        yield change("create", "expand", column=name)
    elif "oldVal" in node:
        yield change("rename-enum-value", "contract", column=f"{name}.{node['oldVal']}")
    else:
        reading.fresh[value] = name
        reading.uncommitted.add(value)
        yield change("add-enum-value", "expand", column=f"{name}.{value}")


def _alter_domain(reading: Reading, node: Node) -> Found:
    name = type_key(node["typeName"])
    known, checks = reading.domains.get(name, Domain()), node.get("def", {}).get("Constraint", {})
    adds, validates = node["subtype"] in ("C", "O"), node["subtype"] == "V"
    if adds:
        reading.domains[name] = replace(known, checked=True)
    yield change("narrow" if adds else "setting", "contract" if adds else "expand", column=name)
    if validates or (adds and not checks.get("skip_validation")):
        below = {name, *(one for one, domain in reading.domains.items() if domain.base == name)}
        for table, about in reading.tables.items():
            if not reading.is_new(table) and any(read_type(kind).base in below for kind in about.columns.values()):
                yield change("check-domain", "expand", table, name, SHARE, scans=True)


def _written(rule: str, whole: str) -> Reader:
    def read(reading: Reading, node: Node) -> Found:
        table = reading.table(node["relation"])
        if table not in _ctes(node):
            named = whole if whole and is_always_true(node.get("whereClause")) else rule
            yield change(named, "data", table, lock=ROW_EXCLUSIVE)
        yield from _inside(reading, node)

    return read


def _ctes(node: Node) -> set[str]:
    return {one["ctename"] for one in nodes(node, "CommonTableExpr")}


def _inside(reading: Reading, node: Node) -> Iterator[Any]:
    """Find the writes that hide in a WITH of a statement."""
    if "withClause" not in node:
        return
    for tag, reader in WRITES.items():
        for inner in nodes(node["withClause"], tag):
            yield from reader(reading, inner)


def _copy(reading: Reading, node: Node) -> Found:
    if node.get("is_from") and "relation" in node:
        yield change("insert", "data", reading.table(node["relation"]), lock=ROW_EXCLUSIVE)
    else:
        yield change("code", "unknown", column="COPY")


def _truncate(reading: Reading, node: Node) -> Found:
    """Read TRUNCATE: by CASCADE every table that refers to one of them is emptied, too, and what refers to that."""
    waiting: list[str] = []
    for relation in node["relations"]:
        name = reading.table(relation["RangeVar"])
        waiting += [name, *(reading.family(name) if relation["RangeVar"].get("inh") else ())]
    named, cascade = set(waiting), node.get("behavior") == "DROP_CASCADE"
    emptied: dict[str, None] = {}
    while waiting:
        table = waiting.pop(0)
        if table in emptied:
            continue
        emptied[table] = None
        if cascade:
            for other, _, _ in reading.referring(table):
                waiting += [other, *reading.family(other)]
    for table in emptied:
        whole = named & set(reading.family(reading.about(table).parent)) and reading.about(table).parent in emptied
        if whole:  # its parent says how many rows go
            yield briefly(table, reading.about(table).parent)
        else:
            rule = "truncate" if table in named else "truncate-too"
            yield change(rule, "data", table, lock=ACCESS_EXCLUSIVE, rewrites=True)
    if cascade and not reading.depends:
        yield change("truncate-unknown", "data")


def _select(reading: Reading, node: Node) -> Found:
    written = list(_inside(reading, node))
    yield from written
    called = calls_in(node)
    if node.get("intoClause"):
        name = reading.table(node["intoClause"]["rel"])
        reading.tables[name] = Table(0)
        reading.new.add(name)
    if called - READ_ONLY:
        reading.complete = False
        yield change("code", "unknown", column=", ".join(sorted(called - READ_ONLY)))
    elif not written:
        yield change("setting", "expand")


def _code(reading: Reading, node: Node) -> Found:
    reading.complete = False
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
        table = reading.index_tables.get(table, "")
    if gently:
        yield change("maintenance", "expand", table, lock=SHARE_UPDATE_EXCLUSIVE)
    else:
        yield change("reindex", "expand", table, lock=SHARE, scans=True)


def _lock(reading: Reading, node: Node) -> Found:
    lock = LOCK_MODES.get(node.get("mode", 8), ACCESS_EXCLUSIVE)
    for relation in node["relations"]:
        table = reading.table(relation["RangeVar"])
        rule = "lock-table" if node.get("mode", 8) >= 5 else "maintenance"
        yield change(rule, "expand", table, lock=lock)
        heirs = reading.family(table) if relation["RangeVar"].get("inh") else ()
        yield from (briefly(heir, f"{table}, whose rows it has", lock) for heir in heirs)


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
    table = reading.name(".".join(of[:-1]), of[-1]) if of else ""
    yield change("comment", "expand", table, lock=SHARE_UPDATE_EXCLUSIVE if table else "")


def _set(reading: Reading, node: Node) -> Found:
    if node.get("name") == "search_path":
        first = [one["A_Const"]["sval"]["sval"] for one in node.get("args", ()) if "sval" in one.get("A_Const", {})]
        reading.schema = first[0] if first else reading.known.schema
    yield change("setting", "expand", column=node.get("name", ""))


def _always(rule: str, kind: Kind = "expand") -> Reader:
    def read(reading: Reading, node: Node) -> Found:
        yield change(rule, kind, column=making.named(node) if rule != "transaction" else "")

    return read


WRITES: dict[str, Reader] = {
    "InsertStmt": _written("insert", ""),
    "UpdateStmt": _written("update", "update-all"),
    "DeleteStmt": _written("delete", "delete-all"),
    "MergeStmt": _written("update", ""),
}
READERS: dict[str, Reader] = {
    **WRITES,
    "CreateStmt": making.create_table,
    "CreateForeignTableStmt": _always("create"),
    "CreateTableAsStmt": making.create_table_as,
    "IndexStmt": making.create_index,
    "ViewStmt": making.create_view,
    **dict.fromkeys(
        ("CreateFunctionStmt", "CreateEnumStmt", "CreateDomainStmt", "CompositeTypeStmt", "CreateSeqStmt",
         "CreateExtensionStmt", "CreateSchemaStmt", "CreateRangeStmt", "DefineStmt", "CreateCastStmt"),
        making.make,
    ),
    "CreateStatsStmt": making.create_statistics,
    "CreateTrigStmt": making.create_trigger,
    "CreatePolicyStmt": making.policy,
    "AlterPolicyStmt": making.policy,
    "RuleStmt": making.create_rule,
    "AlterTableStmt": altering.alter_table,
    "AlterEnumStmt": _alter_enum,
    "AlterSeqStmt": _always("setting"),
    "AlterDomainStmt": _alter_domain,
    "AlterExtensionStmt": _always("setting"),
    "AlterFunctionStmt": _always("replace", "unknown"),
    "AlterOwnerStmt": _always("other", "unknown"),
    "AlterObjectSchemaStmt": renaming.move,
    "RenameStmt": renaming.rename,
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
    "VariableSetStmt": _set,
    "VariableShowStmt": _always("setting"),
    "ConstraintsSetStmt": _always("setting"),
    "TransactionStmt": _always("transaction"),
}  # fmt: skip
