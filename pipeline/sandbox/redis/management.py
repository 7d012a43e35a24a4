"""Serves Upstash's own API: the database with its limits, its statistics, its backups."""

import base64
import binascii
import datetime
import hmac
import math
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.redis.engine import writes
from pipeline.sandbox.redis.store import size_of
from pipeline.sandbox.storestate import Backup, Minute
from pipeline.sandbox.web import Payload, Problem, Router

DAY = 86400.0
SHOWN_SECONDS = 3600.0
DAYS = 5
REGION = "eu-central-1"


class UpstashApi:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(lambda request: Problem(404, {"error": "not found"}), self._authorize)
        add = self._router.add
        add("GET", "/v2/redis/databases", self.databases)
        add("GET", "/v2/redis/database/{id}", self.database)
        add("GET", "/v2/redis/stats/{id}", self.stats)
        add("GET", "/v2/redis/list-backup/{id}", self.backups)

    async def __call__(self, request: Request) -> Response:
        return await self._router(request)

    def _authorize(self, request: Request) -> None:
        state = self._core.state.upstash
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            said = base64.b64decode(given, validate=True)
        except binascii.Error:
            said = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(said, f"{state.email}:{state.api_key}".encode()):
            raise Problem(401, {"error": "Unauthorized"})

    def _known(self, request: Request) -> None:
        if request.path_params["id"] != self._core.state.upstash.database:
            raise Problem(404, {"error": "Database not found"})

    async def databases(self, request: Request) -> Response:
        return JSONResponse([self._database()])

    async def database(self, request: Request) -> Response:
        self._known(request)
        token = self._core.state.upstash.token
        hidden = request.query_params.get("credentials") == "hide"
        return JSONResponse({**self._database(), **({} if hidden else {"password": token, "rest_token": token})})

    async def backups(self, request: Request) -> Response:
        self._known(request)
        return JSONResponse([self._backup(backup) for backup in self._core.state.upstash.backups])

    async def stats(self, request: Request) -> Response:
        self._known(request)
        return JSONResponse(self._stats())

    def _database(self) -> Payload:
        state = self._core.state.upstash
        return {
            "database_id": state.database,
            "database_name": state.name,
            "region": "global",
            "port": 6379,
            "creation_time": int(state.created),
            "state": state.state,
            "endpoint": self._core.ports.host("upstash"),
            "tls": True,
            "db_max_clients": state.db_max_clients,
            "db_max_request_size": state.db_max_request_size,
            "db_disk_threshold": state.db_disk_threshold,
            "db_max_entry_size": 104857600,
            "db_memory_threshold": state.db_memory_threshold,
            "db_max_commands_per_second": state.db_max_commands_per_second,
            "db_request_limit": state.db_request_limit,
            "type": "free",
            "budget": 0,
            "primary_region": REGION,
            "primary_members": [REGION],
            "all_members": [REGION],
            "read_regions": [],
            "eviction": state.eviction,
            "db_eviction": state.eviction,
            "auto_upgrade": False,
            "consistent": False,
            "modifying_state": "",
            "db_resource_size": "S",
            "db_type": "pebble",
            "db_acl_enabled": "false",
            "db_acl_default_user_status": "true",
            "last_plan_upgrade_time": 0,
            "replicas": 1,
            "customer_id": state.email,
            "daily_backup_enabled": state.daily_backup_enabled,
            "prometheus_enabled": "false",
            "prod_pack_enabled": False,
        }

    def _backup(self, backup: Backup) -> Payload:
        state = self._core.state.upstash
        return {
            "database_id": state.database,
            "customer_id": state.email,
            "name": backup.name,
            "backup_id": backup.id,
            "creation_time": int(backup.at),
            "state": backup.state,
            "backup_size": backup.size,
            "daily_backup": "true" if backup.daily else "false",
            "hourly_backup": "false",
            "internal_backup_tag": "",
        }

    def _stats(self) -> Payload:
        state, now = self._core.state.upstash, self._core.now()
        today = [minute for minute in state.minutes if minute.at >= now // DAY * DAY]
        size = sum(size_of(key, one) for key, one in state.keys.items())
        read, written = (sum(_requests(one, kind) for one in today) for kind in (False, True))
        series: dict[str, Callable[[Minute], float]] = {
            "keyspace": lambda one: one.keys,
            "throughput": lambda one: sum(one.commands.values()) / 60,
            "latencymean": lambda one: _mean(one.reads + one.writes),
            "latency_99": lambda one: _high(one.reads + one.writes),
            "read_latency_mean": lambda one: _mean(one.reads),
            "read_latency_99": lambda one: _high(one.reads),
            "write_latency_mean": lambda one: _mean(one.writes),
            "write_latency_99": lambda one: _high(one.writes),
            "hits": lambda one: one.hits,
            "misses": lambda one: one.misses,
            "read": lambda one: _requests(one, False),
            "write": lambda one: _requests(one, True),
        }
        commands = sorted({name for one in self._recent() for name in one.commands})
        first = now // DAY * DAY - (DAYS - 1) * DAY
        daily = [
            (first + index * DAY, [one for one in state.minutes if _within(one, first + index * DAY)])
            for index in range(DAYS)
        ]
        return {
            **{name: self._series(value) for name, value in series.items()},
            "connection_count": [_point(now, state.connection_count)],
            "diskusage": [_point(now, size)],
            "command_counts": [{"metric_identifier": name, "data_points": self._counts(name)} for name in commands],
            "daily_net_commands": read + written,
            "daily_read_requests": read,
            "daily_write_requests": written,
            "dailyrequests": [_point(at, sum(sum(one.commands.values()) for one in day)) for at, day in daily],
            "bandwidths": [_point(at, sum(one.bandwidth for one in day)) for at, day in daily],
            "days": [datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%A") for at, _ in daily],
            "dailybandwidth": sum(one.bandwidth for one in today),
            "dailybilling": [_point(at, 0) for at, _ in daily],
            "total_monthly_bandwidth": sum(one.bandwidth for one in state.minutes),
            "total_monthly_requests": state.monthly_requests,
            "total_monthly_storage": size,
            "current_storage": size,
            "total_monthly_billing": 0.0,
            "queue_optimized": False,
        }

    def _recent(self) -> list[Minute]:
        return [minute for minute in self._core.state.upstash.minutes if minute.at > self._core.now() - SHOWN_SECONDS]

    def _series(self, value: Callable[[Minute], float]) -> list[Payload]:
        """Make a point for each minute in which anything was asked; at least one, as the console draws it."""
        found = [_point(one.at, value(one)) for one in self._recent()]
        return found or [_point(self._core.now(), 0)]

    def _counts(self, command: str) -> list[Payload]:
        return self._series(lambda one: one.commands.get(command, 0))


def _within(minute: Minute, day: float) -> bool:
    return day <= minute.at < day + DAY


def _requests(minute: Minute, kind: bool) -> int:
    return sum(count for name, count in minute.commands.items() if writes(name) == kind)


def _mean(milliseconds: list[float]) -> float:
    return round(sum(milliseconds) / len(milliseconds), 4) if milliseconds else 0


def _high(milliseconds: list[float]) -> float:
    """The 99th percentile of latencies."""
    return sorted(milliseconds)[math.ceil(len(milliseconds) * 0.99) - 1] if milliseconds else 0


def _point(timestamp: float, value: float) -> Payload:
    moment = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    return {"x": f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} +0000 UTC", "y": value}
