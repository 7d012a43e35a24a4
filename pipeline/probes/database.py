"""Reads the database: Prisma's history, what pending migrations would do, drift, and the ways back."""

import asyncio
import re

from checks.evidence import (
    AppliedMigrations,
    KeptPoint,
    LeftOver,
    LiveSchema,
    Migrations,
    OldCodeJourneys,
    PlannedChanges,
    RestorePoint,
    SchemaDrift,
    WayBack,
)
from checks.policy import DatabasePolicy, SmokePolicy
from checks.sql import ASKS_LIVE
from pipeline.clients import git
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.marks import continues, left_behind, mark_of
from pipeline.clients.migrator import Migrator
from pipeline.clients.prisma import History, Migration, MigrationRow, migrations_in, order, provider_of
from pipeline.clients.prismaversion import sends_each
from pipeline.clock import origin
from pipeline.errors import Rejected, ServiceError
from pipeline.probes.journeys import journeys_at, nothing_live_yet
from pipeline.sql.changes import changes_of
from pipeline.sql.cutting import when_cut
from pipeline.sql.liveschema import live_schema as read_schema
from pipeline.world.world import World

MAY_NOT = "42501"
REPLAY = 600.0  # seconds for one statement, in a database that nobody else uses


async def migrations(world: World) -> Migrations:
    on_disk = migrations_in(world.migrations)
    provider = provider_of(world.migrations) if on_disk else "postgresql"
    return compare(on_disk, await world.database.history(), provider)


def compare(on_disk: tuple[Migration, ...], seen: History, provider: str = "postgresql") -> Migrations:
    """Compare the migration files on disk with the rows of the history."""
    current, names = seen.current, {one.name for one in on_disk}
    finished = {name: row for name, row in current.items() if row.finished}
    files = {one.name: one for one in on_disk}
    undone = {name for name, row in current.items() if row.failed and _left(row, files.get(name)).undone}
    counted = {name: row for name, row in current.items() if name not in undone}
    pending = tuple(one.name for one in on_disk if one.name not in current or one.name in undone)
    newest = max((order(name) for name in finished if name in names), default=None)
    return Migrations(
        pending=pending,
        applied=tuple(finished),
        failed=tuple(_left(row, files.get(name)) for name, row in current.items() if row.failed),
        edited=tuple(one.name for one in on_disk if one.name in counted and not _same(one, counted[one.name])),
        unknown=tuple(name for name in counted if name not in names),
        late=tuple(name for name in pending if newest and order(name) < newest),
        rolled_back=tuple(dict.fromkeys(row.name for row in seen.rows if row.rolled_back and row.name in pending)),
        unmanaged=not seen.managed and not seen.empty,
        provider=provider,
    )


def _left(row: MigrationRow, migration: Migration | None) -> LeftOver:
    mark = mark_of(row)
    if mark:
        goes_on = continues(row, migration)
        said = row.logs.partition(": ")[2].partition(": ")[2].partition(": ")[2]
        return LeftOver(
            row.name, f"{said or f'was cut off in run {mark.run}'}; {left_behind(mark)}", mark.undone or goes_on
        )
    says = " ".join(row.logs.split())[:300]
    return LeftOver(row.name, says or "its row says nothing; Prisma's own tool was cut off, or still runs")


def _same(migration: Migration, row: MigrationRow) -> bool:
    return row.checksum in migration.checksums


async def planned_changes(world: World, policy: DatabasePolicy, migrations: Migrations) -> PlannedChanges:
    if not migrations.pending:
        return PlannedChanges(())
    pending = [(one.name, one.sql) for one in migrations_in(world.migrations) if one.name in migrations.pending]
    changes = changes_of(pending, await world.database.known())
    in_parts = policy.engine == "builtin" or sends_each(world.folder)
    return PlannedChanges(when_cut(changes, pending) if in_parts else changes)


async def live_schema(world: World, policy: DatabasePolicy, planned: PlannedChanges) -> LiveSchema:
    """Read what the live code reads; nobody is asked as long as the migrations take nothing away."""
    if not any(change.rule in ASKS_LIVE for change in planned.changes):
        return LiveSchema("", False, says="nothing is taken away")
    live = await world.vercel.production(world.domain)
    if live is None or not live.commit:
        return LiveSchema("", False, says="production does not name its commit")
    schema, migrations = (f"{world.within}{path}" for path in (policy.schema, policy.migrations))
    if world.own:  # what GitHub is played for there knows commits, and none of their files
        texts = await asyncio.to_thread(git.texts, world.folder, live.commit, policy.schema)
    else:
        texts = await world.github.files(schema, live.commit, ".prisma", without=migrations)
    if not texts:
        return LiveSchema(live.commit, False, says=f"{schema} is not in {live.commit[:12]}")
    return read_schema(live.commit, texts, world.database.address.schema)


