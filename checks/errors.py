"""Asks whether Sentry sees new errors, or more of the old."""

import re
from dataclasses import replace

from checks.amounts import about, amount
from checks.control import unless_old_is_ill
from checks.evidence import (
    ControlHealth,
    CrashFree,
    CriticalErrors,
    Endpoint,
    EndpointErrors,
    ErrorRate,
    ErrorsLately,
    Issue,
    NewIssues,
    RecordedRelease,
    RecurringIssues,
)
from checks.gate import Findings, block, gate, not_yet, too_little, warn
from checks.policy import ErrorsPolicy
from checks.statistics import Count, Judged, judge, probability


def severity_of(policy: ErrorsPolicy, issue: Issue) -> str:
    """The severity of an issue: P0 when it touches sign-in or stored data, else P1."""
    text = f"{issue.title} {issue.where}"
    return "P0" if any(re.search(pattern, text, re.IGNORECASE) for pattern in policy.gravest) else "P1"


def new_errors(policy: ErrorsPolicy, seen: NewIssues) -> Findings:
    """Find issues that stop: one that is fatal or touches sign-in or data at once, any other when it is frequent."""
    for issue in seen.issues:
        severity = severity_of(policy, issue)
        says = f"is a new {issue.level} ({amount(issue.events, 'event')}){_muted(issue)}"
        if issue.release and issue.release != seen.release:
            yield warn(issue.title, f"{says}, but of release {issue.release[:12]}", fix=issue.url)
        elif issue.level not in policy.critical:
            yield warn(issue.title, says, fix=issue.url)
        elif issue.level == "fatal" or severity == "P0" or issue.events >= policy.new_events:
            yield block(issue.title, says, fix=issue.url, severity=severity)
        else:
            yield warn(issue.title, f"{says}, fewer than {policy.new_events}", fix=issue.url)


