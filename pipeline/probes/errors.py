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
    SentryHearing,
)
from checks.policy import ErrorsPolicy
from pipeline.clients.sentry import SentryIssue
from pipeline.world.world import World

DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
MONTH = 30 * DAY
Span = tuple[datetime.datetime, datetime.datetime]


async def sentry_hearing(world: World, policy: ErrorsPolicy, live: Production) -> SentryHearing:
    """Read what Sentry has heard of the project in the last day, and by which names."""
    known = await world.sentry.environments()
    asked, now = _ours(world, policy, known), world.clock.now()
    if not asked:
        return SentryHearing(known, asked, live=live.commit)
    day = now - DAY, now
    seen, *releases = await asyncio.gather(
        _signs(world, day, asked),
        world.sentry.by_release("errors", *day, asked),
        world.sentry.by_release("spans", *day, asked),
    )
    names = dict.fromkeys(name for counts in releases for name in counts)
    return SentryHearing(known, asked, seen, tuple(names), live.commit)


async def environments_of(world: World, policy: ErrorsPolicy) -> tuple[str, ...]:
    """Name the environments that the app's events of this target have in Sentry; empty when there were none yet."""
    return _ours(world, policy, await world.sentry.environments())


def _ours(world: World, policy: ErrorsPolicy, known: tuple[str, ...]) -> tuple[str, ...]:
    """The environments of the project that are this target's: as the file says, or as the SDKs call them on Vercel.

    Sentry tells ``Production`` from ``production``; what the file does not name is looked for in either spelling.

    Source: getsentry/sentry-javascript#7227 made it ``vercel-production``, #24197 takes that back in version 11.
    """
    if policy.environments:
        return tuple(name for name in policy.environments if name in known)
    usual = (world.vercel_target, f"vercel-{world.vercel_target}")
    return tuple(name for one in usual for name in sorted(known, reverse=True) if name.lower() == one)


async def _signs(world: World, span: Span, asked: tuple[str, ...]) -> int:
    """Count what Sentry has heard in a span of time; when that is nothing, the errors of the month before its end."""
    counts = await asyncio.gather(world.sentry.errors(*span, asked), world.sentry.requests(*span, asked))
    sessions, _ = await world.sentry.sessions(asked)
    return sum(counts) + sessions or await world.sentry.errors(span[1] - MONTH, span[1], asked)


async def new_issues(world: World, release: Release, before: ProductionBefore, policy: ErrorsPolicy) -> NewIssues:
    """Read the issues of this release, by its name and by the time at which our own record says it got its traffic."""
    since, name = _promoted(world, before), policy.release_of(release.commit)
    asked = await environments_of(world, policy)
    if not asked:
        return NewIssues(name, since.isoformat(), ())
    named, timed = await asyncio.gather(
        world.sentry.issues(f'firstRelease:"{name}"', asked),
        world.sentry.issues(f"firstSeen:>{since:%Y-%m-%dT%H:%M:%S}", asked),
    )
    known = {one.id for one in named}
    others = await world.sentry.with_release([one for one in timed if one.id not in known])
    issues = (*(_issue(one, name) for one in named), *(_issue(one, one.release) for one in others))
    return NewIssues(name, since.isoformat(), issues)


async def error_rate(world: World, release: Release, before: ProductionBefore, policy: ErrorsPolicy) -> ErrorRate:
    """Compare this release since its promotion with everybody in the day before it.

    The errors of a release that was taken back minutes ago must not take back the one that cures it.
    """
    now, since = world.clock.now(), _promoted(world, before)
    minutes = max((now - since).total_seconds() / 60, 1 / 60)
    asked = await environments_of(world, policy)
    if not asked:
        return ErrorRate(0, minutes, 0, policy.baseline / 60, "minutes", minutes, (), 0)
    usual = since - datetime.timedelta(seconds=policy.baseline), since, asked
    ours = since, now, asked, policy.release_of(release.commit)
    errors, requests, usual_errors, usual_requests = await asyncio.gather(
        world.sentry.errors(*ours),
        world.sentry.requests(*ours),
        world.sentry.errors(*usual),
        world.sentry.requests(*usual),
    )
    if usual_requests:
        return ErrorRate(errors, requests, usual_errors, usual_requests, "requests", minutes, asked, usual_requests)
    signs = errors + requests + usual_errors or await _signs(world, (since, now), asked)
    return ErrorRate(errors, minutes, usual_errors, policy.baseline / 60, "minutes", minutes, asked, signs)


