"""Finds what is done with a value that an enum has only since these migrations.

Postgres refuses it until the transaction that added it has ended. And live code cannot read a row that has it: Prisma's
client raises an error for a value that its enum does not name.
"""

from checks.evidence import Change
from pipeline.sql.expressions import columns_in, texts_in
from pipeline.sql.reading import Reading, change
from pipeline.sql.statements import Node, Statement, nodes
from pipeline.sql.types import read_type, type_name


def carried(reading: Reading, statement: Statement) -> list[Change]:
    """Find the use of a value that is too new in ``statement``."""
    if not reading.fresh or statement.tag == "AlterEnumStmt":
        return []
    written, refused = [], []
    for value in sorted(texts_in(statement.node) & reading.fresh.keys()):
        enum = reading.fresh[value]
        if not _means(reading, statement.node, enum):
            continue
        if value in reading.uncommitted:
            refused.append(change("fresh-enum-value", "expand", column=value))
        for table, column in _written(reading, statement, value, enum):
            written.append(change("carry-enum-value", "data", table, column))
    return written + refused


def _means(reading: Reading, node: Node, enum: str) -> bool:
    """Whether a value in ``node`` may be one of ``enum``: a column of that type is named there, or nobody can tell."""
    tables = [reading.table(one) for one in nodes({"": node}, "RangeVar")]
    tables += [reading.table(one["relation"]) for one in (node,) if "relation" in one]
    if any(read_type(type_name(cast["typeName"])).base == enum for cast in nodes(node, "TypeCast")):
        return True
    if any(read_type(type_name(one["typeName"])).base == enum for one in nodes(node, "ColumnDef") if "typeName" in one):
        return True
    known = [reading.about(table).columns for table in tables]
    if not known or not all(known):
        return True
    named = {*columns_in(node), *(one["name"] for one in nodes(node, "ResTarget") if "name" in one)}
    named |= {cmd["name"] for cmd in nodes(node, "AlterTableCmd") if "name" in cmd}
    whole = "cols" not in node and "selectStmt" in node
    kinds = [kind for columns in known for column, kind in columns.items() if whole or column in named]
    return any(read_type(kind).base == enum for kind in kinds)


def _written(reading: Reading, statement: Statement, value: str, enum: str) -> list[tuple[str, str]]:
    """Name the (table, column) pairs of tables with rows, or about to have some, that get the value."""
    node = statement.node
    if statement.tag not in ("InsertStmt", "UpdateStmt", "MergeStmt"):
        return []
    table = reading.table(node["relation"])
    columns = reading.about(table).columns
    of_enum = [column for column, kind in columns.items() if read_type(kind).base == enum]
    if statement.tag == "UpdateStmt":
        targets = [one["ResTarget"] for one in node.get("targetList", ())]
        named = [one["name"] for one in targets if value in texts_in(one.get("val", {}))]
    else:
        given = node.get("cols") or [cols for when in nodes(node, "MergeWhenClause") for cols in when["targetList"]]
        named = [one["ResTarget"]["name"] for one in given] or of_enum
    if columns:
        named = [column for column in named if column in of_enum]
    return [(table, column) for column in named if (table, column) not in reading.columns]
