"""Finds what this run has made on Vercel already: its id is in the deployment's ``meta``."""

from pipeline.clients.vercelshapes import Deployment
from pipeline.errors import ServiceError
from pipeline.world.world import World

RUN = "deployRun"
MIGRATION = "deployMigration"  # the newest one of the release: a rollback sees what was migrated since


async def made_by(world: World) -> Deployment | None:
    """Find the deployment that this run made, if any. A resumed run must not make a second."""
    found = await world.vercel.deployments(**{f"meta-{RUN}": world.run})
    usable = (one for one in found if one.meta.get(RUN) == world.run and one.state not in ("ERROR", "CANCELED"))
    return next(usable, None)


async def made_after_all(world: World, error: ServiceError) -> Deployment:
    """Find the deployment that a failed creation made after all; making a second would be worse than looking.

    Raises ``error``.
    """
    made = await made_by(world)
    if made is None:
        raise error
    return made


def meta(world: World) -> dict[str, str]:
    """The ``meta`` that a deployment of this run carries."""
    said = {RUN: world.run, "githubCommitSha": world.release.commit}
    newest = max((path.parent.name for path in world.migrations.glob("*/migration.sql")), default="")
    if world.release.changed:
        said["gitDirty"] = "1"  # as Vercel's own command says it
    return {**said, MIGRATION: newest} if newest else said
