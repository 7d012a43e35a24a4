"""Better Stack's uptime API: one monitor, whose status is found by really asking the app, and incidents."""

import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso, iso
from pipeline.sandbox.state import Incident
from pipeline.sandbox.web import Payload, Problem, Router, bearer, body, number

HEALTH = "/api/health/db"
REGIONS = ("us", "eu")
USUAL_SECONDS = {"us": 0.118, "eu": 0.142}
HALF_HOUR = 1800.0
DAY = 86400.0
NAME = "LMS health"
MOST_RECENT = 100


class BetterStackApi:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(lambda request: _missing("Resource"), self._authorize)
        add = self._router.add
        add("GET", "/api/v2/monitors", self.monitors)
        add("GET", "/api/v2/monitors/{id}", self.monitor)
        add("PATCH", "/api/v2/monitors/{id}", self.change)
        add("GET", "/api/v2/monitors/{id}/sla", self.sla)
        add("GET", "/api/v2/monitors/{id}/response-times", self.response_times)
        add("GET", "/api/v3/incidents", self.incidents)
        add("POST", "/api/v3/incidents", self.create)
        add("GET", "/api/v3/incidents/{id}", self.incident)
        add("POST", "/api/v3/incidents/{id}/acknowledge", self.acknowledge)
        add("POST", "/api/v3/incidents/{id}/resolve", self.resolve)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._router(request)
        except ValueError as error:
            return JSONResponse({"errors": str(error)}, 400)

    def _authorize(self, request: Request) -> None:
        if bearer(request) != self._core.state.tokens["betterstack"]:
            raise Problem(
                401, {"errors": "Invalid Team API token. How to find your Team API token: https://betterstack.com/docs"}
            )

    async def _status(self) -> str:
        """paused, maintenance, up or down. Looking opens an incident when it is down and closes it when it is up."""
        state = self._core.state.betterstack
        if state.paused or state.maintenance:
            return "paused" if state.paused else "maintenance"
        assert self._core.visit is not None
        status, _ = await self._core.visit(HEALTH)
        ours = [one for one in state.incidents if one.monitor == state.monitor and not one.resolved]
        if status == 200:
            for one in ours:
                one.resolved, one.resolved_by = self._core.now(), "Better Stack"
        elif not ours:
            cause = f"Status {status}" if status else "Connection failed"
            state.incidents.append(Incident(self._core.state.next_id(), cause, self._core.now(), state.monitor, NAME))
        self._core.dirty |= bool(ours) == (status == 200)
        return "up" if status == 200 else "down"

    async def monitors(self, request: Request) -> Response:
        return self._listed(request, [await self._monitor()])

    async def monitor(self, request: Request) -> Response:
        self._known(request)
        return JSONResponse({"data": await self._monitor()})

    async def change(self, request: Request) -> Response:
        self._known(request)
        sent = await body(request)
        self._core.state.betterstack.paused = bool(sent.get("paused", self._core.state.betterstack.paused))
        return JSONResponse({"data": await self._monitor()})

    def _known(self, request: Request) -> None:
        if request.path_params["id"] != self._core.state.betterstack.monitor:
            raise _missing("Resource with provided ID")

    async def _monitor(self) -> Payload:
        state, now = self._core.state.betterstack, self._core.now()
        attributes = {
            "url": self._core.ports.url("production") + HEALTH, "pronounceable_name": NAME, "monitor_type": "status",
            "monitor_group_id": None, "last_checked_at": iso(now), "status": await self._status(), "policy_id": None,
            "expiration_policy_id": None, "team_name": "Acme", "required_keyword": None, "verify_ssl": True,
            "check_frequency": 30, "call": False, "sms": False, "email": True, "push": True, "critical_alert": False,
            "team_wait": None, "http_method": "get", "request_timeout": 30, "recovery_period": 0, "request_headers": [],
            "request_body": "", "follow_redirects": True, "remember_cookies": True, "created_at": iso(state.created),
            "updated_at": iso(state.created), "ssl_expiration": None, "domain_expiration": None,
            "regions": list(REGIONS),
            "expected_status_codes": [], "port": None, "confirmation_period": 0, "paused": state.paused,
            "paused_at": iso(now) if state.paused else None, "maintenance_days": [], "maintenance_from": None,
            "maintenance_to": None, "maintenance_timezone": "UTC",
        }  # fmt: skip
        policy: Payload = {"policy": {"data": None}}
        return {"id": state.monitor, "type": "monitor", "attributes": attributes, "relationships": policy}

    async def sla(self, request: Request) -> Response:
        """From the incidents that were recorded, over the given days (all days of the monitor when none are given)."""
        self._known(request)
        state, now = self._core.state.betterstack, self._core.now()
        begin = _day(request, "from", state.created)
        end = min(now, _day(request, "to", now) + (DAY if request.query_params.get("to") else 0))
        if end <= begin:
            raise ValueError("The date range is invalid: `from` must be before `to`.")
        lengths = [
            round(min(one.resolved or now, end) - max(one.started, begin))
            for one in state.incidents
            if one.monitor == state.monitor and (one.resolved or now) > begin and one.started < end
        ]
        down = sum(lengths)
        attributes = {
            "availability": round(100 * (1 - down / (end - begin)), 4), "total_downtime": down,
            "number_of_incidents": len(lengths), "longest_incident": max(lengths, default=0),
            "average_incident": down // len(lengths) if lengths else 0,
        }  # fmt: skip
        return JSONResponse({"data": {"id": state.monitor, "type": "monitor_sla", "attributes": attributes}})

    async def response_times(self, request: Request) -> Response:
        """The last 24 hours, in seconds: a quiet day every half hour, and what visitors really waited."""
        self._known(request)
        now = self._core.now()
        recent = [hit for hit in self._core.traffic.since(now - DAY) if hit.status < 500][-MOST_RECENT:]
        regions = []
        for index, region in enumerate(REGIONS):
            first = int((now - DAY) // HALF_HOUR + 1)
            points = [(slot * HALF_HOUR, USUAL_SECONDS[region] + slot % 7 / 100) for slot in range(first, first + 47)]
            points += [(hit.at, hit.seconds) for hit in recent[index :: len(REGIONS)]]
            times = [
                {
                    "at": iso(at), "response_time": round(seconds, 5), "name_lookup_time": 0.002,
                    "connection_time": 0.01,
                    "tls_handshake_time": 0.02, "data_transfer_time": 0.001,
                }
                for at, seconds in sorted(points)
            ]  # fmt: skip
            regions.append({"region": region, "response_times": times})
        monitor = self._core.state.betterstack.monitor
        shown = {"id": monitor, "type": "monitor_response_times", "attributes": {"regions": regions}}
        return JSONResponse({"data": shown})

    async def incidents(self, request: Request) -> Response:
        await self._status()
        query = request.query_params
        begin, end = _day(request, "from", 0), _day(request, "to", self._core.now()) + DAY
        found = [
            self._incident(one)
            for one in sorted(self._core.state.betterstack.incidents, key=lambda one: one.started, reverse=True)
            if query.get("resolved") in (None, "true" if one.resolved else "false")
            and query.get("acknowledged") in (None, "true" if one.acknowledged else "false")
            and query.get("monitor_id") in (None, one.monitor)
            and begin <= one.started <= end
        ]
        return self._listed(request, found, 10, 50)

    async def create(self, request: Request) -> Response:
        sent = await body(request)
        if not sent.get("summary") or not sent.get("requester_email"):
            missing = "summary" if not sent.get("summary") else "requester_email"
            return JSONResponse({"errors": {missing: ["can't be blank"]}}, 422)
        name = str(sent.get("name") or sent["summary"])
        one = Incident(self._core.state.next_id(), str(sent["summary"]), self._core.now(), "", name)
        self._core.state.betterstack.incidents.append(one)
        return JSONResponse({"data": self._incident(one)}, 201)

    async def incident(self, request: Request) -> Response:
        return JSONResponse({"data": self._incident(self._find(request))})

    async def acknowledge(self, request: Request) -> Response:
        one, sent = self._find(request), await body(request)
        if not one.acknowledged:
            one.acknowledged, one.acknowledged_by = self._core.now(), str(sent.get("acknowledged_by") or "API")
        return JSONResponse({"data": self._incident(one)})

    async def resolve(self, request: Request) -> Response:
        one, sent = self._find(request), await body(request)
        if not one.resolved:
            one.resolved, one.resolved_by = self._core.now(), str(sent.get("resolved_by") or "API")
        return JSONResponse({"data": self._incident(one)})

    def _find(self, request: Request) -> Incident:
        for one in self._core.state.betterstack.incidents:
            if str(one.id) == request.path_params["id"]:
                return one
        raise _missing("Resource with provided ID")

    def _incident(self, one: Incident) -> Payload:
        state = "Resolved" if one.resolved else "Acknowledged" if one.acknowledged else "Started"
        attributes: Payload = {
            "name": one.name, "url": self._core.ports.url("production") + HEALTH if one.monitor else None,
            "http_method": "get" if one.monitor else None, "cause": one.cause, "incident_group_id": None,
            "started_at": iso(one.started), "acknowledged_at": iso(one.acknowledged) if one.acknowledged else None,
            "acknowledged_by": one.acknowledged_by or None, "resolved_at": iso(one.resolved) if one.resolved else None,
            "resolved_by": one.resolved_by or None, "status": state, "team_name": "Acme", "response_content": "",
            "response_options": None, "regions": list(REGIONS), "response_url": None, "screenshot_url": None,
            "origin_url": None, "escalation_policy_id": None, "call": False, "sms": False, "email": True, "push": True,
            "critical_alert": False, "metadata": {},
        }  # fmt: skip
        monitor = {"data": {"id": one.monitor, "type": "monitor"}} if one.monitor else {"data": None}
        return {"id": str(one.id), "type": "incident", "attributes": attributes, "relationships": {"monitor": monitor}}

    def _listed(self, request: Request, items: list[Payload], usual: int = 50, most: int = 250) -> Response:
        size, page = number(request, "per_page", usual, most), number(request, "page", 1, 10000)
        last = max(1, -(-len(items) // size))
        base = self._core.ports.url("betterstack") + request.url.path
        at = {"first": 1, "last": last, "prev": page - 1 or None, "next": page + 1 if page < last else None}
        links = {name: f"{base}?page={to}&per_page={size}" if to else None for name, to in at.items()}
        return JSONResponse({"data": items[(page - 1) * size : page * size], "pagination": links})


def _day(request: Request, name: str, otherwise: float) -> float:
    value = request.query_params.get(name)
    if not value:
        return otherwise
    try:
        return from_iso(datetime.date.fromisoformat(value).isoformat())
    except ValueError:
        raise ValueError(f"The date {value!r} is invalid, use YYYY-MM-DD.") from None


def _missing(what: str) -> Problem:
    return Problem(404, {"errors": f"{what} was not found", "see_docs": "https://betterstack.com/docs/uptime/api/"})
