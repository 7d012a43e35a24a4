"""Moves the database schema forward."""

from checks.evidence import AppliedMigrations, Migrations
from checks.policy import DatabasePolicy
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration, migrations_in
from pipeline.engine.plan import step
from pipeline.errors import Rejected
from pipeline.steps.seeding import seed
from pipeline.world.world import World


@step(owner="database")
async def migrate(world: World, policy: DatabasePolicy, migrations: Migrations) -> AppliedMigrations:
    """Apply every pending migration, in order, under Prisma's own lock.

    Why: The new code needs the new schema before its first request. Each file is one transaction that waits for a lock
        only briefly, steps aside and tries again: who reads never waits for long behind it. Prisma's own rows are
        written, so `prisma migrate` goes on from here.

    By hand:
        Run `npx prisma migrate deploy` with `DATABASE_URL` set to the direct address of the database (no `-pooler`).
        When it hangs, look at the query *Who blocks whom* before you do anything else.

    If it fails: Production still runs the old code on whatever was applied so far. A file that is one transaction was
        rolled back as a whole, and nothing has to be resolved. Otherwise the error says what stands before which line
        is in the database: repair it, mark it with `npx prisma migrate resolve --rolled-back $MIGRATION` or
        `--applied $MIGRATION`, and start a new run.
    """
    if not migrations.pending:
        return AppliedMigrations(())
    if policy.engine == "prisma":
        await world.prisma.deploy(policy.command, world.folder, world.database.address.for_prisma, world.progress)
        if world.own and not migrations.applied:
            await seed(world, policy)
        return AppliedMigrations(await _proved(world, migrations))
    made = migrator(world, policy, world.database)
    names = await made.apply(pending(world, migrations))
    if world.own and not migrations.applied:
        await seed(world, policy)
    took = {name: round(seconds * 1000) for name, seconds, _ in made.observed}
    return AppliedMigrations(names, tuple(took.get(name, 0) for name in names))


async def _proved(world: World, migrations: Migrations) -> tuple[str, ...]:
    """What the database says is applied, of what was pending: a command's exit code proves nothing.

    A file with BEGIN and no COMMIT takes its own row back when the session ends. Raises Rejected (P3018).
    """
    rows = (await world.database.history()).current
    missing = [name for name in migrations.pending if name not in rows or not rows[name].finished]
    if missing:
        says = f"the command ended well, but the database does not have it as applied: {', '.join(missing)}"
        hint = "does the file end with an open BEGIN?"
        raise Rejected("prisma migrate deploy", "P3018", f"{says}; {hint}", status=409)
    return migrations.pending


def pending(world: World, migrations: Migrations) -> list[Migration]:
    """List the migrations on disk that are pending, in order."""
    return [one for one in migrations_in(world.migrations) if one.name in migrations.pending]


def migrator(world: World, policy: DatabasePolicy, database: Postgres, *, observe: bool = False) -> Migrator:
    """Make what applies migrations to ``database``, within what the policy allows."""
    limits = LockBudget(policy.lock_timeout, policy.lock_patience, policy.statement_timeout)
    return Migrator(database, limits, world.clock, run=world.run, tell=world.progress, observe=observe)
