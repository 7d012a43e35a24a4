"""Asks Sentry's REST API for issues, errors, requests, sessions and releases of one project."""

import dataclasses
import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from pipeline.clients.base import Params, Service, nothing
from pipeline.clock import Clock
from pipeline.errors import Refused

RECORDING = 90.0  # seconds that Sentry may ask us to wait before it takes a release or a deploy
BUSIEST = 100  # rows of a table of counts, the largest first
DETAILS = 10  # issues whose first release is asked for one by one
SPANS = "is_transaction:true "  # one span a request, not one for every query in it


@dataclass(frozen=True)
class SentryIssue:
    """An issue as Sentry tells it.

    ``level``: fatal, error, warning, info, debug. ``release``: the one it was first seen in, if asked.
    """

    id: str
    level: str
    title: str
    events: int
    url: str
    where: str
    first_seen: str
    status: str
    release: str = ""


@dataclass(frozen=True)
class SentryRelease:
    """A release as Sentry knows it; ``environments`` are those it was deployed to."""

    version: str
    commits: int
    environments: tuple[str, ...]


class Sentry(Service):
    """Asks about one project of one organization."""

    def __init__(
        self, base: str, token: str, organization: str, project: str, http: httpx.AsyncClient, clock: Clock
    ) -> None:
        super().__init__("sentry", base, http, clock, {"authorization": f"Bearer {token}"})
        self.unset = "" if token else "SENTRY_AUTH_TOKEN"
        self.organization, self.project = organization, project
        self._root = f"/api/0/organizations/{organization}"
        self._projects = f"/api/0/projects/{organization}/{project}"

    async def issues(
        self, query: str, environments: Sequence[str], *, sort: str = "date", period: str = ""
    ) -> tuple[SentryIssue, ...]:
        """Find the issues of ``query``, also the resolved and archived ones unless it says otherwise.

        ``sort``: date, new or freq. ``period``: e.g. ``14d``. GET /api/0/organizations/{org}/issues/
        """
        asked: Params = {
            "query": f"{query} project:{self.project}",
            "environment": list(environments),
            "sort": sort,
            "limit": 100,
            **({"statsPeriod": period} if period else {}),
        }
        return await self.read_all(f"{self._root}/issues/", lambda body: [_issue(one) for one in body], asked)

    async def with_release(self, issues: Sequence[SentryIssue]) -> tuple[SentryIssue, ...]:
        """Read for the first DETAILS of ``issues`` the release that each was first seen in.

        GET /api/0/organizations/{org}/issues/{issue_id}/
        """

        def first(body: Any) -> str:
            return str((body.get("firstRelease") or {}).get("version") or "")

        return tuple(
            [
                dataclasses.replace(issue, release=await self.read(f"{self._root}/issues/{issue.id}/", first))
                for issue in issues[:DETAILS]
            ]
        )

    async def errors(
        self, since: datetime.datetime, until: datetime.datetime, environments: Sequence[str], release: str = ""
    ) -> int:
        """Count the errors of the project, of one release or of all. GET …/events-timeseries/?dataset=errors"""
        return await self._total("errors", since, until, environments, release)

    async def requests(
        self, since: datetime.datetime, until: datetime.datetime, environments: Sequence[str], release: str = ""
    ) -> int:
        """Count the requests that Sentry has traced; 0 when tracing is off. GET …/events-timeseries/?dataset=spans"""
        return await self._total("spans", since, until, environments, release)

    async def _total(
        self,
        dataset: str,
        since: datetime.datetime,
        until: datetime.datetime,
        environments: Sequence[str],
        release: str,
    ) -> int:
        seconds = (until - since).total_seconds()

        def parse(body: Any) -> int:
            """Sum only whole buckets and parts of them inside the span; Sentry rounds the span to its buckets."""
            values = [point for series in body["timeSeries"] for point in series["values"]]
            return sum(int(one["value"] or 0) for one in values)

        query: Params = {
            "dataset": dataset,
            "yAxis": "count()",
            "query": (SPANS if dataset == "spans" else "")
            + f"project:{self.project}"
            + (f' release:"{release}"' if release else ""),
            "environment": list(environments),
            "interval": 60 if seconds <= 3 * 3600 else 900 if seconds <= 2 * 86400 else 3600,
            "start": _when(since),
            "end": _when(until),
        }
        return await self.read(f"{self._root}/events-timeseries/", parse, query)

    async def by_endpoint(
        self, dataset: str, since: datetime.datetime, until: datetime.datetime, environments: Sequence[str]
    ) -> Mapping[str, int]:
        """Count ``errors`` or requests (``spans``) by endpoint, the hundred busiest. GET …/events/"""
        return await self._by("transaction", dataset, since, until, environments)

    async def by_release(
        self, dataset: str, since: datetime.datetime, until: datetime.datetime, environments: Sequence[str]
    ) -> Mapping[str, int]:
        """Count ``errors`` or requests (``spans``) by release; those of no release are left out. GET …/events/"""
        return await self._by("release", dataset, since, until, environments)

    async def _by(
        self,
        field: str,
        dataset: str,
        since: datetime.datetime,
        until: datetime.datetime,
        environments: Sequence[str],
    ) -> Mapping[str, int]:
        def parse(body: Any) -> list[tuple[str, int]]:
            return [(str(row[field]), int(row["count()"])) for row in body["data"] if row.get(field)]

        query: Params = {
            "dataset": dataset,
            "field": [field, "count()"],
            "sort": "-count()",
            "query": (SPANS if dataset == "spans" else "") + f"project:{self.project}",
            "environment": list(environments),
            "start": _when(since),
            "end": _when(until),
            "per_page": BUSIEST,
        }
        return dict(await self.read_all(f"{self._root}/events/", parse, query, BUSIEST))

    async def scopes(self) -> tuple[str, ...]:
        """Read what the token may do; empty when Sentry does not say. GET /api/0/"""

        def parse(body: Any) -> tuple[str, ...]:
            return tuple(str(one) for one in (body.get("auth") or {}).get("scopes") or ())

        return await self.read("/api/0/", parse)

    async def environments(self) -> tuple[str, ...]:
        """List the environments that events of the project came from. To ask about another one is a 404 at Sentry.

        GET /api/0/projects/{org}/{project}/environments/
        """
        return await self.read_all(
            f"{self._projects}/environments/", lambda body: [str(one["name"]) for one in body if one.get("name")]
        )

    async def sessions(self, environments: Sequence[str]) -> tuple[int, float | None]:
        """Count the sessions of the last day, and the percentage that did not crash; None without sessions.

        GET …/sessions/
        """

        def parse(body: Any) -> tuple[int, float | None]:
            totals = [group["totals"] for group in body["groups"]]
            count = sum(int(one.get("sum(session)") or 0) for one in totals)
            rates = [total.get("crash_free_rate(session)") for total in totals]
            return count, round(100 * float(rates[0]), 4) if count and rates[0] is not None else None

        query: Params = {
            "field": ["sum(session)", "crash_free_rate(session)"],
            "statsPeriod": "24h",
            "interval": "1h",
            "environment": list(environments),
            "query": f"project:{self.project}",
        }
        return await self.read(f"{self._root}/sessions/", parse, query)

    async def release(self, version: str) -> SentryRelease | None:
        """Read a release and its deploys; None when Sentry does not know it.

        GET …/releases/{version}/ and …/deploys/
        """
        path = f"{self._root}/releases/{quote(version, safe='')}/"
        try:
            commits = await self.read(path, lambda body: int(body.get("commitCount") or 0))
        except Refused as error:
            if error.status == 404:
                return None
            raise
        deployed = await self.read_all(f"{path}deploys/", lambda body: [str(one["environment"]) for one in body])
        return SentryRelease(version, commits, tuple(dict.fromkeys(deployed)))

    async def source_maps(self, version: str) -> int:
        """Count the artifact bundles of ``version``. GET /api/0/projects/{org}/{project}/files/artifact-bundles/"""
        path = f"{self._projects}/files/artifact-bundles/"
        return len(await self.read_all(path, list, {"query": version}))

    async def record_release(
        self, version: str, environment: str, url: str, commits: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Record that the release ``version`` is deployed, and which ``commits`` (``id``, …) are new in it.

        POST /api/0/organizations/{org}/releases/ (201 made, 208 already there), then POST …/releases/{version}/deploys/
        """
        body: dict[str, Any] = {"version": version, "projects": [self.project]}
        if commits:
            body["commits"] = [dict(commit) for commit in commits]
        deploy = {"environment": environment, "url": url, "projects": [self.project]}
        releases = f"{self._root}/releases/"
        await self._when_it_may(lambda: self.repeatable("POST", releases, nothing, json=body))
        path = f"{releases}{quote(version, safe='')}/deploys/"
        await self._when_it_may(lambda: self.once("POST", path, nothing, json=deploy))

    async def _when_it_may(self, send: Callable[[], Awaitable[None]]) -> None:
        """Send, and again when Sentry's limit of requests is over, as its answer says: a 429 carried nothing out."""
        until, wait = self._clock.monotonic() + RECORDING, 0.0
        while True:
            await self._clock.sleep(wait)
            try:
                await send()
                return
            except Refused as error:
                wait = error.retry_after or 1.0
                if error.status != 429 or self._clock.monotonic() + wait > until:
                    raise

    async def public_key(self) -> str:
        """Read a DSN of the project: the address that an SDK sends to. GET /api/0/projects/{org}/{project}/keys/"""

        def parse(body: Any) -> list[str]:
            return [str(one["dsn"]["public"]) for one in body if one.get("isActive", True)]

        return next(iter(await self.read_all(f"{self._projects}/keys/", parse)), "")

    async def ingest(self, url: str, envelope: str, auth: str) -> None:
        """Send an event as an SDK does; ``url`` is the DSN's own, which may be another host. POST …/envelope/"""
        ingest = Service("sentry", url.rpartition("/api/")[0], self._http, self._clock, {"x-sentry-auth": auth})
        headers = {"content-type": "application/x-sentry-envelope"}
        path = "/api/" + url.rpartition("/api/")[2]
        await ingest.send("POST", path, content=envelope.encode(), headers=headers)

    async def resolve(self, issue: str) -> None:
        """Mark an issue resolved. PUT /api/0/organizations/{org}/issues/{issue_id}/"""
        await self.repeatable("PUT", f"{self._root}/issues/{issue}/", nothing, json={"status": "resolved"})


def _issue(body: Any) -> SentryIssue:
    return SentryIssue(
        str(body["id"]),
        str(body["level"]),
        str(body["title"]),
        int(body["count"]),
        str(body.get("permalink") or ""),
        str(body.get("culprit") or ""),
        str(body.get("firstSeen") or ""),
        str(body.get("status") or ""),
    )


def _when(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
