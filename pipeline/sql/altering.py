"""Reads ALTER TABLE, action by action: what each does to columns, constraints and partitions has a file of its own."""

from collections.abc import Callable

from checks.evidence import Kind
from pipeline.sql import columns, constraints, partitions
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

Action = Callable[[Reading, str, Node], Found]
STAYS_AT_HOME = ("AT_AttachPartition", "AT_DetachPartition", "AT_DetachPartitionFinalize", "AT_DropInherit",
                 "AT_AddInherit", "AT_ChangeOwner", "AT_SetRelOptions", "AT_ResetRelOptions", "AT_EnableRowSecurity",
                 "AT_DisableRowSecurity", "AT_ForceRowSecurity", "AT_NoForceRowSecurity", "AT_ReplicaIdentity",
                 "AT_ClusterOn", "AT_DropCluster")  # fmt: skip
"""What is done to the table that is named, and not to its partitions."""


def alter_table(reading: Reading, node: Node) -> Found:
    """Read the changes of one ALTER TABLE: each of its actions is a change of its own."""
    table = reading.table(node["relation"])
    if node.get("missing_ok") and reading.lacks(table, reading.tables, reading.views, reading.index_tables):
        yield change("comment", "expand")
        return
    if node["objtype"] in ("OBJECT_INDEX", "OBJECT_SEQUENCE"):
        yield from _index_or_sequence(reading, table, node)
        return
    if node["objtype"] not in ("OBJECT_TABLE", "OBJECT_MATVIEW"):
        yield change("other", "unknown", column=table)
        return
    for command in node["cmds"]:
        cmd = command["AlterTableCmd"]
        action = ACTIONS.get(cmd["subtype"])
        if action is None:
            yield change("other", "unknown", table, cmd["subtype"].removeprefix("AT_"), ACCESS_EXCLUSIVE)
            continue
        heirs = reading.family(table) if node["relation"].get("inh") and cmd["subtype"] not in STAYS_AT_HOME else ()
        for one in action(reading, table, cmd):
            yield one
            if one.table == table and one.lock:
                yield from (briefly(heir, f"{table}, whose rows it has", one.lock) for heir in heirs)


def _index_or_sequence(reading: Reading, name: str, node: Node) -> Found:
    attach = [cmd["AlterTableCmd"] for cmd in node["cmds"] if "PartitionCmd" in cmd["AlterTableCmd"].get("def", {})]
    yield change("maintenance", "expand", column=name)
    for _ in attach:
        table = reading.index_tables.get(name, "")
        if table:
            yield change("maintenance", "expand", table, name)


def _inherit(reading: Reading, table: str, cmd: Node) -> Found:
    parent = reading.table(cmd["def"]["RangeVar"])
    reading.update(table, parent=parent)
    reading.children[parent].append(table)
    yield change("brief-lock", "expand", parent, table, SHARE_UPDATE_EXCLUSIVE)
    yield briefly(table, parent)


def _plain(rule: str, kind: Kind, lock: str, *, rewrites: bool = False) -> Action:
    def read(reading: Reading, table: str, cmd: Node) -> Found:
        yield change(rule, kind, table, cmd.get("name", ""), lock, rewrites=rewrites, scans=rewrites)

    return read


ACTIONS: dict[str, Action] = {
    "AT_AddColumn": columns.add_column,
    "AT_DropColumn": columns.drop_column,
    "AT_AlterColumnType": columns.change_type,
    "AT_ColumnDefault": columns.default,
    "AT_SetNotNull": columns.set_not_null,
    "AT_DropNotNull": columns.drop_not_null,
    "AT_AddConstraint": constraints.add,
    "AT_AddIndexConstraint": constraints.add,
    "AT_AlterConstraint": constraints.alter,
    "AT_ValidateConstraint": constraints.validate,
    "AT_DropConstraint": constraints.drop,
    "AT_AddIdentity": columns.identity,
    "AT_SetIdentity": columns.identity,
    "AT_DropIdentity": columns.identity,
    "AT_DropExpression": columns.drop_expression,
    "AT_SetExpression": columns.set_expression,
    "AT_SetStatistics": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_SetOptions": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_ResetOptions": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_SetStorage": _plain("maintenance", "expand", ACCESS_EXCLUSIVE),
    "AT_SetCompression": _plain("maintenance", "expand", ACCESS_EXCLUSIVE),
    "AT_SetRelOptions": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_ResetRelOptions": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_ClusterOn": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_DropCluster": _plain("maintenance", "expand", SHARE_UPDATE_EXCLUSIVE),
    "AT_ReplicaIdentity": _plain("maintenance", "expand", ACCESS_EXCLUSIVE),
    "AT_ChangeOwner": _plain("other", "unknown", ACCESS_EXCLUSIVE),
    "AT_SetLogged": _plain("rewrite", "expand", ACCESS_EXCLUSIVE, rewrites=True),
    "AT_SetUnLogged": _plain("rewrite", "expand", ACCESS_EXCLUSIVE, rewrites=True),
    "AT_SetTableSpace": _plain("rewrite", "expand", ACCESS_EXCLUSIVE, rewrites=True),
    "AT_SetAccessMethod": _plain("rewrite", "expand", ACCESS_EXCLUSIVE, rewrites=True),
    "AT_AttachPartition": partitions.attach,
    "AT_DetachPartition": partitions.detach,
    "AT_DetachPartitionFinalize": partitions.detach,
    "AT_AddInherit": _inherit,
    "AT_DropInherit": partitions.leave,
    **dict.fromkeys(
        ("AT_EnableRowSecurity", "AT_DisableRowSecurity", "AT_ForceRowSecurity", "AT_NoForceRowSecurity"),
        _plain("row-security", "contract", ACCESS_EXCLUSIVE),
    ),
    **dict.fromkeys(
        ("AT_EnableTrig", "AT_DisableTrig", "AT_EnableTrigAll", "AT_DisableTrigAll", "AT_EnableTrigUser",
         "AT_DisableTrigUser", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig"),
        _plain("trigger", "unknown", SHARE_ROW_EXCLUSIVE),
    ),
}  # fmt: skip
