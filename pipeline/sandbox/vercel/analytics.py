"""Answers Web Analytics: page views of production, counted and broken down."""

import datetime
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso, iso
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.web import Payload, Router

A_VISITORS = 5
OTHERS = "Others"
CONDITION = re.compile(r"\(*\s*(\w+) (eq|ne) '([^']*)'\s*\)*")
DIMENSIONS: dict[str, Callable[[Hit], str]] = {
    "requestPath": lambda hit: hit.path,
    "route": lambda hit: hit.path,
    "environment": lambda hit: "production" if hit.production else "preview",
}


class Analytics:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/v{v}/query/web-analytics/visits/count", self.count)
        router.add("GET", "/v{v}/query/web-analytics/visits/aggregate", self.aggregate)

    async def count(self, request: Request) -> Response:
        """Count page views of production only, as Vercel does."""
        query = request.query_params
        asked = {"since": query.get("since") or iso(0), "until": query.get("until") or iso(self._core.now())}
        return JSONResponse({"data": _counted(self._pages(request)), "query": asked, "version": 1})

    async def aggregate(self, request: Request) -> Response:
        """Count page views ``by`` at most one of the spans of time and one dimension.

        What is over ``limit`` is in one row, Others.
        """
        query = request.query_params
        by = [name for text in query.getlist("by") for name in text.split(",")]
        spans, named = [name for name in by if name in SPANS], [name for name in by if name in DIMENSIONS]
        if not by or len(spans) + len(named) < len(by) or len(spans) > 1 or len(named) > 1:
            known = ", ".join((*SPANS, *DIMENSIONS))
            raise problem(400, "bad_request", f"Invalid request: `by` is at most one time and one other of {known}.")
        limit = int(query.get("limit") or 10)
        found = self._pages(request)
        sizes: dict[str, int] = {}
        for hit in found:
            sizes[_named(hit, named)] = sizes.get(_named(hit, named), 0) + 1
        kept = set(sorted(sizes, key=lambda name: -sizes[name])[:limit])
        rows: dict[tuple[str, str], list[Hit]] = {}
        for hit in found:
            name, span = _named(hit, named), SPANS[spans[0]](hit.at) if spans else ""
            rows.setdefault((span, name if name in kept else OTHERS), []).append(hit)
        data = [
            {**({"timestamp": span} if span else {}), **dict.fromkeys(named, name), **_counted(hits)}
            for (span, name), hits in sorted(rows.items(), key=lambda row: (row[0][0], -len(row[1])))
        ]
        asked = {"since": query.get("since") or iso(0), "until": query.get("until") or iso(self._core.now()),
                 "limit": limit, "groupBy": named}  # fmt: skip
        return JSONResponse({"data": data, "query": asked, "version": 1})

    def _pages(self, request: Request) -> list[Hit]:
        """List the GETs of the time and filter that were asked about, which were answered with a page."""
        query, vercel = request.query_params, self._core.state.vercel
        if query.get("projectId") not in (vercel.project, vercel.name):
            raise problem(404, "not_found", "Project not found.")
        try:
            since, until = (_moment(query.get(key), edge) for key, edge in (("since", 0.0), ("until", 9e12)))
        except ValueError:
            raise problem(400, "bad_request", "Invalid request: `since` and `until` should be dates.") from None
        fits = _filter(query.get("filter", ""))
        return [
            hit
            for hit in self._core.traffic.since(since)
            if hit.at <= until
            and hit.method == "GET"
            and hit.status < 400
            and fits(hit)
            and not hit.path.startswith(("/api/", "/static/"))
        ]


def _filter(text: str) -> Callable[[Hit], bool]:
    """Parse a filter of ``name eq 'value'`` and ``name ne 'value'``, joined with ``and``."""
    conditions = []
    for part in re.split(r"\s+and\s+", text.strip()) if text.strip() else ():
        match = CONDITION.fullmatch(part)
        if not match or match[1] not in DIMENSIONS:
            raise problem(400, "bad_request", f"Invalid request: the filter {part!r} is not understood.")
        conditions.append((DIMENSIONS[match[1]], match[2] == "eq", match[3]))
    return lambda hit: all((of(hit) == value) == equal for of, equal, value in conditions)


def _named(hit: Hit, named: list[str]) -> str:
    return DIMENSIONS[named[0]](hit) if named else ""


def _counted(pages: list[Hit]) -> Payload:
    return {"pageviews": len(pages), "visitors": min(len(pages), 1 + len(pages) // A_VISITORS)}


def _moment(value: str | None, otherwise: float) -> float:
    if not value:
        return otherwise
    return int(value) / 1000 if value.isdigit() else from_iso(value)


def _begin(timestamp: float, span: str) -> str:
    moment = datetime.datetime.fromtimestamp(timestamp, datetime.UTC).replace(minute=0, second=0, microsecond=0)
    if span != "hour":
        moment = moment.replace(hour=0)
    if span == "week":
        moment -= datetime.timedelta(days=moment.weekday())
    if span in ("month", "year"):
        moment = moment.replace(day=1, month=1 if span == "year" else moment.month)
    return iso(moment.timestamp())


SPANS: dict[str, Callable[[float], str]] = {
    "hour": lambda at: _begin(at, "hour"),
    "day": lambda at: _begin(at, "day"),
    "week": lambda at: _begin(at, "week"),
    "month": lambda at: _begin(at, "month"),
    "year": lambda at: _begin(at, "year"),
}
