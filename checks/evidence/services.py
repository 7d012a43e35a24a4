"""What the vendors' status pages and Better Stack say."""

import datetime
from dataclasses import dataclass

from checks.amounts import amount
from checks.evidence.base import Evidence
from checks.statistics import percentile


@dataclass(frozen=True)
class VendorStatus:
    """What a vendor says about itself. ``indicator``: none, minor, major, critical; ``unread`` when the page is not
    readable, and then ``incidents`` has the reason.
    """

    vendor: str
    indicator: str
    incidents: tuple[str, ...]


@dataclass(frozen=True)
class VercelStatus(VendorStatus, Evidence):
    """Vercel's own word about itself. Source: GET {vercel-status}/api/v2/summary.json (Atlassian Statuspage)"""

    def brief(self) -> str:
        return f"{self.vendor} says {self.indicator}"


@dataclass(frozen=True)
class NeonStatus(VendorStatus, Evidence):
    """Neon's own word about itself. Source: GET {neon-status}/api/v1/summary (incident.io)"""

    def brief(self) -> str:
        return f"{self.vendor} says {self.indicator}"


@dataclass(frozen=True)
class OtherStatuses(Evidence):
    """The pages under `vendors.pages`. Source: GET {page}/api/v2/summary.json, or {page}/index.json (Better Stack)"""

    pages: tuple[VendorStatus, ...]

    def brief(self) -> str:
        ill = [f"{page.vendor} {page.indicator}" for page in self.pages if page.indicator != "none"]
        return ", ".join(ill) or f"{', '.join(one.vendor for one in self.pages)} say they are well"


@dataclass(frozen=True)
class Region:
    """The newest answer that a monitor got from one region. ``at`` is ISO 8601."""

    name: str
    at: str
    ms: int


@dataclass(frozen=True)
class Monitor(Evidence):
    """Better Stack's monitor of production. Source: GET /api/v2/monitors/{id}, …/sla and …/response-times"""

    id: str
    status: str
    """paused, pending, maintenance, up, validating or down."""
    availability_percent: float
    """Over the last 7 days."""
    response_ms: tuple[int, ...]
    """Response times of the last 24 h, all regions."""
    incidents: tuple[str, ...]
    """Open ones: cause and since when."""
    regions: tuple[Region, ...] = ()
    """Where it asks from, and the newest answer there."""
    window: str = ""
    """A maintenance window that is set, as ``from–to zone``; empty when there is none."""

    @property
    def p95_ms(self) -> int:
        """Nearest-rank 95th percentile of the last 24 h, computed here: Better Stack has none."""
        return round(percentile(self.response_ms, 95))

    def since(self, moment: str) -> tuple[Region, ...]:
        """Name the regions that have seen an answer after ``moment`` (ISO 8601)."""
        began = datetime.datetime.fromisoformat(moment)
        return tuple(
            region for region in self.regions if region.at and datetime.datetime.fromisoformat(region.at) > began
        )

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (
            ("uptime.availability_percent", self.availability_percent),
            *((("uptime.p95_ms", self.p95_ms),) if self.response_ms else ()),
        )

    def brief(self) -> str:
        return f"monitor {self.status}, {self.availability_percent:.4g} % in 7 days, p95 {self.p95_ms} ms"


@dataclass(frozen=True)
class DeploymentAccess(Evidence):
    """Whether a deployment's own address lets us in. Source: GET of the health check at that of the live one"""

    url: str
    """Empty when nothing is live that could be asked."""
    protected: bool = False
    """Whether Deployment Protection answered instead of the app."""
    secret: bool = False
    """Whether a secret that lets us through was sent."""


@dataclass(frozen=True)
class SentryAccess(Evidence):
    """What Sentry's token may do. Source: GET /api/0/"""

    scopes: tuple[str, ...]
    """Empty when Sentry does not say."""


@dataclass(frozen=True)
class MonitorAccess(Evidence):
    """Whether Better Stack's token finds the monitor. Source: GET /api/v2/monitors/{id}"""

    monitor: str
    known: bool


