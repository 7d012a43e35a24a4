"""Computes numbers out of errors and spans: a table per endpoint or release, and values over time."""

import operator
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.sentry import records
from pipeline.sandbox.sentry.search import paged, period, terms
from pipeline.sandbox.web import Payload, Router

Records = list[Payload]
FUNCTION = re.compile(r"(\w+)\(([\w.]*)\)")
SOURCES = {"errors": records.errors, "spans": records.spans}
SHARES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p100": 1.0}
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "avg": lambda found: sum(found) / len(found) if found else 0.0,
    "sum": sum,
    "max": lambda found: max(found, default=0.0),
    "min": lambda found: min(found, default=0.0),
}


class Explore:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        root = "/api/0/organizations/{organization}"
        router.add("GET", root + "/events/", self.table)
        router.add("GET", root + "/events-timeseries/", self.timeseries)

    def _found(self, request: Request, begin: float, end: float) -> Records:
        query = request.query_params
        dataset = query.get("dataset", "errors")
        if dataset not in SOURCES:
            raise ValueError(f"dataset must be one of: {', '.join(SOURCES)}")
        wanted, environments = terms(query.get("query", "")), records.asked_environments(self._core, request)
        found = SOURCES[dataset](self._core, begin, end)
        return [one for one in found if records.fits(self._core, one, wanted, environments)]

    async def table(self, request: Request) -> Response:
        """Answer with one row for each combination of the fields that are no function.

        Without a function, one for each record.
        """
        query = request.query_params
        fields, dataset = query.getlist("field"), query.get("dataset", "errors")
        if not fields:
            raise ValueError("No columns selected")
        functions = {field: function(field, dataset) for field in fields if "(" in field}
        plain = [field for field in fields if field not in functions]
        begin, end = period(self._core, request, 90 * 86400)
        groups: dict[tuple[str, ...], Records] = {}
        for row, record in enumerate(self._found(request, begin, end)):
            key = tuple(_text(record, field) for field in plain)
            groups.setdefault(key if functions else (*key, str(row)), []).append(record)
        rows = [
            {**dict(zip(plain, key, strict=False)), **{name: value(group) for name, (value, _, _) in functions.items()}}
            for key, group in groups.items()
        ]
        for sort in reversed(query.getlist("sort")):
            name = sort.removeprefix("-")
            if name not in fields:
                raise ValueError(f"Cannot sort by a field that is not selected: {name}")
            rows.sort(key=operator.itemgetter(name), reverse=sort.startswith("-"))
        page, headers = paged(self._core, request, rows, usual=50)
        kinds = {**dict.fromkeys(plain, "string"), **{name: kind for name, (_, kind, _) in functions.items()}}
        units = {**dict.fromkeys(plain), **{name: unit for name, (_, _, unit) in functions.items()}}
        meta = {"fields": kinds, "units": units, "dataset": dataset, "isMetricsData": False, "tips": {}}
        return JSONResponse({"data": page, "meta": meta}, headers=headers)

    async def timeseries(self, request: Request) -> Response:
        """Answer with every ``yAxis`` per ``interval`` seconds.

        With ``comparisonDelta`` also so many seconds earlier.

        ``timestamp`` is in milliseconds. A value without any sample is 0: see ``sampleCount``.
        """
        query = request.query_params
        for name in ("groupBy", "topEvents"):
            if query.get(name):
                raise ValueError(f"the sandbox draws one line for each yAxis, and knows no {name}")
        begin, end = period(self._core, request, 86400)
        step, delta = _whole(query.get("interval", "3600")), _whole(query.get("comparisonDelta", "0"))
        if step <= 0 or (end - begin) / step > 10000:
            raise ValueError("Your interval and date range would create too many results.")
        dataset = query.get("dataset", "errors")
        start, now = int(begin // step * step), self._core.now()
        buckets = _buckets(self._found(request, begin, end), step)
        earlier = _buckets(self._found(request, begin - delta, end - delta), step, delta) if delta else {}
        lines = []
        for axis in query.getlist("yAxis") or ["count()"]:
            value, kind, unit = function(axis, dataset)
            values: list[Payload] = []
            for moment in range(start, int(end) + 1, step):
                group = buckets.get(moment, [])
                point = {"timestamp": moment * 1000.0, "value": float(value(group)), "incomplete": moment + step > now,
                         "sampleCount": float(len(group))}  # fmt: skip
                values.append({**point, "comparisonValue": float(value(earlier.get(moment, [])))} if delta else point)
            meta = {"valueType": kind, "valueUnit": unit, "interval": step * 1000.0}
            lines.append({"yAxis": axis, "values": values, "meta": meta})
        meta = {"dataset": dataset, "start": begin * 1000, "end": end * 1000}
        return JSONResponse({"timeSeries": lines, "meta": meta})


def function(text: str, dataset: str) -> tuple[Callable[[Records], float], str, str | None]:
    """Find how ``count()``, ``p95(span.duration)``, … is computed, its type and its unit. Raises ValueError."""
    match = FUNCTION.fullmatch(text)
    name, about = match.groups() if match else ("", "")
    if (name, about) == ("count", "") or (name, about, dataset) == ("count", "span.duration", "spans"):
        return len, "integer", None
    if name == "count_unique" and about:
        return lambda group: len({_text(one, about) for one in group}), "integer", None
    if dataset == "spans" and (name, about) == ("failure_rate", ""):
        return lambda group: sum(one["failed"] for one in group) / len(group) if group else 0.0, "percentage", None
    if dataset == "spans" and (name, about) == ("failure_count", ""):
        return lambda group: sum(one["failed"] for one in group), "integer", None
    if dataset == "spans" and about == "span.duration" and name in {**SHARES, **STATISTICS}:
        return lambda group: round(_statistic(name, group), 4), "duration", "millisecond"
    raise ValueError(f"{text} is not a function that the sandbox has of {dataset}")


def _statistic(name: str, group: Records) -> float:
    found = sorted(one["span.duration"] for one in group)
    if name in STATISTICS:
        return STATISTICS[name](found)
    return found[min(len(found) - 1, int(len(found) * SHARES[name]))] if found else 0.0


def _buckets(records: Records, step: int, later: int = 0) -> dict[int, Records]:
    """Group the records by the beginning of their interval, each moved ``later`` by so many seconds."""
    buckets: dict[int, Records] = {}
    for record in records:
        buckets.setdefault(int((record["at"] + later) // step * step), []).append(record)
    return buckets


def _text(record: Payload, field: str) -> str:
    if field not in record:
        raise ValueError(f"Invalid field: the sandbox does not know {field!r}")
    return str(record[field])


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError(f"Invalid interval: {text!r} is not a number of seconds")
    return int(float(text))
