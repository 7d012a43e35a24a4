"""Can the schema be migrated, and was it?"""

from dataclasses import replace

from checks.evidence import Migrations
from checks.gate import Findings, block, gate, warn


@gate(owner="database")
def history_is_clean(seen: Migrations) -> Findings:
    """The database's migration history fits the release's: nothing failed, edited or unknown.

    Why: Prisma refuses every later migration while one is recorded as failed (P3009), and says nothing at all about
        an applied file that was edited afterwards.

    By hand:
        Run `npx prisma migrate status`.
        Then `psql "$DATABASE_URL" -c 'select migration_name, finished_at, rolled_back_at, logs from _prisma_migrations order by started_at'`:
        no row may have both dates empty.

    If it fails: For a failed migration look at what it left behind, repair it, then
        `npx prisma migrate resolve --rolled-back $MIGRATION` or `--applied $MIGRATION`. For an edited file restore it from git.
    """
    for name in seen.failed:
        yield block(name, "is recorded as failed (P3009)", fix=f"npx prisma migrate resolve --rolled-back {name}")
    for name in seen.edited:
        yield block(name, "was edited after it was applied", fix=f"git log -p -- prisma/migrations/{name}")
    for name in seen.unknown:
        yield warn(name, "is in the database but not in this release")


history_is_clean.stops_when("a migration failed half-way", lambda s: (replace(s, failed=("20260301_add_grades",)),))
history_is_clean.stops_when("an applied file was edited", lambda s: (replace(s, edited=s.applied[:1]),))


@gate(owner="database")
def is_migrated(seen: Migrations) -> Findings:
    """Every migration of the release is applied.

    Why: The new code reads the new schema from its first request.

    By hand: Run `npx prisma migrate status`; it must say `Database schema is up to date!`.

    If it fails: Run `npx prisma migrate deploy` with the direct (not the `-pooler`) database URL and read its error.
    """
    for name in seen.pending:
        yield block(name, "is still pending", fix="npx prisma migrate deploy")
    for name in seen.failed:
        yield block(name, "failed (P3018)", fix=f"npx prisma migrate resolve --rolled-back {name}")


is_migrated.stops_when("a migration is left over", lambda s: (replace(s, pending=("20260401_late",)),))
