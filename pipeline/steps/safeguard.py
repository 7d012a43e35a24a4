"""Keeps a restore point before the schema moves."""

import datetime

from checks.evidence import PlannedChanges, RestorePoint, WayBack
from checks.policy import DatabasePolicy
from pipeline.clients import times
from pipeline.engine.plan import step
from pipeline.world.world import World


@step(owner="database")
async def keep_restore_point(
    world: World, policy: DatabasePolicy, planned: PlannedChanges, back: WayBack
) -> RestorePoint:
    """Keep the database as it is, when a migration is not purely additive.

    Why: What a migration takes away no rollback brings back. The point is made right before, so that a restore loses as
        little as possible; how long ago it was made is how much it loses.

    By hand:
        In the Neon console make a branch of production's branch, named after today's release, with an expiry in a week.
        On another Postgres run `pg_dump -Fc "$DIRECT_URL" -f before.dump`.

    If it fails: Nothing was migrated. Too many branches: delete old ones in the Neon console. pg_dump is older than the
        server: install the client tools of its version.
    """
    if planned.gravest == "expand" or policy.restore_point == "none":
        return RestorePoint()
    name, now = f"before-{world.run}", world.clock.now()
    expires = now + datetime.timedelta(seconds=policy.keep)
    world.progress(f"keeping a restore point ({back.by})")
    if back.by == "branch":
        return await _branch(world, policy, name, now, expires)
    if back.by == "snapshot":
        return await _snapshot(world, policy, name, now, expires)
    return await _dump(world, name, now)


async def _branch(
    world: World, policy: DatabasePolicy, name: str, now: datetime.datetime, expires: datetime.datetime
) -> RestorePoint:
    parent = await world.neon.branch(policy.neon_branch)
    known = [branch for branch in await world.neon.branches() if branch.name == name]  # a resumed run made it already
    made = known[0] if known else await world.neon.create_branch(name, parent.id, expires, compute=False)
    by_hand = (
        f"./inv database.restore --to {world.run}; or: Neon console → Branches → {parent.name} → Restore → from branch"
        f" {name}; or: neon branches restore {parent.name} {name} --preserve-under-name {parent.name}-before-restore"
        f" --project-id {policy.neon_project}"
    )
    return RestorePoint("branch", made.id, name, times.iso(now), made.expires or times.iso(expires), by_hand)


async def _snapshot(
    world: World, policy: DatabasePolicy, name: str, now: datetime.datetime, expires: datetime.datetime
) -> RestorePoint:
    branch = await world.neon.branch(policy.neon_branch)
    known = [snapshot for snapshot in await world.neon.snapshots() if snapshot.name == name]
    made = known[0] if known else await world.neon.create_snapshot(name, branch.id, expires)
    by_hand = (
        f"./inv database.restore --to {world.run}; or: Neon console → Backup & Restore → {name} → Restore → to"
        f" {branch.name}"
    )
    return RestorePoint("snapshot", made.id, name, times.iso(now), made.expires or times.iso(expires), by_hand)


async def _dump(world: World, name: str, now: datetime.datetime) -> RestorePoint:
    facts, to = await world.database.facts(), world.dumps / f"{name}.dump"
    tools = await world.postgres_tools.find(facts.version)
    await world.postgres_tools.dump(tools, world.database.address, to)
    by_hand = (
        f"./inv database.restore --to {world.run}; or: "
        f'pg_restore --clean --if-exists --no-owner --single-transaction -d "$DIRECT_URL" {to}'
        "   (close the site first: what was written since is lost)"
    )
    return RestorePoint("dump", str(to), name, times.iso(now), "", by_hand)
