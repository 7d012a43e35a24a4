"""Answers about heartbeats: what is expected to call every so often, and whether it does."""

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.betterstack import shapes
from pipeline.sandbox.betterstack.checks import Checks
from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.web import Payload, Problem, Router, body
from pipeline.sandbox.witnessstate import Heartbeat

BEAT = "/api/v1/heartbeat/"
MOST = 500
USUAL: Payload = {
    "call": False, "sms": False, "email": True, "push": True, "team_wait": None, "heartbeat_group_id": None,
    "sort_index": None, "maintenance_from": None, "maintenance_to": None, "maintenance_timezone": "UTC",
    "maintenance_days": [],
}  # fmt: skip
TESTS: dict[str, tuple[shapes.Test, str]] = {
    "name": (shapes.is_text, "can't be blank"),
    "period": (lambda value: shapes.is_whole(value) and value >= 30, "must be greater than or equal to 30"),
    "grace": (shapes.is_whole, "is not a number"),
    **dict.fromkeys(("paused", *shapes.ALERTS), (shapes.is_flag, "is not included in the list")),
}


class Heartbeats:
    def __init__(self, core: Core, checks: Checks) -> None:
        self._core, self._checks = core, checks

    def routes(self, router: Router) -> None:
        root = "/api/v2/heartbeats"
        router.add("GET", root, self.all)
        router.add("POST", root, self.create)
        router.add("GET", root + "/{id}", self.one)
        router.add("PATCH", root + "/{id}", self.change)
        router.add("DELETE", root + "/{id}", self.delete)
        router.add("GET", root + "/{id}/availability", self.availability)
        for method in ("GET", "POST", "HEAD"):
            router.add(method, BEAT + "{token}", self.beat)

    async def all(self, request: Request) -> Response:
        found = [self._shown(heartbeat) for heartbeat in self._core.state.betterstack.heartbeats]
        return shapes.listed(self._core, request, found)

    async def create(self, request: Request) -> Response:
        sent, state, now = await body(request), self._core.state, self._core.now()
        shapes.check(sent, TESTS, ("name", "period"))
        made = Heartbeat(str(state.next_id()), secrets.token_urlsafe(18), "", 0, 0, now)
        self._apply(made, sent)
        state.betterstack.heartbeats.append(made)
        return shapes.one(self._shown(made), 201)

    async def one(self, request: Request) -> Response:
        return shapes.one(self._shown(self._find(request)))

    async def change(self, request: Request) -> Response:
        heartbeat, sent = self._find(request), await body(request)
        shapes.check(sent, TESTS)
        self._apply(heartbeat, sent)
        return shapes.one(self._shown(heartbeat))

    async def delete(self, request: Request) -> Response:
        self._core.state.betterstack.heartbeats.remove(self._find(request))
        return Response(status_code=204)

    async def availability(self, request: Request) -> Response:
        """Count as down what passed between two beats beyond period and grace."""
        heartbeat = self._find(request)
        begin, end = shapes.period(request, self._core, heartbeat.created)
        gaps = zip(heartbeat.beats, [*heartbeat.beats[1:], self._core.now()], strict=True)
        downs = [(max(at + heartbeat.period + heartbeat.grace, begin), min(after, end)) for at, after in gaps]
        lengths = [round(up - down) for down, up in downs if up > down]
        attributes = shapes.availability(lengths, end - begin)
        return shapes.one({"id": heartbeat.id, "type": "heartbeat_availability", "attributes": attributes})

    async def beat(self, request: Request) -> Response:
        for heartbeat in self._core.state.betterstack.heartbeats:
            if heartbeat.token == request.path_params["token"]:
                heartbeat.beats = [*heartbeat.beats, self._core.now()][-MOST:]
                self._checks.heartbeat(heartbeat)
                self._core.dirty = True
                return JSONResponse({"message": "OK"})
        raise Problem(404, {"errors": "Heartbeat not found"})

    def _apply(self, heartbeat: Heartbeat, sent: Payload) -> None:
        heartbeat.name, heartbeat.updated = str(sent.get("name") or heartbeat.name), self._core.now()
        heartbeat.period, heartbeat.grace = sent.get("period", heartbeat.period), sent.get("grace", heartbeat.grace)
        if "paused" in sent:
            heartbeat.paused, heartbeat.paused_at = sent["paused"], self._core.now() if sent["paused"] else 0
        heartbeat.settings |= {name: sent[name] for name in USUAL if name in sent}

    def _find(self, request: Request) -> Heartbeat:
        for heartbeat in self._core.state.betterstack.heartbeats:
            if heartbeat.id == request.path_params["id"]:
                return heartbeat
        raise shapes.missing()

    def _shown(self, heartbeat: Heartbeat) -> Payload:
        attributes = {
            **USUAL, **heartbeat.settings,
            "url": self._core.ports.url("betterstack") + BEAT + heartbeat.token, "name": heartbeat.name,
            "period": heartbeat.period,
            "grace": heartbeat.grace, "team_name": "Acme",
            "paused_at": iso(heartbeat.paused_at) if heartbeat.paused else None,
            "created_at": iso(heartbeat.created), "updated_at": iso(heartbeat.updated),
            "status": self._checks.heartbeat(heartbeat),
        }  # fmt: skip
        return {"id": heartbeat.id, "type": "heartbeat", "attributes": attributes}
