"""Visits the staged deployment and production as a browser and as a student would."""

import asyncio

from checks.evidence import (
    Journey,
    LoadTimes,
    ProductionJourneys,
    ProductionVisits,
    StagedDeployment,
    StagedJourneys,
    StagedVisits,
    Visit,
)
from checks.policy import PerformancePolicy, Route, SmokePolicy
from pipeline.clients.visitor import same_origin
from pipeline.world import World, origin


async def staged_visits(world: World, policy: SmokePolicy, staged: StagedDeployment) -> StagedVisits:
    return StagedVisits(await _visits(world, staged.url, policy))


async def production_visits(world: World, policy: SmokePolicy) -> ProductionVisits:
    return ProductionVisits(await _visits(world, origin(world.domain), policy))


async def staged_journeys(world: World, policy: SmokePolicy, staged: StagedDeployment) -> StagedJourneys:
    return StagedJourneys(await _journeys(world, staged.url, policy))


async def production_journeys(world: World, policy: SmokePolicy) -> ProductionJourneys:
    return ProductionJourneys(await _journeys(world, origin(world.domain), policy))


async def load_times(world: World, policy: PerformancePolicy) -> LoadTimes:
    answers = [await world.visitor.get(origin(world.domain) + "/") for _ in range(policy.visits)]
    return LoadTimes(tuple(answer.ms for answer in answers if answer.status))


async def _visits(world: World, site: str, policy: SmokePolicy) -> tuple[Visit, ...]:
    return tuple(await asyncio.gather(*(_visit(world, site, route) for route in policy.routes)))


async def _visit(world: World, site: str, route: Route) -> Visit:
    answer = await world.visitor.get(site + route.path)
    return Visit(
        route.path,
        answer.status,
        answer.ms,
        answer.url,
        left_site=not same_origin(answer.url, site),
        error_page=answer.error_page,
        has_content=route.contains in answer.body,
        failure=answer.failure,
    )


async def _journeys(world: World, site: str, policy: SmokePolicy) -> tuple[Journey, ...]:
    wanted = policy.journeys
    tried = await world.visitor.journeys(
        site,
        login=wanted.login,
        course=wanted.course,
        course_contains=wanted.course_contains,
        upload=wanted.upload,
    )
    return tuple(Journey(one.name, one.failed_at, one.says, one.ms) for one in tried)
