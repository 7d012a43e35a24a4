"""Reads monitors, incidents and heartbeats from Better Stack."""

import asyncio
import datetime

from checks.evidence import (
    Heartbeat,
    Heartbeats,
    Monitor,
    MonitorChange,
    MonitorChanges,
    PastIncident,
    PastIncidents,
    Region,
    UptimeToday,
)
from checks.policy import DeclaredMonitor, UptimePolicy
from pipeline.clients import times
from pipeline.clients.betterstack import MonitorIncident, Watcher
from pipeline.clock import origin
from pipeline.errors import Unreadable
from pipeline.world.world import World

TURNED_AWAY = ("Status 401", "Status 403", "Status 429")
"""Causes of an incident that say nothing of the site: a sign-in page, a firewall or a limit answered in its place."""
DAY, WEEK = datetime.timedelta(days=1), datetime.timedelta(days=7)


async def monitor(world: World, policy: UptimePolicy) -> Monitor:
    """Read the monitor. Raises Unreadable when it is turned away: whether everybody is, our own requests say."""
    today = world.clock.now().date()
    watcher, availability, regions, incidents = await asyncio.gather(
        world.betterstack.monitor(policy.monitor),
        world.betterstack.availability_percent(policy.monitor, today - WEEK, today),
        world.betterstack.answers(policy.monitor),
        world.betterstack.incidents(policy.monitor, open_only=True),
    )
    causes = tuple(f"{incident.cause}, since {incident.started}" for incident in incidents)
    if causes and all(cause.startswith(TURNED_AWAY) for cause in causes):
        says = f"something answers it in the site's place ({'; '.join(causes)}), so nothing was learnt about the site"
        raise Unreadable("betterstack", f"monitor {policy.monitor}", says)
    return Monitor(
        policy.monitor,
        watcher.status,
        availability,
        tuple(ms for region in regions for _, ms in region.answers),
        causes,
        tuple(Region(region.region, *_newest(region.answers)) for region in regions),
        watcher.window,
    )


def _newest(answers: tuple[tuple[str, int], ...]) -> tuple[str, int]:
    moment, ms = max(answers, default=("", 0))
    return moment.replace("Z", "+00:00"), ms


async def uptime_today(world: World, policy: UptimePolicy) -> UptimeToday:
    """Compute the last day's uptime from the incidents themselves: the availability API knows whole days only."""
    now = world.clock.now()
    since = now - DAY
    found = await world.betterstack.incidents(policy.monitor, since=since.date() - DAY)
    lengths = [length for one in found if (length := _within(one, since, now)) > 0]
    down = round(sum(lengths))
    return UptimeToday(round(100 * (1 - down / DAY.total_seconds()), 4), down, len(lengths))


async def past_incidents(world: World, policy: UptimePolicy) -> PastIncidents:
    now = world.clock.now()
    found = await world.betterstack.incidents(policy.monitor, since=(now - WEEK).date())
    ordered = sorted((one for one in found if times.moment(one.started) >= now - WEEK), key=lambda one: one.started)
    return PastIncidents(
        tuple(
            PastIncident(one.cause, one.started, round(_within(one, now - WEEK, now) / 60, 1), not one.resolved)
            for one in ordered
        )
    )


async def heartbeats(world: World) -> Heartbeats:
    return Heartbeats(tuple(Heartbeat(name, status) for name, status in await world.betterstack.heartbeats()))


async def monitor_changes(world: World, policy: UptimePolicy) -> MonitorChanges:
    if not policy.monitors:
        return MonitorChanges(())
    there = {monitor.name: monitor for monitor in await world.betterstack.monitors()}
    changes = (change_of(wanted, there.get(wanted.name), world.domain) for wanted in policy.monitors)
    return MonitorChanges(tuple(change for change in changes if change))


def change_of(wanted: DeclaredMonitor, is_there: Watcher | None, domain: str) -> MonitorChange | None:
    """The change that would make the monitor ``is_there`` the ``wanted`` one; None when it is."""
    if is_there is None:
        return MonitorChange(wanted.name, "create", ())
    differ = tuple(
        (key, _text(is_there.attributes.get(key)), _text(value))
        for key, value in attributes_of(wanted, domain).items()
        if _text(is_there.attributes.get(key)) != _text(value)
    )
    return MonitorChange(wanted.name, "update", differ, is_there.id) if differ else None


def attributes_of(wanted: DeclaredMonitor, domain: str) -> dict[str, object]:
    """The attributes of a declared monitor as Better Stack's API wants them."""
    url = origin(domain) + wanted.url if wanted.url.startswith("/") else wanted.url
    return {
        "pronounceable_name": wanted.name,
        "url": url,
        "monitor_type": "keyword" if wanted.keyword else "status",
        "check_frequency": wanted.every,
        "request_timeout": wanted.timeout,
        "regions": list(wanted.regions),
        "recovery_period": wanted.recovery,
        "confirmation_period": wanted.confirmation,
        **({"required_keyword": wanted.keyword} if wanted.keyword else {}),
    }


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(sorted(map(str, value)))
    return "" if value is None else str(value)


def _within(incident: MonitorIncident, since: datetime.datetime, until: datetime.datetime) -> float:
    """The seconds of an incident between ``since`` and ``until``."""
    end = times.moment(incident.resolved) if incident.resolved else until
    return (min(end, until) - max(times.moment(incident.started), since)).total_seconds()


PROBES = (
    monitor,
    uptime_today,
    past_incidents,
    heartbeats,
    monitor_changes,
)
