"""Answers about issues: found by search terms, resolved, and the events of each."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.sentry.issueshapes import IssueShapes
from pipeline.sandbox.sentry.records import Known, asked_environments, known, latest
from pipeline.sandbox.sentry.search import Term, paged, period, terms
from pipeline.sandbox.sentry.shapes import missing
from pipeline.sandbox.web import Router, body
from pipeline.sandbox.witnessstate import Occurrence

STATES = {"unresolved": "unresolved", "resolved": "resolved", "ignored": "ignored", "archived": "ignored"}
FIRST, LAST = ("firstSeen", "first_seen", "age"), ("lastSeen", "last_seen")
CHANGES = {"resolved": "resolved", "resolvedInNextRelease": "resolved", "unresolved": "unresolved",
           "ignored": "ignored", "muted": "ignored"}  # fmt: skip


class Issues:
    def __init__(self, core: Core) -> None:
        self._core, self._shapes = core, IssueShapes(core)

    def routes(self, router: Router) -> None:
        root = "/api/0/organizations/{organization}/issues/"
        router.add("GET", root, self.all)
        router.add("GET", "/api/0/projects/{organization}/{project}/issues/", self.all)
        router.add("GET", root + "{id}/", self.one)
        router.add("PUT", root + "{id}/", self.change)
        router.add("GET", root + "{id}/events/", self.events)
        router.add("GET", root + "{id}/events/{event}/", self.event)

    async def all(self, request: Request) -> Response:
        """List the issues with an event that ``query``, ``environment`` and the period match.

        ``sort``: date, new or freq.
        """
        query = request.query_params
        begin, end = period(self._core, request, 14 * 86400)
        wanted, environments = terms(query.get("query", "is:unresolved")), asked_environments(self._core, request)
        found: list[tuple[Known, int]] = []
        for issue in known(self._core):
            if not all(self._has(issue, term) for term in wanted):
                continue
            events = [
                event
                for event in issue.events
                if begin <= event.at <= end
                and (not environments or event.environment in environments)
                and all(self._is_of(event, term) for term in wanted)
            ]
            if events:
                found.append((issue, len(events)))
        orders = {
            "date": lambda each: each[0].events[-1].at,
            "new": lambda each: each[0].issue.first,
            "freq": lambda each: each[1],
        }
        sort = query.get("sort", "date")
        if sort not in orders:
            raise ValueError(f"Invalid sort: {sort!r}: the sandbox sorts by {', '.join(orders)}")
        found.sort(key=orders[sort], reverse=True)
        shown = [self._shapes.issue(issue, self._core.now()) for issue, _ in found]
        page, headers = paged(self._core, request, shown, "limit", 25)
        return JSONResponse(page, headers=headers)

    def _has(self, known_issue: Known, term: Term) -> bool:
        """Whether the issue itself meets a term; those of its events always do."""
        issue, now = known_issue.issue, self._core.now()
        if term.key == "is":
            unknown = [value for value in term.values if value not in STATES]
            if unknown:
                raise ValueError(f"Error parsing search query: Invalid value for \"is\" search: '{unknown[0]}'")
            return (issue.status in [STATES[value] for value in term.values]) == term.wanted
        if term.key in FIRST:
            return term.met_by(issue.first, now)
        if term.key in LAST:
            return term.met_by(known_issue.events[-1].at, now)
        values = {"firstRelease": issue.first_release, "first_release": issue.first_release, "level": issue.level,
                  "title": issue.title, "project": self._core.state.sentry.project}  # fmt: skip
        if term.key in values:
            return latest(self._core, term).met(values[term.key])
        if term.key not in ("release", "environment", "transaction"):
            raise ValueError(f"Error parsing search query: the sandbox does not know {term.key!r}")
        return True

    def _is_of(self, event: Occurrence, term: Term) -> bool:
        values = {"release": event.release, "environment": event.environment, "transaction": event.transaction}
        return term.key not in values or latest(self._core, term).met(values[term.key])

    async def one(self, request: Request) -> Response:
        return JSONResponse(self._shapes.detailed_issue(self._find(request), self._core.now()))

    async def change(self, request: Request) -> Response:
        """Change the ``status`` of an issue; what else is said is taken without effect.

        A new event opens a resolved one again.
        """
        known_issue, sent = self._find(request), await body(request)
        if "status" in sent and sent["status"] not in CHANGES:
            return JSONResponse({"status": [f'"{sent["status"]}" is not a valid choice.']}, 400)
        known_issue.issue.status = CHANGES[sent["status"]] if "status" in sent else known_issue.issue.status
        return JSONResponse(self._shapes.issue(known_issue, self._core.now()))

    async def events(self, request: Request) -> Response:
        """List the events of an issue, the newest first."""
        issue = self._find(request)
        begin, end = period(self._core, request, 90 * 86400)
        environments = asked_environments(self._core, request)
        wanted = [
            event
            for event in issue.events[::-1]
            if begin <= event.at <= end and (not environments or event.environment in environments)
        ]
        shown = [self._shapes.event(issue.issue, event) for event in wanted]
        page, headers = paged(self._core, request, shown)
        return JSONResponse(page, headers=headers)

    async def event(self, request: Request) -> Response:
        """Find an event by id, or the ``latest``, ``oldest`` or ``recommended`` one."""
        issue, id = self._find(request), request.path_params["event"]
        named = {"latest": issue.events[-1].id, "oldest": issue.events[0].id, "recommended": issue.events[-1].id}
        for event in issue.events:
            if event.id == named.get(id, id):
                return JSONResponse(self._shapes.detailed_event(issue.issue, event))
        raise missing()

    def _find(self, request: Request) -> Known:
        for issue in known(self._core):
            if str(issue.issue.id) == request.path_params["id"]:
                return issue
        raise missing()
