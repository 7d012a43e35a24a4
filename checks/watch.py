"""Asks whether production stays well while it is watched."""

from dataclasses import replace

from checks.auth import auth_answers, elsewhere
from checks.control import unless_old_is_ill
from checks.errors import no_new_critical, stays_usual
from checks.evidence import (
    AuthEndpoints,
    ControlHealth,
    ErrorRate,
    Issue,
    Monitor,
    NewIssues,
    Production,
    ProductionHealth,
    StagedDeployment,
)
from checks.gate import Findings, block, gate
from checks.health import production_is_well
from checks.policy import AuthPolicy, ErrorsPolicy, HealthPolicy
from checks.services import monitor_says_up


@gate(owner="on-call")
def still_live(staged: StagedDeployment, seen: Production) -> Findings:
    """Production still points to this release.

    Why: When somebody promotes something else, watching on would judge their release by our name.

    By hand: Run `vercel inspect $DOMAIN` and compare the deployment id.

    If it fails: Talk to whoever promoted. The run stops without undoing what they did when production is no longer
        ours. When yours is to stay, start a new run with a commit that descends from theirs.
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
        `vercel rollback $PREVIOUS`. Then fix it and ship the new commit with `--over-rollback`: the rollback has
        pinned production.
    """
    return production_is_well.judge(policy, staged, seen, control)


stays_well.stops_when(
    "production falls ill", lambda p, st, s, c: (p, st, replace(s, status=503, says="too many connections"), c)
)


@gate(owner="on-call")
def errors_stay_usual(policy: ErrorsPolicy, seen: ErrorRate, control: ControlHealth) -> Findings:
    """The error rate stays usual while production is watched, and enough was seen to say so.

    Why: Real users try what no smoke test does. A release that nobody has used is not well, only unknown.

    By hand: In Sentry keep Discover open, `event.type:error release:$COMMIT`, and look at the number of requests beside
        it (Insights → Requests): below 20 nobody can say anything.

    If it fails: A spike that lasts takes the release back. Too few requests do not: the run ends as *held*, exit 5,
        and a person decides. By hand: `vercel rollback $PREVIOUS`, or keep it and look again in an hour. After a
        rollback fix it and ship the new commit with `--over-rollback`.
    """
    return unless_old_is_ill(stays_usual(policy, seen), control)


errors_stay_usual.stops_when("errors pour in", lambda p, s, c: (p, replace(s, events=40), c))
errors_stay_usual.stops_when("nobody uses it", lambda p, s, c: (p, replace(s, exposure=3), c))


@gate(owner="on-call")
def nothing_new_breaks(policy: ErrorsPolicy, seen: NewIssues, control: ControlHealth) -> Findings:
    """No new critical error appears while production is watched.

    Why: The error that only every hundredth visitor meets is not there yet when the smoke tests are.

    By hand: In Sentry → Issues search `firstRelease:$COMMIT`, environment `production`, every few minutes.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`. Then fix it and ship the new
        commit with `--over-rollback`: the rollback has pinned production.
    """
    return no_new_critical.judge(policy, seen, control)


nothing_new_breaks.stops_when(
    "a visitor meets a new error",
    lambda p, s, c: (p, replace(s, issues=(Issue("error", "TypeError: grade is null", 3, "…/issues/5"),)), c),
)


@gate(owner="on-call")
def sign_in_stays_possible(policy: AuthPolicy, seen: AuthEndpoints, control: ControlHealth) -> Findings:
    """NextAuth goes on answering while production is watched.

    Why: Nobody who is signed in notices that nobody can sign in.

    By hand: Run `watch -n 30 curl -sS -o /dev/null -w '%{http_code}' $PRODUCTION/api/auth/session`.

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`. Then fix it and ship
        the new commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from unless_old_is_ill(auth_answers.judge(policy, replace(seen, addresses=())), control)
    yield from elsewhere(policy, seen)  # a wrong address is in the environment, which the old build has as well


sign_in_stays_possible.stops_when("sessions answer 500", lambda p, s, c: (p, replace(s, session_status=500), c))


@gate(owner="on-call")
def monitor_stays_up(seen: Monitor, control: ControlHealth) -> Findings:
    """Better Stack goes on seeing production up.

    Why: It asks from other places than we do.

    By hand: Keep Better Stack → Monitors → the monitor open.

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`. Then fix it and ship
        the new commit with `--over-rollback`: the rollback has pinned production.
    """
    return unless_old_is_ill(monitor_says_up(seen), control)


monitor_stays_up.stops_when("the monitor is down", lambda s, c: (replace(s, status="down"), c))
