"""Reads ALTER TABLE, action by action.

Lock levels: the table in PostgreSQL's manual, ALTER TABLE and Explicit Locking.
"""

from collections.abc import Callable

from checks.evidence import Kind
from pipeline.sql.known import SERIAL, Table, is_volatile, type_name, widens
from pipeline.sql.reading import ACCESS_EXCLUSIVE, SHARE_ROW_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, Found, Reading, change
from pipeline.sql.statements import Node, nodes

Action = Callable[[Reading, str, Node], Found]


def alter_table(reading: Reading, node: Node) -> Found:
    """Read the changes of one ALTER TABLE: each of its actions is a change of its own."""
    table = reading.table(node["relation"])
    if node.get("missing_ok") and reading.known.tables and table not in {*reading.known.tables, *reading.tables}:
        yield change("comment", "expand")
        return
    if node["objtype"] in ("OBJECT_INDEX", "OBJECT_SEQUENCE"):
        yield change("maintenance", "expand", column=table)
        return
    if node["objtype"] != "OBJECT_TABLE":
        yield change("other", "unknown", column=table)
        return
    for command in node["cmds"]:
        cmd = command["AlterTableCmd"]
        action = ACTIONS.get(cmd["subtype"])
        if action is None:
            yield change("other", "unknown", table, cmd["subtype"].removeprefix("AT_"), ACCESS_EXCLUSIVE)
        else:
            yield from action(reading, table, cmd)


def _add_column(reading: Reading, table: str, cmd: Node) -> Found:
    column = cmd["def"]["ColumnDef"]
    name = column["colname"]
    known = reading.known.tables.get(table, Table())
    if cmd.get("missing_ok") and name in known.columns and not reading.is_new(table):
        yield change("comment", "expand", table, name, ACCESS_EXCLUSIVE)
        return
    constraints = [constraint["Constraint"] for constraint in column.get("constraints", ())]
    kinds = {constraint["contype"] for constraint in constraints}
    default = next((constraint for constraint in constraints if constraint["contype"] == "CONSTR_DEFAULT"), None)
    reading.columns.add((table, name))
    if default and _gives_value(default):
        reading.defaulted.add((table, name))
    numbered = type_name(column["typeName"]) in SERIAL or "CONSTR_IDENTITY" in kinds
    if "CONSTR_GENERATED" in kinds:
        yield change("add-generated-column", "expand", table, name, ACCESS_EXCLUSIVE, rewrites=True, scans=True)
    elif numbered:
        yield change("add-identity-column", "expand", table, name, ACCESS_EXCLUSIVE, rewrites=True, scans=True)
    elif default and is_volatile(default):
        yield change("add-volatile-column", "expand", table, name, ACCESS_EXCLUSIVE, rewrites=True, scans=True)
    elif kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"} and not _gives_value(default):
        yield change("add-required-column", "contract", table, name, ACCESS_EXCLUSIVE)
    elif kinds & {"CONSTR_UNIQUE", "CONSTR_PRIMARY"}:
        yield change("add-unique-column", "expand", table, name, ACCESS_EXCLUSIVE, scans=True)
    elif "CONSTR_CHECK" in kinds:
        yield change("add-check", "expand", table, name, ACCESS_EXCLUSIVE, scans=True)
    else:
        yield change("add-column", "expand", table, name, ACCESS_EXCLUSIVE)
    for constraint in constraints:
        if constraint["contype"] == "CONSTR_FOREIGN":
            yield from _foreign_key(reading, table, name, constraint, scans=bool(default), fresh=True)


def _gives_value(default: Node | None) -> bool:
    return default is not None and not default["raw_expr"].get("A_Const", {}).get("isnull")


