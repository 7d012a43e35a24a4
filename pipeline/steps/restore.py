"""Restores the database: says what that loses, keeps what is there now, and puts the restore point in its place."""

import contextlib
import datetime
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from checks.evidence import RestorePoint
from checks.policy import DatabasePolicy
from pipeline.clients import times
from pipeline.clients.neonshapes import Branch
from pipeline.clients.postgres import Postgres
from pipeline.errors import Mistake, ServiceError, Unreachable
from pipeline.steps.restoring import LONGEST, TableCounts
from pipeline.world.world import World

NO_NEON = "it is kept by Neon, and `database.neon_project` is not set"


@dataclass(frozen=True)
class RestorePlan:
    """What a restore would do. ``keep``: under what name the database of now is kept; ``into``: whose place it takes.

    ``minutes``: how old the point is. ``unknown``: why the rows of then could not be counted; empty when they could.
    """

    point: RestorePoint
    into: str
    keep: str
    minutes: float
    tables: tuple[TableCounts, ...]
    unknown: str = ""
    notes: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """What it would do, in a sentence."""
        rows = f"rows {self.unknown}" if self.unknown else f"at least {self.lost:,} rows; {self.back:,} rows come back"
        return f"RESTORE {self.into} to {self.point.name}: loses {self.minutes:.0f} min, {rows}; keeps {self.keep}"

    @property
    def lost(self) -> int:
        """Rows that are there now and were not then. An update is no row: at least so many."""
        return sum(max(max(one.now, 0) - max(one.restored, 0), 0) for one in self.tables)

    @property
    def back(self) -> int:
        """Rows that were there then and are not there now."""
        return sum(max(max(one.restored, 0) - max(one.now, 0), 0) for one in self.tables)


async def point_named(world: World, policy: DatabasePolicy, name: str) -> RestorePoint:
    """Find a restore point by its own name: a dump that is kept here, a branch or a snapshot of Neon's.

    Raises Mistake when there is none.
    """
    dump = world.dumps / f"{name}.dump"
    if "/" not in name and dump.is_file():
        made = datetime.datetime.fromtimestamp(dump.stat().st_mtime, datetime.UTC)
        return RestorePoint("dump", str(dump), name, times.iso(made))
    if policy.neon_project and not world.neon.missing:
        for branch in await world.neon.branches():
            if branch.name == name and not branch.default:
                return RestorePoint("branch", branch.id, name, times.iso(branch.created))
        for snapshot in await world.neon.snapshots():
            if snapshot.name == name:
                return RestorePoint("snapshot", snapshot.id, name, times.iso(snapshot.created))
    raise Mistake(
        f"database.restore --to {name}: there is no run with a restore point, no dump and no branch of that name"
    )


async def plan_restore(world: World, policy: DatabasePolicy, point: RestorePoint) -> RestorePlan:
    """Find out what the restore would lose: what is in the point is counted beside production, and nothing is changed.

    Raises ServiceError when production cannot be asked, Mistake when the point cannot be used.
    """
    if point.by != "dump" and (not policy.neon_project or world.neon.missing):
        raise Mistake(f"database.restore --to {point.name}: {world.neon.missing if policy.neon_project else NO_NEON}")
    now = world.clock.now()
    into = f"branch {(await _target(world, policy)).name}" if point.by != "dump" else world.database.address.database
    keep = f"before-restore-{now:%Y%m%d-%H%M%S}"
    minutes = max((now - times.moment(point.made)).total_seconds() / 60, 0)
    here, unknown = await _counted(world.database), ""
    then: Mapping[str, int] = {}
    try:
        async with _beside(world, point) as copy:
            then = await _counted(copy)
    except ServiceError as error:
        unknown = f"could not be counted: {error.came}"
    names = sorted({*here, *then}) if not unknown else ()
    tables = tuple(TableCounts(name, then.get(name, -1), here.get(name, -1)) for name in names)
    return RestorePlan(point, into, keep, minutes, tables, unknown)


async def carry_out(world: World, policy: DatabasePolicy, plan: RestorePlan) -> RestorePoint:
    """Keep the database as it is now, then put the point in its place; gives what was kept. Raises ServiceError.

    On Neon the id and the address of the branch stay; every connection to it is cut.
    """
    now, point = world.clock.now(), plan.point
    if point.by == "dump":
        facts, kept = await world.database.facts(), world.dumps / f"{plan.keep}.dump"
        tools = await world.postgres_tools.find(facts.version)
        world.progress(f"keeping the database of now as {kept}")
        await world.postgres_tools.dump(tools, world.database.address, kept)
        world.progress(f"putting {point.name} in its place")
        await world.postgres_tools.replace(tools, _file(world, point), world.database)
        return RestorePoint("dump", str(kept), plan.keep, times.iso(now))
    target = await _target(world, policy)
    world.progress(f"restoring branch {target.name}; what it is now is kept as {plan.keep}")
    if point.by == "branch":
        await world.neon.reset_branch(target.id, point.id, plan.keep)
    else:
        address = world.database.address
        made = await world.neon.restore_snapshot(
            point.id, f"{plan.keep}-new", database=address.database, role=address.user
        )
        await world.neon.put_in_place(made.id, plan.keep)
    kept_branch = next((one for one in await world.neon.branches() if one.name == plan.keep), None)
    if kept_branch is None:
        raise Unreachable("neon", f"restore {target.name}", f"it was restored, but there is no branch {plan.keep}")
    return RestorePoint("branch", kept_branch.id, plan.keep, times.iso(now))


def _file(world: World, point: RestorePoint) -> Path:
    """The dump, where it was written or where dumps are kept now."""
    written = Path(point.id)
    return written if written.is_file() else world.dumps / written.name


async def _target(world: World, policy: DatabasePolicy) -> Branch:
    return await world.neon.branch(policy.neon_branch)


async def _counted(database: Postgres) -> Mapping[str, int]:
    """Count the rows of every table, also of other schemas, which are named then."""
    found = dict(await database.counts())
    for schema in await database.other_schemas():
        found |= {f"{schema}.{name}": rows for name, rows in (await database.in_schema(schema).counts()).items()}
    return found


@contextlib.asynccontextmanager
async def _beside(world: World, point: RestorePoint) -> AsyncIterator[Postgres]:
    """What the point holds, as a database beside production; it is gone at the end."""
    address = world.database.address
    if point.by == "dump":
        tools = await world.postgres_tools.find((await world.database.facts()).version)
        async with world.scratch.scratch("restore") as copy:
            await world.postgres_tools.restore(tools, _file(world, point), copy.address)
            yield copy.in_schema(address.schema)
        return
    name, expires = f"look-at-{point.name}-{world.clock.now():%H%M%S}", world.clock.now() + LONGEST
    if point.by == "branch":
        made = await world.neon.create_branch(name, point.id, expires, database=address.database, role=address.user)
    else:
        made = await world.neon.restore_snapshot(
            point.id, name, database=address.database, role=address.user, expires=expires
        )
    try:
        yield Postgres(made.url, "Neon's address of the branch").in_schema(address.schema)
    finally:
        try:
            await world.neon.delete_branch(made.id)
        except ServiceError as error:
            world.progress(f"could not delete the branch {name}: {error.came}; delete it in the Neon console")
