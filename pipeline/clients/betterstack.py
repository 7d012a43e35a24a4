"""Better Stack's Uptime API: monitors, availability and incidents."""

import datetime
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.world import Clock


@dataclass(frozen=True)
class OpenIncident:
    """One unresolved incident; ``started`` is ISO 8601."""

    cause: str
    started: str


class BetterStack(Service):
    """Reads one team's monitors."""

    def __init__(self, base: str, token: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("betterstack", base, http, clock, {"authorization": f"Bearer {token}"})

    async def status(self, monitor: str) -> str:
        """paused, pending, maintenance, up, validating or down. GET /api/v2/monitors/{id}"""
        return await self.read(f"/api/v2/monitors/{monitor}", lambda body: str(body["data"]["attributes"]["status"]))

    async def availability_percent(self, monitor: str, since: datetime.date, until: datetime.date) -> float:
        """GET /api/v2/monitors/{id}/sla"""
        query = {"from": since.isoformat(), "to": until.isoformat()}
        return await self.read(
            f"/api/v2/monitors/{monitor}/sla", lambda body: float(body["data"]["attributes"]["availability"]), query
        )

    async def response_ms(self, monitor: str) -> tuple[int, ...]:
        """Every response time of the last 24 h, all regions; the API has seconds. GET …/monitors/{id}/response-times"""

        def parse(body: Any) -> tuple[int, ...]:
            regions = body["data"]["attributes"]["regions"]
            return tuple(
                round(float(point["response_time"]) * 1000) for region in regions for point in region["response_times"]
            )

        return await self.read(f"/api/v2/monitors/{monitor}/response-times", parse)

    async def open_incidents(self, monitor: str) -> tuple[OpenIncident, ...]:
        """GET /api/v3/incidents"""

        def parse(body: Any) -> tuple[OpenIncident, ...]:
            found = (item["attributes"] for item in body["data"])
            return tuple(
                OpenIncident(str(one.get("cause") or one.get("name")), str(one["started_at"])) for one in found
            )

        return await self.read("/api/v3/incidents", parse, {"resolved": "false", "monitor_id": monitor, "per_page": 50})
