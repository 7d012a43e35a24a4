"""Sentry's REST API: issues, error counts and releases of one project."""

import datetime
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.base import Params, Service, nothing
from pipeline.world import Clock


@dataclass(frozen=True)
class SentryIssue:
    """An issue. ``level``: fatal, error, warning, info or debug."""

    level: str
    title: str
    events: int
    url: str


class Sentry(Service):
    """One project of one organization."""

    def __init__(
        self, base: str, token: str, organization: str, project: str, http: httpx.AsyncClient, clock: Clock
    ) -> None:
        super().__init__("sentry", base, http, clock, {"authorization": f"Bearer {token}"})
        self.organization, self.project = organization, project
        self._root = f"/api/0/organizations/{organization}"

    async def new_issues(self, release: str, environment: str) -> tuple[SentryIssue, ...]:
        """Unresolved issues first seen in ``release``. GET /api/0/organizations/{org}/issues/"""

        def parse(body: Any) -> tuple[SentryIssue, ...]:
            return tuple(
                SentryIssue(str(i["level"]), str(i["title"]), int(i["count"]), str(i.get("permalink") or ""))
                for i in body
            )

        query: Params = {
            "query": f'is:unresolved firstRelease:"{release}" project:{self.project}',
            "environment": environment,
            "limit": 100,
        }
        return await self.read(f"{self._root}/issues/", parse, query)

    async def error_counts(
        self, since: datetime.datetime, until: datetime.datetime, environment: str, release: str = ""
    ) -> tuple[tuple[float, int], ...]:
        """(unix time, number of errors) of the project per 15 minutes, of one release or of all.

        GET /api/0/organizations/{org}/events-timeseries/
        """

        def parse(body: Any) -> tuple[tuple[float, int], ...]:
            return tuple(
                (float(point["timestamp"]) / 1000, int(point["value"] or 0))
                for series in body["timeSeries"]
                for point in series["values"]
            )

        query: Params = {
            "dataset": "errors",
            "yAxis": "count()",
            "query": f"project:{self.project}" + (f' release:"{release}"' if release else ""),
            "environment": environment,
            "interval": 900,
            "start": since.strftime("%Y-%m-%dT%H:%M:%S"),
            "end": until.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        return await self.read(f"{self._root}/events-timeseries/", parse, query)

    async def record_release(self, version: str, environment: str, url: str) -> None:
        """Record that ``version`` exists and is deployed.

        POST /api/0/organizations/{org}/releases/ (201 made, 208 already there), then POST …/releases/{version}/deploys/
        """
        body = {"version": version, "projects": [self.project]}
        await self.repeatable("POST", f"{self._root}/releases/", nothing, json=body)
        deploy = {"environment": environment, "url": url, "projects": [self.project]}
        await self.once("POST", f"{self._root}/releases/{version}/deploys/", nothing, json=deploy)
