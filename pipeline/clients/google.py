"""Asks Google's Chrome UX Report for Core Web Vitals of Chrome's users, for sites that have enough of them."""

from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.errors import Refused

METRICS = {
    "LCP": "largest_contentful_paint",
    "INP": "interaction_to_next_paint",
    "CLS": "cumulative_layout_shift",
}


class ChromeReport(Service):
    """A client of the Chrome UX Report, which covers the last 28 days of an origin."""

    def __init__(self, base: str, key: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("crux", base, http, clock)
        self._key = key

    @property
    def missing(self) -> str:
        """Say why the Chrome UX Report cannot be asked; empty when it can."""
        return "" if self._key else "GOOGLE_API_KEY is not set"

    async def vitals(self, origin: str) -> dict[str, float] | None:
        """Read LCP, INP and CLS at p75; None when Chrome has too few users there. POST /v1/records:queryRecord"""

        def parse(body: Any) -> dict[str, float]:
            found = body["record"]["metrics"]
            return {
                name: float(found[metric]["percentiles"]["p75"]) for name, metric in METRICS.items() if metric in found
            }

        headers = {"x-goog-api-key": self._key}
        body = {"origin": origin, "metrics": list(METRICS.values())}
        try:
            return await self.repeatable("POST", "/v1/records:queryRecord", parse, json=body, headers=headers)
        except Refused as error:
            if error.status == 404:
                return None
            raise
