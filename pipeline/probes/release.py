"""Reads Vercel, the clock, and what the person who started the run said."""

import asyncio

from checks.evidence import (
    Build,
    DeploymentsUnderWay,
    Moment,
    Production,
    Release,
    RollbackTarget,
    StagedDeployment,
    VercelProject,
)
from pipeline.clients.vercel import UNDER_WAY
from pipeline.world import World


async def release(world: World) -> Release:
    return world.release


async def moment(world: World) -> Moment:
    return Moment(world.clock.now())


async def vercel_project(world: World) -> VercelProject:
    project = await world.vercel.project()
    return VercelProject(project.id, project.auto_assign)


async def deployments_under_way(world: World) -> DeploymentsUnderWay:
    found = await world.vercel.deployments(target="production", state=UNDER_WAY)
    return DeploymentsUnderWay(tuple(one.id for one in found if one.meta.get("deployRun") != world.run))


async def rollback_target(world: World) -> RollbackTarget:
    candidates, live = await asyncio.gather(
        world.vercel.deployments(target="production", rollbackCandidate="true"), world.vercel.alias(world.domain)
    )
    for one in candidates:
        if one.id != live:
            return RollbackTarget(one.id, one.url, one.commit)
    return RollbackTarget("", "", "")


async def production(world: World) -> Production:
    live = await world.vercel.production(world.domain)
    return Production(live.id, live.url, world.domain) if live else Production("", "", world.domain)


async def build(world: World, staged: StagedDeployment) -> Build:
    seen = await world.vercel.deployment(staged.id)
    error = seen.error
    if seen.state == "ERROR":
        error = f"{error}; the log ends: {await world.vercel.build_log(staged.id)}"
    return Build(seen.id, seen.state, seen.substate, seen.aliases, error)