@dataclass(frozen=True)
class StorageAccess(Evidence):
    """What R2's keys may do, tried with one small object. Source: ListObjectsV2, PutObject, GetObject, DeleteObject"""

    off: str = ""
    """Why it cannot be asked at all."""
    failed_at: str = ""
    """list, write, read or delete; empty when all of it worked."""
    code: str = ""
    """S3's own word for the reason; empty when no answer came."""
    says: str = ""


@dataclass(frozen=True)
class RedisAccess(Evidence):
    """What Upstash's token may do. Source: PING, then EVAL of a SET and a GET, over REST"""

    off: str = ""
    code: str = ""
    """The first word of Redis' error, e.g. WRONGPASS or NOPERM; empty when it has none, or no answer came."""
    says: str = ""
    """What went wrong; empty when all of it worked."""


@dataclass(frozen=True)
class TriedAddress:
    """An address that people are told by. ``takes``: whether it would take a message; None when that is not known."""

    variable: str
    kind: str
    takes: bool | None
    says: str = ""
    """Why it would not, or why it is not known; empty when nothing can be asked of its kind."""


@dataclass(frozen=True)
class ChannelAccess(Evidence):
    """Whether people can be told. Source: Slack's answer to an empty message, Discord's GET of the webhook, Apprise"""

    tried: tuple[TriedAddress, ...]


@dataclass(frozen=True)
class SignInBefore(Evidence):
    """The smoke user signs in on the live site. Source: the app's own sign-in page, as a browser uses it"""

    site: str
    failed_at: str
    """Where it ended; empty when it worked, or is not wanted."""
    says: str = ""


@dataclass(frozen=True)
class UptimeToday(Evidence):
    """The monitor's last day. Source: GET /api/v2/monitors/{id}/sla and GET /api/v3/incidents"""

    availability_percent: float
    down_seconds: int
    incidents: int

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("uptime.a_day_percent", self.availability_percent),)

    def brief(self) -> str:
        return f"{self.availability_percent:.4g} % in 24 h, {amount(self.incidents, 'incident')}, {self.down_seconds} s down"


@dataclass(frozen=True)
class PastIncident:
    """One of Better Stack's incidents. ``minutes`` it lasted so far; ``started`` is ISO 8601."""

    cause: str
    started: str
    minutes: float
    open: bool


@dataclass(frozen=True)
class PastIncidents(Evidence):
    """The last week's incidents, oldest first. Source: GET /api/v3/incidents?from=…"""

    incidents: tuple[PastIncident, ...]

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("uptime.incidents_a_week", len(self.incidents)),)

    def brief(self) -> str:
        return (
            f"{amount(len(self.incidents), 'incident')} in 7 days, {sum(one.minutes for one in self.incidents):g} min"
        )


@dataclass(frozen=True)
class Heartbeat:
    """A job that reports to Better Stack. ``status``: paused, pending, up, down."""

    name: str
    status: str


@dataclass(frozen=True)
class Heartbeats(Evidence):
    """Source: GET /api/v2/heartbeats"""

    heartbeats: tuple[Heartbeat, ...]

    def brief(self) -> str:
        return f"{len(self.heartbeats)} heartbeats"


@dataclass(frozen=True)
class MonitorChange:
    """What `monitor.sync` would do to one monitor. ``action``: create or update; ``changes``: key, is, must be."""

    name: str
    action: str
    changes: tuple[tuple[str, str, str], ...]
    id: str = ""

    def __str__(self) -> str:
        if self.action == "create":
            return f"{self.name} does not exist"
        return f"{self.name}: " + ", ".join(f"{key} is {now}, must be {then}" for key, now, then in self.changes)


@dataclass(frozen=True)
class MonitorChanges(Evidence):
    """How Better Stack's monitors differ from those that deploy.yml declares. Source: GET /api/v2/monitors"""

    changes: tuple[MonitorChange, ...]

    def brief(self) -> str:
        return f"{len(self.changes)} differences"
