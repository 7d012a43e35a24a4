"""Tries the pending migrations on a copy first, and the live code on the result."""

import asyncio
import contextlib
import dataclasses
import datetime
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from checks.evidence import Migrations, PlannedChanges, Production, Rehearsal, Tried
from checks.policy import DatabasePolicy, SmokePolicy
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.clients.timing import Took, took
from pipeline.clock import SystemClock
from pipeline.engine.plan import step
from pipeline.errors import Rejected, ServiceError
from pipeline.sql.statements import Statement, Unparsable, parse
from pipeline.steps.database import migrator, pending
from pipeline.steps.leftovers import REHEARSAL, clear_leftovers
from pipeline.steps.livecode import LiveCode
from pipeline.world.world import World

LONGEST = datetime.timedelta(hours=1)  # after which Neon deletes a rehearsal that was killed


@step(owner="database")
async def rehearse(
    world: World,
    policy: DatabasePolicy,
    smoke: SmokePolicy,
    migrations: Migrations,
    planned: PlannedChanges,
    live: Production,
) -> Rehearsal:
    """Apply the pending migrations to a copy of production's database, and use the live code on it.

    Why: A copy has production's rows. What fails there, or takes minutes, or breaks the code that is live, has not
        touched anybody. On Neon it is a branch; elsewhere a dump that is restored beside it. The live code is used
        before and after: what does not work there anyhow is not the migrations' fault.

    By hand:
        In the Neon console make a branch of production's branch.
        Run `time npx prisma migrate deploy` with `DIRECT_URL` set to the branch's direct address.
        Check out the live commit and run `vercel deploy --env DATABASE_URL=$BRANCH_URL`; use that preview.

    If it fails: Production was not touched. When no copy could be made, Neon's message says why: too many branches, or
        a key that may not create any.
    """
    await clear_leftovers(world, policy)
    if not migrations.pending or policy.rehearse == "never":
        return Rehearsal()
    if policy.rehearse == "risky" and planned.gravest == "expand":
        return Rehearsal()
    async with copied(world, policy) as (named, copy, whole):
        if not whole:
            return await _applied(
                world, policy, migrations, named, copy, "it is an empty copy: the database is too large"
            )
        async with LiveCode(world, smoke, live, copy, policy.url_variables) as old:
            before = await old.journeys()
            seen = await _applied(world, policy, migrations, named, copy, old.failure)
            if seen.failure or old.failure:
                return seen
            after = await old.journeys()
            broken = {one.name for one in before if one.failed_at}
            says = f"{', '.join(sorted(broken))} fails there without the migrations, too" if broken else ""
            judged = tuple(one for one in after if one.name not in broken)
            return dataclasses.replace(seen, old_code=old.url, journeys=judged, says=old.failure or says)


async def timed(world: World, policy: DatabasePolicy, migrations: Migrations) -> tuple[Took, ...]:
    """Run the pending migrations on a copy, statement by statement. Raises ServiceError."""
    if not migrations.pending:
        return ()
    async with copied(world, policy) as (_, copy, whole):
        return await took(copy, pending(world, migrations), policy.statement_timeout) if whole else ()


async def _applied(
    world: World, policy: DatabasePolicy, migrations: Migrations, named: str, copy: Postgres, says: str
) -> Rehearsal:
    world.progress(f"rehearsing on {named}")
    apply = migrator(world, policy, copy, observe=True)
    files = pending(world, migrations)
    try:
        async with _beside_a_long_query(copy, files, 2 * policy.lock_timeout):
            await apply.apply(files)
    except Rejected as error:
        return Rehearsal(named, _tried(apply.observed), f"{error.asked}: {error.came}", says=says)
    return Rehearsal(named, _tried(apply.observed), says=says)


@contextlib.asynccontextmanager
async def _beside_a_long_query(copy: Postgres, files: list[Migration], seconds: float) -> AsyncIterator[None]:
    """Run a query of ``seconds`` beside files that work on an index CONCURRENTLY: on production there always is one."""
    if not any(one.concurrent for file in files for one in _statements(file)):
        yield
        return

    async def query() -> None:
        with contextlib.suppress(ServiceError):
            while True:
                await copy.query(f"select pg_sleep({seconds})", asked="be a long query", seconds=2 * seconds)

    running = asyncio.ensure_future(query())
    await SystemClock().sleep(0)
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _statements(file: Migration) -> tuple[Statement, ...]:
    try:
        return parse(file.sql)
    except Unparsable:
        return ()


def _tried(observed: list[tuple[str, float, str]]) -> tuple[Tried, ...]:
    return tuple(Tried(name, round(seconds * 1000), lock) for name, seconds, lock in observed)


@contextlib.asynccontextmanager
async def copied(world: World, policy: DatabasePolicy) -> AsyncIterator[tuple[str, Postgres, bool]]:
    """Make a copy of the database: its name for people, the database, and whether it has production's rows.

    It is gone at the end.
    """
    if policy.neon_project and not world.neon.missing:
        async with _neon_branch(world, policy) as (name, database):
            yield name, database, True
        return
    facts = await world.database.facts()
    whole = facts.size <= policy.copy_mb * 1e6
    tools = await world.postgres_tools.find(facts.version)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "copy.dump"
        await world.postgres_tools.dump(tools, world.database.address, dump, schema_only=not whole)
        async with world.scratch.scratch("rehearsal") as copy:
            await world.postgres_tools.restore(tools, dump, copy.address)
            yield "a copy" if whole else "an empty copy", copy.in_schema(world.database.address.schema), whole


@contextlib.asynccontextmanager
async def _neon_branch(world: World, policy: DatabasePolicy) -> AsyncIterator[tuple[str, Postgres]]:
    name, neon = f"{REHEARSAL}{world.run}", world.neon
    parent = await neon.branch(policy.neon_branch)
    address = world.database.address
    branch = await neon.create_branch(
        name, parent.id, world.clock.now() + LONGEST, database=address.database, role=address.user
    )
    try:
        database = Postgres(branch.url, "Neon's address of the branch").in_schema(address.schema)
        yield f"branch {name}", database
    finally:
        try:
            await neon.delete_branch(branch.id)
        except ServiceError as error:  # it expires by itself within the hour
            world.progress(f"could not delete branch {name}: {error.came}")
