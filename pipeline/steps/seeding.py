"""The rows of one's own app in the sandbox."""

import asyncio

from checks.policy import DatabasePolicy
from pipeline.clients.madeup import Made, make_up
from pipeline.errors import Rejected
from pipeline.world.world import World

LONGEST = 3600.0
"""Seconds that seeding may take."""


async def seed(world: World, policy: DatabasePolicy) -> tuple[Made, ...]:
    """Do what ``database.seed`` says: its file, its command, then rows for the tables that are empty still.

    Raises ServiceError when there is no such file, when the database or the command refuses, or when it takes too long.
    """
    try:
        async with asyncio.timeout(LONGEST):
            return await _seeded(world, policy)
    except TimeoutError:
        raise Rejected("seed the database", "late", f"has not ended in {LONGEST:g} s", status=408) from None


async def _seeded(world: World, policy: DatabasePolicy) -> tuple[Made, ...]:
    said = policy.seed
    if said.sql:
        file = world.folder / said.sql
        if not file.is_file():
            says = f"there is no {said.sql} in {world.folder}; mend database.seed.sql in deploy.yml"
            raise Rejected("seed the database", "no file", says, status=404)
        world.progress(f"seeding with {said.sql}")
        async with world.database.connection(f"seed with {said.sql}") as db:
            await db.execute(file.read_bytes())
    if said.command:
        world.progress(f"seeding with {said.command}")
        addresses = dict.fromkeys(policy.url_variables, world.database.address.for_prisma)
        words = world.seeding.words(said.command)
        await world.seeding.run(words, world.folder, addresses, world.progress)
    made = [one async for one in make_up(world.database, said.rows, said.tables)] if said.rows or said.tables else []
    for one in made:
        world.progress(f"{one.table}: {one.rows:,} rows" + (f"; {one.says}" if one.says else ""))
    async with world.database.connection("count what is there") as db:
        await db.execute("analyze")  # else a migration that comes at once knows no more of a table than its size
    return tuple(made)
