"""The rows of one's own app in the sandbox."""

from checks.policy import DatabasePolicy
from pipeline.clients.madeup import Made, make_up
from pipeline.errors import Rejected
from pipeline.world.world import World


async def seed(world: World, policy: DatabasePolicy) -> tuple[Made, ...]:
    """Do what ``database.seed`` says: its file, its command, then rows for the tables that are empty still.

    Raises ServiceError when there is no such file, or when the database or the command refuses.
    """
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
    return tuple(made)