async def endpoint_errors(world: World, policy: ErrorsPolicy) -> EndpointErrors:
    now, asked = world.clock.now(), await environments_of(world, policy)
    if not asked:
        return EndpointErrors(())
    spans = (now - HOUR, now), (now - DAY, now - HOUR)
    counts = await asyncio.gather(
        *(world.sentry.by_endpoint(dataset, *span, asked) for span in spans for dataset in ("errors", "spans"))
    )
    errors, requests, usual_errors, usual_requests = counts
    names = [name for name in errors if requests.get(name) and usual_requests.get(name)]
    return EndpointErrors(
        tuple(
            Endpoint(errors[name], requests[name], usual_errors.get(name, 0), usual_requests[name], name)
            for name in names
        )
    )


async def critical_errors(world: World, policy: ErrorsPolicy) -> CriticalErrors:
    asked = await environments_of(world, policy)
    found = await world.sentry.issues("firstSeen:-24h", asked, sort="new") if asked else ()
    return CriticalErrors(tuple(_issue(one, "") for one in found))


async def errors_lately(world: World, policy: ErrorsPolicy) -> ErrorsLately:
    now, asked = world.clock.now(), await environments_of(world, policy)
    week = (7 * DAY - HOUR).total_seconds() / 60
    if not asked:
        return ErrorsLately(0, 60, 0, week, "minutes")
    lately, before = (now - HOUR, now, asked), (now - 7 * DAY, now - HOUR, asked)
    errors, requests, usual_errors, usual_requests = await asyncio.gather(
        world.sentry.errors(*lately),
        world.sentry.requests(*lately),
        world.sentry.errors(*before),
        world.sentry.requests(*before),
    )
    if requests and usual_requests:
        return ErrorsLately(errors, requests, usual_errors, usual_requests, "requests")
    return ErrorsLately(errors, 60, usual_errors, week, "minutes")


async def recurring_issues(world: World, policy: ErrorsPolicy) -> RecurringIssues:
    query, asked = "is:unresolved firstSeen:+7d lastSeen:-7d", await environments_of(world, policy)
    found = await world.sentry.issues(query, asked, sort="freq", period="14d") if asked else ()
    return RecurringIssues(tuple(_issue(one, "") for one in found[:5]))


async def crash_free(world: World, policy: ErrorsPolicy) -> CrashFree:
    asked = await environments_of(world, policy)
    return CrashFree(*await world.sentry.sessions(asked)) if asked else CrashFree(0, None)


async def recorded_release(world: World, live: Production, policy: ErrorsPolicy) -> RecordedRelease:
    name = policy.release_of(live.commit)
    found, maps, ours = await asyncio.gather(
        world.sentry.release(name), world.sentry.source_maps(name), environments_of(world, policy)
    )
    wanted = ours or policy.environments or (world.vercel_target,)
    if found is None:
        return RecordedRelease(name, False, wanted=wanted)
    return RecordedRelease(name, True, found.commits, found.environments, maps, wanted)


def _promoted(world: World, before: ProductionBefore) -> datetime.datetime:
    """The time at which the release got its traffic; outside a run nobody wrote that down, and it is an hour ago."""
    return datetime.datetime.fromisoformat(before.at) if before.at else world.clock.now() - HOUR


def _issue(issue: SentryIssue, release: str) -> Issue:
    return Issue(
        issue.level, issue.title, issue.events, issue.url, issue.where, issue.first_seen, release, issue.status
    )


PROBES = (
    sentry_hearing,
    new_issues,
    error_rate,
    endpoint_errors,
    critical_errors,
    errors_lately,
    recurring_issues,
    crash_free,
    recorded_release,
)
