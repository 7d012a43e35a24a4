"""The database's migrations."""

from dataclasses import dataclass

from checks.evidence.base import Evidence


@dataclass(frozen=True)
class Migrations(Evidence):
    """The release's migrations against the database's. Source: migration.sql files and ``_prisma_migrations``"""

    pending: tuple[str, ...]
    applied: tuple[str, ...]
    failed: tuple[str, ...]
    """Begun, neither finished nor rolled back (P3009)."""
    edited: tuple[str, ...]
    """Applied, but the file has another checksum now."""
    unknown: tuple[str, ...]
    """In the database, not in the release."""


@dataclass(frozen=True)
class AppliedMigrations(Evidence):
    """What ``migrate`` applied in this run, in order."""

    names: tuple[str, ...]
