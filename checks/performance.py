"""Is it quick enough?"""

from checks.evidence import LoadTimes
from checks.gate import Findings, gate, not_yet
from checks.policy import PerformancePolicy


@gate(owner="on-call")
def pages_are_quick(policy: PerformancePolicy, seen: LoadTimes) -> Findings:
    """The 95th percentile of production's page load times is below the limit.

    Why: Slow is a way of being down. Vercel Analytics shows what users really felt, but only hours later.

    By hand:
        Run `for i in $(seq 20); do curl -sS -o /dev/null -w '%{time_total}\\n' $PRODUCTION/; done | sort -n | tail -2`.
        Later, look at Speed Insights in the Vercel dashboard: LCP below 2.5 s, INP below 200 ms, CLS below 0.1.

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`, then look for slow
        queries (troubleshooting guide).
    """
    if seen.p95_ms > policy.p95_ms:
        yield not_yet(
            "production", f"has a p95 of {seen.p95_ms} ms over {len(seen.ms)} visits, above {policy.p95_ms} ms"
        )


pages_are_quick.stops_when("pages have become slow", lambda p, s: (p, LoadTimes((2600,) * len(s.ms))))