def _drop_column(reading: Reading, table: str, cmd: Node) -> Found:
    if (table, cmd["name"]) in reading.columns:
        reading.columns.discard((table, cmd["name"]))
        yield change("comment", "expand", table, cmd["name"], ACCESS_EXCLUSIVE)
        return
    known = reading.known.tables.get(table)
    if cmd.get("missing_ok") and known and known.columns and cmd["name"] not in known.columns:
        yield change("comment", "expand", table, "", ACCESS_EXCLUSIVE)
        return
    yield change("drop-column", "contract", table, cmd["name"], ACCESS_EXCLUSIVE)


def _type(reading: Reading, table: str, cmd: Node) -> Found:
    known = reading.known.tables.get(table, Table())
    new = type_name(cmd["def"]["ColumnDef"]["typeName"])
    old = known.columns.get(cmd["name"], "")
    if widens(old, new) and "raw_default" not in cmd["def"]["ColumnDef"]:
        yield change("widen-type", "expand", table, cmd["name"], ACCESS_EXCLUSIVE)
    else:
        keeps = widens(old, new)
        yield change(
            "change-type", "contract", table, cmd["name"], ACCESS_EXCLUSIVE, rewrites=not keeps, scans=not keeps
        )


def _default(reading: Reading, table: str, cmd: Node) -> Found:
    if "def" in cmd:
        reading.defaulted.add((table, cmd["name"]))
        yield change("set-default", "expand", table, cmd["name"], ACCESS_EXCLUSIVE)
    else:
        new = (table, cmd["name"]) in reading.columns
        reading.defaulted.discard((table, cmd["name"]))
        rule = "add-required-column" if new else "drop-default"
        yield change(rule, "contract", table, cmd["name"], ACCESS_EXCLUSIVE)


def _set_not_null(reading: Reading, table: str, cmd: Node) -> Found:
    column = (table, cmd["name"])
    if column in reading.columns and column not in reading.defaulted:
        yield change("add-required-column", "contract", table, cmd["name"], ACCESS_EXCLUSIVE, scans=True)
        return
    checked = (table, cmd["name"]) in reading.never_null
    checked = checked or cmd["name"] in reading.known.tables.get(table, Table()).never_null
    yield change("set-not-null", "contract", table, cmd["name"], ACCESS_EXCLUSIVE, scans=not checked)


def _constraint(reading: Reading, table: str, cmd: Node) -> Found:
    constraint = cmd["def"]["Constraint"]
    name = constraint.get("conname", "")
    skips, kind = bool(constraint.get("skip_validation")), constraint["contype"]
    columns = [key["String"]["sval"] for key in constraint.get("keys", ()) if "String" in key]
    fresh = bool(columns) and all((table, column) in reading.columns for column in columns)
    how: Kind = "expand" if fresh else "contract"
    about = ", ".join(columns) or name
    match kind:
        case "CONSTR_UNIQUE" if constraint.get("indexname"):
            yield change("narrow", how, table, about or "by an index that is there", ACCESS_EXCLUSIVE)
        case "CONSTR_UNIQUE":
            yield change("add-unique", how, table, about, ACCESS_EXCLUSIVE, scans=True)
        case "CONSTR_PRIMARY":
            by_index = bool(constraint.get("indexname"))
            yield change("add-primary-key", how, table, about, ACCESS_EXCLUSIVE, scans=not by_index)
        case "CONSTR_CHECK":
            column = _not_null_column(constraint)
            if column and not skips:
                reading.never_null.add((table, column))
            elif column:
                reading.unchecked[table, name] = column
            used = [ref["fields"][-1].get("String", {}).get("sval", "") for ref in nodes(constraint, "ColumnRef")]
            fresh = bool(used) and all((table, column) in reading.columns for column in used)
            how = "expand" if fresh else "contract"
            yield change("add-check", how, table, name, ACCESS_EXCLUSIVE, scans=not skips)
        case "CONSTR_FOREIGN":
            own = [key["String"]["sval"] for key in constraint.get("fk_attrs", ())]
            fresh = bool(own) and all((table, column) in reading.columns for column in own)
            yield from _foreign_key(reading, table, name or ", ".join(own), constraint, scans=not skips, fresh=fresh)
        case "CONSTR_EXCLUSION":
            yield change("add-exclusion", "contract", table, name, ACCESS_EXCLUSIVE, scans=True)
        case "CONSTR_NOTNULL":
            yield change("set-not-null", how, table, about, ACCESS_EXCLUSIVE, scans=not skips)
        case _:
            yield change("other", "unknown", table, kind, ACCESS_EXCLUSIVE)


