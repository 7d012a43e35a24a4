"""Says what a database holds, as far as it decides what a migration costs and breaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN_ROWS = -1
PARTITIONED, PLAIN, MATERIALIZED, VIEW = "p", "r", "m", "v"


@dataclass(frozen=True)
class Table:
    """A table that the database has, or a materialized view.

    ``rows``: Postgres' estimate; of a partitioned table, the sum of its partitions. ``columns``: name → type as
    ``format_type`` spells it: ``character varying(50)``. ``never_null``: columns that a valid CHECK keeps from NULL.

    ``required``: NOT NULL. ``defaulted``: filled by themselves, by a default, an identity or an expression.
    ``generated``: name → ``s`` stored or ``v`` virtual. ``collations``: name → collation, where it is not the type's.
    ``parent``: the table whose partition or heir it is. ``default_part``: it is its parent's DEFAULT partition.
    ``key``: the columns that a partitioned table is cut by.
    """

    rows: int = UNKNOWN_ROWS
    columns: Mapping[str, str] = field(default_factory=dict)
    never_null: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    defaulted: frozenset[str] = frozenset()
    generated: Mapping[str, str] = field(default_factory=dict)
    collations: Mapping[str, str] = field(default_factory=dict)
    kind: str = PLAIN
    parent: str = ""
    default_part: bool = False
    key: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Index:
    """An index. ``columns``: its keys in order, expressions left out; ``uses``: every column that it depends on.

    ``simple``: it has neither expressions nor a WHERE. ``plain``: nor is it INVALID or DEFERRABLE, so that
    ``ON CONFLICT`` can name its columns.
    """

    table: str
    columns: tuple[str, ...] = ()
    unique: bool = False
    plain: bool = True
    uses: frozenset[str] = frozenset()
    simple: bool = True


@dataclass(frozen=True)
class Constraint:
    """A constraint. ``kind``: ``p`` primary key, ``u`` unique, ``c`` check, ``f`` foreign key, ``n`` not null, ``x``
    exclusion.

    ``to``: the table that a foreign key references, ``to_columns`` there. ``deletes``: it is ON DELETE CASCADE.
    ``not_null``: it is the CHECK that one column IS NOT NULL.
    """

    kind: str
    columns: tuple[str, ...] = ()
    to: str = ""
    to_columns: tuple[str, ...] = ()
    valid: bool = True
    enforced: bool = True
    deletes: bool = False
    not_null: bool = False


@dataclass(frozen=True)
class View:
    """A view. ``columns``: name → type, empty when nobody can tell. ``uses``: tables and views that it reads.

    ``used``: (table, column) pairs of those.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    uses: frozenset[str] = frozenset()
    used: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Domain:
    """A domain over the type ``base``. ``checked``: values are checked, by a CHECK or NOT NULL."""

    base: str = ""
    checked: bool = False


@dataclass(frozen=True)
class Known:
    """What a database holds.

    Names are ``User``, or ``billing.Invoice`` outside of the schema that comes first in the search path. Types,
    functions and extensions go by their last name.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    indexes: Mapping[str, str] = field(default_factory=dict)
    """Index → its table."""
    others: frozenset[str] = frozenset()
    """Views, functions, types, sequences."""
    schema: str = "public"
    keys: Mapping[str, Index] = field(default_factory=dict)
    """Index → what it is on."""
    constraints: Mapping[tuple[str, str], Constraint] = field(default_factory=dict)
    """(table, name) → constraint."""
    views: Mapping[str, View] = field(default_factory=dict)
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    triggers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(table; trigger, policy or rule) → the function it calls, if any."""
    extensions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Extension → the types it brings."""
    dependents: Mapping[str, frozenset[tuple[str, str, str]]] = field(default_factory=dict)
    """Type, function, sequence or extension → what DROP … CASCADE takes along: (``column`` or ``default``, table,
    column), (``view``, view, empty), (``index``, table, index), (``constraint`` or ``trigger``, table, name)."""
    stable: frozenset[str] = frozenset()
    """Functions that are not volatile: what they compute for a default is computed once."""
    schemas: frozenset[str] = frozenset()
    version: int = 0
    """The server's major version; 0 when nobody has asked it."""
    utc: bool = False
    """Whether its sessions live in UTC."""
    whole: bool | None = None
    """Whether this is everything that is there, so that what is not named here is not there. None: as soon as it
    names any table."""

    @property
    def complete(self) -> bool:
        return bool(self.tables) if self.whole is None else self.whole

    def name(self, schema: str, name: str) -> str:
        return name if schema in ("", self.schema) else f"{schema}.{name}"
