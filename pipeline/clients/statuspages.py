"""Reads the vendors' own status pages."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.clients.sharing import alike
from pipeline.clock import Clock

ORDER = ("none", "minor", "major", "critical")


@dataclass(frozen=True)
class ComponentStatus:
    """The status of a vendor. ``indicator``: none, minor, major or critical; ``incidents`` are their titles."""

    indicator: str
    incidents: tuple[str, ...]


class StatusPages:
    """Reads the status pages of Vercel and Neon, and others of Atlassian, incident.io and Better Stack."""

    def __init__(self, vercel: str, neon: str, http: httpx.AsyncClient, clock: Clock) -> None:
        self._vercel, self._neon, self._http, self._clock = vercel, neon, http, clock

    async def vercel(self) -> ComponentStatus:
        """Read Vercel's status page. GET /api/v2/summary.json"""
        return await self.page("vercel-status", self._vercel, "statuspage")

    async def neon(self) -> ComponentStatus:
        """Read Neon's status page. GET /api/v1/summary"""
        return await self.page("neon-status", self._neon, "incident.io")

    async def page(self, vendor: str, url: str, format: str) -> ComponentStatus:
        """Read a status page; for all projects of a fleet that are at it on this machine, one does.

        ``format`` is ``statuspage``, ``incident.io`` or ``betterstack`` (GET {page}/index.json).
        """
        path, parse = FORMATS[format]

        async def read() -> ComponentStatus:
            return await Service(vendor, url, self._http, self._clock).read(path, parse)

        return await alike(f"{url}{path}", self._clock, read, asdict, _thawed)


def _thawed(said: Mapping[str, Any]) -> ComponentStatus:
    return ComponentStatus(str(said["indicator"]), tuple(map(str, said["incidents"])))


def _statuspage(body: Any) -> ComponentStatus:
    return ComponentStatus(str(body["status"]["indicator"]), tuple(str(item["name"]) for item in body["incidents"]))


def _incident_io(body: Any) -> ComponentStatus:
    """Read a page of incident.io.

    It has no overall indicator: the worst component status of an ongoing incident stands in.
    """
    grave = {"full_outage": "critical", "partial_outage": "major", "degraded_performance": "minor"}
    summaries = [page["summary"] for page in body["subpages"]] if "subpages" in body else [body]
    ongoing = [incident for summary in summaries for incident in summary["ongoing_incidents"]]
    indicators = [grave.get(str(incident.get("current_worst_impact")), "minor") for incident in ongoing]
    names = tuple(str(incident["name"]) for incident in ongoing)
    return ComponentStatus(max(indicators, key=ORDER.index, default="none"), names)


def _better_stack(body: Any) -> ComponentStatus:
    """Read a page of Better Stack: its ``aggregate_state``, and its open reports among what is included."""
    grave = {"operational": "none", "maintenance": "none", "degraded": "minor", "downtime": "major"}
    state = str(body["data"]["attributes"]["aggregate_state"])
    reports = [one["attributes"] for one in body.get("included") or () if one.get("type") == "status_report"]
    ongoing = tuple(str(report["title"]) for report in reports if not report.get("ends_at"))
    return ComponentStatus(grave.get(state, "minor"), ongoing if state != "operational" else ())


FORMATS: dict[str, tuple[str, Callable[[Any], ComponentStatus]]] = {
    "statuspage": ("/api/v2/summary.json", _statuspage),
    "incident.io": ("/api/v1/summary", _incident_io),
    "betterstack": ("/index.json", _better_stack),
}
