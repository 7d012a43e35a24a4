"""Looks into parsed expressions: which functions they call, which columns and values they name."""

from collections.abc import Container
from typing import Any

from pipeline.sql.statements import Node, nodes

# Functions that Postgres 18 itself has and that it takes for volatile (pg_proc.provolatile), as far as a default may
# call them. Of one that it neither has nor the catalogue knows as stable, the same is taken for granted.
VOLATILE = frozenset(
    {
        "random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday", "nextval",
        "currval", "lastval", "setval", "setseed", "pg_sleep", "pg_sleep_for", "pg_sleep_until",
        "txid_current_if_assigned",
        "pg_current_xact_id_if_assigned", "pg_nextoid", "query_to_xml", "lo_create", "lo_creat", "lo_from_bytea",
        "pg_notify", "pg_advisory_lock", "pg_advisory_xact_lock", "pg_try_advisory_lock", "pg_current_wal_lsn",
        "pg_stat_get_activity", "pg_logical_emit_message",
    }
)  # fmt: skip
EXTENSIONS = frozenset(
    {"uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "gen_salt", "gen_random_bytes", "nanoid", "cuid"}
)


def is_volatile(expression: Any, stable: Container[str], others: Container[str], *, complete: bool) -> bool:
    """Whether a default must be computed for each row, so that adding its column rewrites the table.

    ``stable``: functions of the database's own that are not volatile; ``others``: all that it has of its own.
    ``complete``: nothing is missing there, so that what is not in ``others`` is one of Postgres' own.
    """

    def computed(name: str) -> bool:
        if name in VOLATILE or name in EXTENSIONS:
            return True
        return name not in stable and name not in STABLE and (name in others or not complete)

    return any(map(computed, calls_in(expression)))


STABLE = frozenset(
    {
        "now", "transaction_timestamp", "statement_timestamp", "current_setting", "current_schema", "to_timestamp",
        "date_trunc", "lower", "upper", "concat", "length", "jsonb_build_object", "jsonb_build_array",
        "json_build_object", "json_build_array", "to_jsonb", "to_json", "array_fill", "make_interval", "make_date",
        "timezone", "md5", "repeat", "left", "right", "date_part", "extract", "trim", "btrim", "round", "floor",
        "ceil", "abs", "to_char", "to_date", "encode", "decode",
    }
)  # fmt: skip
"""Some of Postgres' own that are not: what a database that nobody has asked has for certain."""


def calls_in(tree: Any) -> set[str]:
    """Name the functions that are called anywhere in ``tree``."""
    return {call["funcname"][-1]["String"]["sval"] for call in nodes(tree, "FuncCall")}


def columns_in(tree: Any) -> list[str]:
    """Name the columns that ``tree`` refers to."""
    last = (ref["fields"][-1] for ref in nodes(tree, "ColumnRef"))
    return [field["String"]["sval"] for field in last if "String" in field]


def texts_in(tree: Any) -> set[str]:
    """Name the text constants anywhere in ``tree``."""
    return {node["sval"]["sval"] for node in nodes(tree, "A_Const") if node.get("sval", {}).get("sval")}


def plain_cast_of(tree: Node, column: str) -> bool:
    """Whether an expression is ``column`` as it is, cast or not."""
    while "TypeCast" in tree:
        tree = tree["TypeCast"]["arg"]
    return "ColumnRef" in tree and columns_in(tree) == [column]


def is_always_true(where: Any) -> bool:
    """Whether a WHERE leaves no row out: there is none, or it is TRUE, or says that 1 = 1."""
    if not where:
        return True
    if "A_Const" in where:
        return bool(where["A_Const"].get("boolval", {}).get("boolval"))
    sides = [where.get("A_Expr", {}).get(side, {}).get("A_Const") for side in ("lexpr", "rexpr")]
    if None in sides or where["A_Expr"]["name"][-1]["String"]["sval"] != "=":
        return False
    left, right = ({key: value for key, value in side.items() if key != "location"} for side in sides)
    return left == right
