"""What Vercel measures of real visitors: page views, requests and Core Web Vitals."""

import datetime
from typing import Any

import httpx

from pipeline.clients.base import PAGES, Service
from pipeline.clock import Clock
from pipeline.errors import Unreadable

METRICS = {"LCP": "lcp_ms", "INP": "inp_ms", "CLS": "cls"}
ROWS = 1000
NOWHERE = "\0"


class VercelAnalytics(Service):
    """Reads the web analytics of one project's production."""

    def __init__(self, base: str, token: str, team: str, project: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("vercel", base, http, clock, {"authorization": f"Bearer {token}"})
        self._team, self._project = team, project
        self._scope = {"teamId": team} if team else {}

    async def page_views(self, since: datetime.datetime, until: datetime.datetime) -> int:
        """Count page views of production by browsers. GET /v1/query/web-analytics/visits/count"""
        query = {**self._scope, "projectId": self._project, "since": since.isoformat(), "until": until.isoformat()}
        return await self.read(
            "/v1/query/web-analytics/visits/count", lambda body: int(body["data"]["pageviews"]), query
        )

    async def vital(self, name: str, since: datetime.datetime, until: datetime.datetime) -> tuple[float, int] | None:
        """Read the p75 of a web vital (LCP, INP or CLS) and its number of visits in Speed Insights.

        None without visits.

        POST /metrics/v1: what `vercel metrics vercel.speed_insights.…` sends, the only way there is.
        """
        metric = f"vercel.speed_insights.{METRICS[name]}"
        body = {
            "scope": {"type": "project", "ownerId": self._team, "projectIds": [self._project]},
            "timeRange": {"start": since.isoformat(), "end": until.isoformat()},
            "bucketSeconds": round((until - since).total_seconds()),
            "filter": "environment:production",
            "metrics": {how: {"metric": metric, "aggregation": how} for how in ("p75", "count")},
            "outputs": ["p75", "count"],
        }

        def parse(answer: Any) -> tuple[float, int] | None:
            values = answer["summary"][0]["values"] if answer["summary"] else {}
            return (float(values["p75"]), round(values["count"])) if values.get("count") else None

        return await self.repeatable("POST", "/metrics/v1", parse, json=body, params=self._scope)

    async def requests(self, since: datetime.datetime, until: datetime.datetime, *, only: str = "") -> list[str]:
        """Read the path of each request to production, newest first; ``only`` is a further filter, e.g.

        ``httpStatus:429``.

        POST /v1/observability/events with event vercel.proxy_response, as `vercel logs` does.
        """
        found: list[str] = []
        cursor, passed = "", set[str]()
        for _ in range(PAGES):
            body = {
                "event": "vercel.proxy_response",
                "scope": {"type": "project", "ownerId": self._team, "projectIds": [self._project]},
                "timeRange": {"start": since.isoformat(), "end": until.isoformat()},
                "select": ["requestPath"],
                "filter": "environment:production" + (f" AND {only}" if only else ""),
                "order": "desc",
                "limit": ROWS,
                **({"cursor": cursor} if cursor else {}),
            }

            def parse(answer: Any) -> tuple[list[str], str]:
                page = answer["pagination"]
                paths = [str(event["requestPath"]) for event in answer["events"]]
                return paths, str(page["nextCursor"] or NOWHERE) if page["hasMore"] else ""

            path = "/v1/observability/events"
            paths, cursor = await self.repeatable("POST", path, parse, json=body, params=self._scope)
            found += paths
            if not cursor:
                return found
            if cursor == NOWHERE or cursor in passed:
                says = "leads nowhere" if cursor == NOWHERE else "leads back"
                raise Unreadable(
                    "vercel", f"POST {path}", f"its list goes on and {says}, so it was not read to its end"
                )
            passed.add(cursor)
        raise Unreadable("vercel", "POST /v1/observability/events", f"its list goes on after {PAGES} pages")
