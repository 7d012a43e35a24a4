"""What the outside services must say."""

from dataclasses import dataclass
from typing import Literal

from checks.policy.base import Policy

Indicator = Literal["none", "minor", "major", "critical"]


@dataclass(frozen=True)
class VendorsPolicy(Policy):
    """How bad a vendor's own status page may look."""

    blocks: tuple[Indicator, ...] = ("major", "critical")
    """Indicators that stop a release; milder ones are a warning."""


@dataclass(frozen=True)
class ErrorsPolicy(Policy):
    """Which errors in Sentry stop a release."""

    organization: str
    """Sentry organization slug."""
    project: str
    """Sentry project slug."""
    critical: tuple[str, ...] = ("fatal", "error")
    """Levels that count as critical when the issue is new in this release."""
    times_baseline: float = 10.0
    """An error rate above this many times the baseline is an error spike (P1)."""
    fewest_events: int = 5
    """Below this many events a rate proves nothing."""


@dataclass(frozen=True)
class UptimePolicy(Policy):
    """What Better Stack must say."""

    monitor: str
    """Id of the monitor that watches production."""
    availability_percent: float = 99.5
    """Lowest acceptable 7-day uptime (P1 below it)."""
    slowest_ms: int = 5000
    """p95 response time above this is a P2."""
    usual_ms: int = 500
    """The baseline response time."""
