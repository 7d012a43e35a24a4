"""The database's migrations."""

from dataclasses import dataclass
from typing import Literal

from checks.evidence.base import Evidence
from checks.evidence.site import Journey

Kind = Literal["expand", "data", "contract", "unknown"]
"""What a change means to the code that is live. *Expand*: it goes on as it is. *Data*: rows change. *Contract*: something
that it may read or write is taken away or narrowed. *Unknown*: only running it would tell."""
KINDS: tuple[Kind, ...] = ("expand", "data", "contract", "unknown")
"""From harmless to grave."""


@dataclass(frozen=True)
class Change:
    """One thing that one statement of a migration does. Source: Postgres' own parser, and the catalogue for ``rows``.

    ``rule`` is a key of ``checks.rules.RULES``. ``lock``: the strongest one on a table that is already there.
    """

    migration: str
    line: int
    rule: str
    kind: Kind
    table: str = ""
    """``User``, or ``billing.Invoice`` outside of the default schema; empty when no table that is there is touched."""
    column: str = ""
    """The column, index, value or other part it is about."""
    lock: str = ""
    rewrites: bool = False
    """The whole table is written anew under the lock."""
    scans: bool = False
    """Every row is read while writers, or readers too, are locked out."""
    rows: int = 0
    """Rows of ``table``, by Postgres' estimate; -1 when nobody knows."""


@dataclass(frozen=True)
class LeftOver:
    """A migration that was begun and did not end (P3009). ``says``: what it left, as far as anybody knows."""

    name: str
    says: str
    undone: bool = False
    """Nothing of it can be in the database: Postgres rolled it back. The next run clears it away and tries again."""


@dataclass(frozen=True)
class Migrations(Evidence):
    """The release's migrations against the database's. Source: migration.sql files and ``_prisma_migrations``"""

    pending: tuple[str, ...]
    applied: tuple[str, ...]
    failed: tuple[LeftOver, ...]
    """Begun, neither finished nor rolled back (P3009)."""
    edited: tuple[str, ...]
    """Applied, or tried, but the file has another checksum now."""
    unknown: tuple[str, ...]
    """In the database, not in the release."""
    late: tuple[str, ...] = ()
    """Pending, although named before one that is applied: another branch was merged later."""
    rolled_back: tuple[str, ...] = ()
    """Tried before, and marked as rolled back since."""
    unmanaged: bool = False
    """The database holds tables, but no ``_prisma_migrations`` (P3005)."""
    provider: str = "postgresql"
    """What migration_lock.toml says; empty when there is no such file (P3019)."""


@dataclass(frozen=True)
class PlannedChanges(Evidence):
    """What the pending migrations would do. Source: Postgres' own parser, and the target's catalogue"""

    changes: tuple[Change, ...]

    @property
    def gravest(self) -> Kind:
        """The gravest kind among the changes; ``expand`` when there is nothing to do."""
        return max((change.kind for change in self.changes), key=KINDS.index, default="expand")


@dataclass(frozen=True)
class LiveTable:
    """A table that the live code reads, and its columns by their names in the database.

    ``uniques``: the columns of each key that an upsert may name. ``filled``: columns that it leaves to the database's
    default.
    """

    name: str
    columns: tuple[str, ...]
    uniques: tuple[tuple[str, ...], ...] = ()
    filled: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveSchema(Evidence):
    """What the live release reads. Source: schema.prisma of its commit, from GitHub; asked only when it matters

    ``found`` is false when that commit or that file cannot be had, or not be read; ``says`` is why.

    ``enums``: (name in the database, its values).
    """

    commit: str
    found: bool
    tables: tuple[LiveTable, ...] = ()
    says: str = ""
    enums: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def reads(self, table: str, column: str = "") -> bool:
        """Whether the live code reads a column. What nobody knows is read."""
        if not self.found:
            return True
        return any(one.name == table and (not column or column in one.columns) for one in self.tables)

    def upserts(self, table: str, columns: list[str]) -> bool:
        """Whether the live code has a unique key on ``columns``, so that an upsert may need it. Likewise."""
        if not self.found:
            return True
        keys = (key for one in self.tables if one.name == table for key in one.uniques)
        return any(set(key) == set(columns) for key in keys)

    def leaves_out(self, table: str, column: str) -> bool:
        """Whether the live code is known to write rows without that column."""
        return any(one.name == table and column in one.filled for one in self.tables)

    def names(self, enum: str, value: str = "") -> bool:
        """Whether the live code names an enum, or a value of it. What nobody knows is named."""
        if not self.found:
            return True
        return any(name == enum and (not value or value in values) for name, values in self.enums)


@dataclass(frozen=True)
class SchemaDrift(Evidence):
    """How the database differs from what its applied migrations make. Source: a replay into a throw-away database

    Each is an object as Postgres names it, e.g. ``index "Lesson_title_idx"``.
    """

    missing: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    says: str = ""
    """Why it could not be compared; empty when it was."""


@dataclass(frozen=True)
class WayBack(Evidence):
    """How the database could be put back. Source: Neon's API, or whether pg_dump is installed

    ``by``: ``branch``, ``snapshot``, ``dump``, or empty when there is none; then ``says`` is why.
    """

    by: str
    says: str = ""
    history_seconds: float = 0
    """Neon: how far back its history reaches now. 0 for a dump."""
    newest_seconds: float | None = None
    """Age of the newest snapshot that exists; None when there is none."""
    newest: str = ""
    """Its name."""
    unset: bool = False
    """Nobody was asked, because the secret that it takes is not set here."""

    def brief(self) -> str:
        if not self.newest_seconds:
            return self.by
        return f"{self.newest} is {self.newest_seconds / 3600:.1f} h old, history {self.history_seconds / 3600:.0f} h"


@dataclass(frozen=True)
class RestorePoint(Evidence):
    """What was kept before migrating. ``by`` is empty when nothing had to be: nothing is pending, or all is additive."""

    by: str = ""
    id: str = ""
    name: str = ""
    made: str = ""
    """ISO 8601, UTC."""
    expires: str = ""
    """Likewise; empty for a file."""
    by_hand: str = ""
    """What to type to restore it."""


@dataclass(frozen=True)
class KeptPoint(Evidence):
    """What is there of this run's restore point. Source: Neon's API, or the dump's own table of contents"""

    there: bool
    says: str = ""
    """What was found instead."""
    expires: str = ""
    """ISO 8601, UTC; empty when it does not."""


@dataclass(frozen=True)
class Tried:
    """One migration of a rehearsal. ``lock``: the strongest that was seen on a table that was there before."""

    name: str
    ms: int
    lock: str = ""


@dataclass(frozen=True)
class Rehearsal(Evidence):
    """The pending migrations, applied to a copy first. ``on``: which copy; empty when there was nothing to rehearse."""

    on: str = ""
    tried: tuple[Tried, ...] = ()
    failure: str = ""
    """What stopped it; empty when every migration went through."""
    old_code: str = ""
    """The address at which the live code ran against the migrated copy; empty when it did not."""
    journeys: tuple[Journey, ...] = ()
    """What a user could do there."""
    says: str = ""
    """Why the live code was not tried, when it was not."""


@dataclass(frozen=True)
class AppliedMigrations(Evidence):
    """What ``migrate`` applied in this run, in order."""

    names: tuple[str, ...]
    ms: tuple[int, ...] = ()
    """How long each took, in milliseconds; empty when nobody measured it, as with Prisma's own engine."""
