"""Which reading is an incident of which severity, computed from the policies."""

from dataclasses import dataclass

from checks import errors, health, performance, services, smoke, uptime
from checks.gate import Gate
from pipeline.config import Policies
from pipeline.handbook.severity import P0, P1, P2, Severity


@dataclass(frozen=True)
class Threshold:
    """A reading past this limit is an incident. ``playbook`` is the name of the one that answers it."""

    signal: str
    source: str
    usual: str
    limit: str
    severity: Severity
    gate: Gate | None
    """The gate that judges by it; None when a person reads it off the dashboard."""
    playbook: str


@dataclass(frozen=True)
class Criterion:
    """A reading past this limit takes a release back. ``at_once``: without waiting whether it lasts."""

    signal: str
    limit: str
    gate: Gate
    at_once: bool = False


def thresholds(policies: Policies) -> tuple[Threshold, ...]:
    """Every threshold, gravest severity first."""
    up, wrong = policies.uptime, policies.errors
    return (
        Threshold(
            "Critical error (sign-in, data loss)",
            "Sentry",
            "none",
            f"any occurrence: an issue of level {' or '.join(f'`{level}`' for level in wrong.critical)} that touches sign-in or stored data",
            P0,
            errors.nothing_critical_today,
            "error-spike",
        ),
        Threshold(
            "Health check",
            f"`{policies.health.path}`",
            "200",
            "no 200, twice in a row",
            P0,
            health.is_well_before,
            "site-down",
        ),
        Threshold(
            "Sign-in and what is behind it",
            "smoke journeys",
            "all work",
            "one fails twice in a row",
            P0,
            smoke.production_journeys_work,
            "authentication-failure",
        ),
        Threshold(
            "Error rate",
            "Sentry",
            "the week before, per request",
            f"≥ {wrong.times_baseline:g} × the baseline, and less likely than {wrong.chance:g} by chance",
            P1,
            errors.hour_is_usual,
            "error-spike",
        ),
        Threshold(
            "Uptime, 7 days",
            "Better Stack",
            f"≥ {up.availability_percent:g} %",
            f"< {up.availability_percent:g} %",
            P1,
            uptime.is_well_now,
            "site-down",
        ),
        Threshold(
            "Response time, p95",
            "Better Stack",
            f"< {up.usual_ms} ms",
            f"> {seconds(up.slowest_ms)}",
            P2,
            uptime.is_well_now,
            "performance-degradation",
        ),
        Threshold(
            "Page load, p95",
            "Vercel Analytics, and twenty visits",
            f"< {seconds(policies.performance.p95_ms)}",
            f"> {seconds(policies.performance.p95_ms)}",
            P2,
            performance.pages_are_quick,
            "performance-degradation",
        ),
    )


def criteria(policies: Policies) -> tuple[Criterion, ...]:
    """Every criterion that takes a fresh release back."""
    smoke_limit, levels = policies.smoke.slowest_ms, " or ".join(f"`{level}`" for level in policies.errors.critical)
    return (
        Criterion(
            "Health check",
            f"`{policies.health.path}` does not answer 200 within {seconds(policies.health.slowest_ms)}, or names another commit",
            health.production_is_well,
        ),
        Criterion(
            "Pages",
            "one shows an error page, lacks its text or leads off the site",
            smoke.production_routes_answer,
            at_once=True,
        ),
        Criterion(
            "Pages",
            f"one has the wrong status, or takes more than {seconds(smoke_limit)}",
            smoke.production_routes_answer,
        ),
        Criterion("What a user does (`smoke.journeys`)", "one of them fails", smoke.production_journeys_work),
        Criterion("Sentry", f"a new issue of level {levels} since the release", errors.no_new_critical, at_once=True),
        Criterion(
            "Error rate",
            f"at least {policies.errors.times_baseline:g} × the baseline, and less likely than {policies.errors.chance:g} by chance",
            errors.rate_is_usual,
        ),
        Criterion("Better Stack", "does not say *up*, or has an open incident", services.uptime_is_confirmed),
        Criterion("Page load", f"p95 above {seconds(policies.performance.p95_ms)}", performance.pages_are_quick),
    )


def seconds(ms: int) -> str:
    """Milliseconds in words: ``5000`` is ``5 seconds``."""
    return f"{ms / 1000:g} second{'' if ms == 1000 else 's'}"


PLAYBOOKS = {
    "auth": "authentication-failure",
    "baseline": "performance-degradation",
    "capacity": "database-unreachable",
    "errors": "error-spike",
    "health": "site-down",
    "performance": "performance-degradation",
    "redis": "rate-limiting",
    "security": "security-incident",
    "services": "vendor-outage",
    "smoke": "authentication-failure",
    "storage": "storage-failure",
    "uptime": "site-down",
    "vitals": "performance-degradation",
    "vitals.visitors-come": "site-down",
    "uptime.monitors-are-as-declared": "",
    "uptime.nothing-is-muted": "",
    "errors.release-is-recorded": "",
    "books.builds-work": "deployment-failure",
    "books.runs-ended-well": "deployment-failure",
}
"""Gate, or family of gates → the playbook that answers its no."""
