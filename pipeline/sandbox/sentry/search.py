"""Reads what Sentry's lists share: search terms, periods and pages."""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from pipeline.sandbox.core import Core, from_iso
from pipeline.sandbox.web import Payload, number

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
TERM = re.compile(r'(!?)([\w.]+):("[^"]*"|\[[^\]]*\]|\S+)')
CURSOR = re.compile(r"-?\d+:(\d+):[01]")


@dataclass(frozen=True)
class Term:
    """A search term: ``key:value``, ``key:[a,b]`` or, when it is not ``wanted``, ``!key:value``."""

    wanted: bool
    key: str
    values: tuple[str, ...]

    def met(self, value: str) -> bool:
        """Whether a value meets the term, in which a ``*`` stands for anything."""
        return any(fnmatch.fnmatchcase(value, _pattern(one)) for one in self.values) == self.wanted

    def met_by(self, moment: float, now: float) -> bool:
        """Whether a time meets the term: ``-24h`` is since then, ``+24h`` before.

        Dates are compared with ``>``, ``>=``, ``<`` and ``<=``.
        """
        value = self.values[0]
        sign = re.match(r"[<>]=?|[-+]", value)
        if not sign:
            raise ValueError(f"Error parsing search query: {self.key}: invalid date {value!r}")
        rest = value[sign.end() :]
        edge = now - seconds(rest) if sign[0] in "-+" else from_iso(rest)
        return (moment >= edge if sign[0] in ("-", ">", ">=") else moment <= edge) == self.wanted


def _pattern(value: str) -> str:
    return value.replace("[", "[[]").replace("?", "[?]")


def terms(query: str) -> list[Term]:
    """Parse a query into terms. Raises ValueError for words."""
    rest = TERM.sub("", query).strip()
    if rest:
        raise ValueError(f"Error parsing search query: {rest!r} is free text, which the sandbox does not search")
    found = []
    for no, key, value in TERM.findall(query):
        inner = value[1:-1] if value[0] in '["' else value
        values = [one.strip().strip('"') for one in inner.split(",")] if value[0] == "[" else [inner]
        found.append(Term(not no, key, tuple(values)))
    return found


def seconds(text: str) -> float:
    """Read ``15m``, ``24h``, ``14d`` as seconds. Raises ValueError."""
    if not text or text[-1] not in UNITS or not text[:-1].isdigit():
        raise ValueError(f"Invalid statsPeriod: {text!r}")
    return int(text[:-1]) * UNITS[text[-1]]


def period(core: Core, request: Request, otherwise: float) -> tuple[float, float]:
    """Read the period as seconds since 1970: ``start`` and ``end``, or the last ``statsPeriod``."""
    query, now = request.query_params, core.now()
    if query.get("start") and query.get("end"):
        return from_iso(query["start"]), from_iso(query["end"])
    return now - (seconds(query["statsPeriod"]) if query.get("statsPeriod") else otherwise), now


def paged(
    core: Core, request: Request, items: Iterable[Payload], size: str = "per_page", usual: int = 100
) -> tuple[list[Payload], dict[str, str]]:
    """Cut one page out of ``items``, with the header that names the ones around it.

    ``size``: the parameter that sets it.
    """
    items, most = list(items), min(number(request, size, usual, 100), core.state.sentry.most_listed)
    cursor = request.query_params.get("cursor")
    match = CURSOR.fullmatch(cursor or "0:0:0")
    if not match:
        raise ValueError("Invalid cursor parameter.")
    first = int(match[1])
    url = core.ports.url("sentry") + request.url.path
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    links = []
    for rel, start, back, more in (
        ("previous", max(0, first - most), 1, first > 0),
        ("next", first + most, 0, first + most < len(items)),
    ):
        where = f"0:{start}:{back}"
        address = f"{url}?{urlencode([*kept, ('cursor', where)])}"
        links.append(f'<{address}>; rel="{rel}"; results="{str(more).lower()}"; cursor="{where}"')
    return items[first : first + most], {"link": ", ".join(links)}
