"""Answers what ``vercel logs`` asks: runtime logs and request records, filtered and in pages."""

import fnmatch
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso, iso
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.vercel.shapes import REGION, problem
from pipeline.sandbox.web import Payload, Router, body

MOST = 1000
TERM = re.compile(r'(?P<name>\w+)\s*(?P<sign>:|>=|<=|>|<|=)\s*(?P<value>"[^"]*"|[^\s()]+)')
TEXT = re.compile(r'"[^"]*"|\w[^\s():]*')
TESTS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
}


class Observability:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("POST", "/v{v}/observability/events", self.events)

    async def events(self, request: Request) -> Response:
        """List log events, newest first. ``cursor`` is how many were already given."""
        sent = await body(request)
        event, span = sent.get("event"), sent.get("timeRange") or {}
        if event not in ("vercel.log", "vercel.proxy_response"):
            raise problem(400, "bad_request", f"Invalid request: there is no event {event}.")
        if (sent.get("scope") or {}).get("ownerId") != self._core.state.vercel.team:
            raise problem(403, "forbidden", "Not authorized")
        begin, end = from_iso(str(span.get("start"))), from_iso(str(span.get("end")))
        wanted, text = _log if event == "vercel.log" else _request, str(sent.get("filter") or "")
        hits = [(row, hit) for row, hit in enumerate(self._core.traffic) if begin <= hit.at <= end]
        found = [one for one in (wanted(self._core, row, hit) for row, hit in hits) if matches(text, one)][::-1]
        first, limit = int(sent.get("cursor") or 0), min(int(sent.get("limit") or 100), MOST)
        more = len(found) > first + limit
        page = {"hasMore": more, "nextCursor": str(first + limit) if more else None}
        shown = found[first : first + limit]
        return JSONResponse({"events": shown, "pagination": page, "meta": {"excludedIntervals": []}})


def matches(text: str, event: Payload) -> bool:
    """Whether an event meets a filter: ``name:value``, comparisons and bare text, with AND, OR, NOT and brackets.

    A name that the event does not have is met by nothing. Raises ValueError for what cannot be read.
    """
    words = _words(text)
    found = _either(words, event) if words else True
    if words:
        raise ValueError(f"the filter {text!r} ends too late, at {words[0]!r}")
    return found


def _words(text: str) -> list[str]:
    found, offset = [], 0
    while text[offset:].strip():
        offset += len(text[offset:]) - len(text[offset:].lstrip())
        match = TERM.match(text, offset) or re.compile(r"[()]|AND\b|OR\b|NOT\b", re.IGNORECASE).match(text, offset)
        match = match or TEXT.match(text, offset)
        if not match:
            raise ValueError(f"the filter {text!r} cannot be read at {text[offset:]!r}")
        found.append(match[0])
        offset = match.end()
    return found


def _either(words: list[str], event: Payload) -> bool:
    found = _both(words, event)
    while words and words[0].upper() == "OR":
        words.pop(0)
        found = _both(words, event) or found
    return found


def _both(words: list[str], event: Payload) -> bool:
    found = _single(words, event)
    while words and words[0].upper() not in ("OR", ")"):
        if words[0].upper() == "AND":
            words.pop(0)
        found = _single(words, event) and found
    return found


def _single(words: list[str], event: Payload) -> bool:
    if not words:
        raise ValueError("the filter ends too early")
    word = words.pop(0)
    if word.upper() == "NOT":
        return not _single(words, event)
    if word == "(":
        found = _either(words, event)
        if not words or words.pop(0) != ")":
            raise ValueError("a bracket of the filter is not closed")
        return found
    term = TERM.fullmatch(word)
    if not term and TEXT.fullmatch(word) and word.upper() not in ("AND", "OR") and "message" in event:
        return word.strip('"').lower() in str(event["message"]).lower()
    if not term:
        raise ValueError(f"the filter has {word!r} where a term should be")
    return _met(term, event)


def _met(term: re.Match[str], event: Payload) -> bool:
    value, wanted = event.get(term["name"]), term["value"].strip('"')
    if value is None:
        return False
    if term["sign"] in TESTS:
        return TESTS[term["sign"]](float(value), float(wanted))
    return fnmatch.fnmatchcase(str(value).lower(), wanted.lower())


def _common(core: Core, row: int, hit: Hit) -> Payload:
    deployment = core.state.vercel.deployments.get(hit.deployment)
    return {
        "timestamp": iso(hit.at),
        "projectId": core.state.vercel.project,
        "deploymentId": hit.deployment,
        "environment": "production" if deployment is None or deployment.target == "production" else "preview",
        "requestId": f"{REGION}::{row:05d}-{round(hit.at * 1000)}",
        "requestPath": hit.path,
        "requestMethod": hit.method,
    }


def _log(core: Core, row: int, hit: Hit) -> Payload:
    stream = "stderr" if hit.level == "error" else "stdout"
    return {
        **_common(core, row, hit),
        "level": hit.level,
        "message": hit.message,
        "source": "function",
        "stream": stream,
        "domain": hit.host,
        "region": REGION,
        "isSystemLog": not hit.message,
        "truncated": False,
    }


def _request(core: Core, row: int, hit: Hit) -> Payload:
    return {
        **_common(core, row, hit),
        "requestHostname": hit.host,
        "httpStatus": hit.status,
        "route": hit.path,
        "pathType": "func",
        "cacheResult": "MISS",
        "edgeNetworkRegion": REGION,
    }
