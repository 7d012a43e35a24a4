"""Reads our own records (journal, lock, readings), and the newest builds on Vercel."""

import asyncio
import datetime

from checks.evidence import Bookkeeping, FailedBuild, LastBuilds, WeekByWeek
from pipeline.handbook.troubles import recognised
from pipeline.world.world import World

BUILDS, FAILURES = 20, 3


async def bookkeeping(world: World) -> Bookkeeping:
    return await asyncio.to_thread(world.records.bookkeeping)


async def week_by_week(world: World) -> WeekByWeek:
    return await asyncio.to_thread(world.records.week_by_week)


async def last_builds(world: World) -> LastBuilds:
    builds = await world.vercel.deployments(limit=BUILDS)
    failed = [deployment for deployment in builds if deployment.state == "ERROR"]
    logs = await asyncio.gather(*(world.vercel.build_log(deployment.id) for deployment in failed[:FAILURES]))
    found = []
    for deployment, log in zip(failed, logs, strict=False):
        known = next(iter(recognised(log)), None)
        created = datetime.datetime.fromtimestamp(deployment.created / 1000, datetime.UTC).isoformat(timespec="seconds")
        end = " ".join(log.split())[-300:]
        found.append(FailedBuild(deployment.id, created, end, known.resolution if known else ""))
    return LastBuilds(len(builds), tuple(found), bool(builds) and builds[0].state == "ERROR")


PROBES = (
    bookkeeping,
    week_by_week,
    last_builds,
)
