"""Which reading is an incident of which severity, computed from the policies."""

from dataclasses import dataclass

from checks import errors, health, performance, services, smoke
from checks.gate import Gate
from pipeline.config import Policies
from pipeline.incidents.severity import P0, P1, P2, Severity


@dataclass(frozen=True)
class Threshold:
    """A limit. ``playbook`` is the name of the one that answers it."""

    signal: str
    source: str
    usual: str
    limit: str
    severity: Severity
    gate: Gate
    playbook: str


def thresholds(policies: Policies) -> tuple[Threshold, ...]:
    """Every limit that makes an incident of a reading, gravest first."""
    up, wrong = policies.uptime, policies.errors
    return (
        Threshold(
            "Critical error (sign-in, data loss)", "Sentry", "none",
            f"any new issue of level {' or '.join(f'`{level}`' for level in wrong.critical)}"
            " that touches sign-in or stored data",
            P0, errors.no_new_critical, "error-spike",
        ),
        Threshold("Health check", f"`{policies.health.path}`", "200", "no 200 for 2 minutes", P0,
                  health.production_is_well, "site-down"),
        Threshold("Sign-in, course or upload", "smoke journeys", "all work", "one fails twice in a row", P0,
                  smoke.production_journeys_work, "authentication-failure"),
        Threshold(
            "Error rate", "Sentry", "the same 15 minutes, averaged over the day before",
            f"> {wrong.times_baseline:g} × the baseline (and more than {wrong.fewest_events} events)",
            P1, errors.rate_is_usual, "error-spike",
        ),
        Threshold("Uptime, 7 days", "Better Stack", f"≥ {up.availability_percent:g} %",
                  f"< {up.availability_percent:g} %", P1, services.uptime_is_confirmed, "site-down"),
        Threshold("Response time, p95", "Better Stack", f"< {up.usual_ms} ms", f"> {seconds(up.slowest_ms)}", P2,
                  services.uptime_is_confirmed, "performance-degradation"),
        Threshold("Page load, p95", "Vercel Analytics, and twenty visits", f"< {seconds(policies.performance.p95_ms)}",
                  f"> {seconds(policies.performance.p95_ms)} after a release", P2, performance.pages_are_quick,
                  "performance-degradation"),
    )  # fmt: skip


def seconds(ms: int) -> str:
    """``5000`` is ``5 seconds``."""
    return f"{ms / 1000:g} seconds"
