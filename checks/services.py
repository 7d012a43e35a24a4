"""Asks whether the services we stand on are well, by their own status pages and by our monitor."""

from dataclasses import replace

from checks.control import unless_old_is_ill
from checks.evidence import (
    ControlHealth,
    Monitor,
    NeonStatus,
    OtherStatuses,
    ProductionBefore,
    VendorStatus,
    VercelStatus,
)
from checks.gate import Findings, Verdict, block, gate, not_yet, too_little, warn
from checks.policy import UptimePolicy, VendorsPolicy


def _indicator(policy: VendorsPolicy, seen: VendorStatus) -> Findings:
    if seen.indicator == "unread":
        yield warn(f"{seen.vendor}'s status page", f"could not be read: {'; '.join(seen.incidents)}")
    elif seen.indicator in policy.blocks:
        says = f"reports a {seen.indicator} incident: {'; '.join(seen.incidents) or 'no details'}"
        yield block(seen.vendor, says, severity="P2")
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
def others_are_operational(policy: VendorsPolicy, seen: OtherStatuses) -> Findings:
    """The other vendors we stand on report no serious incident.

    Why: When uploads fail everywhere it is good to know that Cloudflare has an incident before looking for our own.

    By hand: Open the pages under `vendors.pages` in `deploy.yml`: Cloudflare, GitHub, Sentry, Upstash and Better Stack,
        or `curl -sS https://www.cloudflarestatus.com/api/v2/summary.json | jq .status` and the like.

    If it fails: Follow the playbook *Vendor Outage*. It takes no release back: the old one stands on the same vendor.
    """
    for page in seen.pages:
        yield from _indicator(policy, page)


others_are_operational.stops_when(
    "Cloudflare has a critical incident",
    lambda p, s: (p, OtherStatuses((VendorStatus("Cloudflare", "critical", ("R2 errors",)),))),
)


def monitor_says_up(seen: Monitor) -> Findings:
    """Find that the monitor is not up, or has an open incident: that stops."""
    if seen.status in ("paused", "maintenance"):
        yield warn(f"monitor {seen.id}", f"is in {seen.status}, so it confirms nothing")
    elif seen.status != "up":
        yield not_yet(f"monitor {seen.id}", f"says {seen.status}", severity="P0")
    for incident in seen.incidents:
        yield not_yet(f"monitor {seen.id}", f"has an open incident: {incident}", severity="P1")


@gate(owner="on-call")
def uptime_is_confirmed(policy: UptimePolicy, seen: Monitor, control: ControlHealth) -> Findings:
    """Better Stack sees production up and has no open incident.

    Why: It asks from outside, from several regions, with nobody's cookies: a second opinion on our own requests.

    By hand:
        Run `curl -sS -H "Authorization: Bearer $BETTERSTACK_API_TOKEN" https://uptime.betterstack.com/api/v2/monitors/$MONITOR`
        and look at `status`: it must be `up`. The dashboard lists open incidents.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`, then acknowledge the incident.
        Then fix it and ship the new commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from unless_old_is_ill(monitor_says_up(seen), control)
    for finding in past_limits(policy, seen):
        yield replace(finding, verdict=Verdict.WARN)


def past_limits(policy: UptimePolicy, seen: Monitor) -> Findings:
    """Find readings of a monitor that are an incident of their own, whatever is being released."""
    if seen.p95_ms > policy.slowest_ms:
        says = f"measured a p95 of {seen.p95_ms} ms over 24 h ({len(seen.response_ms)} requests), above {policy.slowest_ms} ms"
        yield not_yet(f"monitor {seen.id}", says, severity="P2")
    if seen.availability_percent < policy.availability_percent:
        says = f"shows {seen.availability_percent:g} % over 7 days, below {policy.availability_percent:g} %"
        yield not_yet(f"monitor {seen.id}", says, severity="P1")


uptime_is_confirmed.stops_when("the monitor is down", lambda p, s, c: (p, replace(s, status="down"), c))
uptime_is_confirmed.stops_when(
    "an incident is open", lambda p, s, c: (p, replace(s, incidents=("Status 503, since 02:11",)), c)
)


@gate(owner="on-call")
def regions_have_seen_it(policy: UptimePolicy, seen: Monitor, before: ProductionBefore) -> Findings:
    """Better Stack has seen production answer from two regions since the promotion.

    Why: *Up* is what it saw before as well. Only an answer from after the promotion is one of this release, and one region
        may be fine while another still is not.

    By hand:
        Run `curl -sS -H "Authorization: Bearer $BETTERSTACK_API_TOKEN" https://uptime.betterstack.com/api/v2/monitors/$MONITOR/response-times | jq '.data.attributes.regions[] | [.region, .response_times[-1].at]'`:
        two regions must have a time after the promotion.

    If it fails: Nothing is taken back for it: the run ends as *held*, exit 5. See whether the monitor is paused, in
        maintenance, or asks from one region only; `./inv monitor.sync` sets what `deploy.yml` declares.
    """
    fresh = seen.since(before.at) if before.at else seen.regions
    if len(fresh) < policy.regions:
        names = ", ".join(one.name for one in fresh) or "no region"
        yield too_little(
            f"monitor {seen.id}",
            f"has seen production from {names} since the promotion; {policy.regions} are needed",
            fix="./inv monitor.sync shows what the monitor should be",
        )


regions_have_seen_it.stops_when("one region is blind", lambda p, s, b: (p, replace(s, regions=s.regions[:1]), b))
