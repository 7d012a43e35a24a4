"""Asks whether the schema can be migrated, can be put back, and was migrated."""

import datetime
from dataclasses import replace

from checks.evidence import (
    AppliedMigrations,
    Change,
    Journey,
    KeptPoint,
    LeftOver,
    Migrations,
    Moment,
    OldCodeJourneys,
    PlannedChanges,
    Rehearsal,
    RestorePoint,
    SchemaDrift,
    Tried,
    WayBack,
)
from checks.gate import Findings, block, gate, not_yet, warn
from checks.policy import DatabasePolicy, SmokePolicy


@gate(owner="database")
def history_is_clean(seen: Migrations) -> Findings:
    """The database's migration history fits the release's: nothing failed, edited, missing or out of order.

    Why: Prisma refuses every later migration while one is recorded as failed (P3009), and says nothing at all about
        an applied file that was edited afterwards, or that the release does not have.

    By hand:
        Run `npx prisma migrate status`.
        Then `psql "$DIRECT_URL" -c 'select migration_name, finished_at, rolled_back_at, logs from _prisma_migrations order by started_at'`:
        no row may have both dates empty.

    If it fails: For a failed migration look at what it left behind (its row's `logs` say how far it came), repair it, then
        `npx prisma migrate resolve --rolled-back $MIGRATION` or `--applied $MIGRATION`. For an edited file restore it
        from git and put the change into a new migration. A database that Prisma does not know yet is baselined with
        `npx prisma migrate resolve --applied $MIGRATION`, once for each migration that it already has.
    """
    if seen.provider != "postgresql":
        says = f"says {seen.provider}, not postgresql (P3019)" if seen.provider else "is missing (P3019)"
        yield block(
            "migration_lock.toml",
            says,
            fix="printf 'provider = \"postgresql\"\\n' > prisma/migrations/migration_lock.toml",
        )
    if seen.unmanaged:
        yield block(
            "_prisma_migrations",
            "is missing, but the database is not empty (P3005)",
            fix="npx prisma migrate resolve --applied $MIGRATION, for each migration that the database already has",
        )
    for left in seen.failed:
        if left.undone:
            yield warn(left.name, f"{left.says}; it is tried again")
        else:
            fix = f"npx prisma migrate resolve --rolled-back {left.name}   (or --applied, when all of it is there)"
            yield block(left.name, f"failed (P3009): {left.says}", fix=fix)
    for name in sorted(set(seen.edited) - {left.name for left in seen.failed}):
        yield block(name, "was edited after it was applied", fix=f"git log -p -- prisma/migrations/{name}")
    for name in seen.unknown:
        yield warn(
            name, "is in the database but not in this release: somebody migrated ahead, or this is an older release"
        )
    for name in seen.late:
        yield warn(name, "is named before one that is applied already; another branch was merged later")


history_is_clean.stops_when(
    "a migration failed half-way",
    lambda s: (replace(s, failed=(LeftOver("20260301_add_grades", "what stands before line 7 is in the database"),)),),
)
history_is_clean.stops_when("an applied file was edited", lambda s: (replace(s, edited=s.applied[:1]),))
history_is_clean.stops_when("the database was made without Prisma", lambda s: (replace(s, unmanaged=True),))
history_is_clean.stops_when("the migrations are for MySQL", lambda s: (replace(s, provider="mysql"),))


@gate(owner="database")
def has_not_drifted(seen: SchemaDrift) -> Findings:
    """The database is what its applied migrations make: nobody changed the schema by hand.

    Why: A migration that was written for another schema fails, or does something else. Prisma's `deploy` does not look.

    By hand: Run `npx prisma migrate diff --from-migrations prisma/migrations --to-config-datasource --exit-code`; it ends with 0. Both addresses are in `prisma.config.ts`; Prisma 6 wants `--to-url` and `--shadow-database-url`.

    If it fails: Write down what was changed by hand as a migration and mark it with
        `npx prisma migrate resolve --applied $MIGRATION`, or take the change back. What is merely extra does not stop a
        release.
    """
    for name in seen.missing:
        yield block(name, "is made by the migrations, but is not in the database", fix="restore it, or migrate it away")
    for name in seen.different:
        yield block(name, "is not as the migrations make it", fix="npx prisma migrate diff, then a new migration")
    if seen.says:
        yield warn("schema", f"was not compared: {seen.says}")
    if seen.extra:
        more = f" and {len(seen.extra) - 5} more" if len(seen.extra) > 5 else ""
        yield warn(", ".join(seen.extra[:5]) + more, "is in the database, but no migration makes it")


