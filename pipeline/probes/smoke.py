"""Visits the staged deployment and production as a browser and as a user would."""

from checks.evidence import (
    ControlJourneys,
    ControlVisits,
    LoadTimes,
    ProductionBefore,
    ProductionJourneys,
    ProductionVisits,
    StagedDeployment,
    StagedJourneys,
    StagedVisits,
    Visit,
)
from checks.policy import PerformancePolicy, Route, SmokePolicy
from pipeline.clients.pages import PageAnswer
from pipeline.clients.reading import reads
from pipeline.clients.walk import same_origin
from pipeline.clock import origin
from pipeline.errors import Unreachable
from pipeline.probes.journeys import journeys_at
from pipeline.world.world import World


async def staged_visits(world: World, policy: SmokePolicy, staged: StagedDeployment) -> StagedVisits:
    return StagedVisits(await _visits(world, staged.url, policy, policy.routes))


async def production_visits(world: World, policy: SmokePolicy) -> ProductionVisits:
    return ProductionVisits(await _visits(world, origin(world.domain), policy, policy.routes))


async def control_visits(
    world: World, policy: SmokePolicy, before: ProductionBefore, seen: ProductionVisits
) -> ControlVisits:
    """Ask the old deployment for the routes that may be failing, and no others; it costs nothing while all is well."""
    wanted = {route.path: route for route in policy.routes}
    doubtful = tuple(wanted[visit.path] for visit in seen.visits if not _plainly_well(policy, wanted, visit))
    return ControlVisits(await _visits(world, before.url, policy, doubtful))


async def staged_journeys(world: World, policy: SmokePolicy, staged: StagedDeployment) -> StagedJourneys:
    return StagedJourneys(await journeys_at(world, staged.url, policy))


async def production_journeys(world: World, policy: SmokePolicy) -> ProductionJourneys:
    return ProductionJourneys(await journeys_at(world, origin(world.domain), policy))


async def control_journeys(
    world: World, policy: SmokePolicy, before: ProductionBefore, seen: ProductionJourneys
) -> ControlJourneys:
    if not any(journey.failed_at for journey in seen.journeys):
        return ControlJourneys(())
    return ControlJourneys(await journeys_at(world, before.url, policy))


async def load_times(world: World, policy: PerformancePolicy) -> LoadTimes:
    """Measure load times; a visit without an answer took at least as long as we were patient.

    Raises Unreachable as the routes do.
    """
    took, until = list[int](), world.clock.monotonic() + policy.budget
    while len(took) < policy.visits and (left := until - world.clock.monotonic()) > 0:
        patience = min(policy.request, left)
        answer = await world.visitor.get(origin(world.domain) + "/", patience)
        if answer.unseen:
            raise Unreachable("site", f"GET {answer.url}", answer.failure)
        took.append(answer.ms if answer.status and not answer.failure else round(patience * 1000))
    return LoadTimes(tuple(took))


def _plainly_well(policy: SmokePolicy, wanted: dict[str, Route], visit: Visit) -> bool:
    right = visit.status == wanted[visit.path].status and visit.has_content
    return right and not (visit.failure or visit.error_page or visit.left_site) and visit.ms <= policy.slowest_ms


async def _visits(world: World, site: str, policy: SmokePolicy, routes: tuple[Route, ...]) -> tuple[Visit, ...]:
    """Visit each route once. Raises Unreachable when names or certificates fail: then nothing was learnt."""
    urls = [site + route.path for route in routes]
    answers = await world.visitor.get_all(urls, at_once=policy.at_once, request=policy.request, budget=policy.budget)
    unseen = next((answer for answer in answers if answer.unseen), None)
    if unseen:
        raise Unreachable("site", f"GET {unseen.url}", unseen.failure)
    return tuple(_visit(site, route, answer) for route, answer in zip(routes, answers, strict=True))


def _visit(site: str, route: Route, answer: PageAnswer) -> Visit:
    return Visit(
        route.path,
        answer.status,
        answer.ms,
        answer.url,
        left_site=not same_origin(answer.url, site),
        error_page=answer.error_page,
        has_content=reads(answer.body, route.contains) and bool(answer.body or not 200 <= answer.status < 300),
        failure=answer.failure,
        protected=answer.protected,
    )


PROBES = (
    staged_visits,
    production_visits,
    control_visits,
    staged_journeys,
    production_journeys,
    control_journeys,
    load_times,
)
