"""Takes the deployment that Vercel's Git integration made of the commit, or has one made from the Git source."""

import asyncio

from checks.evidence import Release
from checks.policy import BuildPolicy
from pipeline.clients.vercelshapes import Deployment, ProjectSettings
from pipeline.errors import BadReleaseError, ServiceError
from pipeline.steps.made import made_after_all, meta
from pipeline.world.world import World

OVER = ("ERROR", "CANCELED")


async def find_or_make_from_git(world: World, policy: BuildPolicy, release: Release) -> Deployment:
    """Wait ``policy.appears`` for the deployment of a push; then ask for one. Raises BadRelease, ServiceError."""
    changed = await _changed(world)
    found = await world.vercel.until(lambda: _pushed(world, release, changed), policy.appears)
    if found:
        return found
    world.progress("no push has become a deployment; asking Vercel for one from the commit")
    project = await world.vercel.project()
    try:
        return await world.vercel.create(_body(world, project), prebuilt=False)
    except ServiceError as error:
        return await made_after_all(world, error)


async def _changed(world: World) -> int:
    """When a variable of the target was changed last, ms since 1970: a deployment keeps those that it was made with."""
    own, project = await asyncio.gather(world.vercel.variables(), world.vercel.project())
    every = (*own, *await world.vercel.shared_variables(project.id))
    return max((one.updated for one in every if world.vercel_target in one.targets), default=0)


async def _pushed(world: World, release: Release, changed: int) -> Deployment | None:
    """Find the newest usable deployment that a push of this commit made, and that has not been production yet.

    One that is older than ``changed`` has not what is set now.
    """
    world.progress(f"looking for the deployment of {release.commit[:12]}")
    found = await world.vercel.deployments(target=world.vercel_target, sha=release.commit)
    made = (one for one in found if one.source == "git" and one.commit == release.commit and one.created >= changed)
    return next((one for one in made if one.state not in OVER and one.substate != "PROMOTED"), None)


def _body(world: World, project: ProjectSettings) -> dict[str, object]:
    if not project.repository:
        raise BadReleaseError(project.name, "is not connected to a Git repository on Vercel; run `vercel git connect`")
    org, _, repository = project.repository.partition("/")
    source = {"type": "github", "org": org, "repo": repository, "ref": world.branch, "sha": world.release.commit}
    return {
        "name": project.name,
        "project": project.id,
        "target": world.vercel_target if world.vercel_target == "production" else None,
        "autoAssignCustomDomains": False,
        "meta": meta(world),
        "gitSource": source,
    }
