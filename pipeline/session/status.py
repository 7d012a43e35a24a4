"""What is true now: what production serves, who put it there, whether it is well and free to move, who is at it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import httpx

from checks.evidence import VercelProject
from checks.policy import BuildPolicy
from checks.production import pinned
from pipeline.clients.barrier import challenge_of
from pipeline.clients.exchange import DEADLINE, ODD, Unfinished, exchange, json_of, request_of
from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import Deployment, ProjectSettings, RollingRelease
from pipeline.clients.walk import LARGEST_PAGE
from pipeline.clock import origin
from pipeline.emergency.aftermath import Aftermath, aftermath
from pipeline.errors import ServiceError

T = TypeVar("T")
LOOKING = 45.0  # seconds that each question may take, its repetitions included


@dataclass(frozen=True)
class TargetStatus:
    """What one look at the target saw. Empty or None: nothing, or it could not be read, and ``unknown`` says why.

    ``since``: when production was moved there, ms since 1970. ``by``: what moved it, and who made the deployment.
    """

    target: str
    site: str
    live: Deployment | None
    since: int
    by: str
    pinned: bool | None
    """None: Vercel does not say."""
    staged: tuple[Deployment, ...]
    health: str
    well: bool
    lock: str
    rolling: RollingRelease | None
    bad: str
    """Why the live release is known as bad; empty when it is not."""
    went_back: Aftermath
    unknown: tuple[str, ...]
    record: str = ""
    """Where lock and runs are written down, and who shares that."""


@dataclass(frozen=True)
class StatusReading:
    """What is known without asking anybody: the target, its policies, its lock, its bad releases."""

    target: str
    domain: str
    health: str
    build: BuildPolicy
    lock: str = ""
    bad: tuple[tuple[str, str], ...] = ()
    """(deployment, reason)"""
    record: str = ""
    """Where lock and runs are written down."""


async def look(vercel: Vercel, http: httpx.AsyncClient, about: StatusReading) -> TargetStatus:
    """Ask Vercel, GitHub's deployment and the site at the same time; what fails is said instead of raised."""
    unknown: list[str] = []

    async def asked(reading: Awaitable[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout(LOOKING):
                return await reading
        except ServiceError as error:
            unknown.append(str(error))
        except TimeoutError:
            unknown.append(f"vercel: did not say all that was asked within {LOOKING:g} s")
        return otherwise

    async def live_and_its_past() -> tuple[Deployment | None, Aftermath]:
        live = await vercel.production(about.domain)
        move = (await asyncio.shield(project)).move if live else None
        if live is None or move is None or move.kind != "rollback" or move.to != live.id:
            return live, Aftermath()
        return live, await aftermath(vercel, live)

    site = origin(about.domain)
    project: asyncio.Future[ProjectSettings] = asyncio.ensure_future(vercel.project())
    (live, went_back), seen, recent, rolling, (says, well) = await asyncio.gather(
        asked(live_and_its_past(), (None, Aftermath())),
        asked(asyncio.shield(project), None),
        asked(vercel.deployments(target="production"), ()),
        asked(vercel.rolling_release(), None),
        _health(http, site + about.health),
    )
    project.cancel()
    await asyncio.gather(project, return_exceptions=True)
    staged = tuple(one for one in recent if one.substate == "STAGED" and (live is None or one.created > live.created))
    return TargetStatus(
        target=about.target,
        site=site,
        live=live,
        since=_since(live, seen),
        by=_by(live, seen),
        pinned=_pinned(about.build, seen),
        staged=staged,
        health=says,
        well=well,
        lock=about.lock,
        rolling=rolling if rolling and rolling.state == "ACTIVE" else None,
        bad=dict(about.bad).get(live.id, "") if live else "",
        went_back=went_back,
        unknown=tuple(dict.fromkeys(unknown)),
        record=about.record,
    )


def _since(live: Deployment | None, project: ProjectSettings | None) -> int:
    if live is None:
        return 0
    return project.move.at if project and project.move and project.move.to == live.id else live.created


def _by(live: Deployment | None, project: ProjectSettings | None) -> str:
    if live is None:
        return ""
    moved = project.move.kind if project and project.move and project.move.to == live.id else ""
    run = live.meta.get("deployRun", "")
    who = [live.by, f"a {moved}" if moved else "", f"run {run}" if run else ""]
    return ", ".join(part for part in who if part)


def _pinned(build: BuildPolicy, project: ProjectSettings | None) -> bool | None:
    if project is None or project.auto_assign is None:
        return None
    return pinned(build, VercelProject(project.id, project.auto_assign, project.move.kind if project.move else ""))


async def _health(http: httpx.AsyncClient, url: str) -> tuple[str, bool]:
    try:
        response = await exchange(http, request_of(http, "GET", url), within=DEADLINE, most=LARGEST_PAGE, follow=True)
    except Unfinished as error:
        return error.says, False
    if challenge := challenge_of(response):
        return challenge, False
    try:
        body = json_of(response.content)
        word = str(body.get("status", "")) if isinstance(body, dict) else ""
    except ODD:
        word = ""
    return f"{response.status_code} {word}".rstrip(), response.is_success
