"""Does it stay well?"""

from dataclasses import replace

from checks.errors import rate_is_usual
from checks.evidence import ControlHealth, ErrorRate, Production, ProductionHealth, StagedDeployment
from checks.gate import Findings, block, gate
from checks.health import production_is_well
from checks.policy import ErrorsPolicy, HealthPolicy


@gate(owner="on-call")
def still_live(staged: StagedDeployment, seen: Production) -> Findings:
    """Production still points to this release.

    Why: When somebody promotes something else, watching on would judge their release by our name.

    By hand: Run `vercel inspect $DOMAIN` and compare the deployment id.

    If it fails: Talk to whoever promoted. The run stops without undoing what they did when production is no longer ours.
    """
    if seen.id != staged.id:
        yield block(seen.domain, f"points to {seen.id or 'nothing'} now", fix=f"vercel inspect {seen.domain}")


still_live.stops_when("a colleague promotes something else", lambda st, s: (st, replace(s, id="dpl_colleague")))


@gate(owner="on-call")
def stays_well(
    policy: HealthPolicy, staged: StagedDeployment, seen: ProductionHealth, control: ControlHealth
) -> Findings:
    """Production stays healthy while it is watched.

    Why: Leaks, exhausted connections and cold caches show only after a while under load.

    By hand: Run `watch -n 10 curl -sS -o /dev/null -w '%{http_code}' $PRODUCTION/api/health/db` for ten minutes.

    If it fails: The run goes back by itself when it lasts longer than the stage's patience. By hand:
        `vercel rollback $PREVIOUS`.
    """
    return production_is_well.judge(policy, staged, seen, control)


stays_well.stops_when(
    "production falls ill", lambda p, st, s, c: (p, st, replace(s, status=503, says="too many connections"), c)
)


@gate(owner="on-call")
def errors_stay_usual(policy: ErrorsPolicy, seen: ErrorRate) -> Findings:
    """The error rate stays usual while production is watched.

    Why: Real users try what no smoke test does.

    By hand: In Sentry keep Discover open, `event.type:error`, last 15 minutes.

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`.
    """
    return rate_is_usual.judge(policy, seen)


errors_stay_usual.stops_when("errors pour in", lambda p, s: (p, replace(s, events=400)))