@gate(owner="on-call")
def no_new_critical(policy: ErrorsPolicy, seen: NewIssues, control: ControlHealth) -> Findings:
    """Sentry shows no critical error that began with this release.

    Why: An error that nobody had before this release is this release's. Sentry's own order of releases is not asked:
        it goes wrong after a rollback, and an issue that is muted or "resolved in the next release" goes on failing.
        What is fatal, or touches sign-in or stored data, counts from its first event; of anything else one or two may be
        a cut connection, and are a warning.

    By hand:
        In Sentry open Issues and search `firstRelease:$COMMIT`, environment `production`, then `firstSeen:-1h`,
        both without `is:unresolved`.
        No issue of level `error` or `fatal` may be listed that is from after the promotion.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`, then open the issue. Then fix it
        and ship the new commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from unless_old_is_ill(new_errors(policy, seen), control)


def _muted(issue: Issue) -> str:
    return "" if issue.status == "unresolved" else f", marked {issue.status} but still happening"


no_new_critical.stops_when(
    "a new fatal error appears",
    lambda p, s, c: (p, replace(s, issues=(Issue("fatal", "TypeError: course is null", 1, "…/issues/1"),)), c),
)
no_new_critical.stops_when(
    "one that somebody has muted goes on",
    lambda p, s, c: (
        p,
        replace(s, issues=(Issue("error", "Grade is gone", 3, "…/issues/2", release=s.release, status="ignored"),)),
        c,
    ),
)
no_new_critical.stops_when(
    "the old deployment is ill, too",
    lambda p, s, c: (
        p,
        replace(s, issues=(Issue("fatal", "Can't reach database", 9, "…/issues/3"),)),
        replace(c, status=503),
    ),
)


def spike(policy: ErrorsPolicy, now: Count, usual: Count, unit: str, subject: str = "the error rate") -> Findings:
    """Make a finding when ``now`` is a spike; nothing otherwise, also when too little was seen."""
    told = judge(now, usual, times=policy.times_baseline, chance=policy.chance, least=policy.least_requests)
    if told is Judged.TOO_MANY:
        by_chance = f"1 in {1 / max(probability(now, usual), 1e-12):,.0f}"
        yield not_yet(
            subject,
            f"is {now.events} in {about(now.exposure)} {unit}, against {usual.events} in {about(usual.exposure)} usually "
            f"(by chance {by_chance})",
            severity="P1",
        )


@gate(owner="on-call")
def rate_is_usual(policy: ErrorsPolicy, seen: ErrorRate, control: ControlHealth) -> Findings:
    """The error rate is no spike: not ten times its baseline, beyond what chance explains.

    Why: Some failures add no new issue, only more of an old one. With little traffic one error can be a hundred times
        the usual rate and still mean nothing, so the counts are compared by an exact test and not by their ratio alone.

    By hand: In Sentry open Discover, `event.type:error release:$COMMIT` since the promotion, against
        `event.type:error` of the day before, both divided by their number of requests (Insights → Requests).

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`. Then fix it and ship
        the new commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from unless_old_is_ill(spike(policy, seen.now, seen.usual, seen.unit), control)


rate_is_usual.stops_when("errors pour in", lambda p, s, c: (p, replace(s, events=40), c))


def stays_usual(policy: ErrorsPolicy, seen: ErrorRate) -> Findings:
    """Make a finding of a spike, or of too little evidence to say that there is none."""
    found = tuple(spike(policy, seen.now, seen.usual, seen.unit))
    yield from found
    if not policy.environments and any(name.startswith("vercel-") for name in seen.environments):
        yield warn(
            "Sentry",
            f"calls the environment {', '.join(seen.environments)}, and was asked so",
            fix=f"errors.environments: [{', '.join(seen.environments)}]",
        )
    if not seen.signs:
        yield too_little(
            "Sentry",
            f"has heard nothing at all of {', '.join(seen.environments or policy.environments) or 'this environment'}, "
            "before or since: no event, no request, no session",
            fix="errors.environments in deploy.yml, or SENTRY_DSN of the app",
        )
    few = seen.unit == "requests" and seen.exposure < policy.least_requests
    if few and not found:
        none = "; does the SDK send the commit as its release?" if seen.exposure == 0 else ""
        yield too_little(
            "the release",
            f"got {about(seen.exposure)} requests that Sentry has seen, fewer than {policy.least_requests}: "
            f"too few to say that it is well{none}",
            fix="look at it yourself: ./inv monitor.daily; then keep it, or ./inv rollback",
        )


@gate(owner="on-call")
def endpoints_are_usual(policy: ErrorsPolicy, seen: EndpointErrors) -> Findings:
    """No single endpoint has an error spike.

    Why: One broken endpoint drowns among healthy ones in the overall rate.

    By hand: In Sentry open Insights → Requests, sort by failure rate, last hour against yesterday.

    If it fails: `./inv diagnose.errors` shows what fails there. Roll back when it began with the release; the last
        hour counts, so ask again an hour later.
    """
    stricter = replace(policy, chance=policy.chance / max(1, len(seen.endpoints)))  # many questions, one chance
    for endpoint in seen.endpoints:
        yield from spike(stricter, endpoint.now, endpoint.usual, "requests", endpoint.name)


endpoints_are_usual.stops_when(
    "one endpoint fails", lambda p, s: (p, EndpointErrors((Endpoint(12, 40, 1, 4000, "POST /api/upload"),)))
)


@gate(owner="on-call")
def nothing_critical_today(policy: ErrorsPolicy, seen: CriticalErrors) -> Findings:
    """No critical error was seen for the first time in the last day.

    Why: What touches sign-in or stored data is a P0 on its first occurrence; everything else critical is a P1.

    By hand: Sentry → Issues, `firstSeen:-24h level:[error,fatal]`, environment `production`.

    If it fails: Open the issue, assign it, and follow the playbook *Error Spike*. It stays listed until it is a day
        old, resolved or not.
    """
    for issue in seen.issues:
        if issue.level in policy.critical:
            since = f", first seen {issue.first_seen[:16]}" if issue.first_seen else ""
            says = f"is a new {issue.level} ({amount(issue.events, 'event')}){since}{_muted(issue)}"
            yield block(issue.title, says, fix=issue.url, severity=severity_of(policy, issue))


nothing_critical_today.stops_when(
    "sign-in failed for the first time",
    lambda p, s: (p, CriticalErrors((Issue("error", "CallbackError: sign in failed", 1, "…/issues/3"),))),
)


@gate(owner="on-call")
def hour_is_usual(policy: ErrorsPolicy, seen: ErrorsLately) -> Findings:
    """The last hour's error rate is no spike beside the week before.

    Why: An outage of somebody else's service shows here before anybody calls.

    By hand: Sentry → Discover, `event.type:error`, last hour, against the same hours of the last week.

    If it fails: Follow the playbook *Error Spike*. An hour after the cause is gone this is usual again.
    """
    yield from spike(policy, seen.now, seen.usual, seen.unit)


hour_is_usual.stops_when("errors pour in", lambda p, s: (p, replace(s, events=200)))


@gate(owner="developer")
def nothing_recurs(policy: ErrorsPolicy, seen: RecurringIssues) -> Findings:
    """No critical error goes on for a second week.

    Why: What everybody has got used to hides what is new.

    By hand: Sentry → Issues, sort by events, last 14 days: what is older than a week?

    If it fails: Fix it and resolve the issue or, when it harms nobody, lower its level where it is sent.
    """
    for issue in seen.issues:
        if issue.level in policy.critical:
            says = f"has happened since {issue.first_seen[:10]} ({amount(issue.events, 'event')})"
            yield not_yet(issue.title, says, fix=issue.url, severity="P3")


nothing_recurs.stops_when(
    "an error is in its second week",
    lambda p, s: (
        p,
        RecurringIssues((Issue("error", "Timeout", 90, "…/issues/4", first_seen="2026-11-10T02:00:00Z"),)),
    ),
)


@gate(owner="on-call")
def sessions_do_not_crash(policy: ErrorsPolicy, seen: CrashFree) -> Findings:
    """Nearly all sessions of the last day ended without a crash.

    Why: It counts people, not events: one user who reloads a hundred times is one.

    By hand: Sentry → Releases → Crash free sessions, last 24 hours.

    If it fails: Follow the playbook *Error Spike*; compare the latest two releases. It counts a whole day, so it is
        well again a day after the cure.
    """
    if seen.percent is None:
        yield warn(
            "sessions", "were not recorded, so nobody knows how many crashed", fix="autoSessionTracking in the SDK"
        )
        return
    crashed = round(seen.sessions * (100 - seen.percent) / 100)
    borne = 1 - policy.crash_free_percent / 100
    certain = judge(
        Count(crashed, seen.sessions), Count(round(borne * 100_000), 100_000), times=1, chance=0.05, least=0
    )
    if seen.percent < policy.crash_free_percent and certain is Judged.TOO_MANY:
        says = f"were {seen.percent:.4g} % free of crashes ({seen.sessions}), below {policy.crash_free_percent:g} %"
        yield not_yet("sessions", says, severity="P2")


sessions_do_not_crash.stops_when("sessions crash", lambda p, s: (p, CrashFree(400, 95.0)))


@gate(owner="developer")
def release_is_recorded(policy: ErrorsPolicy, seen: RecordedRelease) -> Findings:
    """Sentry knows the live release, its commits and its deployment, and its source maps where they are asked for.

    Why: Without it an error names no release, no commit and no line, and comparing releases means nothing.

    By hand:
        Run `curl -sS -H "Authorization: Bearer $SENTRY_AUTH_TOKEN" $SENTRY/api/0/organizations/$SENTRY_ORG/releases/$COMMIT/ | jq '{version, commitCount, deployCount}'`.

    If it fails: `sentry-cli releases new $COMMIT`, then `sentry-cli releases set-commits $COMMIT --auto` and
        `sentry-cli deploys new --release $COMMIT -e production`. Source maps: `sentry-cli sourcemaps upload --release $COMMIT .next`.
    """
    release = f"release {seen.version[:12]}"
    if not seen.known:
        yield not_yet(release, "is not known to Sentry", severity="P3")
        return
    if not seen.commits:
        yield warn(release, "has no commits in Sentry", fix=f"sentry-cli releases set-commits {seen.version} --auto")
    if not set(seen.wanted) & set(seen.environments):
        yield not_yet(release, f"has no deployment to {' or '.join(seen.wanted)} in Sentry", severity="P3")
    if policy.source_maps and not seen.source_maps:
        yield not_yet(release, "has no source maps in Sentry", severity="P3")


release_is_recorded.stops_when("nobody told Sentry", lambda p, s: (p, replace(s, known=False)))
release_is_recorded.stops_when(
    "its source maps are missing", lambda p, s: (replace(p, source_maps=True), replace(s, source_maps=0))
)
