"""Answers about the team's own status page: reports of what is wrong or being looked after, and their updates."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.betterstack import shapes
from pipeline.sandbox.core import Core, from_iso, iso
from pipeline.sandbox.web import Payload, Router, body
from pipeline.sandbox.witnessstate import Report, Update

PAGE = 200
STATES = ("operational", "resolved", "degraded", "downtime", "maintenance")
WORST_FIRST = ("downtime", "degraded", "maintenance")
TESTS: dict[str, tuple[shapes.Test, str]] = {
    "report_type": (("manual", "maintenance").__contains__, "is not included in the list"),
    "affected_resources": (lambda value: _are_states(value), "is invalid"),
    "message": (shapes.is_text, "can't be blank"),
}  # fmt: skip


def _are_states(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and one.get("status") in STATES for one in value)


class Pages:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        root = "/api/v2/status-pages"
        report = root + "/{page}/status-reports/{report}"
        router.add("GET", root, self.all)
        router.add("GET", root + "/{page}", self.page)
        router.add("GET", root + "/{page}/status-reports", self.reports)
        router.add("POST", root + "/{page}/status-reports", self.create)
        router.add("GET", report, self.report)
        router.add("PATCH", report, self.change)
        router.add("DELETE", report, self.delete)
        router.add("GET", report + "/status-updates", self.updates)
        router.add("POST", report + "/status-updates", self.update)

    async def all(self, request: Request) -> Response:
        return shapes.listed(self._core, request, [self._page()])

    async def page(self, request: Request) -> Response:
        self._known(request)
        return shapes.one(self._page())

    async def reports(self, request: Request) -> Response:
        """List the status reports, the newest first."""
        self._known(request)
        found = [self._report(report) for report in self._core.state.betterstack.reports[::-1]]
        return shapes.listed(self._core, request, found)

    async def create(self, request: Request) -> Response:
        self._known(request)
        sent, state = await body(request), self._core.state
        shapes.check(sent, TESTS, ("message", "affected_resources"))
        kind = str(sent.get("report_type") or "manual")
        made = Report(state.next_id(), str(sent.get("title") or sent["message"]), kind, self._core.now())
        self._apply(made, sent)
        made.updates.append(self._posted(sent))
        state.betterstack.reports.append(made)
        return shapes.one(self._report(made), 201)

    async def report(self, request: Request) -> Response:
        return shapes.one(self._report(self._find(request)))

    async def change(self, request: Request) -> Response:
        report = self._find(request)
        self._apply(report, await body(request))
        return shapes.one(self._report(report))

    async def delete(self, request: Request) -> Response:
        self._core.state.betterstack.reports.remove(self._find(request))
        return Response(status_code=204)

    async def updates(self, request: Request) -> Response:
        report = self._find(request)
        return shapes.listed(self._core, request, [_update(report, posted) for posted in report.updates[::-1]])

    async def update(self, request: Request) -> Response:
        report, sent = self._find(request), await body(request)
        shapes.check(sent, TESTS, ("message",))
        posted = self._posted(sent)
        report.updates.append(posted)
        return shapes.one(_update(report, posted), 201)

    def _posted(self, sent: Payload) -> Update:
        moment = from_iso(str(sent["published_at"])) if sent.get("published_at") else self._core.now()
        affected = list(sent.get("affected_resources") or ())
        return Update(
            self._core.state.next_id(), moment, str(sent["message"]), affected, bool(sent.get("notify_subscribers"))
        )

    def _apply(self, report: Report, sent: Payload) -> None:
        report.title = str(sent.get("title") or report.title)
        report.starts = from_iso(str(sent["starts_at"])) if sent.get("starts_at") else report.starts
        report.ends = from_iso(str(sent["ends_at"])) if sent.get("ends_at") else report.ends

    def _known(self, request: Request) -> None:
        if request.path_params["page"] != str(PAGE):
            raise shapes.missing()

    def _find(self, request: Request) -> Report:
        self._known(request)
        for report in self._core.state.betterstack.reports:
            if str(report.id) == request.path_params["report"]:
                return report
        raise shapes.missing()

    def _state(self, report: Report) -> str:
        """The state of a report by its last update, while it lasts: operational, degraded, downtime or maintenance."""
        if not report.starts <= self._core.now() < (report.ends or float("inf")):
            return "operational"
        said = {each.get("status") for each in _said(report)}
        return next((state for state in WORST_FIRST if state in said), "operational")

    def _page(self) -> Payload:
        state, now = self._core.state.betterstack, self._core.now()
        states = {self._state(report) for report in state.reports}
        attributes = {
            "company_name": "LMS", "company_url": self._core.ports.url("production"), "subdomain": "lms",
            "custom_domain": None, "timezone": "UTC", "announcement": None, "created_at": iso(state.created),
            "aggregate_state": next((one for one in WORST_FIRST if one in states), "operational"),
            "updated_at": iso(now),
        }  # fmt: skip
        return {"id": str(PAGE), "type": "status_page", "attributes": attributes}

    def _report(self, report: Report) -> Payload:
        attributes = {
            "title": report.title, "report_type": report.kind, "starts_at": iso(report.starts),
            "ends_at": iso(report.ends) if report.ends else None, "status_page_id": PAGE,
            "affected_resources": _said(report),
            "aggregate_state": self._state(report),
        }  # fmt: skip
        updates = [{"id": str(posted.id), "type": "status_update"} for posted in report.updates]
        related = {"status_updates": {"data": updates}}
        return {"id": str(report.id), "type": "status_report", "attributes": attributes, "relationships": related}


def _said(report: Report) -> list[dict[str, Any]]:
    """Find what the newest update says that says anything of resources."""
    return next((posted.affected for posted in report.updates[::-1] if posted.affected), [])


def _update(of: Report, update: Update) -> Payload:
    attributes = {
        "message": update.message, "published_at": iso(update.at), "published_at_timezone": "UTC",
        "notify_subscribers": update.notify, "status_report_id": of.id, "affected_resources": update.affected,
    }  # fmt: skip
    return {"id": str(update.id), "type": "status_update", "attributes": attributes}
