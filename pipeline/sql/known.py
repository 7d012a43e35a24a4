"""Says what a database holds, as far as it decides what a migration costs and breaks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.sql.statements import Node, nodes

UNKNOWN_ROWS = -1
SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})


@dataclass(frozen=True)
class Table:
    """A table that the database has.

    ``rows``: Postgres' estimate. ``columns``: name → type as ``format_type`` spells it: ``character varying(50)``.

    ``never_null``: columns that a valid CHECK keeps from being null.
    """

    rows: int = UNKNOWN_ROWS
    columns: Mapping[str, str] = field(default_factory=dict)
    never_null: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """What a database holds.

    Names are ``User``, or ``billing.Invoice`` outside of the schema that comes first in the search path.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    indexes: Mapping[str, str] = field(default_factory=dict)
    """Index → its table."""
    others: frozenset[str] = frozenset()
    """Views, functions, types."""
    schema: str = "public"

    def name(self, schema: str, name: str) -> str:
        return name if schema in ("", self.schema) else f"{schema}.{name}"


def type_name(node: Node) -> str:
    """Name a parsed type as short as it can be told apart: ``varchar(50)``, ``Role_new``."""
    names = [one["String"]["sval"] for one in node.get("names", ())]
    sizes = [str(one["A_Const"].get("ival", {}).get("ival", 0)) for one in node.get("typmods", ()) if "A_Const" in one]
    base = ".".join(names[1:] if names[:1] == ["pg_catalog"] else names)
    return base + (f"({','.join(sizes)})" if sizes else "") + "[]" * len(node.get("arrayBounds", ()))


TYPE = re.compile(
    r"^(character varying|varchar|text|numeric|decimal|bpchar|character|char)(?:\((\d+)(?:,(-?\d+))?\))?$"
)
ALIASES = {"varchar": "character varying", "decimal": "numeric", "bpchar": "character", "char": "character"}


def widens(old: str, new: str) -> bool:
    """Whether every value of type ``old`` is one of type ``new`` as it is: nothing is rewritten, nobody notices."""
    was, becomes = TYPE.match(old), TYPE.match(new)
    if not was or not becomes:
        return old == new
    a, b = ALIASES.get(was[1], was[1]), ALIASES.get(becomes[1], becomes[1])
    if a == "character varying" and b == "text":
        return True
    if a == b == "text":
        return True
    if a == b == "character varying":
        return becomes[2] is None or (was[2] is not None and int(becomes[2]) >= int(was[2]))
    if a == b == "numeric":
        same_scale = (was[3] or "0") == (becomes[3] or "0")
        return becomes[2] is None or (was[2] is not None and same_scale and int(becomes[2]) >= int(was[2]))
    return False


def is_volatile(expression: Any) -> bool:
    """Whether a default must be computed for each row, so that adding its column rewrites the table."""
    names = {call["funcname"][-1]["String"]["sval"] for call in nodes(expression, "FuncCall")}
    return bool(names - STABLE)


STABLE = frozenset(
    {
        "now", "transaction_timestamp", "statement_timestamp", "current_setting", "current_schema", "to_timestamp",
        "date_trunc", "lower", "upper", "concat", "length", "jsonb_build_object", "jsonb_build_array",
        "json_build_object", "json_build_array", "to_jsonb", "to_json", "array_fill", "make_interval", "make_date",
        "timezone", "md5", "repeat", "left", "right", "coalesce", "date_part", "extract", "trim", "btrim", "round",
        "floor", "ceil", "abs", "to_char", "to_date", "encode", "decode",
    }
)  # fmt: skip