async def schema_drift(world: World, migrations: Migrations) -> SchemaDrift:
    """Replay the applied migrations into a throw-away database, in their order, and compare the schemas.

    All schemas are compared in which the migrations made something; what else is there belongs to somebody else.
    """
    if migrations.unmanaged or not migrations.applied:
        return SchemaDrift()
    if migrations.unknown or migrations.edited or [left for left in migrations.failed if not left.undone]:
        return SchemaDrift(says="the files are not what was applied")
    on_disk = {one.name: one for one in migrations_in(world.migrations)}
    try:
        async with world.scratch.scratch("drift") as copy:
            copy = copy.in_schema(world.database.address.schema)
            replay = Migrator(copy, LockBudget(REPLAY, 0, REPLAY), world.clock)
            await replay.apply([on_disk[name] for name in migrations.applied])
            others = await copy.other_schemas()
            expected = await copy.definitions(others)
    except Rejected as error:
        fix = "; name another server in `database.scratch`" if error.code == MAY_NOT else ""
        return SchemaDrift(says=f"{error.asked}: {error.came}{fix}")
    seen = await world.database.definitions(others)
    return SchemaDrift(
        missing=_without_parts(expected.keys() - seen.keys()),
        different=tuple(sorted(name for name in expected.keys() & seen.keys() if expected[name] != seen[name])),
        extra=_without_parts(seen.keys() - expected.keys()),
    )


def _without_parts(names: set[str]) -> tuple[str, ...]:
    """Leave out the columns and constraints of a table that is missing or extra: the table stands for them."""
    tables = [name.removeprefix("table ") for name in names if name.startswith("table ")]
    parts = re.compile("^(column|constraint|trigger|policy) (" + "|".join(map(re.escape, tables)) + r")\.")
    return tuple(sorted(name for name in names if not tables or not parts.match(name)))


async def way_back(world: World, policy: DatabasePolicy) -> WayBack:
    if policy.restore_point == "none":
        return WayBack("", "`database.restore_point` is none")
    if policy.neon_project and policy.restore_point != "dump":
        if world.neon.missing:
            return WayBack("", world.neon.missing, unset=True)
        project, snapshots = await world.neon.project(), await world.neon.snapshots()
        now = world.clock.now()
        newest = next(iter(snapshots), None)
        reaches = min(project.history_seconds, (now - project.created).total_seconds())
        age = (now - newest.created).total_seconds() if newest else None
        return WayBack(policy.restore_point, "", reaches, age, newest.name if newest else "")
    facts = await world.database.facts()
    try:
        tools = await world.postgres_tools.find(facts.version)
    except ServiceError as error:
        return WayBack("", f"pg_dump {error.came}")
    return WayBack("dump", f"pg_dump {tools.version}")


async def kept_point(world: World, kept: RestorePoint) -> KeptPoint:
    """Look for the restore point where it should be."""
    if not kept.by:
        return KeptPoint(False, "none was made")
    if kept.by == "dump":
        facts = await world.database.facts()
        try:
            entries = await world.postgres_tools.entries(await world.postgres_tools.find(facts.version), kept.id)
        except ServiceError as error:
            return KeptPoint(False, error.came)
        return KeptPoint(entries > 0, "" if entries else "the dump is empty")
    every = await (world.neon.branches() if kept.by == "branch" else world.neon.snapshots())
    snapshot = next((snapshot for snapshot in every if snapshot.id == kept.id), None)
    return (
        KeptPoint(True, expires=snapshot.expires.replace("Z", "+00:00"))
        if snapshot
        else KeptPoint(False, f"no {kept.by} {kept.id}")
    )


async def old_code_journeys(world: World, policy: SmokePolicy, applied: AppliedMigrations) -> OldCodeJourneys:
    """Try the journeys on the live code when something was migrated; otherwise it is where it was."""
    if not applied.names:
        return OldCodeJourneys(())
    site = origin(world.domain)
    return OldCodeJourneys(() if await nothing_live_yet(world, site) else await journeys_at(world, site, policy))


PROBES = (
    migrations,
    planned_changes,
    live_schema,
    schema_drift,
    way_back,
    kept_point,
    old_code_journeys,
)
