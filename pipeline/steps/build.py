"""Makes the staged deployment."""

import asyncio
from typing import Any

from checks.evidence import Release, StagedDeployment
from pipeline.clients.vercel import Deployment
from pipeline.errors import Mistake, Refused, ServiceError
from pipeline.plan import step
from pipeline.prebuilt import OutputFile, output_files
from pipeline.world import World

AT_ONCE = 10  # httpx is fastest with ten connections; more only queue


@step(owner="release manager")
async def build(world: World, release: Release) -> StagedDeployment:
    """Upload the prebuilt release to Vercel as a production deployment that no production domain points to.

    Why: A deployment that users cannot see can be tested as long as it takes, and promoting it later is only a change
        of address, without a rebuild.

    By hand:
        Run `vercel build --prod` on the commit, then `vercel deploy --prebuilt --prod --skip-domain`.
        It prints the deployment's address: that is `$STAGED`.
        A push to the main branch makes the same deployment by itself when auto-assignment of domains is off.

    If it fails: Production is untouched. Read what Vercel answered; start the run again with `--resume $RUN`, which
        finds the deployment it began and does not make a second.
    """
    existing = await _ours(world)
    made = existing or await _create(world, release, await asyncio.to_thread(output_files, world.folder))
    return StagedDeployment(made.id, made.url, release.commit)


async def _ours(world: World) -> Deployment | None:
    """The deployment that this run already made, if any: Vercel keeps the run's id in ``meta``."""
    found = await world.vercel.deployments(**{"meta-deployRun": world.run})
    return next((one for one in found if one.meta.get("deployRun") == world.run and one.state != "ERROR"), None)


async def _create(world: World, release: Release, files: tuple[OutputFile, ...]) -> Deployment:
    body = _body(world, release, files)
    try:
        return await world.vercel.create(body)
    except Refused as error:
        if error.code != "missing_files":
            return await _after_all(world, error)
        missing = frozenset(error.body["error"]["missing"])
    except ServiceError as error:
        return await _after_all(world, error)
    await _upload(world, tuple({file.sha: file for file in files if file.sha in missing}.values()))
    try:
        return await world.vercel.create(body)
    except ServiceError as error:
        return await _after_all(world, error)


async def _after_all(world: World, error: ServiceError) -> Deployment:
    """A create that failed may have happened; making a second would be worse than looking. Raises ``error``."""
    made = await _ours(world)
    if made is None:
        raise error
    return made


async def _upload(world: World, files: tuple[OutputFile, ...]) -> None:
    turn, sent = asyncio.Semaphore(AT_ONCE), 0

    async def one(file: OutputFile) -> None:
        nonlocal sent
        async with turn:
            await world.vercel.upload(file.sha, await asyncio.to_thread(file.content))
        sent += 1
        world.progress(f"uploaded {sent} of {len(files)} files")

    try:
        async with asyncio.TaskGroup() as uploads:
            for file in files:
                uploads.create_task(one(file))
    except* (ServiceError, Mistake) as failed:  # the first one stopped the others; one is enough to say
        raise failed.exceptions[0] from None


def _body(world: World, release: Release, files: tuple[OutputFile, ...]) -> dict[str, Any]:
    return {
        "name": world.vercel.project_id,
        "project": world.vercel.project_id,
        "target": world.vercel_target if world.vercel_target == "production" else None,
        "autoAssignCustomDomains": False,
        "version": 2,
        "meta": {"deployRun": world.run, "githubCommitSha": release.commit},
        "files": [{"file": f.name, "size": f.size, "mode": f.mode, "sha": f.sha} for f in files],
    }