def _foreign_key(reading: Reading, table: str, name: str, node: Node, *, scans: bool, fresh: bool) -> Found:
    to = reading.table(node["pktable"])
    if not reading.is_new(to) and to != table:
        yield change("brief-lock", "expand", to, name, SHARE_ROW_EXCLUSIVE)
    kind: Kind = "expand" if fresh else "contract"
    yield change("add-foreign-key", kind, table, name, SHARE_ROW_EXCLUSIVE, scans=scans)


def _not_null_column(constraint: Node) -> str:
    """Name the column that a CHECK (column IS NOT NULL) is about; empty for any other CHECK."""
    test = constraint.get("raw_expr", {}).get("NullTest", {})
    if test.get("nulltesttype") != "IS_NOT_NULL":
        return ""
    fields = [
        node["fields"][-1]["String"]["sval"] for node in nodes(test, "ColumnRef") if "String" in node["fields"][-1]
    ]
    return fields[0] if len(fields) == 1 else ""


def _validate(reading: Reading, table: str, cmd: Node) -> Found:
    column = reading.unchecked.get((table, cmd["name"]))
    if column:
        reading.never_null.add((table, column))
    yield change("validate-constraint", "expand", table, cmd["name"], SHARE_UPDATE_EXCLUSIVE)


def _attach(reading: Reading, table: str, cmd: Node) -> Found:
    part = reading.table(cmd["def"]["PartitionCmd"]["name"])
    yield change("brief-lock", "expand", table, part, SHARE_UPDATE_EXCLUSIVE)
    if not reading.is_new(part):
        yield change("attach-partition", "expand", part, part, ACCESS_EXCLUSIVE, scans=True)


def _detach(reading: Reading, table: str, cmd: Node) -> Found:
    part = cmd["def"]["PartitionCmd"]
    lock = SHARE_UPDATE_EXCLUSIVE if part.get("concurrent") else ACCESS_EXCLUSIVE
    yield change("detach-partition", "contract", table, reading.table(part["name"]), lock)


def _plain(rule: str, kind: Kind, lock: str, *, rewrites: bool = False) -> Action:
    def read(reading: Reading, table: str, cmd: Node) -> Found:
        yield change(rule, kind, table, cmd.get("name", ""), lock, rewrites=rewrites, scans=rewrites)

    return read


ACTIONS: dict[str, Action] = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_AlterColumnType": _type,
    "AT_ColumnDefault": _default,
    "AT_SetNotNull": _set_not_null,
    "AT_DropNotNull": _plain("loosen", "expand", ACCESS_EXCLUSIVE),
    "AT_AddConstraint": _constraint,
    "AT_AddIndexConstraint": _constraint,
    "AT_AlterConstraint": _plain("loosen", "expand", ACCESS_EXCLUSIVE),
    "AT_ValidateConstraint": _validate,
    "AT_DropConstraint": _plain("loosen", "expand", ACCESS_EXCLUSIVE),
    "AT_AddIdentity": _plain("set-default", "expand", ACCESS_EXCLUSIVE),
    "AT_SetIdentity": _plain("set-default", "expand", ACCESS_EXCLUSIVE),
    "AT_DropIdentity": _plain("drop-default", "contract", ACCESS_EXCLUSIVE),
    "AT_DropExpression": _plain("drop-default", "contract", ACCESS_EXCLUSIVE),
    "AT_SetExpression": _plain("rewrite", "contract", ACCESS_EXCLUSIVE, rewrites=True),
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
    "AT_AttachPartition": _attach,
    "AT_DetachPartition": _detach,
    "AT_DetachPartitionFinalize": _detach,
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
