"""Are the services we stand on well, by their own word and by our monitor's?"""

from dataclasses import replace

from checks.evidence import Monitor, NeonStatus, VendorStatus, VercelStatus
from checks.gate import Findings, block, gate, not_yet, warn
from checks.policy import UptimePolicy, VendorsPolicy


def _indicator(policy: VendorsPolicy, seen: VendorStatus) -> Findings:
    if seen.indicator in policy.blocks:
        yield block(seen.vendor, f"reports a {seen.indicator} incident: {'; '.join(seen.incidents) or 'no details'}")
    elif seen.indicator != "none":
        yield warn(seen.vendor, f"reports a {seen.indicator} incident: {'; '.join(seen.incidents) or 'no details'}")


@gate(owner="on-call")
def vercel_is_operational(policy: VendorsPolicy, seen: VercelStatus) -> Findings:
    """Vercel reports no serious incident.

    Why: A deployment made during a Vercel incident may hang half-way, and a rollback may not work either.

    By hand: Open <https://www.vercel-status.com>, or
        `curl -sS https://www.vercel-status.com/api/v2/summary.json | jq .status`.

    If it fails: Wait until Vercel says it is over.
    """
    yield from _indicator(policy, seen)


vercel_is_operational.stops_when(
    "Vercel has a major incident",
    lambda p, s: (p, VercelStatus(s.vendor, "major", ("Elevated errors deploying",))),
)


@gate(owner="on-call")
def neon_is_operational(policy: VendorsPolicy, seen: NeonStatus) -> Findings:
    """Neon reports no serious incident.

    Why: A migration that is cut off half-way is the one thing that no rollback repairs.

    By hand: Open <https://neonstatus.com>, or `curl -sS https://neonstatus.com/api/v1/summary | jq .`.

    If it fails: Wait until Neon says it is over.
    """
    yield from _indicator(policy, seen)


neon_is_operational.stops_when(
    "Neon has a major incident", lambda p, s: (p, NeonStatus(s.vendor, "major", ("Compute nodes cannot start",)))
)


@gate(owner="on-call")
def uptime_is_confirmed(policy: UptimePolicy, seen: Monitor) -> Findings:
    """Better Stack sees production up and has no open incident.

    Why: It asks from outside, from several regions, with nobody's cookies: a second opinion on our own requests.

    By hand:
        Run `curl -sS -H "Authorization: Bearer $BETTERSTACK_API_TOKEN" https://uptime.betterstack.com/api/v2/monitors/$MONITOR`
        and look at `status`: it must be `up`. The dashboard lists open incidents.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`, then acknowledge the incident.
    """
    if seen.status in ("paused", "maintenance"):
        yield warn(f"monitor {seen.id}", f"is in {seen.status}, so it confirms nothing")
    elif seen.status != "up":
        yield not_yet(f"monitor {seen.id}", f"says {seen.status}")
    for incident in seen.incidents:
        yield not_yet(f"monitor {seen.id}", f"has an open incident: {incident}")
    if seen.p95_ms > policy.slowest_ms:
        yield warn(
            f"monitor {seen.id}",
            f"measured a p95 of {seen.p95_ms} ms over 24 h, above {policy.slowest_ms} ms: a P2 of its own",
        )
    if seen.availability_percent < policy.availability_percent:
        yield warn(
            f"monitor {seen.id}",
            f"shows {seen.availability_percent:g} % over 7 days, below {policy.availability_percent:g} %: a P1 of its own",
        )


uptime_is_confirmed.stops_when("the monitor is down", lambda p, s: (p, replace(s, status="down")))
uptime_is_confirmed.stops_when(
    "an incident is open", lambda p, s: (p, replace(s, incidents=("Status 503, since 02:11",)))
)
