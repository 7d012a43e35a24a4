"""Answers about monitors: what they look at, how they are, how often they were down and how long answers take."""

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.betterstack import shapes
from pipeline.sandbox.betterstack.checks import DAYS, Checks
from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.web import Payload, Router, body
from pipeline.sandbox.witnessstate import Monitor

REGIONS = ("us", "eu")
USUAL_SECONDS = {"us": 0.118, "eu": 0.142, "as": 0.231, "au": 0.262}
TYPES = (
    "status", "expected_status_code", "keyword", "keyword_absence", "ping", "tcp", "udp", "smtp", "pop", "imap", "dns",
    "playwright",
)  # fmt: skip
HALF_HOUR = 1800.0
FRESH = 900.0
MOST_RECENT = 100
USUAL: Payload = {
    "monitor_type": "status", "monitor_group_id": None, "policy_id": None, "expiration_policy_id": None,
    "required_keyword": None, "verify_ssl": True, "check_frequency": 30, "call": False, "sms": False, "email": True,
    "push": True, "critical_alert": False, "team_wait": None, "http_method": "get", "request_timeout": 30,
    "recovery_period": 0, "request_headers": [], "request_body": "", "follow_redirects": True,
    "remember_cookies": True, "ssl_expiration": None, "domain_expiration": None, "regions": list(REGIONS),
    "expected_status_codes": [], "port": None, "confirmation_period": 0, "maintenance_days": [],
    "maintenance_from": None, "maintenance_to": None, "maintenance_timezone": "UTC",
}  # fmt: skip
LISTED = "is not included in the list"


def _some_of(values: Any, known: tuple[str, ...]) -> bool:
    return isinstance(values, list) and set(values) <= set(known)


def _is_time(value: Any) -> bool:
    try:
        return value is None or (len(value) == 8 and bool(datetime.time.fromisoformat(value) or True))
    except (TypeError, ValueError):
        return False


def _is_zone(value: Any) -> bool:
    try:
        return value is None or bool(ZoneInfo(str(value)))
    except (KeyError, ValueError, OSError):
        return False


def _are_codes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(code, int) and 100 <= code <= 599 for code in value)


TESTS: dict[str, tuple[shapes.Test, str]] = {
    "url": (shapes.is_text, "can't be blank"),
    "pronounceable_name": (shapes.is_text, "can't be blank"),
    "monitor_type": (TYPES.__contains__, LISTED),
    "check_frequency": (lambda value: shapes.is_whole(value) and value >= 30, "must be greater than or equal to 30"),
    "regions": (lambda value: value is None or _some_of(value, tuple(USUAL_SECONDS)), LISTED),
    "maintenance_days": (lambda value: _some_of(value, DAYS), LISTED),
    "maintenance_from": (_is_time, "is invalid"),
    "maintenance_to": (_is_time, "is invalid"),
    "maintenance_timezone": (_is_zone, "is not a valid time zone"),
    "expected_status_codes": (lambda value: value is None or _are_codes(value), "is invalid"),
    **dict.fromkeys(("paused", "verify_ssl", *shapes.ALERTS), (shapes.is_flag, LISTED)),
    **dict.fromkeys(
        ("request_timeout", "recovery_period", "confirmation_period"), (shapes.is_whole, "is not a number")
    ),
    **dict.fromkeys(
        ("ssl_expiration", "domain_expiration"),
        (lambda value: value is None or shapes.is_whole(value), "is not a number"),
    ),
}


