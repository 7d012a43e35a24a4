"""Reads the vendors' status pages, the uptime monitor and the error tracker."""

import asyncio
import datetime

from checks.evidence import ErrorRate, Issue, Monitor, NeonStatus, NewIssues, Release, VercelStatus
from checks.policy import UptimePolicy
from pipeline.world import World

MINUTES = 15  # Sentry's finest interval that still means something at low traffic


async def vercel_status(world: World) -> VercelStatus:
    seen = await world.status_pages.vercel()
    return VercelStatus("Vercel", seen.indicator, seen.incidents)


async def neon_status(world: World) -> NeonStatus:
    seen = await world.status_pages.neon()
    return NeonStatus("Neon", seen.indicator, seen.incidents)


async def monitor(world: World, policy: UptimePolicy) -> Monitor:
    today = world.clock.now().date()
    status, availability, response, incidents = await asyncio.gather(
        world.betterstack.status(policy.monitor),
        world.betterstack.availability_percent(policy.monitor, today - datetime.timedelta(days=7), today),
        world.betterstack.response_ms(policy.monitor),
        world.betterstack.open_incidents(policy.monitor),
    )
    return Monitor(
        policy.monitor, status, availability, response, tuple(f"{i.cause}, since {i.started}" for i in incidents)
    )


async def new_issues(world: World, release: Release) -> NewIssues:
    found = await world.sentry.new_issues(release.commit, world.vercel_target)
    return NewIssues(release.commit, tuple(Issue(one.level, one.title, one.events, one.url) for one in found))


async def error_rate(world: World) -> ErrorRate:
    """This release's last quarter of an hour against everybody's average quarter of the day before it.

    The errors of a release that was taken back minutes ago must not take back the one that cures it.
    """
    now = world.clock.now()
    period = now - datetime.timedelta(days=1), now, world.vercel_target
    everybody, ours = await asyncio.gather(
        world.sentry.error_counts(*period), world.sentry.error_counts(*period, world.release.commit)
    )
    since = now.timestamp() - MINUTES * 60
    before = [count for at, count in everybody if at < since]
    usual = sum(before) / len(before) if before else 0.0
    return ErrorRate(sum(count for at, count in ours if at >= since), usual, MINUTES)
