"""Which vendors a team does without, as ``deploy.yml`` and the secrets say: nothing of them is asked."""

from collections.abc import Iterable, Mapping
from typing import Any

from checks.policy import (
    AuthPolicy,
    DatabasePolicy,
    EnvironmentPolicy,
    ErrorsPolicy,
    RedisPolicy,
    SmokePolicy,
    StoragePolicy,
    UptimePolicy,
)

R2, UPSTASH, SENTRY, BETTERSTACK = "R2", "Upstash", "Sentry", "Better Stack"
NEON, NEXTAUTH, JOURNEYS, SIGN_IN = "Neon", "NextAuth", "journeys", "sign-in"
PAGES = {UPSTASH: "Upstash", SENTRY: "Sentry", BETTERSTACK: "Better Stack"}
"""Vendor → its page among `vendors.pages`."""


def absent_of(policies: Mapping[type, Any], secrets: Iterable[str] = ()) -> tuple[str, ...]:
    """The vendors, and the kinds of questions, that are not used. ``secrets``: the names of those that are set."""
    named = {one.name for one in policies[EnvironmentPolicy].required} | {*secrets}
    database, smoke = policies[DatabasePolicy], policies[SmokePolicy]
    used = {
        R2: _is_used(policies[StoragePolicy].used, named, "R2_"),
        UPSTASH: _is_used(policies[RedisPolicy].used, named, "UPSTASH_REDIS_"),
        SENTRY: policies[ErrorsPolicy].organization,
        BETTERSTACK: policies[UptimePolicy].monitor,
        NEON: database.neon_project or any(_is_neons(one.host) for one in policies[EnvironmentPolicy].required),
        NEXTAUTH: policies[AuthPolicy].path,
        JOURNEYS: smoke.journeys,
        SIGN_IN: smoke.sign_in,
    }
    return tuple(vendor for vendor, is_used in used.items() if not is_used)


def said_once(absent: Iterable[str]) -> str:
    """One line about all that is absent; empty when nothing is."""
    names = [name for name in absent if name != SIGN_IN or JOURNEYS not in absent]
    return f"not used here, and not asked: {', '.join(names)}" if names else ""


def _is_used(said: bool | None, names: Iterable[str], prefix: str) -> bool:
    return said if said is not None else any(name.startswith(prefix) for name in names)


def _is_neons(host: str) -> bool:
    return host.endswith("neon.tech")
