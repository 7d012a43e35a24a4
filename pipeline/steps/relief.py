"""What a playbook does to the world. Each says in a few words what it did, and may be done twice."""

from checks.policy import DatabasePolicy
from pipeline.clients import relief
from pipeline.errors import Mistake
from pipeline.world.world import World


async def restart_compute(world: World, policy: DatabasePolicy) -> str:
    """Restart Neon's computes of the branch that production uses. The app reconnects by itself."""
    if world.neon.missing:
        raise Mistake(f"the compute cannot be restarted from here: {world.neon.missing}")
    computes = await world.neon.computes()
    branch = (await world.neon.branch(policy.neon_branch)).id
    ours = [compute for compute in computes if compute.branch == branch and compute.writes]
    for compute in ours:
        await world.neon.restart(compute.id)
    return f"restarted {', '.join(compute.id for compute in ours) or 'nothing: the branch has no compute'}"


async def end_idle_transactions(world: World) -> str:
    """End the connections that sit in a transaction and do nothing."""
    ended = await relief.end_idle_transactions(world.database)
    return f"ended {ended} connection{'' if ended == 1 else 's'} that sat idle in a transaction"


async def end_blockers(world: World) -> str:
    """Cancel what keeps others waiting; end it when that does not help. Its transaction is rolled back."""
    pids = await relief.blockers(world.database)
    if pids:
        await relief.end(world.database, pids)
    return f"cancelled {', '.join(map(str, pids))}" if pids else "nobody keeps others waiting any more"


async def resolve_migration(world: World, migration: str = "") -> str:
    """Say of the failed migration that it was rolled back, so that the next run does it again."""
    name = migration or await relief.failed_migration(world.database)
    if not name or not await relief.mark_rolled_back(world.database, name):
        raise Mistake(f"database.resolve --rolled-back {name}: there is no such failed migration")
    return f"{name} is marked as rolled back; the next run applies it anew"
