"""Shares what the parts of Better Stack's API have in common: errors, pages, days, and checks of what was sent."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso
from pipeline.sandbox.web import Payload, Problem, number

DAY = 86400.0
ALERTS = ("call", "sms", "email", "push")
Test = Callable[[Any], bool]


def listed(core: Core, request: Request, items: list[Payload], usual: int = 50, most: int = 250) -> Response:
    """Answer with one page of ``items`` and the addresses of the others."""
    size, page = number(request, "per_page", usual, most), number(request, "page", 1, 10000)
    last = max(1, -(-len(items) // size))
    base = core.ports.url("betterstack") + request.url.path
    numbers = {"first": 1, "last": last, "prev": page - 1 or None, "next": page + 1 if page < last else None}
    links = {name: f"{base}?page={to}&per_page={size}" if to else None for name, to in numbers.items()}
    return JSONResponse({"data": items[(page - 1) * size : page * size], "pagination": links})


def one(resource: Payload, status: int = 200) -> Response:
    return JSONResponse({"data": resource}, status)


def period(request: Request, core: Core, created: float) -> tuple[float, float]:
    """Read ``from`` and ``to`` as seconds since 1970; since ``created`` when nothing is said. Raises ValueError."""
    now = core.now()
    begin = day(request, "from", created)
    end = min(now, day(request, "to", now) + (DAY if request.query_params.get("to") else 0))
    if end < begin:
        raise ValueError("The date range is invalid: `from` must be before `to`.")
    return begin, end


def availability(lengths: list[int], seconds: float) -> Payload:
    """Describe the availability that downtimes of these ``lengths`` leave within so many seconds."""
    down = sum(lengths)
    return {
        "availability": round(100 * (1 - down / (seconds or 1)), 4),
        "total_downtime": down,
        "number_of_incidents": len(lengths),
        "longest_incident": max(lengths, default=0),
        "average_incident": down // len(lengths) if lengths else 0,
    }


def day(request: Request, name: str, otherwise: float) -> float:
    value = request.query_params.get(name)
    if not value:
        return otherwise
    try:
        return from_iso(datetime.date.fromisoformat(value).isoformat())
    except ValueError:
        raise ValueError(f"The date {value!r} is invalid, use YYYY-MM-DD.") from None


def check(sent: Payload, tests: Mapping[str, tuple[Test, str]], required: tuple[str, ...] = ()) -> None:
    """Check the fields of a body.

    Raises the 422 that names every field which is missing or does not pass its test; others are not looked at.
    """
    wrong = {name: ["can't be blank"] for name in required if sent.get(name) in (None, "")}
    for name, (passes, says) in tests.items():
        if name in sent and name not in wrong and not passes(sent[name]):
            wrong[name] = [says]
    if wrong:
        raise Problem(422, {"errors": wrong})


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def missing(resource: str = "Resource with provided ID") -> Problem:
    return Problem(404, {"errors": f"{resource} was not found", "see_docs": "https://betterstack.com/docs/uptime/api/"})