class Monitors:
    def __init__(self, core: Core, checks: Checks) -> None:
        self._core, self._checks = core, checks

    def routes(self, router: Router) -> None:
        router.add("GET", "/api/v2/monitors", self.all)
        router.add("POST", "/api/v2/monitors", self.create)
        router.add("GET", "/api/v2/monitors/{id}", self.one)
        router.add("PATCH", "/api/v2/monitors/{id}", self.change)
        router.add("DELETE", "/api/v2/monitors/{id}", self.delete)
        router.add("GET", "/api/v2/monitors/{id}/sla", self.sla)
        router.add("GET", "/api/v2/monitors/{id}/response-times", self.response_times)

    async def all(self, request: Request) -> Response:
        query = request.query_params
        found = [
            await self._shown(monitor)
            for monitor in self._core.state.betterstack.monitors
            if query.get("url") in (None, self._checks.url(monitor))
            and query.get("pronounceable_name") in (None, monitor.name)
        ]
        return shapes.listed(self._core, request, found)

    async def create(self, request: Request) -> Response:
        sent, state, now = await body(request), self._core.state, self._core.now()
        needs = {"keyword": ("required_keyword",), "keyword_absence": ("required_keyword",),
                 "expected_status_code": ("expected_status_codes",)}  # fmt: skip
        shapes.check(sent, TESTS, ("url", *needs.get(str(sent.get("monitor_type")), ())))
        made = Monitor(str(state.next_id()), now, "", "", now)
        self._apply(made, sent)
        made.name = made.name or made.url
        state.betterstack.monitors.append(made)
        return shapes.one(await self._shown(made), 201)

    async def one(self, request: Request) -> Response:
        return shapes.one(await self._shown(self._find(request)))

    async def change(self, request: Request) -> Response:
        monitor, sent = self._find(request), await body(request)
        shapes.check(sent, TESTS)
        self._apply(monitor, sent)
        monitor.updated = self._core.now()
        return shapes.one(await self._shown(monitor))

    async def delete(self, request: Request) -> Response:
        """Delete a monitor.

        The first monitor comes back with the next start: the rest of the sandbox tells its name.
        """
        self._core.state.betterstack.monitors.remove(self._find(request))
        return Response(status_code=204)

    def _apply(self, monitor: Monitor, sent: Payload) -> None:
        state, host = self._core.state.betterstack, self._core.ports.host("production")
        if "url" in sent:  # no address is kept
            monitor.url = str(sent["url"]).replace(host, "{{PRODUCTION}}")
        monitor.name = str(sent.get("pronounceable_name") or monitor.name)
        if "paused" in sent and sent["paused"] != self._checks.paused(monitor):
            monitor.paused, monitor.paused_at = sent["paused"], self._core.now() if sent["paused"] else 0
            if monitor.id == state.monitor:
                state.paused = monitor.paused
        monitor.settings |= {name: sent[name] for name in USUAL if name in sent}

    def _find(self, request: Request) -> Monitor:
        for monitor in self._core.state.betterstack.monitors:
            if monitor.id == request.path_params["id"]:
                return monitor
        raise shapes.missing()

    async def _shown(self, monitor: Monitor) -> Payload:
        paused, now = self._checks.paused(monitor), self._core.now()
        attributes = {
            **USUAL, **monitor.settings,
            "url": self._checks.url(monitor), "pronounceable_name": monitor.name, "last_checked_at": iso(now),
            "status": await self._checks.monitor(monitor), "team_name": "Acme", "created_at": iso(monitor.created),
            "updated_at": iso(monitor.updated), "paused": paused,
            "paused_at": iso(monitor.paused_at or now) if paused else None,
        }  # fmt: skip
        policy: Payload = {"policy": {"data": None}}
        return {"id": monitor.id, "type": "monitor", "attributes": attributes, "relationships": policy}

    async def sla(self, request: Request) -> Response:
        """Compute the availability of a monitor from its incidents, over the given days.

        All its days when none are given.
        """
        monitor = self._find(request)
        begin, end = shapes.period(request, self._core, monitor.created)
        lengths = [
            round(min(incident.resolved or end, end) - max(incident.started, begin))
            for incident in self._core.state.betterstack.incidents
            if incident.monitor == monitor.id and (incident.resolved or end) > begin and incident.started < end
        ]
        attributes = shapes.availability(lengths, end - begin)
        return shapes.one({"id": monitor.id, "type": "monitor_sla", "attributes": attributes})

    async def response_times(self, request: Request) -> Response:
        """The last 24 hours, in seconds: a quiet day every half hour, what visitors really waited, and every check
        of the last 15 minutes, which takes as long as the slowest visit since the one before it."""
        monitor = self._find(request)
        recent = [hit for hit in self._core.traffic.since(self._core.now() - shapes.DAY) if hit.status < 500]
        names = monitor.settings.get("regions") or REGIONS
        regions = []
        for index, region in enumerate(names):
            points = [(hit.at, hit.seconds) for hit in recent[-MOST_RECENT:][index :: len(names)]]
            points += [*self._quiet(monitor, region), *self._checked(monitor, region, recent)]
            if region in self._core.state.betterstack.blind_regions:
                points = []
            times = [
                {
                    "at": iso(at),
                    "response_time": round(seconds, 5),
                    "name_lookup_time": 0.002,
                    "connection_time": 0.01,
                    "tls_handshake_time": 0.02,
                    "data_transfer_time": 0.001,
                }
                for at, seconds in sorted(points)
            ]
            regions.append({"region": region, "response_times": times})
        return shapes.one({"id": monitor.id, "type": "monitor_response_times", "attributes": {"regions": regions}})

    def _quiet(self, monitor: Monitor, region: str) -> list[tuple[float, float]]:
        first = int((self._core.now() - shapes.DAY) // HALF_HOUR + 1)
        slots = [slot for slot in range(first, first + 47) if slot * HALF_HOUR >= monitor.created]
        return [(slot * HALF_HOUR, USUAL_SECONDS[region] + slot % 7 / 100) for slot in slots]

    def _checked(self, monitor: Monitor, region: str, hits: list[Hit]) -> list[tuple[float, float]]:
        now, step = self._core.now(), int({**USUAL, **monitor.settings}["check_frequency"])
        found, moment = [], now // step * step
        while moment > max(now - FRESH, monitor.created):
            waited = [hit.seconds for hit in hits if moment - step < hit.at <= moment]
            found.append((moment, max([USUAL_SECONDS[region], *waited])))
            moment -= step
        return found
