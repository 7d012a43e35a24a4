"""Computes release health: every request of a visitor is a session, and one that was answered with 5xx has crashed."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.sentry import records
from pipeline.sandbox.sentry.search import period, seconds, terms
from pipeline.sandbox.web import Payload, Router

HOUR = 3600
A_USERS = 5
GROUPS = ("project", "release", "environment", "session.status")
FIELD = re.compile(r"(sum|crash_free_rate|crash_rate)\(session\)|(count_unique|crash_free_rate|crash_rate)\(user\)")


class Sessions:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/api/0/organizations/{organization}/sessions/", self.sessions)

    async def sessions(self, request: Request) -> Response:
        """Answer with sessions and rates between 0 and 1, which are null where there was no session."""
        query = request.query_params
        fields, by = query.getlist("field"), query.getlist("groupBy")
        for field in fields or [""]:
            if not FIELD.fullmatch(field):
                raise ValueError(f"Invalid field: {field!r}" if field else 'Request is missing a "field"')
        if set(by) - set(GROUPS):
            raise ValueError(f"Invalid groupBy: {', '.join(sorted(set(by) - set(GROUPS)))}")
        step = int(seconds(query.get("interval", "1h")))
        if step < HOUR or step % HOUR:
            raise ValueError("The interval has to be a multiple of the minimum interval of one hour.")
        begin, end = period(self._core, request, 90 * 86400 if step > HOUR else 86400)
        start = int(begin // step * step)
        starts = range(start, int(end) + 1, step)
        if len(starts) > 10000:
            raise ValueError("Your interval and date range would create too many results.")
        groups: dict[tuple[str, ...], list[Payload]] = {} if by else {(): []}
        for session in self._found(request, start, end):
            groups.setdefault(tuple(session[name] for name in by), []).append(session)
        shown = [_group(dict(zip(by, key, strict=True)), found, fields, starts) for key, found in groups.items()]
        whole = {
            "start": iso_seconds(start), "end": iso_seconds(end), "query": query.get("query", ""),
            "intervals": [iso_seconds(at) for at in starts], "groups": shown,
        }  # fmt: skip
        return JSONResponse(whole)

    def _found(self, request: Request, begin: float, end: float) -> list[Payload]:
        """List the sessions.

        ``user``: nobody logs in to be counted here, so that five sessions in a row are those of one user.
        """
        wanted = terms(request.query_params.get("query", ""))
        environments, found = records.asked_environments(self._core, request), []
        for row, span in enumerate(records.spans(self._core, begin, end)):
            if records.fits(self._core, span, wanted, environments):
                status = "crashed" if span["failed"] else "healthy"
                found.append({**span, "user": row // A_USERS, "session.status": status})
        return found


def _group(by: Payload, sessions: list[Payload], fields: list[str], starts: range) -> Payload:
    buckets: dict[int, list[Payload]] = {}
    for session in sessions:
        buckets.setdefault(int(session["at"] // starts.step * starts.step), []).append(session)
    return {
        "by": {name: int(value) if name == "project" and value.isdigit() else value for name, value in by.items()},
        "totals": {field: _value(field, sessions) for field in fields},
        "series": {field: [_value(field, buckets.get(at, [])) for at in starts] for field in fields},
    }


def _value(field: str, sessions: list[Payload]) -> float | None:
    users = {session["user"] for session in sessions}
    crashed = {one["user"] for one in sessions if one["failed"]}
    all, bad = (
        (len(users), len(crashed)) if "user" in field else (len(sessions), sum(one["failed"] for one in sessions))
    )
    if not field.startswith("crash"):
        return all
    if not all:
        return None
    return 1 - bad / all if field.startswith("crash_free") else bad / all
