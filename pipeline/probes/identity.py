"""Asks an address, several times in a row, which build it is."""

from checks.evidence import ProductionBuild, SaidBuild, StagedBuild, StagedDeployment
from checks.policy import HealthPolicy, IdentityPolicy, SmokePolicy
from pipeline.clients.pages import PageAnswer
from pipeline.clock import origin
from pipeline.errors import Unreachable
from pipeline.world.world import World


async def staged_build(
    world: World, policy: IdentityPolicy, health: HealthPolicy, smoke: SmokePolicy, staged: StagedDeployment
) -> StagedBuild:
    """Visit every route first, then ask which build answers: a function that sleeps must wake before it is judged."""
    urls = [staged.url + route.path for route in smoke.routes]
    await world.visitor.get_all(urls, at_once=smoke.at_once, request=smoke.request, budget=smoke.budget)
    return StagedBuild(await _ask(world, staged.url + health.path, policy))


async def production_build(world: World, policy: IdentityPolicy, health: HealthPolicy) -> ProductionBuild:
    return ProductionBuild(await _ask(world, origin(world.domain) + health.path, policy))


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
