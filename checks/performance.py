"""Asks whether pages answer quickly enough."""

from checks.evidence import LoadTimes, UsualLoad
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import PerformancePolicy
from checks.statistics import deviation, median


@gate(owner="on-call")
def pages_are_quick(policy: PerformancePolicy, seen: LoadTimes) -> Findings:
    """The 95th percentile of production's page load times is below the limit.

    Why: Slow is a way of being down. Vercel Analytics shows what users really felt, but only hours later.

    By hand:
        Run `for i in $(seq 20); do curl -sS -o /dev/null -w '%{time_total}\\n' $PRODUCTION/; done | sort -n | tail -2`.
        Later, look at Speed Insights in the Vercel dashboard: LCP below 2.5 s, INP below 200 ms, CLS below 0.1.

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`, then look for slow
        queries (troubleshooting guide). Then fix it and ship the new commit with `--over-rollback`: the rollback has
        pinned production.
    """
    visits = f"{len(seen.ms)} visits"
    if seen.surely_ms > policy.p95_ms:
        says = f"has a p95 of {seen.p95_ms} ms over {visits}, above {policy.p95_ms} ms"
        yield not_yet("production", says, severity="P2")
    elif seen.p95_ms > policy.p95_ms:
        says = f"had a p95 of {seen.p95_ms} ms, above {policy.p95_ms} ms, but {visits} are too few to be sure"
        yield warn("production", says)


pages_are_quick.stops_when("pages have become slow", lambda p, s: (p, LoadTimes((2600,) * len(s.ms))))


@gate(owner="developer")
def as_quick_as_before(policy: PerformancePolicy, seen: LoadTimes, usual: UsualLoad) -> Findings:
    """Pages are about as quick as with the last good releases.

    Why: Half a second more with every release is no limit broken, until it is.

    By hand: `./inv monitor.baseline` shows this release's load times beside those of the last good ones.

    If it fails: It takes nothing back. Look what the release loads on every page, and at its queries, and ship a
        quicker one.
    """
    if len(usual.p95_ms) < 3:
        return
    limit = max(median(usual.p95_ms) * policy.times_usual, median(usual.p95_ms) + 3 * deviation(usual.p95_ms))
    if seen.surely_ms > limit:
        says = f"has a p95 of {seen.p95_ms} ms over {len(seen.ms)} visits; the last {len(usual.p95_ms)} good releases"
        yield not_yet("production", f"{says} had {median(usual.p95_ms):g} ms", severity="P3")


as_quick_as_before.stops_when("it is three times as slow", lambda p, s, u: (p, LoadTimes((900,) * len(s.ms)), u))
