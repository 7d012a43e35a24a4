"""Moves the schema forward."""

from checks.evidence import AppliedMigrations, Migrations
from checks.policy import DatabasePolicy
from pipeline.clients.postgres import migrations_in
from pipeline.plan import step
from pipeline.world import World


@step(owner="database")
async def migrate(world: World, policy: DatabasePolicy, found: Migrations) -> AppliedMigrations:
    """Apply every pending migration, in order, under Prisma's own lock.

    Why: The new code needs the new schema before its first request. Migrations only ever expand: the old code goes on
        running on the result, so there is nothing to undo when the release is rolled back.

    By hand:
        Run `npx prisma migrate deploy` with `DATABASE_URL` set to the direct address of the database (no `-pooler`).

    If it fails: Production still runs the old code on whatever was applied so far, and every migration is one
        transaction unless it says otherwise. Read the error, repair the migration, mark the failed one with
        `npx prisma migrate resolve --rolled-back $MIGRATION` and start a new run.
    """
    on_disk = {one.name: one for one in migrations_in(world.folder / policy.migrations)}
    for name in found.pending:
        world.progress(f"applying {name}")
        await world.database.apply(
            on_disk[name], lock_timeout=policy.lock_timeout, statement_timeout=policy.statement_timeout
        )
    return AppliedMigrations(found.pending)
