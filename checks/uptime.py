"""Asks what Better Stack remembers, and whether its monitors watch what they should."""

from dataclasses import replace

from checks.amounts import amount
from checks.evidence import (
    Heartbeat,
    Heartbeats,
    Monitor,
    MonitorChange,
    MonitorChanges,
    PastIncident,
    PastIncidents,
    UptimeToday,
)
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import UptimePolicy
from checks.services import monitor_says_up, past_limits


@gate(owner="on-call")
def is_well_now(policy: UptimePolicy, seen: Monitor) -> Findings:
    """The monitor is up, its last week above the target and its response times below the limit.

    Why: Past these limits it is an incident: uptime below 99.5 % in 7 days is a P1, a p95 above 5 s a P2.

    By hand: Better Stack → Monitors → the monitor: status, Availability for 7 days, Response times for 24 hours.

    If it fails: Follow the playbook *Site Down* when it is down, *Performance Degradation* when it is slow. For the week:
        list the outages that add up to it, and see whether each has its review.
    """
    yield from monitor_says_up(seen)
    yield from past_limits(policy, seen)


is_well_now.stops_when("the week was bad", lambda p, s: (p, replace(s, availability_percent=99.2)))
is_well_now.stops_when("answers are slow", lambda p, s: (p, replace(s, response_ms=(5200,) * 40)))


@gate(owner="on-call")
def day_was_well(policy: UptimePolicy, seen: UptimeToday) -> Findings:
    """Production was up for the whole last day.

    Why: A minute at four in the morning is nobody's complaint and still somebody's task.

    By hand: Better Stack → Monitors → the monitor → last 24 hours.

    If it fails: See whether each outage has an incident entry and a cause. It stays listed until it is a day old.
    """
    if seen.down_seconds:
        says = f"was down for {seen.down_seconds} s in {amount(seen.incidents, 'incident')} during the last day"
        grave = seen.availability_percent < policy.availability_percent
        yield not_yet("production", says, severity="P2" if grave else "P3")


day_was_well.stops_when("it was down for two minutes", lambda p, s: (p, UptimeToday(99.86, 120, 1)))


@gate(owner="on-call")
def incidents_are_rare(seen: PastIncidents) -> Findings:
    """The last week's incidents are over, and none came back.

    Why: The same cause twice is a cause that nobody has removed.

    By hand: Better Stack → Incidents, last 7 days.

    If it fails: Open the review of the first one: its actions are not done, or were the wrong ones. An open one is
        closed where it came from; the others stay listed for a week.
    """
    causes = [incident.cause for incident in seen.incidents]
    for cause in dict.fromkeys(causes):
        if causes.count(cause) > 1:
            yield not_yet(
                f"incident {cause}", f"happened {amount(causes.count(cause), 'time')} in a week", severity="P2"
            )
    for incident in seen.incidents:
        if incident.open:
            yield not_yet(f"incident {incident.cause}", f"is open since {incident.started[:16]}", severity="P1")


incidents_are_rare.stops_when(
    "the same one came twice",
    lambda s: (PastIncidents((PastIncident("Status 503", "2026-11-20T02:00:00Z", 4, False),) * 2),),
)


@gate(owner="on-call")
def jobs_report(seen: Heartbeats) -> Findings:
    """Every job that reports to Better Stack has reported in time.

    Why: A cron job that no longer runs says nothing; after a rollback the old build's cron jobs are the ones that run.

    By hand: Better Stack → Heartbeats: none may be red.

    If it fails: `vercel crons ls`, and the job's own log. Run it by hand; it is well again when the job has reported.
    """
    for heartbeat in seen.heartbeats:
        if heartbeat.status == "down":
            yield not_yet(f"heartbeat {heartbeat.name}", "did not come in time", severity="P2")
        elif heartbeat.status in ("paused", "pending"):
            yield warn(f"heartbeat {heartbeat.name}", f"is {heartbeat.status}")


jobs_report.stops_when("a job is silent", lambda s: (Heartbeats((Heartbeat("nightly report", "down"),)),))


@gate(owner="platform")
def monitors_are_as_declared(seen: MonitorChanges) -> Findings:
    """Better Stack has the monitors that `deploy.yml` declares, as it declares them.

    Why: A monitor that somebody has paused or pointed elsewhere is a smoke detector without a battery.

    By hand: Compare Better Stack → Monitors with `uptime.monitors` in `deploy.yml`.

    If it fails: `./inv monitor.sync` shows what it would change; `./inv monitor.sync --apply` changes it.
    """
    for change in seen.changes:
        says = str(change).removeprefix(change.name).lstrip(": ")
        yield not_yet(f"monitor {change.name}", says, fix="./inv monitor.sync --apply", severity="P3")


monitors_are_as_declared.stops_when(
    "one was never made", lambda s: (MonitorChanges((MonitorChange("LMS front page", "create", ()),)),)
)


@gate(owner="on-call")
def nothing_is_muted(seen: Monitor) -> Findings:
    """The monitor is not paused and no maintenance window is left on it.

    Why: A window that a killed deployment left behind mutes the same minutes of every week to come.

    By hand: Better Stack → Monitors → the monitor → Maintenance: empty, and not paused.

    If it fails: `./inv monitor.sync --apply` takes the window away; a pause only a person lifts, there.
    """
    if seen.status == "paused":
        yield not_yet(f"monitor {seen.id}", "is paused, so nobody would be woken", severity="P2")
    if seen.window:
        yield not_yet(f"monitor {seen.id}", f"has a maintenance window left: {seen.window}", severity="P3")


nothing_is_muted.stops_when("a window was left", lambda s: (replace(s, window="02:00:00–02:10:00 UTC on mon"),))
nothing_is_muted.stops_when("somebody paused it", lambda s: (replace(s, status="paused"),))
