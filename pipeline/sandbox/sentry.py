"""Sentry's API for one project: issues, error counts, releases and deploys."""

import re
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso, iso_seconds
from pipeline.sandbox.sentryshapes import Shapes
from pipeline.sandbox.state import Issue, Release
from pipeline.sandbox.web import Payload, Problem, Router, bearer, body, number

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
TERM = re.compile(r'(!?)([\w.]+):("[^"]*"|\[[^\]]*\]|\S+)')
BASELINE_EVERY = 600


class SentryApi:
    def __init__(self, core: Core) -> None:
        self._core, self._shapes = core, Shapes(core)
        self._router = Router(lambda request: _missing(), self._authorize)
        root = "/api/0/organizations/{organization}"
        add = self._router.add
        add("GET", root + "/", self.organization)
        add("GET", root + "/projects/", self.projects)
        add("GET", root + "/issues/", self.issues)
        add("GET", root + "/events-timeseries/", self.timeseries)
        add("GET", root + "/releases/", self.releases)
        add("POST", root + "/releases/", self.create)
        add("GET", root + "/releases/{version}/", self.release)
        add("PUT", root + "/releases/{version}/", self.change)
        add("GET", root + "/releases/{version}/deploys/", self.deploys)
        add("POST", root + "/releases/{version}/deploys/", self.deploy)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._router(request)
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 400)

    def _authorize(self, request: Request) -> None:
        token = bearer(request)
        if token != self._core.state.tokens["sentry"]:
            says = "Invalid token" if token else "Authentication credentials were not provided."
            raise Problem(401, {"detail": says})
        parts = request.url.path.split("/")
        if len(parts) > 4 and parts[4] != self._core.state.sentry.organization:
            raise _missing()

    async def organization(self, request: Request) -> Response:
        return JSONResponse({"id": "1", "slug": self._core.state.sentry.organization, "name": "Acme"})

    async def projects(self, request: Request) -> Response:
        return JSONResponse([self._shapes.whole_project()])

    async def issues(self, request: Request) -> Response:
        """Those that ``query``, ``environment`` and the period match, the one seen last first."""
        query, now = request.query_params, self._core.now()
        begin, end = self._period(request, 14 * 86400)
        terms = list(_terms(query.get("query", "is:unresolved")))
        wanted = query.getlist("environment")
        found = [
            one
            for one in self._core.state.sentry.issues
            if all(self._matches(one, *term) for term in terms)
            and (not wanted or one.environment in wanted)
            and any(begin <= at <= end for at in one.seen)
        ]
        found.sort(key=lambda one: one.seen[-1], reverse=True)
        shown = [self._shapes.issue(one, now) for one in found[: number(request, "limit", 25, 100)]]
        return JSONResponse(shown, headers=self._links(request))

    async def timeseries(self, request: Request) -> Response:
        """Number of errors per ``interval`` seconds; ``timestamp`` is in milliseconds."""
        query = request.query_params
        if query.get("dataset", "errors") != "errors" or query.get("yAxis", "count()") != "count()":
            raise ValueError("the sandbox counts errors only: dataset=errors&yAxis=count()")
        begin, end = self._period(request, 86400)
        step = int(float(query.get("interval", "3600")))
        if step <= 0 or (end - begin) / step > 10000:
            raise ValueError("Your interval and date range would create too many results.")
        start, now = int(begin // step * step), self._core.now()
        terms = list(_terms(query.get("query", "")))
        releases = [term for term in terms if term[1] == "release"]
        events = sorted(self._events(begin, end, query.getlist("environment"), releases))
        for wanted, key, projects in terms:
            if key not in ("project", "release"):
                raise ValueError(f"the sandbox counts the errors of a project or a release, not by {key!r}")
            if key == "project" and (self._core.state.sentry.project in projects) != wanted:
                events = []
        values: list[Payload] = []
        for at in range(start, int(end) + 1, step):
            count = sum(at <= event < at + step for event in events)
            values.append({"timestamp": at * 1000.0, "value": float(count), "incomplete": at + step > now})
        meta = {"valueType": "integer", "valueUnit": None, "interval": step * 1000.0}
        whole = {
            "timeSeries": [{"yAxis": "count()", "values": values, "meta": meta}],
            "meta": {"dataset": "errors", "start": begin * 1000, "end": end * 1000},
        }
        return JSONResponse(whole)

    def _matches(self, one: Issue, wanted: bool, key: str, values: tuple[str, ...]) -> bool:
        if key == "project":  # there is only one here
            return (self._core.state.sentry.project in values) == wanted
        return _matches(one, wanted, key, values)

    def _events(
        self, begin: float, end: float, environments: list[str], releases: list[tuple[bool, str, tuple[str, ...]]]
    ) -> Iterator[float]:
        """Times of errors: the recorded ones, and a few that were always there, of no known release."""
        sentry = self._core.state.sentry
        for one in sentry.issues:
            if (not environments or one.environment in environments) and all(_matches(one, *t) for t in releases):
                yield from (at for at in one.seen if begin <= at <= end)
        if releases:
            return
        first = int(begin // BASELINE_EVERY + 1) * BASELINE_EVERY
        for at in range(first, int(end) + 1, BASELINE_EVERY):
            yield from [float(at)] * sentry.baseline

    async def releases(self, request: Request) -> Response:
        wanted = request.query_params.get("query", "")
        found = [one for one in self._core.state.sentry.releases.values() if wanted in one.version]
        shown = [self._shapes.release(one) for one in sorted(found, key=lambda one: one.created, reverse=True)]
        return JSONResponse(shown, headers=self._links(request))

    async def create(self, request: Request) -> Response:
        """201 when it is new, 208 when it was there."""
        sent, sentry = await body(request), self._core.state.sentry
        version, projects = str(sent.get("version") or ""), sent.get("projects")
        if not version:
            return JSONResponse({"version": ["This field is required."]}, 400)
        if not projects or sentry.project not in projects:
            return JSONResponse({"projects": ["Invalid project slugs"]}, 400)
        known = version in sentry.releases
        one = sentry.releases.setdefault(version, Release(version, self._core.now(), list(projects)))
        _note(one, sent)
        return JSONResponse(self._shapes.release(one), 208 if known else 201)

    async def release(self, request: Request) -> Response:
        return JSONResponse(self._shapes.release(self._find(request)))

    async def change(self, request: Request) -> Response:
        one = self._find(request)
        _note(one, await body(request))
        return JSONResponse(self._shapes.release(one))

    async def deploys(self, request: Request) -> Response:
        return JSONResponse(self._find(request).deploys[::-1], headers=self._links(request))

    async def deploy(self, request: Request) -> Response:
        one, sent = self._find(request), await body(request)
        if not sent.get("environment"):
            return JSONResponse({"environment": ["This field is required."]}, 400)
        made = {
            "id": str(self._core.state.next_id()),
            "environment": str(sent["environment"]),
            "dateStarted": sent.get("dateStarted"),
            "dateFinished": sent.get("dateFinished") or iso_seconds(self._core.now()),
            "name": str(sent.get("name") or ""),
            "url": sent.get("url"),
        }
        one.deploys.append(made)
        return JSONResponse(made, 201)

    def _find(self, request: Request) -> Release:
        found = self._core.state.sentry.releases.get(request.path_params["version"])
        if found is None:
            raise _missing()
        return found

    def _period(self, request: Request, otherwise: float) -> tuple[float, float]:
        """``start`` and ``end``, or the last ``statsPeriod``, as seconds since 1970."""
        query, now = request.query_params, self._core.now()
        if query.get("start") and query.get("end"):
            return from_iso(query["start"]), from_iso(query["end"])
        period = query.get("statsPeriod", "")
        if not period:
            return now - otherwise, now
        if period[-1] not in UNITS or not period[:-1].isdigit():
            raise ValueError(f"Invalid statsPeriod: {period!r}")
        return now - int(period[:-1]) * UNITS[period[-1]], now

    def _links(self, request: Request) -> dict[str, str]:
        """Everything fits one page, and Sentry says so in both directions."""
        url = self._core.ports.url("sentry") + request.url.path
        one = '<{url}?&cursor=0:{page}>; rel="{rel}"; results="false"; cursor="0:{page}"'
        parts = [one.format(url=url, rel=rel, page=page) for rel, page in (("previous", "0:1"), ("next", "100:0"))]
        return {"link": ", ".join(parts)}


def _terms(query: str) -> Iterator[tuple[bool, str, tuple[str, ...]]]:
    """(wanted, key, values) of each ``key:value``, ``key:[a,b]`` and ``!key:value``. Raises ValueError for words."""
    rest = TERM.sub("", query).strip()
    if rest:
        raise ValueError(f"Error parsing search query: {rest!r} is free text, which the sandbox does not search")
    for no, key, value in TERM.findall(query):
        inner = value[1:-1] if value[0] in '["' else value
        values = [one.strip().strip('"') for one in inner.split(",")] if value[0] == "[" else [inner]
        yield not no, key, tuple(values)


def _matches(one: Issue, wanted: bool, key: str, values: tuple[str, ...]) -> bool:
    if key == "is":
        found = one.status in values or ("unresolved" in values and one.status == "unresolved")
    elif key in ("firstRelease", "first_release"):
        found = one.first_release in values
    elif key == "release":
        found = bool(set(values) & set(one.releases))
    elif key == "level":
        found = one.level in values
    else:
        raise ValueError(f"Error parsing search query: the sandbox does not know {key!r}")
    return found == wanted


def _missing() -> Problem:
    return Problem(404, {"detail": "The requested resource does not exist"})


def _note(one: Release, sent: Payload) -> None:
    one.extra |= {key: sent[key] for key in ("ref", "url", "dateReleased") if sent.get(key)}
