"""Answers Speed Insights: what visitors' browsers measured, as ``vercel metrics`` asks for it."""

import math
import random
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso, iso
from pipeline.sandbox.vercel.observability import matches
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.web import Payload, Router, body, number
from pipeline.sandbox.witnessstate import Vital

PREFIX = "vercel.speed_insights."
METRICS = {
    "lcp_ms": ("Largest Contentful Paint", "milliseconds", 1100.0, 2150.0),
    "inp_ms": ("Interaction to Next Paint", "milliseconds", 40.0, 150.0),
    "fcp_ms": ("First Contentful Paint", "milliseconds", 600.0, 1500.0),
    "ttfb_ms": ("Time to First Byte", "milliseconds", 120.0, 520.0),
    "cls": ("Cumulative Layout Shift", "score", 0.0, 0.07),
}
"""By metric: its name, its unit, and between what values it is on a quiet good day."""
DIMENSIONS = {"route": "Route", "country": "Country", "deploymentId": "Deployment", "environment": "Environment"}
SHARES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
OTHER: dict[str, Callable[[list[float]], float]] = {
    "count": len,
    "avg": lambda found: sum(found) / len(found),
    "min": min,
    "max": max,
}
ROUTES, COUNTRIES = ("/", "/courses", "/courses/[id]", "/login"), ("DE", "US", "GB", "AU")
A_DAY, SAMPLES = 86400.0, 120
Row = tuple[Vital, Payload]


def quiet_day(deployment: str, now: float) -> list[Vital]:
    """Make the samples of the last 24 hours of a deployment that is fast for everybody."""
    dice = random.Random(75)
    return [
        Vital(
            now - A_DAY * (1 - row / SAMPLES),
            metric,
            round(dice.uniform(low, high), 4),
            ROUTES[row % len(ROUTES)],
            dice.choice(COUNTRIES),
            deployment,
        )
        for metric, (_, _, low, high) in METRICS.items()
        for row in range(1, SAMPLES + 1)
    ]


class Vitals:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/metrics/v{v}", self.catalog)
        router.add("POST", "/metrics/v{v}", self.query)

    async def catalog(self, request: Request) -> Response:
        """List the metrics; ``cursor`` is how many were already given."""
        query = request.query_params
        known = [
            {
                "id": PREFIX + metric,
                "description": name,
                "unit": unit,
                "aggregations": [*OTHER, *SHARES],
                "dimensions": [{"name": key, "label": label} for key, label in DIMENSIONS.items()],
            }
            for metric, (name, unit, _, _) in METRICS.items()
            if (PREFIX + metric).startswith(query.get("search", "")) and query.get("kind") != "custom"
        ]
        limit, first = number(request, "limit", 250), int(query.get("cursor") or 0)
        more = len(known) > first + limit
        page = {"hasMore": more, "nextCursor": str(first + limit) if more else None}
        return JSONResponse({"metrics": known[first : first + limit], "pagination": page})

    async def query(self, request: Request) -> Response:
        """Answer with values by group and time: ``timeRange`` has its start in it, not its end.

        Buckets without data are left out.

        A whole without data is null, or 0 when it is a count.
        """
        sent = await body(request)
        scope, span, step = sent.get("scope") or {}, sent.get("timeRange") or {}, int(sent.get("bucketSeconds") or 0)
        vercel = self._core.state.vercel
        if scope.get("ownerId") != vercel.team or vercel.project not in scope.get("projectIds", [vercel.project]):
            raise problem(403, "forbidden", "Not authorized")
        begin, end = from_iso(str(span.get("start"))), from_iso(str(span.get("end")))
        by, asked = list(sent.get("groupBy") or ()), dict(sent.get("metrics") or {})
        if step <= 0 or not asked or set(by) - set(DIMENSIONS):
            raise problem(400, "bad_request", "Invalid request: bucketSeconds, metrics and known groupBy are needed.")
        rows = self._rows(begin, end, str(sent.get("filter") or ""))
        groups: dict[tuple[str, ...], list[Row]] = {} if by else {(): []}
        for row in rows:
            groups.setdefault(tuple(str(row[1][name]) for name in by), []).append(row)
        kept = _selected(groups, asked, sent.get("seriesSelection") or {})
        outputs = list(sent.get("outputs") or asked)
        summary, series = [], []
        for key in kept:
            said = {"dimensions": dict(zip(by, key, strict=True))}
            summary.append({"timestamp": iso(begin), **said, "values": _values(groups[key], asked, outputs)})
            for start, samples in sorted(_buckets(groups[key], step).items()):
                series.append({"timestamp": iso(start), **said, "values": _values(samples, asked, outputs)})
        read = {"rowsRead": len(rows), "bytesRead": 100 * len(rows), "databaseElapsedMs": 3.0, "elapsedMs": 5.0}
        meta = {"statistics": read, "sources": [{"id": "speed_insights"}]}
        series.sort(key=lambda point: str(point["timestamp"]))
        return JSONResponse({"series": series, "summary": summary, "meta": meta})

    def _rows(self, begin: float, end: float, wanted: str) -> list[Row]:
        """List the samples of the time that meet the filter, with their dimensions."""
        found = []
        for vital in self._core.state.vercel.vitals:
            made = self._core.state.vercel.deployments.get(vital.deployment)
            environment = "production" if made is None or made.target == "production" else "preview"
            said = {"route": vital.route, "country": vital.country, "deploymentId": vital.deployment,
                    "environment": environment}  # fmt: skip
            if begin <= vital.at < end and matches(wanted, said):
                found.append((vital, said))
        return found


def _selected(groups: dict[tuple[str, ...], list[Row]], asked: Payload, selection: Payload) -> list[tuple[str, ...]]:
    """Choose the groups of a query, ranked, and at most as many as are wanted."""
    rank = (selection.get("rankBy") or [{"metric": next(iter(asked)), "direction": "desc"}])[0]
    ranked = sorted(
        groups, key=lambda key: _value(groups[key], asked, rank["metric"]) or 0.0, reverse=rank["direction"] == "desc"
    )
    return ranked[: int(selection.get("limit") or len(ranked) or 1)]


def _buckets(rows: list[Row], step: int) -> dict[float, list[Row]]:
    found: dict[float, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0].at // step * step, []).append(row)
    return found


def _values(rows: list[Row], asked: Payload, outputs: list[str]) -> dict[str, float | None]:
    return {name: _value(rows, asked, name) for name in outputs}


def _value(rows: list[Row], asked: Payload, alias: str) -> float | None:
    """Compute the value that is asked for under a name, of these samples.

    Raises the 400 of an unknown metric or aggregation.
    """
    said = asked.get(alias) or {}
    metric, aggregation = str(said.get("metric")), str(said.get("aggregation"))
    if metric.removeprefix(PREFIX) not in METRICS or not metric.startswith(PREFIX):
        raise problem(400, "bad_request", f"Unknown metric: {metric}")
    if aggregation not in (*SHARES, *OTHER):
        raise problem(400, "bad_request", f"{metric} has no aggregation {aggregation}", allowedValues=[*OTHER, *SHARES])
    found = sorted(one.value for one, _ in rows if PREFIX + one.metric == metric)
    if not found:
        return 0 if aggregation == "count" else None
    if aggregation in OTHER:
        return OTHER[aggregation](found)
    return found[math.ceil(len(found) * SHARES[aggregation]) - 1]
