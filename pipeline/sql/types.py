"""Compares the types of columns: whether a change of type rewrites the table, and whether live code notices it."""

import re
from dataclasses import dataclass
from functools import cache

from pipeline.sql.statements import Node

SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})
SPELLED = {
    "int2": "smallint", "int4": "integer", "int": "integer", "int8": "bigint", "float4": "real",
    "float8": "double precision", "bool": "boolean", "varchar": "character varying", "decimal": "numeric",
    "bpchar": "character", "char": "character", "varbit": "bit varying", "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone", "timetz": "time with time zone", "time": "time without time zone",
    "serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint", "smallserial": "smallint",
    "serial2": "smallint",
}  # fmt: skip
"""What people and the parser write → what ``format_type`` writes."""
TIMES = frozenset(
    {"timestamp without time zone", "timestamp with time zone", "time without time zone", "time with time zone"}
)
ZONED = frozenset({"timestamp without time zone", "timestamp with time zone"})
SAME_BYTES = frozenset(
    {
        ("character varying", "text"), ("text", "character varying"), ("cidr", "inet"), ("citext", "text"),
        ("citext", "character varying"), ("xml", "text"), ("xml", "character varying"), ("bit", "bit varying"),
        ("bit varying", "bit"), ("integer", "oid"), ("oid", "integer"), ("text", "citext"),
        ("character varying", "citext"), ("oid", "regclass"), ("regclass", "oid"), ("integer", "regclass"),
        ("regclass", "integer"),
    }
)  # fmt: skip
"""Pairs whose values Postgres takes over as they are (pg_cast: binary coercible)."""
ANOTHER_ORDER = frozenset(
    {("citext", "text"), ("citext", "character varying"), ("text", "citext"), ("character varying", "citext"),
     ("bit", "bit varying"), ("bit varying", "bit"), ("integer", "oid"), ("oid", "integer"), ("integer", "regclass"),
     ("regclass", "integer")}
)  # fmt: skip
"""Those of them whose indexes sort by other operators, and are built anew."""
WIDER = frozenset(
    {("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"), ("real", "double precision"),
     ("json", "jsonb")}
)  # fmt: skip
"""Pairs of which Prisma's client reads and writes the one as it did the other (tests/vendors/test_prisma_client.py)."""
NAME = re.compile(r"^(?P<base>[^(\[]*?)\s*(?:\((?P<sizes>[\d,\s-]*)\))?(?P<rest>[^(\[]*?)(?P<array>(?:\[\])*)$")
SECONDS = 1 << 12  # in an interval's first size


@dataclass(frozen=True)
class Type:
    """A type: ``base`` as ``format_type`` spells it, without a schema; ``sizes`` are what stands in parentheses."""

    base: str
    sizes: tuple[int, ...] = ()
    array: bool = False

    @property
    def key(self) -> str:
        """The name by which enums, domains and the like are known."""
        return self.base


@cache
def read_type(text: str) -> Type:
    """Read a type as ``format_type`` or ``type_name`` spells it: ``timestamp(3) without time zone``, ``"Role"[]``."""
    if '"' in text:
        bare = text.removesuffix("[]")
        return Type(bare.rsplit('."', 1)[-1].strip('"'), array=bare != text)
    found = NAME.match(text)
    if not found:
        return Type(text)
    base = " ".join(f"{found['base']} {found['rest']}".split())
    base = SPELLED.get(base, base.rsplit(".", 1)[-1])
    sizes = tuple(int(size) for size in (found["sizes"] or "").split(",") if size.strip())
    if base == "numeric" and len(sizes) == 1:
        sizes = (sizes[0], 0)
    if base in ("character", "bit") and not sizes and "bpchar" not in text:
        sizes = (1,)
    return Type(base, sizes, bool(found["array"]))


def type_name(node: Node) -> str:
    """Name a parsed type as ``format_type`` would: ``character varying(50)``, ``Role_new[]``."""
    names = [one["String"]["sval"] for one in node.get("names", ())]
    sizes = [str(one["A_Const"].get("ival", {}).get("ival", 0)) for one in node.get("typmods", ()) if "A_Const" in one]
    base = names[-1] if names else ""
    if names[:1] == ["pg_catalog"] or len(names) == 1:
        base = SPELLED.get(base, base) if base not in SERIAL else base
    if base == "interval" and sizes:  # the first of its sizes says which fields, the second the precision
        base, sizes = base if int(sizes[0]) & SECONDS else "interval of some fields", sizes[1:]
    if base == "character" and node.get("typmods") is None and names == ["bpchar"]:
        base = "bpchar"
    size = f"({','.join(sizes)})" if sizes else ""
    array = "[]" if node.get("arrayBounds") else ""
    head, space, zone = base.partition(" with")
    return f"{head}{size}{space}{zone}{array}" if space and base in TIMES else f"{base}{size}{array}"


def keeps_bytes(old: Type, new: Type, *, utc: bool = False) -> bool:
    """Whether Postgres takes every value over as it is, so that the table is not rewritten.

    ``utc``: the session's zone is UTC, in which a timestamp is the same with and without a zone.
    """
    if old.array or new.array:
        return old == new
    if old.base.startswith("interval") and new.base == "interval":
        return _wide_enough(old.sizes, new.sizes, 6)
    if old.base != new.base:
        if utc and {old.base, new.base} == ZONED:
            return _wide_enough(old.sizes, new.sizes, 6)
        return (old.base, new.base) in SAME_BYTES and not new.sizes
    match old.base:
        case "character varying" | "bit varying":
            return not new.sizes or (bool(old.sizes) and new.sizes[0] >= old.sizes[0])
        case "numeric":
            if not new.sizes:
                return True
            return bool(old.sizes) and new.sizes[1] == old.sizes[1] and new.sizes[0] >= old.sizes[0]
        case base if base in TIMES:
            return _wide_enough(old.sizes, new.sizes, 6)
        case "character":
            return old.sizes == new.sizes or not new.sizes
    return old.sizes == new.sizes


def _wide_enough(old: tuple[int, ...], new: tuple[int, ...], most: int) -> bool:
    return (new or (most,))[0] >= (old or (most,))[0]


def holds_all(old: Type, new: Type) -> bool:
    """Whether live code can go on to read and write what it did: every value of ``old`` is one of ``new``."""
    return keeps_bytes(old, new) or grows(old, new)


def grows(old: Type, new: Type) -> bool:
    """Whether every value stays what it is, although the table is rewritten: an integer becomes a larger one."""
    if old.array or new.array:
        return False
    if old.base == new.base == "numeric" and old.sizes and new.sizes:
        (digits, scale), (more, finer) = old.sizes, new.sizes
        return finer >= scale and more - finer >= digits - scale
    if old.base == "character" and new.base in ("text", "character varying", "character"):
        return not new.sizes or (bool(old.sizes) and new.sizes[0] >= old.sizes[0])
    return (old.base, new.base) in WIDER
