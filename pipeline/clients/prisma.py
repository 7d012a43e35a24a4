"""Reads Prisma's side of a database: migrations on disk, the rows of ``_prisma_migrations``, schema.prisma."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import BadReleaseError

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


@dataclass(frozen=True)
class Model:
    """A table that the code of a release reads and writes. ``name`` is the table's, ``columns`` are the database's."""

    name: str
    columns: frozenset[str] = field(default_factory=frozenset)


BLOCK = re.compile(r"^[ \t]*(model|view|enum|type)[ \t]+(\w+)[ \t]*\{(.*?)^[ \t]*\}", re.M | re.S)
FIELD = re.compile(r"^[ \t]*(\w+)[ \t]+(\w+|Unsupported\(\"[^\"]*\"\))(\[\]|\?)?[ \t]*(.*)$")
MAP = re.compile(r'@map\(\s*(?:name:\s*)?"([^"]+)"')
MODEL_MAP = re.compile(r'@@map\(\s*(?:name:\s*)?"([^"]+)"')
MODEL_SCHEMA = re.compile(r'@@schema\(\s*(?:map:\s*)?"([^"]+)"')


def models_in(schema: str) -> tuple[Model, ...]:
    """List the tables and columns that a client made from this schema.prisma reads.

    No relation fields, nothing ignored.
    """
    text = re.sub(r"//[^\n]*", "", schema)  # no string in a schema may hold //, but for URLs in datasource blocks
    blocks = BLOCK.findall(text)
    related = {name for kind, name, _ in blocks if kind in ("model", "view")}
    return tuple(
        _model(name, body, related)
        for kind, name, body in blocks
        if kind in ("model", "view") and "@@ignore" not in body
    )


def _model(name: str, body: str, related: set[str]) -> Model:
    columns = set()
    for line in body.splitlines():
        found = FIELD.match(line)
        if not found or line.strip().startswith("@@"):
            continue
        field_name, kind, _, attributes = found.groups()
        if kind in related or kind.startswith("Unsupported") or "@ignore" in attributes:
            continue
        mapped = MAP.search(attributes)
        columns.add(mapped[1] if mapped else field_name)
    table, schema = MODEL_MAP.search(body), MODEL_SCHEMA.search(body)
    named = table[1] if table else name
    return Model(named if not schema or schema[1] == "public" else f"{schema[1]}.{named}", frozenset(columns))
