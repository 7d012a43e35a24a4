"""Asks the app's health check how it is."""

from collections.abc import Mapping
from typing import Any, TypeVar

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
from pipeline.clients.pages import PageAnswer
from pipeline.clock import origin
from pipeline.errors import Unreachable
from pipeline.world.world import World

H = TypeVar("H", bound=Health)
KEPT = ("HIT", "STALE", "PRERENDER")
"""What ``x-vercel-cache`` says of an answer that no function has given."""
BAD = ("down", "error", "fail", "failed", "unhealthy", "unavailable", "unreachable", "disconnected")
MUST = ("ok", "healthy", "ready", "connected", "database", "db")


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

    Raises Unreachable when names or certificates fail: that may be us. And when a cache answered: it was made at
    another time, mostly when the app was built, so nothing was learnt about now.
    """
    answer = await world.visitor.get(site + policy.path)
    if answer.unseen:
        raise Unreachable("site", f"GET {site + policy.path}", answer.failure)
    if cached := _cached(answer):
        raise Unreachable("site", f"GET {site + policy.path}", cached)
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
        answer.failure or (against_itself(body) if answer.status == 200 else ""),
    )


def _cached(answer: PageAnswer) -> str:
    """Say that a cache answered, and what to do about it; empty when the app did."""
    kept = answer.headers.get("x-vercel-cache", "").upper()
    if kept not in KEPT:
        return ""
    age = f", {answer.headers['age']} s old" if answer.headers.get("age", "").isdigit() else ""
    return (
        f"answered {answer.status} out of a cache ({kept}{age}), which says nothing about now: "
        "put export const dynamic = 'force-dynamic' into its route"
    )


def against_itself(body: Mapping[str, Any]) -> str:
    """Find what a health check that answers 200 says against itself; empty when it says nothing.

    Looked at: an ``error``, a word such as ``down`` at any depth, and ``false`` where it must be true (``ok``, ``db``).
    """
    for name, value in _leaves(body):
        last = name.rpartition(".")[2].lower()
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in BAD or (value is False and last in MUST) or (last in ("error", "errors") and value):
            return f"answered 200, but says {name}: {str(value)[:200]}"
    return ""


def _leaves(body: Mapping[str, Any], within: str = "") -> list[tuple[str, Any]]:
    """List (dotted name, value) of all that is in a JSON object and no object itself; a list is one value."""
    found: list[tuple[str, Any]] = []
    for key, value in body.items():
        found += _leaves(value, f"{within}{key}.") if isinstance(value, dict) else [(f"{within}{key}", value)]
    return found


PROBES = (
    health_before,
    old_code_health,
    staged_health,
    production_health,
    control_health,
)
