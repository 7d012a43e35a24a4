"""Answers about incidents: those that checks opened, and those that somebody created."""

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.betterstack import shapes
from pipeline.sandbox.betterstack.checks import Checks
from pipeline.sandbox.betterstack.monitors import REGIONS
from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.state import Incident
from pipeline.sandbox.web import Payload, Router, body

USUAL_ALERTS = {"call": False, "sms": False, "email": True, "push": True}
TESTS: dict[str, tuple[shapes.Test, str]] = dict.fromkeys(
    shapes.ALERTS, (shapes.is_flag, "is not included in the list")
)


class Incidents:
    def __init__(self, core: Core, checks: Checks) -> None:
        self._core, self._checks = core, checks

    def routes(self, router: Router) -> None:
        router.add("GET", "/api/v3/incidents", self.all)
        router.add("POST", "/api/v3/incidents", self.create)
        router.add("GET", "/api/v3/incidents/{id}", self.one)
        router.add("POST", "/api/v3/incidents/{id}/acknowledge", self.acknowledge)
        router.add("POST", "/api/v3/incidents/{id}/resolve", self.resolve)

    async def all(self, request: Request) -> Response:
        await self._checks.everything()
        query = request.query_params
        begin = shapes.day(request, "from", 0)
        end = shapes.day(request, "to", self._core.now()) + shapes.DAY
        found = [
            self._shown(incident)
            for incident in sorted(self._core.state.betterstack.incidents, key=lambda one: one.started, reverse=True)
            if query.get("resolved") in (None, "true" if incident.resolved else "false")
            and query.get("acknowledged") in (None, "true" if incident.acknowledged else "false")
            and query.get("monitor_id") in (None, incident.monitor)
            and query.get("heartbeat_id") in (None, incident.heartbeat)
            and begin <= incident.started <= end
        ]
        return shapes.listed(self._core, request, found, 10, 50)

    async def create(self, request: Request) -> Response:
        """Create an incident; answers alike when alerting is broken, and then there is no such incident."""
        sent, state = await body(request), self._core.state
        shapes.check(sent, TESTS, ("summary", "requester_email"))
        name = str(sent.get("name") or sent["summary"])
        incident = Incident(state.next_id(), str(sent["summary"]), self._core.now(), "", name)
        incident.alerts = {kind: sent[kind] for kind in shapes.ALERTS if kind in sent}
        if not state.betterstack.deaf:
            state.betterstack.incidents.append(incident)
        return shapes.one(self._shown(incident), 201)

    async def one(self, request: Request) -> Response:
        return shapes.one(self._shown(self._find(request)))

    async def acknowledge(self, request: Request) -> Response:
        incident, sent = self._find(request), await body(request)
        if not incident.acknowledged:
            incident.acknowledged, incident.acknowledged_by = (
                self._core.now(),
                str(sent.get("acknowledged_by") or "API"),
            )
        return shapes.one(self._shown(incident))

    async def resolve(self, request: Request) -> Response:
        incident, sent = self._find(request), await body(request)
        if not incident.resolved:
            incident.resolved, incident.resolved_by = self._core.now(), str(sent.get("resolved_by") or "API")
        return shapes.one(self._shown(incident))

    def _find(self, request: Request) -> Incident:
        for incident in self._core.state.betterstack.incidents:
            if str(incident.id) == request.path_params["id"]:
                return incident
        raise shapes.missing()

    def _shown(self, incident: Incident) -> Payload:
        state = "Resolved" if incident.resolved else "Acknowledged" if incident.acknowledged else "Started"
        of = next(
            (monitor for monitor in self._core.state.betterstack.monitors if monitor.id == incident.monitor), None
        )
        attributes: Payload = {
            "name": incident.name, "url": self._checks.url(of) if of else None,
            "http_method": "get" if incident.monitor else None, "cause": incident.cause, "incident_group_id": None,
            "started_at": iso(incident.started),
            "acknowledged_at": iso(incident.acknowledged) if incident.acknowledged else None,
            "acknowledged_by": incident.acknowledged_by or None,
            "resolved_at": iso(incident.resolved) if incident.resolved else None,
            "resolved_by": incident.resolved_by or None, "status": state, "team_name": "Acme", "response_content": "",
            "response_options": None, "regions": list(REGIONS), "response_url": None, "screenshot_url": None,
            "origin_url": None, "escalation_policy_id": None, "critical_alert": False, "metadata": {},
            "monitor_id": incident.monitor or None, **USUAL_ALERTS, **incident.alerts,
        }  # fmt: skip
        about = {"monitor": incident.monitor, "heartbeat": incident.heartbeat}
        found = {kind: {"data": {"id": id, "type": kind}} for kind, id in about.items() if id}
        related: Payload = {"monitor": {"data": None}, **found}
        return {"id": str(incident.id), "type": "incident", "attributes": attributes, "relationships": related}
