"""Clears away what rehearsals left that were cut off: a copy of the database costs money for as long as it is there."""

from checks.policy import DatabasePolicy
from pipeline.errors import ServiceError
from pipeline.steps.made import RUN
from pipeline.world.world import World

REHEARSAL = "rehearsal-"
"""How the name of a rehearsal's branch begins, and the mark of its preview; the run's id follows."""


async def clear_leftovers(world: World, policy: DatabasePolicy) -> None:
    """Delete the branches of rehearsals that were cut off, and the previews of the live code that used them.

    The target is locked for one run at a time, so a rehearsal of the same parent that is there belongs to nobody.
    What cannot be deleted is said and stops nothing: Neon deletes it within the hour, and the next run tries again.
    """
    if not policy.neon_project or world.neon.missing:
        return
    try:
        parent = await world.neon.branch(policy.neon_branch)
        for left in await world.neon.branches():
            if left.parent == parent.id and left.name.startswith(REHEARSAL):
                await _delete_preview(world, left.name)  # first: the branch is how the next run finds it
                await world.neon.delete_branch(left.id)
                world.progress(f"deleted branch {left.name}, which a rehearsal left that was cut off")
    except ServiceError as error:
        world.progress(f"could not clear away what earlier rehearsals left: {error.asked}: {error.came}")


async def _delete_preview(world: World, mark: str) -> None:
    for deployment in await world.vercel.deployments(**{f"meta-{RUN}": mark}):
        if deployment.meta.get(RUN) == mark:
            await world.vercel.delete(deployment.id)
