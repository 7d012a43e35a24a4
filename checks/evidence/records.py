"""What we wrote down ourselves, and what we set off to see it arrive."""

from dataclasses import dataclass

from checks.amounts import amount
from checks.evidence.base import Evidence


@dataclass(frozen=True)
class PastRun:
    """A run of the last day. ``outcome`` is empty when it was cut off; ``kept_by`` is who has accepted a held one."""

    run: str
    outcome: str
    reason: str
    kept_by: str = ""


@dataclass(frozen=True)
class UnreviewedIncident:
    """A P0 or P1 that is resolved and has no review. ``resolved`` is ISO 8601."""

    id: str
    severity: str
    resolved: str


@dataclass(frozen=True)
class Bookkeeping(Evidence):
    """Our own records of this target. Source: the journal, the lock and `waivers` in deploy.yml"""

    runs: tuple[PastRun, ...]
    """Of the last day."""
    lock: str = ""
    """Who holds it, since when and why; empty when nobody does."""
    overdue: tuple[str, ...] = ()
    """Waivers whose last day is over."""
    unreviewed: tuple[UnreviewedIncident, ...] = ()
    """Grave incidents of this target that are over and not yet reviewed."""

    def brief(self) -> str:
        return f"{amount(len(self.runs), 'run')} in 24 h" + (", locked" if self.lock else "")


@dataclass(frozen=True)
class Compared:
    """One metric's median of the last seven days beside that of the seven before. ``spread``: of those before."""

    metric: str
    now: float
    readings: int
    before: float
    readings_before: int
    spread: float


@dataclass(frozen=True)
class WeekByWeek(Evidence):
    """Every kept metric, this week against the last. Source: the kept readings"""

    metrics: tuple[Compared, ...]

    def brief(self) -> str:
        return f"{len(self.metrics)} metrics"


@dataclass(frozen=True)
class Arrival:
    """A test alert on one way. ``seconds`` until it was seen there; None when it was not, and ``says`` why."""

    way: str
    seconds: float | None
    says: str = ""
    unset: bool = False
    """It was not sent off, because the secret that it takes is not set here."""


@dataclass(frozen=True)
class FiredAlert(Evidence):
    """A test alert that was sent off on every way there is. Given by ``fire_test_alert``."""

    arrivals: tuple[Arrival, ...]

    def brief(self) -> str:
        return ", ".join(
            f"{arrival.way} after {arrival.seconds:g} s" for arrival in self.arrivals if arrival.seconds is not None
        )


@dataclass(frozen=True)
class FailedBuild:
    """``says`` is the end of its log; ``known`` is what the troubleshooting guide says to that, if anything."""

    id: str
    created: str
    says: str
    known: str = ""


@dataclass(frozen=True)
class LastBuilds(Evidence):
    """The newest builds. Source: GET /v6/deployments and GET /v3/deployments/{id}/events of those that failed"""

    looked_at: int
    failed: tuple[FailedBuild, ...]
    newest_failed: bool = False
    """The very last one did."""

    def brief(self) -> str:
        return f"{len(self.failed)} of the newest {self.looked_at} builds failed"
