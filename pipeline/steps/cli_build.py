"""Has Vercel's own command line deploy the release, and reads which deployment it made."""

import asyncio
import re

from checks.evidence import Release
from checks.policy import BuildPolicy
from pipeline.clients.prebuilt import OUTPUT, must_be_unchanged, output_files
from pipeline.clients.vercelshapes import Deployment
from pipeline.errors import ServiceError, Unreachable
from pipeline.steps.made import made_after_all, meta
from pipeline.world.world import World

ADDRESS = re.compile(r"https?://\S+")


async def deploy_with_cli(world: World, policy: BuildPolicy, release: Release) -> Deployment:
    """Run ``vercel deploy … --skip-domain``, which prints the deployment's address.

    Raises ServiceError with its last lines, or BadReleaseError when the build is not what the run began with.
    """
    if release.digest:
        must_be_unchanged(await asyncio.to_thread(output_files, world.folder), release.digest)
    arguments = ["deploy", "--yes", *(("--prebuilt",) if (world.folder / OUTPUT / "config.json").is_file() else ())]
    if world.vercel_target == "production":
        arguments += ["--prod", "--skip-domain"]
    if policy.archive == "always":
        arguments += ["--archive=tgz"]
    for key, value in meta(world).items():
        arguments += ["--meta", f"{key}={value}"]
    try:
        project = await world.vercel.project()
        ids = {"VERCEL_ORG_ID": project.account, "VERCEL_PROJECT_ID": project.id}
        said = await world.vercel_command.run(policy.command, arguments, world.folder, ids, world.progress)
        address = ADDRESS.search(said)
        if not address:
            raise Unreachable("vercel command", "deploy", f"printed no address but {said[-200:]!r}")
        return await world.vercel.deployment(address.group(0).partition("://")[2].rstrip("/"))
    except ServiceError as error:
        return await made_after_all(world, error)
