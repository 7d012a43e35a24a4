"""Reads Prisma's side of a database: migrations on disk, and the rows of ``_prisma_migrations``."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BadReleaseError
from pipeline.sql.prismaschema import models_in as models_in

LOCK = 72707369  # the advisory lock that Prisma's own engine takes
LOCK_SECONDS = 10.0  # how long it waits for it before P1002
HISTORY = """
create table if not exists _prisma_migrations (
    id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz,
    migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0)
"""


@dataclass(frozen=True)
class Migration:
    """A migration is one folder under ``prisma/migrations``.

    ``checksum``: lowercase hex SHA-256 of its migration.sql.
    """

    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql).hexdigest()

    @property
    def checksums(self) -> frozenset[str]:
        """Every checksum that Prisma takes for this migration: as it is, and with either kind of newline."""
        unix = self.sql.replace(b"\r\n", b"\n")
        return frozenset(hashlib.sha256(text).hexdigest() for text in (self.sql, unix, unix.replace(b"\n", b"\r\n")))


@dataclass(frozen=True)
class MigrationRow:
    """A row of ``_prisma_migrations`` says what became of a migration. ``started``: seconds since 1970."""

    id: str
    name: str
    checksum: str
    finished: bool
    rolled_back: bool
    started: float = 0
    logs: str = ""

    @property
    def failed(self) -> bool:
        """Whether the migration began and neither finished nor was rolled back: Prisma's P3009."""
        return not self.finished and not self.rolled_back


@dataclass(frozen=True)
class History:
    """The migration history: ``rows``, oldest first; ``managed``: there is a history table.

    ``empty``: the schema holds no other table.
    """

    rows: tuple[MigrationRow, ...]
    managed: bool
    empty: bool

    @property
    def current(self) -> Mapping[str, MigrationRow]:
        """The row that counts for each migration, in the order they were begun."""
        return {row.name: row for row in self.rows if not row.rolled_back}


SIGNS = " _-,;!.'()[]{}@&#%`^+=~$0123456789"
"""What stands before the letters, from first to last, as Unicode's collation (CLDR root) has it."""


def order(name: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[bool, ...]]:
    """The sort key of a migration's name: Prisma sorts by JavaScript's ``localeCompare``, not by bytes.

    An underscore comes before a digit. Marks on letters count only between names that are alike without them, then
    small letters come before capital ones.
    """
    first: list[int] = []
    marks: list[int] = []
    capital: list[bool] = []
    for sign in unicodedata.normalize("NFKD", name.replace("ß", "ss")):
        if unicodedata.combining(sign):
            marks.append(ord(sign))
            continue
        at = SIGNS.find(sign)
        first.append(at if at >= 0 else len(SIGNS) + ord(sign.lower()))
        marks.append(0)
        capital.append(sign.isupper())
    return tuple(first), tuple(marks), tuple(capital)


def migrations_in(folder: Path) -> tuple[Migration, ...]:
    """List the migrations on disk, in the order that Prisma applies them in.

    Raises BadRelease for a folder without its file, as Prisma does (P3015): leaving it out would be a guess.
    """
    names = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    names.sort(key=order)
    return tuple(_migration(folder, name) for name in names)


def _migration(folder: Path, name: str) -> Migration:
    try:
        return Migration(name, (folder / name / "migration.sql").read_bytes())
    except OSError as error:
        raise BadReleaseError(name, f"has no migration.sql that can be read (P3015): {error.strerror}") from error


def provider_of(folder: Path) -> str:
    """Read from migration_lock.toml which database the migrations are written for; empty when it says nothing."""
    try:
        found = re.search(r'^\s*provider\s*=\s*"([^"]*)"', (folder / "migration_lock.toml").read_text(), re.M)
    except (OSError, ValueError):
        return ""
    return found[1] if found else ""
