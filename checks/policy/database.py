"""How migrations are judged, tried, applied and taken back."""

from dataclasses import dataclass, field
from typing import Literal

from checks.policy.base import Policy


@dataclass(frozen=True)
class IntegrityCheck(Policy):
    """A question to the data whose answer must be no rows."""

    name: str
    """What must be true, e.g. `every enrolment has a course`."""
    sql: str
    """A SELECT that gives the rows that break it. Runs read-only."""


@dataclass(frozen=True)
class SeedPolicy(Policy):
    """What is in the database of your own app in the sandbox, once its first migrations are applied. Nowhere else."""

    sql: str = ""
    """A file of SQL in the app's folder, e.g. `prisma/seed.sql`."""
    command: str = ""
    """A command that is run in the app's folder with the database's address in `url_variables`, e.g. Prisma's own
    seed."""
    rows: int = 0
    """So many rows are made up for every table that is empty still: foreign keys lead somewhere, unique columns are
    unique."""
    tables: dict[str, int] = field(default_factory=dict)
    """Table → how many rows are made up for it instead."""


@dataclass(frozen=True)
class DatabasePolicy(Policy):
    """How migrations are judged, tried, applied and taken back."""

    migrations: str = "prisma/migrations"
    """Folder of Prisma migrations, relative to the release."""
    schema: str = "prisma/schema.prisma"
    """The Prisma schema, a file or a folder of several, relative to the repository: at the live commit it says what the
    live code reads."""
    engine: Literal["builtin", "prisma"] = "builtin"
    """`builtin`: this tool applies the files, under Prisma's lock and with Prisma's rows. `prisma`: the command below."""
    command: str = "npx prisma"
    """`prisma`: the command to run, in the release's folder; pin it in your package.json."""
    lock_timeout: float = 1
    """How long one statement may wait for a lock before it steps aside: nobody who reads waits longer than this."""
    lock_patience: float = 300
    """How long a migration that is blocked is tried again."""
    statement_timeout: float = 300
    """How long one statement may run."""
    large_rows: int = 100_000
    """From so many rows on, what reads or rewrites a whole table under a lock stops a release."""
    neon_project: str = ""
    """Neon project id. Empty: this is a plain Postgres, and what Neon would do is done with `pg_dump`."""
    neon_branch: str = ""
    """Neon branch of production; empty means the project's default branch."""
    restore_point: Literal["branch", "snapshot", "dump", "none"] = "branch"
    """What is kept before a migration that is not purely additive. Without a Neon project it is a `dump`."""
    keep: float = 7 * 24 * 3600
    """How long a restore point is kept on Neon."""
    dumps: str = ".runs/dumps"
    """Where dumps are kept. They hold your users' data."""
    history: float = 3600
    """How far back Neon's own history must reach, at least; longer than a release is watched."""
    newest_backup: float = 26 * 3600
    """How old the newest snapshot may be before it is worth a warning."""
    rehearse: Literal["always", "risky", "never"] = "always"
    """When pending migrations are tried on a copy first; `risky`: when they are not purely additive."""
    copy_mb: float = 2000
    """A plain Postgres that is larger than this is rehearsed on an empty copy."""
    url_variables: tuple[str, ...] = ("DATABASE_URL", "DIRECT_URL")
    """The variables that the app reads the database's address from; a rehearsal points them at the copy."""
    scratch: str = ""
    """The NAME of a variable with the URL of a server for throw-away databases; empty: beside the target's own."""
    seed: SeedPolicy = field(default_factory=SeedPolicy)
    """What your own app finds in the sandbox (`own: true`); `database.plan` then says what each statement took."""
    integrity: tuple[IntegrityCheck, ...] = ()
    """What must be true of the data; `./inv diagnose.database` asks."""
