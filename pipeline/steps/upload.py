"""Uploads a prebuilt release: the files that Vercel misses one by one, or one archive, whichever arrives sooner."""

import asyncio
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.amounts import amount
from checks.evidence import Release
from checks.policy import BuildPolicy
from pipeline.clients import archive
from pipeline.clients.prebuilt import BLOCK, OutputFile, must_be_unchanged, output_files, total
from pipeline.clients.vercelshapes import Deployment
from pipeline.clients.waits import LONGEST_WAIT
from pipeline.errors import Refused, ServiceError, Unreadable
from pipeline.steps.made import made_after_all, meta
from pipeline.world.world import World

AT_ONCE = 10  # httpx is fastest with ten connections; more only queue
BAR = 24
PAUSES = (1.0, 2.0, 4.0)  # seconds before Vercel is asked again which files it misses
MOST_FILES = 15_000  # Vercel refuses longer lists

Files = tuple[OutputFile, ...]


async def upload_prebuilt(world: World, policy: BuildPolicy, release: Release) -> Deployment:
    """Make a deployment of ``.vercel/output``. Raises BadReleaseError when that is not what the run began with."""
    world.progress("reading the release")
    files = await asyncio.to_thread(output_files, world.folder)
    if release.digest:
        must_be_unchanged(files, release.digest)
    if len(files) > MOST_FILES and policy.archive != "never":
        return await _send_archive(world, files)
    began = world.clock.monotonic()
    made = await _missed(world, files)
    if isinstance(made, Deployment):
        return made
    answer = world.clock.monotonic() - began
    if policy.archive == "always" or (policy.archive == "auto" and archive.is_faster(made, files, answer, AT_ONCE)):
        return await _send_archive(world, files)
    await _send(world, made)
    return _whole(await _create(world, files))


async def _send_archive(world: World, files: Files) -> Deployment:
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        world.progress(f"packing {amount(len(files), 'file')}")
        parts = await asyncio.to_thread(archive.pack, files, Path(folder))
        made = await _missed(world, parts)  # the same files make the same archive: it may be there already
        if isinstance(made, Deployment):
            return made
        await _send(world, made)
        return _whole(await _create(world, parts))


async def _missed(world: World, files: Files) -> Deployment | Files:
    """Ask which files Vercel misses; it makes the deployment when it has them all. A no that may pass is no end."""
    for pause in PAUSES:
        try:
            return await _create(world, files)
        except ServiceError as error:
            wait = getattr(error, "retry_after", 0) or pause
            if error.lasting or wait > LONGEST_WAIT:
                raise
            world.progress(f"asking again which files are missing: {error.came}")
            await world.clock.sleep(wait)
    return await _create(world, files)


async def _create(world: World, files: Files) -> Deployment | Files:
    """Create the deployment, or give the files that Vercel misses for it."""
    try:
        return await world.vercel.create(_body(world, files))
    except Refused as error:
        if error.code != "missing_files":
            return await made_after_all(world, error)
        missing = _missing(error)
        return tuple({file.sha: file for file in files if file.sha in missing}.values())
    except ServiceError as error:
        return await made_after_all(world, error)


def _missing(error: Refused) -> frozenset[str]:
    """Read the SHA-1 of each file that Vercel misses. Raises Unreadable when it does not say."""
    try:
        return frozenset(map(str, error.body["error"]["missing"]))
    except (KeyError, TypeError) as wrong:
        raise Unreadable(error.service, error.asked, "says that files are missing, and not which") from wrong


def _whole(made: Deployment | Files) -> Deployment:
    if isinstance(made, Deployment):
        return made
    says = f"still misses {len(made)} files that were uploaded, such as {made[0].name if made else 'none of ours'}"
    raise Refused("vercel", "POST /v13/deployments", 400, "missing_files", says)


async def _send(world: World, files: Files) -> None:
    """Upload the files ten at a time, with a bar. The first failure stops the others."""
    turn, size = asyncio.Semaphore(AT_ONCE), total(files)
    sent = count = 0

    async def one(file: OutputFile) -> None:
        nonlocal sent, count
        async with turn:
            small = file.size <= BLOCK or stat.S_ISLNK(file.mode)
            await world.vercel.upload(file.sha, file.size, file.content() if small else file.blocks)
        sent, count = sent + file.size, count + 1
        world.progress(_bar(sent, size, count, len(files)))

    try:
        async with asyncio.TaskGroup() as uploads:
            for file in files:
                uploads.create_task(one(file))
    except ExceptionGroup as failed:  # not except*: what is raised there stays a group in Python 3.11.2, Debian 12's
        ours, others = failed.split(ServiceError)
        if ours is None or others is not None:
            raise
        raise ours.exceptions[0] from None


def _bar(sent: int, size: int, count: int, files: int) -> str:
    """Draw ``uploading ████████░░░░ 1,200 of 5,000 files, 3.1 of 9.8 MB``."""
    done = round(BAR * (sent / size if size else count / files))
    of = f"{count:,} of {files:,} files, {sent / 1e6:.1f} of {size / 1e6:.1f} MB"
    return f"uploading {'█' * done}{'░' * (BAR - done)} {of}"


def _body(world: World, files: Files) -> Mapping[str, Any]:
    return {
        "name": world.vercel.project_id,
        "project": world.vercel.project_id,
        "target": world.vercel_target if world.vercel_target == "production" else None,
        "autoAssignCustomDomains": False,
        "version": 2,
        "meta": meta(world),
        "files": [{"file": f.name, "size": f.size, "mode": f.mode, "sha": f.sha} for f in files],
    }
