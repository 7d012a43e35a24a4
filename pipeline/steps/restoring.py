"""Tries a restore beside production: what comes back, is it whole, and how long does it take?"""

import contextlib
import datetime
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from checks.policy import DatabasePolicy
from pipeline.clients.postgres import Postgres
from pipeline.errors import ServiceError
from pipeline.world.world import World

LONGEST = datetime.timedelta(hours=1)  # after which Neon deletes a copy that was only looked at


@dataclass(frozen=True)
class TableCounts:
    """The rows of one table that came back, and those of production now; -1 when the table is not there."""

    table: str
    restored: int
    now: int


@dataclass(frozen=True)
class Restored:
    """A restore that was tried. ``source``: the backup; ``seconds``: until the database could be asked.

    ``schema``: objects that are there on one side only, or differ. ``loses_minutes``: how old the backup was.
    """

    source: str
    seconds: float
    loses_minutes: float
    tables: tuple[TableCounts, ...]
    schema: tuple[str, ...]

    @property
    def doubtful(self) -> tuple[str, ...]:
        """List the tables with rows in production that came back empty, or not at all: filled since, or lost?"""
        return tuple(table.table for table in self.tables if table.restored <= 0 < table.now)

    @property
    def whole(self) -> bool:
        """Whether rows came back, and for most of the tables that have some in production."""
        filled = sum(table.now > 0 for table in self.tables)
        return any(one.restored > 0 for one in self.tables) and len(self.doubtful) * 2 < max(filled, 1)


async def rehearse_restore(world: World, policy: DatabasePolicy) -> Restored:
    """Restore the newest backup into a branch or a throw-away database, count, compare, delete. Raises ServiceError."""
    began = world.clock.monotonic()
    async with _restored(world, policy) as (source, made, copy):
        counts = await copy.counts()
        seconds = world.clock.monotonic() - began
        schema = await copy.definitions()
    now, here = await world.database.counts(), await world.database.definitions()
    tables = tuple(TableCounts(name, counts.get(name, -1), now.get(name, -1)) for name in sorted({*counts, *now}))
    differ = sorted(name for name in {*schema, *here} if schema.get(name) != here.get(name))
    age = (world.clock.now() - made).total_seconds() / 60
    return Restored(source, seconds, max(age, 0), tables, tuple(differ))


@contextlib.asynccontextmanager
async def _restored(world: World, policy: DatabasePolicy) -> AsyncIterator[tuple[str, datetime.datetime, Postgres]]:
    if not policy.neon_project:
        async with _from_dump(world) as found:
            yield found
        return
    neon, address = world.neon, world.database.address
    newest, expires = next(iter(await neon.snapshots()), None), world.clock.now() + LONGEST
    name = f"restore-rehearsal-{world.clock.now():%Y%m%d-%H%M%S}"
    if newest:
        made, source = newest.created, f"snapshot {newest.name}"
        world.progress(f"restoring {source} into the branch {name}")
        branch = await neon.restore_snapshot(
            newest.id, name, database=address.database, role=address.user, expires=expires
        )
    else:
        made, source = world.clock.now(), "Neon's history, now: there is no snapshot"
        world.progress(f"making the branch {name} from Neon's history")
        parent = await neon.branch(policy.neon_branch)
        branch = await neon.create_branch(name, parent.id, expires, database=address.database, role=address.user)
    try:
        yield source, made, Postgres(branch.url, "Neon's address of the branch").in_schema(address.schema)
    finally:
        try:
            await neon.delete_branch(branch.id)
        except ServiceError as error:
            world.progress(f"could not delete the branch {name}: {error.came}; delete it in the Neon console")


@contextlib.asynccontextmanager
async def _from_dump(world: World) -> AsyncIterator[tuple[str, datetime.datetime, Postgres]]:
    """Restore the newest dump that is kept here; when there is none, one that is made now."""
    facts = await world.database.facts()
    tools = await world.postgres_tools.find(facts.version)
    kept = sorted(world.dumps.glob("*.dump"), key=lambda path: path.stat().st_mtime)
    with tempfile.TemporaryDirectory() as folder:
        dump, source, made = Path(folder) / "now.dump", "a dump made now: none is kept here", world.clock.now()
        if kept:
            dump, source = kept[-1], kept[-1].name
            made = datetime.datetime.fromtimestamp(dump.stat().st_mtime, datetime.UTC)
        else:
            world.progress("making a dump")
            await world.postgres_tools.dump(tools, world.database.address, dump)
        world.progress(f"restoring {source} into a throw-away database")
        async with world.scratch.scratch("restore") as copy:
            await world.postgres_tools.restore(tools, dump, copy.address)
            yield source, made, copy.in_schema(world.database.address.schema)
