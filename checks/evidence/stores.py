"""What R2, Upstash, NextAuth and Neon's compute answer. ``off`` says why nothing was asked; it is empty when it was."""

from dataclasses import dataclass

from checks.amounts import amount
from checks.evidence.base import Evidence


@dataclass(frozen=True)
class Bucket(Evidence):
    """The bucket, listed. Source: ListObjectsV2 of R2's S3 API; its size by Cloudflare's GraphQL, else by listing it"""

    name: str
    off: str = ""
    failure: str = ""
    """Why it could not be listed, in the service's own words."""
    ms: int = 0
    bytes: int = 0
    objects: int = 0
    whole: bool = True
    """False: it is larger than was listed."""

    @property
    def gb(self) -> float:
        return self.bytes / 1e9

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return () if self.off or self.failure else (("storage.gb", self.gb), ("storage.objects", self.objects))

    def brief(self) -> str:
        return (
            ""
            if self.off or self.failure
            else f"{self.objects} objects, {self.bytes / 1e6:.1f} MB, listed in {self.ms} ms"
        )


@dataclass(frozen=True)
class ProbeObject(Evidence):
    """A small object that was written, read back and deleted. Source: PutObject, GetObject, DeleteObject"""

    off: str = ""
    failed_at: str = ""
    """``write``, ``read``, ``compare`` or ``delete``; empty when all worked."""
    says: str = ""
    ms: int = 0

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return () if self.off or self.failed_at else (("storage.ms", self.ms),)

    def brief(self) -> str:
        return "" if self.off else f"R2 {self.failed_at or 'well'}"


@dataclass(frozen=True)
class Redis(Evidence):
    """Upstash, asked with the app's own token. Source: POST {UPSTASH_REDIS_REST_URL} PING, EVAL, DBSIZE, SCAN"""

    off: str = ""
    failure: str = ""
    ms: int = 0
    """Of the PING."""
    keys: int = 0
    limiter_keys: int = 0
    """Keys of the rate limiter, at most 1,000 of them counted."""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return () if self.off or self.failure else (("redis.ms", self.ms), ("redis.keys", self.keys))

    def brief(self) -> str:
        well = f"in {self.ms} ms, {self.keys} keys, {self.limiter_keys} of them the rate limiter's"
        return "" if self.off else f"Redis {self.failure or well}"


@dataclass(frozen=True)
class Limit:
    """How much of a limit is used. ``unit`` may be empty."""

    name: str
    used: float
    most: float
    unit: str = ""

    @property
    def percent(self) -> float:
        return 100 * self.used / self.most if self.most else 0.0


@dataclass(frozen=True)
class RedisUsage(Evidence):
    """Upstash's own figures. Source: GET /v2/redis/database/{id} and GET /v2/redis/stats/{id}"""

    off: str = ""
    state: str = ""
    """``active`` when it works."""
    hits: int = 0
    misses: int = 0
    p99_ms: float = 0
    limits: tuple[Limit, ...] = ()

    @property
    def hit_rate_percent(self) -> float:
        return 100 * self.hits / (self.hits + self.misses) if self.hits + self.misses else 0.0

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return () if self.off else (("redis.p99_ms", self.p99_ms), ("redis.hit_rate_percent", self.hit_rate_percent))

    def brief(self) -> str:
        if self.off:
            return ""
        limits = ", ".join(f"{limit.name} {limit.percent:.0f} %" for limit in self.limits)
        return f"hit rate {self.hit_rate_percent:.0f} %, p99 {self.p99_ms:g} ms, {limits}"


@dataclass(frozen=True)
class LimitedRequests(Evidence):
    """The last hour's requests to production, and those that were answered 429. Source: Vercel's runtime logs"""

    requests: int
    limited: int
    paths: tuple[tuple[str, int], ...] = ()
    """Most limited first."""

    @property
    def percent(self) -> float:
        return 100 * self.limited / self.requests if self.requests else 0.0

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("requests.limited_percent", self.percent),) if self.requests else ()

    def brief(self) -> str:
        return f"{self.limited} of {self.requests} requests limited in an hour"


@dataclass(frozen=True)
class AuthEndpoints(Evidence):
    """NextAuth on production. Source: GET {domain}/api/auth/session and GET {domain}/api/auth/providers"""

    session_status: int
    """0 when no answer came."""
    session_says: str
    """What is wrong with its body; empty when it is JSON."""
    providers_status: int
    providers: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    """Origins that the providers send the user back to."""

    def brief(self) -> str:
        return f"session {self.session_status}, providers {', '.join(self.providers) or self.providers_status}"


@dataclass(frozen=True)
class Connections(Evidence):
    """The database's connections. Source: pg_stat_activity and max_connections"""

    open: int
    most: int

    @property
    def percent(self) -> float:
        return 100 * self.open / self.most if self.most else 0.0

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("database.connections_percent", self.percent),)

    def brief(self) -> str:
        return f"{self.open} of {self.most} connections"


@dataclass(frozen=True)
class Compute(Evidence):
    """Neon's compute of production. Source: GET /projects/{id}/endpoints"""

    off: str = ""
    state: str = ""
    """``active``, ``idle`` or ``init``."""
    least_cu: float = 0
    most_cu: float = 0
    disabled: bool = False
    pending: str = ""
    """The state it is on its way to."""

    def brief(self) -> str:
        return "" if self.off else f"{self.state}, {self.least_cu:g} to {self.most_cu:g} CU"


@dataclass(frozen=True)
class BrowserUploads(Evidence):
    """Whether a page of the site may put a file into the bucket. Source: OPTIONS of a signed address, for each domain"""

    off: str = ""
    """Why it was not asked."""
    refused: tuple[tuple[str, str], ...] = ()
    """(origin that R2 does not let upload, what R2 said)"""

    def brief(self) -> str:
        if self.off:
            return f"not asked: {self.off}"
        return f"{amount(len(self.refused), 'domain')} may not upload" if self.refused else "every domain may upload"
