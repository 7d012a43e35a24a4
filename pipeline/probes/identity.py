"""Asks an address, several times in a row, which build it is."""

import asyncio

import httpx

from checks.evidence import (
    ProductionBefore,
    ProductionBuild,
    SaidBuild,
    StagedBuild,
    StagedDeployment,
    VercelProject,
)
from checks.policy import HealthPolicy, IdentityPolicy, SmokePolicy
from pipeline.clients.pages import PageAnswer
from pipeline.clock import origin
from pipeline.errors import Unreachable
from pipeline.world.world import World

WHOLE = 90.0  # seconds that all domains together may take


async def staged_build(
    world: World, policy: IdentityPolicy, health: HealthPolicy, smoke: SmokePolicy, staged: StagedDeployment
) -> StagedBuild:
    """Visit every route first, then ask which build answers: a function that sleeps must wake before it is judged."""
    urls = [staged.url + route.path for route in smoke.routes]
    await world.visitor.get_all(urls, at_once=smoke.at_once, request=smoke.request, budget=smoke.budget)
    return StagedBuild(await _ask(world, staged.url + health.path, policy))


async def production_build(
    world: World, policy: IdentityPolicy, health: HealthPolicy, project: VercelProject, before: ProductionBefore
) -> ProductionBuild:
    """Ask every production domain at the same time, the main one first in the answer, within one deadline.

    A domain that gave no answer before anything moved is not asked: it says nothing about the release.
    """
    serving = [name for name in before.domains if name in before.answered]
    moved = [name for name in dict(project.redirects) if name in before.answered]
    silent = {*before.domains, *dict(project.redirects)} - {*before.answered, world.domain}
    try:
        async with asyncio.timeout(WHOLE):
            said, led = await asyncio.gather(
                asyncio.gather(*(_ask(world, origin(name) + health.path, policy) for name in (world.domain, *serving))),
                asyncio.gather(*(_led(world, name, health.path) for name in moved)),
            )
    except TimeoutError as error:
        raise Unreachable("site", "GET every production domain", f"did not end within {WHOLE:g} s") from error
    answers = tuple(one for several in said for one in several)
    return ProductionBuild(answers, tuple(zip(moved, led, strict=True)), tuple(sorted(silent)))


async def _led(world: World, name: str, path: str) -> str:
    """The host whose answer a domain that redirects ends in; empty when that is none."""
    answer = await world.visitor.get(origin(name) + path)
    return httpx.URL(answer.url).netloc.decode() if answer.status else ""


async def _ask(world: World, url: str, policy: IdentityPolicy) -> tuple[SaidBuild, ...]:
    """Ask an address for its build over a new connection each time: another edge may answer."""
    said = []
    for _ in range(policy.times):
        answer = await world.visitor.get(url)
        if answer.unseen:
            raise Unreachable("site", f"GET {url}", answer.failure)
        said.append(_said(url, policy, answer))
    return tuple(said)


def _said(url: str, policy: IdentityPolicy, answer: PageAnswer) -> SaidBuild:
    return SaidBuild(
        url,
        answer.status,
        str(answer.json.get("deployment") or ""),
        str(answer.json.get("commit") or ""),
        str(answer.headers.get(policy.header) or ""),
        answer.failure,
        answer.protected,
    )


PROBES = (
    staged_build,
    production_build,
)
