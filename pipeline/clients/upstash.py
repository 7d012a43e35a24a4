"""Asks Upstash: Redis over REST with the app's own token, and the management API of the account."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.errors import Refused, Unreadable

T = TypeVar("T")
MOST_KEYS = 1000
MOST_SCANS = 1000
COUNTED = "redis.call('SET', KEYS[1], ARGV[1], 'EX', 60) return redis.call('GET', KEYS[1])"
"""What a rate limiter does, in small: a script that writes and reads one key."""
SCANNING = 30.0  # seconds that all answers of a SCAN may take


class UpstashRedis(Service):
    """A client of one Redis database over REST. Every command is one POST of a JSON array."""

    def __init__(self, url: str, token: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("upstash", url, http, clock, {"authorization": f"Bearer {token}"})
        self._token = token

    @property
    def missing(self) -> str:
        """Say why Redis cannot be asked; empty when it can."""
        absent = [
            name
            for name, value in (("UPSTASH_REDIS_REST_URL", self.base), ("UPSTASH_REDIS_REST_TOKEN", self._token))
            if not value
        ]
        return f"{' and '.join(absent)} not set" if absent else ""

    async def ping(self, times: int = 3) -> int:
        """Measure the milliseconds until PONG, the best of some.

        The first one connects, and this machine may be busy itself.
        """
        took = []
        for _ in range(times):
            began = self._clock.monotonic()
            await self._command(str, "PING")
            took.append(self._clock.monotonic() - began)
        return round(min(took) * 1000)

    async def count(self, key: str) -> None:
        """Write and read ``key`` in a script, as a rate limiter does; the key is gone after a minute. EVAL

        Raises Refused when the token may only read, or when the database takes no more: a PING tells neither.
        """
        if await self._command(str, "EVAL", COUNTED, "1", key, "1") != "1":
            raise Unreadable("upstash", "EVAL", "gave back another value than was written")

    async def size(self) -> int:
        """Count the keys. DBSIZE"""
        return await self._command(int, "DBSIZE")

    async def keys(self, prefix: str) -> tuple[str, ...]:
        """List the keys that begin with ``prefix``, at most MOST_KEYS of them. SCAN, never KEYS."""
        found: list[str] = []
        cursor = "0"
        until = self._clock.monotonic() + SCANNING
        for _ in range(MOST_SCANS):
            cursor, page = await self._command(_scanned, "SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", "500")
            found += page
            if cursor == "0" or len(found) >= MOST_KEYS:
                return tuple(found[:MOST_KEYS])
            if self._clock.monotonic() > until:
                raise Unreadable("upstash", "SCAN", f"its cursor has not ended after {SCANNING:g} s")
        raise Unreadable("upstash", "SCAN", f"its cursor has not ended after {MOST_SCANS} answers")

    def refusal(self, asked: str, response: httpx.Response) -> Refused:
        """Make the error with Redis' own code, which is the first word of what it says: ``NOPERM this user …``."""
        refused = super().refusal(asked, response)
        error = refused.body.get("error") if isinstance(refused.body, Mapping) else None
        word = str(error or "").partition(" ")[0]
        refused.code = refused.code or (word if word.isupper() and word != "ERR" else "")
        return refused

    async def _command(self, parse: Callable[[Any], T], *words: str) -> T:
        return await self.repeatable("POST", "", lambda body: parse(body["result"]), json=list(words))


@dataclass(frozen=True)
class Usage:
    """What a database uses of its limits. ``limits``: name → (used, most, unit)."""

    state: str
    hits: int
    misses: int
    p99_ms: float
    limits: Mapping[str, tuple[float, float, str]]


class UpstashAccount(Service):
    """Asks the management API. The database is found by its REST address."""

    def __init__(self, base: str, email: str, key: str, http: httpx.AsyncClient, clock: Clock) -> None:
        basic = base64.b64encode(f"{email}:{key}".encode()).decode()
        super().__init__("upstash", base, http, clock, {"authorization": f"Basic {basic}"})
        self._able = bool(email and key)

    @property
    def missing(self) -> str:
        """Say why the account cannot be asked; empty when it can."""
        return "" if self._able else "UPSTASH_EMAIL and UPSTASH_API_KEY not set"

    async def database_of(self, url: str) -> str:
        """Find the id of the database with that REST address; empty when the account has none.

        GET /v2/redis/databases
        """

        def parse(body: Any) -> str:
            host = httpx.URL(url).netloc.decode()
            return next((str(one["database_id"]) for one in body if str(one.get("endpoint")) == host), "")

        return await self.read("/v2/redis/databases", parse)

    async def usage(self, id: str) -> Usage:
        """Read how much of its limits the database uses. GET /v2/redis/database/{id} and GET /v2/redis/stats/{id}"""
        about = await self.read(f"/v2/redis/database/{id}", _limits)
        return await self.read(f"/v2/redis/stats/{id}", lambda stats: _usage(about, stats))


def _scanned(result: Any) -> tuple[str, list[str]]:
    cursor, page = result
    return str(cursor), [str(key) for key in page]


def _limits(about: Any) -> tuple[str, float, float, float]:
    """A database's state, and the most connections, bytes and requests a month; 0 for none."""
    limits = (float(about.get(name) or 0) for name in ("db_max_clients", "db_disk_threshold", "db_request_limit"))
    return (str(about.get("state") or ""), *limits)  # type: ignore[return-value]


def _usage(about: tuple[str, float, float, float], stats: Mapping[str, Any]) -> Usage:
    state, connections, disk, requests = about
    limits = {
        "connections": (_last(stats, "connection_count"), connections, ""),
        "storage": (float(stats.get("current_storage") or 0) / 1e6, disk / 1e6, "MB"),
        "requests this month": (float(stats.get("total_monthly_requests") or 0), requests, ""),
    }
    known = {name: one for name, one in limits.items() if one[1] > 0}
    return Usage(
        state,
        round(_last(stats, "hits")),
        round(_last(stats, "misses")),
        max((float(point["y"]) for point in stats.get("latency_99") or ()), default=0.0),
        known,
    )


def _last(stats: Mapping[str, Any], name: str) -> float:
    """The newest point of one of the series ``[{x, y}, …]`` in an answer."""
    points = stats.get(name) or ()
    return float(points[-1]["y"]) if points else 0.0
