"""What the services around the site say."""

from dataclasses import dataclass

from checks.evidence.base import Evidence
from checks.evidence.site import LoadTimes


@dataclass(frozen=True)
class VendorStatus:
    """A vendor's own word. ``indicator``: none, minor, major or critical."""

    vendor: str
    indicator: str
    incidents: tuple[str, ...]


@dataclass(frozen=True)
class VercelStatus(VendorStatus, Evidence):
    """Vercel's own word about itself. Source: GET {vercel-status}/api/v2/summary.json (Atlassian Statuspage)"""


@dataclass(frozen=True)
class NeonStatus(VendorStatus, Evidence):
    """Neon's own word about itself. Source: GET {neon-status}/api/v1/summary (incident.io)"""


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

    @property
    def p95_ms(self) -> int:
        """Nearest-rank 95th percentile of the last 24 h, computed here: Better Stack has none."""
        return LoadTimes(self.response_ms).p95_ms


@dataclass(frozen=True)
class Issue:
    """A Sentry issue. ``level``: fatal, error, warning, info."""

    level: str
    title: str
    events: int
    url: str


@dataclass(frozen=True)
class NewIssues(Evidence):
    """Unresolved issues first seen in this release. Source: GET …/issues/?query=is:unresolved firstRelease:"…" """

    release: str
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class ErrorRate(Evidence):
    """Errors of this release now against everybody's before. Source: GET …/events-timeseries/?dataset=errors&yAxis=count()"""

    events: int
    """Of this release, in the last ``minutes``."""
    usual: float
    """In as many minutes, averaged over the day before."""
    minutes: int