has_not_drifted.stops_when(
    "somebody dropped an index by hand", lambda s: (replace(s, missing=('index "Lesson_title_idx"',)),)
)
has_not_drifted.stops_when(
    "somebody changed a column by hand", lambda s: (replace(s, different=('column "Lesson".minutes',)),)
)


@gate(owner="database")
def can_be_put_back(policy: DatabasePolicy, planned: PlannedChanges, back: WayBack) -> Findings:
    """Before a migration that is not purely additive, the database can be put back.

    Why: A rollback of the code does not bring back a column or rows. Only a restore point does, and it has to be made
        before; Neon's own history must reach further back than a release is watched.

    By hand: In the Neon console look at Settings → Instant restore (history window) and Backup & Restore (snapshots). For
        another Postgres: `pg_dump -Fc "$DIRECT_URL" -f before.dump`.

    If it fails: Set `NEON_API_KEY` and `database.neon_project`, lengthen the history window, or install `pg_dump` of the
        server's version.
    """
    risky = planned.gravest != "expand"
    if not back.by and policy.restore_point != "none":
        say = block if risky else warn
        yield say("way back", f"there is none: {back.says}", fix="set NEON_API_KEY, or install pg_dump")
    elif not back.by and risky:
        yield warn("way back", "there is none, and `database.restore_point: none` says that this is meant")
    if back.by in ("branch", "snapshot"):
        if back.history_seconds < policy.history:
            say = block if risky else warn
            yield say(
                "history",
                f"Neon keeps {_span(back.history_seconds)}, less than {_span(policy.history)}",
                fix="Neon console → Settings → Instant restore",
            )
        if back.newest_seconds is None:
            yield warn("backups", "there is no snapshot at all", fix="Neon console → Backup & Restore → schedule")
        elif back.newest_seconds > policy.newest_backup:
            yield warn("backups", f"the newest snapshot, {back.newest}, is {_span(back.newest_seconds)} old")


def _span(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} days"


_RISKY = "a migration takes something away and"
can_be_put_back.stops_when(
    f"{_RISKY} nothing can make a restore point",
    lambda p, s, b: (p, _contract(s), replace(b, by="", says="NEON_API_KEY is not set, and there is no pg_dump")),
)
can_be_put_back.stops_when(
    f"{_RISKY} Neon keeps only minutes", lambda p, s, b: (p, _contract(s), replace(b, history_seconds=300))
)


def _contract(planned: PlannedChanges) -> PlannedChanges:
    return PlannedChanges((Change("20260401_drop_title", 1, "drop-column", "contract", "Lesson", "title"),))


@gate(owner="database")
def restore_point_is_kept(
    policy: DatabasePolicy, planned: PlannedChanges, moment: Moment, kept: RestorePoint, seen: KeptPoint
) -> Findings:
    """The restore point of this run is really there, and outlives the watch.

    Why: What was asked for is not yet there; and a point that expires while the release is watched is none.

    By hand: Neon console → Branches: the one named after this run is there, with its expiry. For a dump:
        `pg_restore --list $DUMP` lists its content.

    If it fails: Nothing was migrated yet. Make one by hand and start a new run.
    """
    if planned.gravest == "expand" or policy.restore_point == "none":
        return
    if not kept.by:
        yield block("restore point", "was not made, although a migration is not purely additive")
    elif not seen.there:
        yield not_yet(kept.name, f"is not there: {seen.says}")
    elif seen.expires and seen.expires < (moment.now + datetime.timedelta(seconds=policy.history)).isoformat():
        yield block(kept.name, f"expires at {seen.expires}, before anybody would miss it")


_KEPT = RestorePoint("branch", "br-1", "before-r1", "2026-11-24T10:00:00Z")
restore_point_is_kept.stops_when("it was not made", lambda p, s, m, k, n: (p, _contract(s), m, RestorePoint(), n))
restore_point_is_kept.stops_when(
    "Neon does not have it", lambda p, s, m, k, n: (p, _contract(s), m, _KEPT, KeptPoint(False, "no such branch"))
)
restore_point_is_kept.stops_when(
    "it expires too soon",
    lambda p, s, m, k, n: (p, _contract(s), m, _KEPT, KeptPoint(True, expires="2026-11-24T10:05:00+00:00")),
)


