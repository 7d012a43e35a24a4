"""Reads our own records, and the newest builds."""

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
    failed = [one for one in builds if one.state == "ERROR"]
    logs = await asyncio.gather(*(world.vercel.build_log(one.id) for one in failed[:FAILURES]))
    found = []
    for one, log in zip(failed, logs, strict=False):
        known = next(iter(recognised(log)), None)
        created = datetime.datetime.fromtimestamp(one.created / 1000, datetime.UTC).isoformat(timespec="seconds")
        end = " ".join(log.split())[-300:]
        found.append(FailedBuild(one.id, created, end, known.resolution if known else ""))
    return LastBuilds(len(builds), tuple(found), bool(builds) and builds[0].state == "ERROR")


PROBES = (
    bookkeeping,
    week_by_week,
    last_builds,
)
