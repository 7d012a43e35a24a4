"""Reads from a Prisma schema which tables, columns, keys and enums of the database its client uses.

So it does not name what is @ignore'd, nor relation fields, and does name the tables that Prisma keeps for relations of
many to many. What is not understood is unknown, never taken to be unused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.sql.prismatext import Attribute, Block, Field, SchemaUnread, Value, blocks_of

SCALARS = frozenset(
    {"String", "Boolean", "Int", "BigInt", "Float", "Decimal", "DateTime", "Json", "Bytes", "Unsupported"}
)
Enums = tuple[tuple[str, tuple[str, ...]], ...]
"""(name in the database, its values)."""
BY_THE_DATABASE = ("autoincrement", "dbgenerated", "sequence")
"""The functions of @default that the client leaves to the database; all others it computes itself."""


@dataclass(frozen=True)
class Model:
    """A table that the code of a release reads and writes. ``name`` is the table's, ``columns`` are the database's.

    ``uniques``: the columns of each key; ``filled``: columns that the client leaves to the database.
    """

    name: str
    columns: frozenset[str] = field(default_factory=frozenset)
    uniques: tuple[tuple[str, ...], ...] = ()
    filled: frozenset[str] = frozenset()


def schema_of(texts: Mapping[str, str], first: str) -> tuple[tuple[Model, ...], Enums]:
    """Read the tables and the enums of a schema. ``texts``: path → text of each of its files. Raises SchemaUnread.

    ``first``: the schema of the database whose tables go by their bare names.
    """
    blocks = [block for path, text in sorted(texts.items()) for block in _read(path, text)]
    _check(blocks)
    return _models(blocks, first), _enums(blocks)


def models_in(schema: str) -> tuple[Model, ...]:
    """List the tables that a client made from the text of a schema.prisma uses. Raises SchemaUnread."""
    blocks = list(blocks_of(schema))
    _check(blocks)
    return _models(blocks, "public")


def _read(path: str, text: str) -> tuple[Block, ...]:
    try:
        return blocks_of(text)
    except SchemaUnread as error:
        raise SchemaUnread(error.line, f"{path.rpartition('/')[2]}: {error.why}") from None


def _check(blocks: list[Block]) -> None:
    """Raise SchemaUnread for a field whose type no block declares: a file is missing."""
    declared = {block.name for block in blocks} | SCALARS
    for block in blocks:
        for one in block.fields:
            if one.type and one.type not in declared:
                raise SchemaUnread(one.line, f"{block.name}.{one.name}: nobody says what {one.type} is")


def _mapped(attribute: Attribute | None, label: str, otherwise: str) -> str:
    given = attribute.given(label) if attribute else None
    return given.value if given and given.kind == "text" else otherwise


def _enums(blocks: list[Block]) -> Enums:
    return tuple(
        (
            _mapped(block.attribute("map"), "name", block.name),
            tuple(_mapped(one.attribute("map"), "name", one.name) for one in block.fields),
        )
        for block in blocks
        if block.kind == "enum"
    )


def _models(blocks: list[Block], first: str) -> tuple[Model, ...]:
    used = {block.name: block for block in blocks if block.kind in ("model", "view") and not block.attribute("ignore")}
    related = {block.name for block in blocks if block.kind in ("model", "view")}
    plain = tuple(_model(block, related, first) for block in used.values())
    return plain + tuple(_between(used, first))


def _table(block: Block, name: str, first: str) -> str:
    space = _mapped(block.attribute("schema"), "map", first)
    return name if space == first else f"{space}.{name}"


def _model(block: Block, related: set[str], first: str) -> Model:
    own = [
        one
        for one in block.fields
        if one.type not in related and one.type != "Unsupported" and not one.attribute("ignore")
    ]
    columns = {one.name: _mapped(one.attribute("map"), "name", one.name) for one in block.fields}
    keys: list[tuple[str, ...]] = [
        (columns[one.name],) for one in own if one.attribute("id") or one.attribute("unique")
    ]
    for attribute in block.attributes:
        if attribute.name in ("id", "unique"):
            keys.append(tuple(columns.get(name, name) for name in _listed(attribute)))
    return Model(
        _table(block, _mapped(block.attribute("map"), "name", block.name), first),
        frozenset(columns[one.name] for one in own),
        tuple(keys),
        frozenset(columns[one.name] for one in own if _is_filled(one)),
    )


def _listed(attribute: Attribute) -> Iterator[str]:
    given = attribute.given("fields")
    yield from (part.value for part in (given.parts if given else ()))


def _is_filled(column: Field) -> bool:
    default = column.attribute("default")
    value: Value | None = default.given("value") if default else None
    return value is not None and value.kind == "call" and value.value in BY_THE_DATABASE


def _between(used: Mapping[str, Block], first: str) -> Iterator[Model]:
    """Find the tables of relations that are lists on both sides: ``_AToB``, with the columns A and B."""
    seen = set()
    for block in used.values():
        for one in block.fields:
            other = used.get(one.type)
            if not one.many or other is None or block.kind == "view":
                continue
            name = _relation(one, block.name)
            back = [two for two in other.fields if two.type == block.name and two is not one]
            if any(two.many and _relation(two, other.name) == name for two in back):
                least = min((block, other), key=lambda side: side.name)
                seen.add(_table(least, f"_{name}", first))
    yield from (Model(table, frozenset({"A", "B"})) for table in sorted(seen))


def _relation(relation: Field, owner: str) -> str:
    """Name a relation: as it was named, or after its two models in the order of the alphabet."""
    least, most = sorted((owner, relation.type))
    return _mapped(relation.attribute("relation"), "name", f"{least}To{most}")