@gate(owner="database")
def rehearsal_went_well(policy: DatabasePolicy, smoke: SmokePolicy, history: Migrations, seen: Rehearsal) -> Findings:
    """The pending migrations went through on a copy of production's database, and the live code still works on it.

    Why: What goes wrong should go wrong where nobody notices. A copy has production's rows, so it finds the duplicate
        that a unique index stumbles over, and the live code finds what it misses.

    By hand:
        Make a branch of production's database in the Neon console.
        Run `npx prisma migrate deploy` with `DIRECT_URL` set to that branch, and take the time.
        Point a preview of the live commit at it and use it as a user does.

    If it fails: Production was not touched. Correct the migration; the message is Postgres' own.
    """
    if policy.rehearse == "never":
        return
    if seen.failure:
        yield block(seen.on or "rehearsal", seen.failure)
    for journey in seen.journeys:
        if journey.failed_at and journey.name in smoke.advisory:
            yield warn(journey.name, f"with the live code, fails at {journey.failed_at}: {journey.says} (advisory)")
        elif journey.failed_at:
            yield block(journey.name, f"with the live code on {seen.on}, fails at {journey.failed_at}: {journey.says}")
    if seen.on and not seen.failure and not seen.old_code and seen.says:
        yield warn("live code", f"was not tried on {seen.on}: {seen.says}")
    limit = policy.statement_timeout
    for tried in seen.tried:
        if tried.ms > 1000 * limit / 2:
            yield warn(tried.name, f"took {tried.ms / 1000:.0f} s on {seen.on}; on production it has {limit:g} s")


rehearsal_went_well.stops_when(
    "a migration fails on the copy",
    lambda p, m, f, s: (p, m, f, replace(s, on="branch rehearsal-r1", failure="23505 duplicate key in line 4")),
)
rehearsal_went_well.stops_when(
    "the live code cannot sign in on the migrated copy",
    lambda p, m, f, s: (
        p,
        m,
        f,
        replace(
            s,
            on="branch rehearsal-r1",
            tried=(Tried("20260401_x", 40),),
            old_code="https://x.vercel.app",
            journeys=(Journey("login", "sign in", "answered 500", 80),),
        ),
    ),
)


@gate(owner="database")
def is_migrated(seen: Migrations) -> Findings:
    """Every migration of the release is applied.

    Why: The new code reads the new schema from its first request.

    By hand: Run `npx prisma migrate status`; it must say `Database schema is up to date!`.

    If it fails: Run `npx prisma migrate deploy` with the direct (not the `-pooler`) database URL and read its error.
    """
    for name in seen.pending:
        yield block(name, "is still pending", fix="npx prisma migrate deploy")
    for left in seen.failed:
        yield block(
            left.name, f"failed (P3018): {left.says}", fix=f"npx prisma migrate resolve --rolled-back {left.name}"
        )


is_migrated.stops_when("a migration is left over", lambda s: (replace(s, pending=("20260401_late",)),))


@gate(owner="on-call")
def old_code_works(policy: SmokePolicy, applied: AppliedMigrations, seen: OldCodeJourneys) -> Findings:
    """After the migration, the code that is live still lets a user do what users do.

    Why: A health check reads one row. What a migration takes away is missed by the page that reads it.

    By hand: Open `$PRODUCTION/login` in a browser, sign in as the smoke user, open a page, upload a file.

    If it fails: Users feel it now. Put back what is missing with a new, additive migration, or restore the database:
        the run's report names the restore point and what to type.
    """
    if not applied.names:
        return
    for journey in seen.journeys:
        if journey.failed_at and journey.name in policy.advisory:
            yield warn(journey.name, f"fails at {journey.failed_at}: {journey.says} (advisory)")
        elif journey.failed_at:
            says = f"fails at {journey.failed_at} in the old code, on the new schema: {journey.says}"
            yield not_yet(journey.name, says)


old_code_works.stops_when(
    "the live code misses a column",
    lambda p, a, s: (
        p,
        AppliedMigrations(("20260401_drop_title",)),
        OldCodeJourneys((Journey("course", "open the course", "answered 500", 90),)),
    ),
)
