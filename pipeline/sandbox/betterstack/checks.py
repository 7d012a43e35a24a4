"""Finds out whether something is up, and opens and closes the incidents that follow from it."""

import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pipeline.sandbox.core import Core, Visit
from pipeline.sandbox.state import Incident
from pipeline.sandbox.web import Payload
from pipeline.sandbox.witnessstate import Heartbeat, Monitor

HEALTH = "/api/health/db"
NAME = "LMS health"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Checks:
    """Checks monitors and heartbeats when somebody looks: there is no check between two looks."""

    def __init__(self, core: Core) -> None:
        self._core, state = core, core.state.betterstack
        if not any(monitor.id == state.monitor for monitor in state.monitors):
            first = Monitor(state.monitor, state.created, "http://{{PRODUCTION}}" + HEALTH, NAME, state.created)
            state.monitors.insert(0, first)

    async def everything(self) -> None:
        for monitor in self._core.state.betterstack.monitors:
            await self.monitor(monitor)
        for heartbeat in self._core.state.betterstack.heartbeats:
            self.heartbeat(heartbeat)

    def paused(self, monitor: Monitor) -> bool:
        """Whether a monitor is paused; the switch of the first monitor is beside it in the state."""
        state = self._core.state.betterstack
        return state.paused if monitor.id == state.monitor else monitor.paused

    def url(self, monitor: Monitor) -> str:
        return self._core.fill(monitor.url)

    async def monitor(self, monitor: Monitor) -> str:
        """Find the status of a monitor: paused, maintenance, up or down.

        Pending when it is not of production, where nobody can look.
        """
        state = self._core.state.betterstack
        if self.paused(monitor):
            return "paused"
        if (state.maintenance and monitor.id == state.monitor) or in_maintenance(monitor.settings, self._core.now()):
            return "maintenance"
        url = urlsplit(self.url(monitor))
        if url.netloc != self._core.ports.host("production"):
            return "pending"
        assert self._core.visit is not None
        visit = await self._core.visit(url.path or "/")
        cause = _cause(monitor, visit)
        self._note(cause, monitor.name, monitor=monitor.id)
        return "down" if cause else "up"

    def heartbeat(self, heartbeat: Heartbeat) -> str:
        """Find the status of a heartbeat: paused, pending until the first beat, up or down."""
        if heartbeat.paused or not heartbeat.beats:
            return "paused" if heartbeat.paused else "pending"
        late = self._core.now() - heartbeat.beats[-1] > heartbeat.period + heartbeat.grace
        self._note("Missed heartbeat" if late else "", heartbeat.name, heartbeat=heartbeat.id)
        return "down" if late else "up"

    def _note(self, cause: str, name: str, monitor: str = "", heartbeat: str = "") -> None:
        """Open an incident when there is a cause and none is open; close those that are open when there is none."""
        state, now = self._core.state, self._core.now()
        mine = [
            incident
            for incident in state.betterstack.incidents
            if not incident.resolved and (incident.monitor, incident.heartbeat) == (monitor, heartbeat)
        ]
        if cause and not mine:
            opened = Incident(state.next_id(), cause, now, monitor, name, heartbeat=heartbeat)
            state.betterstack.incidents.append(opened)
        for incident in () if cause else mine:
            incident.resolved, incident.resolved_by = now, "Better Stack"
        self._core.dirty |= bool(cause) != bool(mine)


def in_maintenance(settings: Payload, now: float) -> bool:
    """Whether ``now`` is within the daily window; one that ends after midnight belongs to the day it began on."""
    begin, end = settings.get("maintenance_from"), settings.get("maintenance_to")
    if not begin or not end:
        return False
    moment = datetime.datetime.fromtimestamp(now, ZoneInfo(settings.get("maintenance_timezone") or "UTC"))
    days = settings.get("maintenance_days") or DAYS
    today, yesterday = DAYS[moment.weekday()] in days, DAYS[moment.weekday() - 1] in days
    time, first, last = (
        moment.time().replace(microsecond=0),
        *(datetime.time.fromisoformat(edge) for edge in (begin, end)),
    )
    if first <= last:
        return today and first <= time < last
    return (today and time >= first) or (yesterday and time < last)


def _cause(monitor: Monitor, visit: Visit) -> str:
    """Say why the monitor is down; empty when it is up."""
    kind = monitor.settings.get("monitor_type", "status")
    if not visit.status:
        return "Connection failed"
    if kind == "expected_status_code":
        right = visit.status in monitor.settings.get("expected_status_codes", ())
    else:
        right = visit.status < 400
    if not right:
        return f"Status {visit.status}"
    held = str(monitor.settings.get("required_keyword") or "").encode() in visit.body
    if kind == "keyword" and not held:
        return "Keyword not found"
    return "Keyword found" if kind == "keyword_absence" and held else ""
