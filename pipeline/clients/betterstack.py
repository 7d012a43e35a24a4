"""Asks Better Stack's Uptime API for monitors, availability, incidents and heartbeats."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from pipeline.clients.base import PAGES, Service, nothing
from pipeline.clock import Clock
from pipeline.errors import Refused, Unreadable

T = TypeVar("T")
Affected = list[dict[str, str]]
"""``status_page_resource_id`` and ``status``: degraded, downtime or resolved."""


@dataclass(frozen=True)
class MonitorIncident:
    """An incident of Better Stack; times are ISO 8601, and ``resolved`` is empty while it is open."""

    id: str
    cause: str
    started: str
    resolved: str


@dataclass(frozen=True)
class Watcher:
    """A monitor of Better Stack; its ``attributes`` are named as the API names them."""

    id: str
    name: str
    status: str
    attributes: Mapping[str, Any]

    @property
    def window(self) -> str:
        """Describe the maintenance window that is set on the monitor; empty when there is none."""
        begin, end = self.attributes.get("maintenance_from"), self.attributes.get("maintenance_to")
        if not begin or not end:
            return ""
        days = ", ".join(self.attributes.get("maintenance_days") or ()) or "every day"
        return f"{begin}–{end} {self.attributes.get('maintenance_timezone') or 'UTC'} on {days}"


@dataclass(frozen=True)
class MonitorSeen:
    """The answers that a monitor got from one region in the last day: (ISO 8601, ms), oldest first."""

    region: str
    answers: tuple[tuple[str, int], ...]


class BetterStack(Service):
    """A client of one team's monitors, incidents and status pages."""

    def __init__(self, base: str, token: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("betterstack", base, http, clock, {"authorization": f"Bearer {token}"})
        self.unset = "" if token else "BETTERSTACK_API_TOKEN"

    async def monitor(self, id: str) -> Watcher:
        """Read one monitor. GET /api/v2/monitors/{id}"""
        return await self.read(f"/api/v2/monitors/{id}", lambda body: _watcher(body["data"]))

    async def monitors(self) -> tuple[Watcher, ...]:
        """Read every monitor of the team. GET /api/v2/monitors"""
        return await self._pages("/api/v2/monitors", _watcher, {"per_page": 250})

    async def availability_percent(self, monitor: str, since: datetime.date, until: datetime.date) -> float:
        """Read the availability of a monitor over whole days. GET /api/v2/monitors/{id}/sla"""
        query = {"from": since.isoformat(), "to": until.isoformat()}
        return await self.read(
            f"/api/v2/monitors/{monitor}/sla", lambda body: float(body["data"]["attributes"]["availability"]), query
        )

    async def open_report(self, page: str, title: str, message: str, affected: Affected, now: datetime.datetime) -> str:
        """Open a report on the status page and give its id. POST /api/v2/status-pages/{page}/status-reports"""
        body = {
            "title": title, "message": message, "report_type": "manual", "starts_at": now.isoformat(),
            "affected_resources": affected,
        }  # fmt: skip
        path = f"/api/v2/status-pages/{page}/status-reports"
        return await self.once("POST", path, lambda found: str(found["data"]["id"]), json=body)

    async def update_report(self, page: str, report: str, message: str, affected: Affected) -> None:
        """Add an update to a status report. POST /api/v2/status-pages/{page}/status-reports/{report}/status-updates"""
        path = f"/api/v2/status-pages/{page}/status-reports/{report}/status-updates"
        await self.once("POST", path, nothing, json={"message": message, "affected_resources": affected})

    async def end_report(self, page: str, report: str, now: datetime.datetime) -> None:
        """End a status report: the trouble is over. PATCH /api/v2/status-pages/{page}/status-reports/{report}"""
        path = f"/api/v2/status-pages/{page}/status-reports/{report}"
        await self.repeatable("PATCH", path, nothing, json={"ends_at": now.isoformat()})

    async def answers(self, monitor: str) -> tuple[MonitorSeen, ...]:
        """Read every answer of the last 24 h, by region, in ms (the API has seconds).

        GET …/monitors/{id}/response-times
        """

        def parse(body: Any) -> tuple[MonitorSeen, ...]:
            return tuple(
                MonitorSeen(
                    str(region["region"]),
                    tuple(
                        (str(answer["at"]), round(float(answer["response_time"]) * 1000))
                        for answer in region["response_times"]
                    ),
                )
                for region in body["data"]["attributes"]["regions"]
            )

        return await self.read(f"/api/v2/monitors/{monitor}/response-times", parse)

    async def incidents(
        self, monitor: str = "", *, open_only: bool = False, since: datetime.date | None = None
    ) -> tuple[MonitorIncident, ...]:
        """Read the incidents, newest first. GET /api/v3/incidents"""
        query: dict[str, str | int] = {"per_page": 50}
        if monitor:
            query["monitor_id"] = monitor
        if open_only:
            query["resolved"] = "false"
        if since:
            query["from"] = since.isoformat()
        return await self._pages("/api/v3/incidents", _incident, query)

    async def heartbeats(self) -> tuple[tuple[str, str], ...]:
        """Read (name, status) of each heartbeat. GET /api/v2/heartbeats"""
        return await self._pages(
            "/api/v2/heartbeats",
            lambda one: (str(one["attributes"]["name"]), str(one["attributes"]["status"])),
            {"per_page": 250},
        )

    async def create_monitor(self, attributes: Mapping[str, Any]) -> Watcher:
        """Create a monitor with these attributes. POST /api/v2/monitors"""
        return await self.once("POST", "/api/v2/monitors", lambda body: _watcher(body["data"]), json=dict(attributes))

    async def change_monitor(self, id: str, attributes: Mapping[str, Any]) -> Watcher:
        """Change attributes of a monitor; twice is the same as once. PATCH /api/v2/monitors/{id}"""
        path = f"/api/v2/monitors/{id}"
        return await self.repeatable("PATCH", path, lambda body: _watcher(body["data"]), json=dict(attributes))

    async def open_window(self, monitor: str, since: datetime.datetime, until: datetime.datetime) -> None:
        """Mute the monitor from ``since`` to ``until`` (UTC); Better Stack itself ends it then, whatever becomes of us.

        Its windows come back every week, so ``close_window`` still has to take it away.
        """
        days = sorted({f"{one:%a}".lower() for one in (since, until)})
        await self.change_monitor(
            monitor,
            {
                "maintenance_from": f"{since:%H:%M:%S}",
                "maintenance_to": f"{until:%H:%M:%S}",
                "maintenance_timezone": "UTC",
                "maintenance_days": days,
            },
        )

    async def close_window(self, monitor: str) -> None:
        """Take the monitor's maintenance window away."""
        await self.change_monitor(monitor, {"maintenance_from": None, "maintenance_to": None, "maintenance_days": []})

    async def raise_incident(self, summary: str, requester: str) -> str:
        """Open an incident by hand, notify by e-mail and push without a call, and give its id.

        POST /api/v3/incidents
        """
        body = {
            "requester_email": requester, "name": summary, "summary": summary, "description": summary,
            "call": False, "sms": False, "email": True, "push": True,
        }  # fmt: skip
        return await self.once("POST", "/api/v3/incidents", lambda answer: str(answer["data"]["id"]), json=body)

    async def incident(self, id: str) -> MonitorIncident | None:
        """Read one incident; None when there is none of that id. GET /api/v3/incidents/{id}"""
        try:
            return await self.read(f"/api/v3/incidents/{id}", lambda body: _incident(body["data"]))
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def resolve_incident(self, id: str, by: str) -> None:
        """Resolve an incident. POST /api/v3/incidents/{id}/resolve"""
        await self.repeatable("POST", f"/api/v3/incidents/{id}/resolve", nothing, json={"resolved_by": by})

    async def _pages(self, path: str, parse: Callable[[Any], T], query: Mapping[str, Any]) -> tuple[T, ...]:
        """Read all pages of a list, by number, as long as ``pagination.next`` names the one that comes next.

        Raises Unreadable when it names another, or goes on after PAGES.
        """
        found: list[T] = []
        for page in range(1, PAGES + 1):
            items, following = await self.read(
                path, lambda body: ([parse(one) for one in body["data"]], _next(body)), {**query, "page": page}
            )
            found += items
            if not following:
                return tuple(found)
            if not _is_page(following, path, page + 1):
                says = f"leads to {following[:100]} after page {page}, so it was not read to its end"
                raise Unreadable("betterstack", f"GET {path}", f"its list {says}")
        raise Unreadable("betterstack", f"GET {path}", f"its list goes on after {PAGES} pages")


def _next(body: Any) -> str:
    return str((body.get("pagination") or {}).get("next") or "")


def _is_page(url: str, path: str, number: int) -> bool:
    """Whether ``url`` is page ``number`` of the list at ``path``, on whichever host they call themselves."""
    try:
        named = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return named.path.rpartition("/")[2] == path.rpartition("/")[2] and named.params.get("page") == str(number)


def _watcher(body: Any) -> Watcher:
    attributes = body["attributes"]
    watcher = Watcher(
        str(body["id"]), str(attributes.get("pronounceable_name") or ""), str(attributes["status"]), attributes
    )
    str(watcher.window)  # what cannot be read of it is found here, and not where it is shown
    return watcher


def _incident(body: Any) -> MonitorIncident:
    attributes = body["attributes"]
    return MonitorIncident(
        str(body["id"]),
        str(attributes.get("cause") or attributes.get("name")),
        str(attributes["started_at"]),
        str(attributes.get("resolved_at") or ""),
    )
