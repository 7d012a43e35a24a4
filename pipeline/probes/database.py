"""Compares the release's migrations with the database's history."""

from checks.evidence import Migrations
from checks.policy import DatabasePolicy
from pipeline.clients.postgres import migrations_in
from pipeline.world import World


async def migrations(world: World, policy: DatabasePolicy) -> Migrations:
    on_disk = migrations_in(world.folder / policy.migrations)
    rows = [row for row in await world.database.history() if not row.rolled_back]
    applied = {row.name: row.checksum for row in rows if row.finished}
    names = {one.name for one in on_disk}
    return Migrations(
        pending=tuple(one.name for one in on_disk if one.name not in {row.name for row in rows}),
        applied=tuple(row.name for row in rows if row.finished),
        failed=tuple(row.name for row in rows if not row.finished),
        edited=tuple(one.name for one in on_disk if one.name in applied and applied[one.name] not in one.checksums),
        unknown=tuple(name for name in applied if name not in names),
    )
