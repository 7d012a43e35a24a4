"""Reads issues, error rates and releases from Sentry."""

import asyncio
import datetime

from checks.evidence import (
    CrashFree,
    CriticalErrors,
    Endpoint,
    EndpointErrors,
    ErrorRate,
    ErrorsLately,
    Issue,
    NewIssues,
    Production,
    ProductionBefore,
    RecordedRelease,
    RecurringIssues,
    Release,
)
from checks.policy import ErrorsPolicy
from pipeline.clients.sentry import SentryIssue
from pipeline.world.world import World

DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)


async def new_issues(world: World, release: Release, before: ProductionBefore) -> NewIssues:
    """Read the issues of this release, by its name and by the time at which our own record says it got its traffic."""
    since = _promoted(world, before)
    named, timed = await asyncio.gather(
        world.sentry.issues(f'firstRelease:"{release.commit}"', world.vercel_target),
        world.sentry.issues(f"firstSeen:>{since:%Y-%m-%dT%H:%M:%S}", world.vercel_target),
    )
    known = {one.id for one in named}
    others = await world.sentry.with_release([one for one in timed if one.id not in known])
    issues = (*(_issue(one, release.commit) for one in named), *(_issue(one, one.release) for one in others))
    return NewIssues(release.commit, since.isoformat(), issues)


async def error_rate(world: World, release: Release, before: ProductionBefore, policy: ErrorsPolicy) -> ErrorRate:
    """Compare this release since its promotion with everybody in the day before it.

    The errors of a release that was taken back minutes ago must not take back the one that cures it.
    """
    now, since = world.clock.now(), _promoted(world, before)
    usual = since - datetime.timedelta(seconds=policy.baseline), since, world.vercel_target
    ours = since, now, world.vercel_target, release.commit
    errors, requests, usual_errors, usual_requests = await asyncio.gather(
        world.sentry.errors(*ours),
        world.sentry.requests(*ours),
        world.sentry.errors(*usual),
        world.sentry.requests(*usual),
    )
    minutes = max((now - since).total_seconds() / 60, 1 / 60)
    if usual_requests:
        return ErrorRate(errors, requests, usual_errors, usual_requests, "requests", minutes)
    return ErrorRate(errors, minutes, usual_errors, policy.baseline / 60, "minutes", minutes)


async def endpoint_errors(world: World) -> EndpointErrors:
    now = world.clock.now()
    spans = (now - HOUR, now), (now - DAY, now - HOUR)
    counts = await asyncio.gather(
        *(
            world.sentry.by_endpoint(dataset, *span, world.vercel_target)
            for span in spans
            for dataset in ("errors", "spans")
        )
    )
    errors, requests, usual_errors, usual_requests = counts
    names = [name for name in errors if requests.get(name) and usual_requests.get(name)]
    return EndpointErrors(
        tuple(
            Endpoint(errors[name], requests[name], usual_errors.get(name, 0), usual_requests[name], name)
            for name in names
        )
    )


async def critical_errors(world: World) -> CriticalErrors:
    found = await world.sentry.issues("firstSeen:-24h", world.vercel_target, sort="new")
    return CriticalErrors(tuple(_issue(one, "") for one in found))


async def errors_lately(world: World) -> ErrorsLately:
    now = world.clock.now()
    lately, before = (now - HOUR, now, world.vercel_target), (now - 7 * DAY, now - HOUR, world.vercel_target)
    errors, requests, usual_errors, usual_requests = await asyncio.gather(
        world.sentry.errors(*lately),
        world.sentry.requests(*lately),
        world.sentry.errors(*before),
        world.sentry.requests(*before),
    )
    if requests and usual_requests:
        return ErrorsLately(errors, requests, usual_errors, usual_requests, "requests")
    return ErrorsLately(errors, 60, usual_errors, (7 * DAY - HOUR).total_seconds() / 60, "minutes")


async def recurring_issues(world: World) -> RecurringIssues:
    found = await world.sentry.issues(
        "is:unresolved firstSeen:+7d lastSeen:-7d", world.vercel_target, sort="freq", period="14d"
    )
    return RecurringIssues(tuple(_issue(one, "") for one in found[:5]))


async def crash_free(world: World) -> CrashFree:
    return CrashFree(*await world.sentry.sessions(world.vercel_target))


async def recorded_release(world: World, live: Production) -> RecordedRelease:
    found, maps = await asyncio.gather(world.sentry.release(live.commit), world.sentry.source_maps(live.commit))
    if found is None:
        return RecordedRelease(live.commit, False)
    return RecordedRelease(live.commit, True, found.commits, found.environments, maps)


def _promoted(world: World, before: ProductionBefore) -> datetime.datetime:
    """The time at which the release got its traffic; outside a run nobody wrote that down, and it is an hour ago."""
    return datetime.datetime.fromisoformat(before.at) if before.at else world.clock.now() - HOUR


def _issue(issue: SentryIssue, release: str) -> Issue:
    return Issue(
        issue.level, issue.title, issue.events, issue.url, issue.where, issue.first_seen, release, issue.status
    )


PROBES = (
    new_issues,
    error_rate,
    endpoint_errors,
    critical_errors,
    errors_lately,
    recurring_issues,
    crash_free,
    recorded_release,
)
