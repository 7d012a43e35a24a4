"""Asks the app's health check how it is."""

from typing import TypeVar

from checks.evidence import (
    ControlHealth,
    Health,
    HealthBefore,
    OldCodeHealth,
    ProductionBefore,
    ProductionHealth,
    StagedDeployment,
    StagedHealth,
)
from checks.policy import HealthPolicy
from pipeline.clock import origin
from pipeline.errors import Unreachable
from pipeline.world.world import World

H = TypeVar("H", bound=Health)


async def health_before(world: World, policy: HealthPolicy) -> HealthBefore:
    return await _ask(world, origin(world.domain), policy, HealthBefore)


async def old_code_health(world: World, policy: HealthPolicy) -> OldCodeHealth:
    return await _ask(world, origin(world.domain), policy, OldCodeHealth)


async def staged_health(world: World, policy: HealthPolicy, staged: StagedDeployment) -> StagedHealth:
    return await _ask(world, staged.url, policy, StagedHealth)


async def production_health(world: World, policy: HealthPolicy) -> ProductionHealth:
    return await _ask(world, origin(world.domain), policy, ProductionHealth)


async def control_health(world: World, policy: HealthPolicy, before: ProductionBefore) -> ControlHealth:
    return await _ask(world, before.url, policy, ControlHealth)


async def _ask(world: World, site: str, policy: HealthPolicy, kind: type[H]) -> H:
    """Ask the health check; no answer is evidence too: the worst one, not an unknown one.

    Raises Unreachable when names or certificates fail: that may be us.
    """
    answer = await world.visitor.get(site + policy.path)
    if answer.unseen:
        raise Unreachable("site", f"GET {site + policy.path}", answer.failure)
    body = answer.json
    says = str(
        body.get("error") or body.get("status") or answer.failure or answer.error_page or "no status in the answer"
    )
    return kind(
        site + policy.path,
        answer.status,
        answer.ms,
        says,
        str(body.get("deployment") or ""),
        str(body.get("commit") or ""),
        answer.failure,
    )


PROBES = (
    health_before,
    old_code_health,
    staged_health,
    production_health,
    control_health,
)
