"""The vendors' own status pages."""

from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.world import Clock


@dataclass(frozen=True)
class Status:
    """``indicator``: none, minor, major or critical; ``incidents`` are their titles."""

    indicator: str
    incidents: tuple[str, ...]


class StatusPages:
    """Vercel's (Atlassian Statuspage) and Neon's (incident.io)."""

    def __init__(self, vercel: str, neon: str, http: httpx.AsyncClient, clock: Clock) -> None:
        self._vercel = Service("vercel-status", vercel, http, clock)
        self._neon = Service("neon-status", neon, http, clock)

    async def vercel(self) -> Status:
        """GET /api/v2/summary.json"""
        return await self._vercel.read("/api/v2/summary.json", _statuspage)

    async def neon(self) -> Status:
        """GET /api/v1/summary"""
        return await self._neon.read("/api/v1/summary", _incident_io)


def _statuspage(body: Any) -> Status:
    return Status(str(body["status"]["indicator"]), tuple(str(item["name"]) for item in body["incidents"]))


def _incident_io(body: Any) -> Status:
    """incident.io has no overall indicator; the worst component status of an ongoing incident stands in."""
    grave = {"full_outage": "critical", "partial_outage": "major", "degraded_performance": "minor"}
    order = ["none", "minor", "major", "critical"]
    summaries = [page["summary"] for page in body["subpages"]] if "subpages" in body else [body]
    ongoing = [incident for summary in summaries for incident in summary["ongoing_incidents"]]
    indicators = [grave.get(str(incident.get("current_worst_impact")), "minor") for incident in ongoing]
    return Status(
        max(indicators, key=order.index, default="none"), tuple(str(incident["name"]) for incident in ongoing)
    )
