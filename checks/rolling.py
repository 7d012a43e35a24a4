"""A rolling release: some visitors first, and every share by our gates instead of by a timer."""

from dataclasses import replace

from checks.errors import no_new_critical
from checks.evidence import (
    ControlHealth,
    Issue,
    NewIssues,
    RollingShare,
    StagedDeployment,
    StagedHealth,
    VercelProject,
)
from checks.gate import Findings, block, gate, not_yet
from checks.health import staged_is_well
from checks.policy import ErrorsPolicy, HealthPolicy, PromotionPolicy


@gate(owner="release manager")
def is_set_up(policy: PromotionPolicy, seen: VercelProject) -> Findings:
    """Vercel's rolling release has the shares that `deploy.yml` says, and waits for approval between them.

    Why: A rolling release that advances by time reaches everybody while nobody looks, and when one is configured that
        we know nothing of, "promoted" means ten percent.

    By hand: Run `vercel rolling-release fetch` and compare it with `promotion.rolling` in `deploy.yml`.

    If it fails: Run `vercel rolling-release configure --enable --advancement-type=manual-approval --stage=10 --stage=50`
        with your shares, or
        `vercel rolling-release configure --disable` when `promotion.rolling` is empty. It counts from the next
        deployment on.
    """
    wanted = (*policy.rolling, 100) if policy.rolling else ()
    if seen.rolling != wanted:
        have, want = (", ".join(f"{share} %" for share in shares) or "none" for shares in (seen.rolling, wanted))
        yield block("rolling release", f"has the shares {have}; deploy.yml wants {want}", fix=configure(policy))
    elif wanted and not seen.rolling_by_hand:
        yield block("rolling release", "advances by time, not by approval", fix=configure(policy))


def configure(policy: PromotionPolicy) -> str:
    """The command that sets Vercel up as ``policy`` wants it."""
    if not policy.rolling:
        return "vercel rolling-release configure --disable"
    stages = " ".join(f"--stage={share}" for share in policy.rolling)
    return f"vercel rolling-release configure --enable --advancement-type=manual-approval {stages}"


is_set_up.stops_when("somebody configured a rolling release", lambda p, s: (p, replace(s, rolling=(10, 100))))
is_set_up.stops_when(
    "it advances by time",
    lambda p, s: (replace(p, rolling=(10,)), replace(s, rolling=(10, 100), rolling_by_hand=False)),
)


@gate(owner="release manager")
def nobody_else_is_rolling(seen: RollingShare) -> Findings:
    """No rolling release is under way.

    Why: There is one a project. A promotion would wait behind a colleague's, after the database is migrated.

    By hand: Run `vercel rolling-release fetch`; its state must not be `ACTIVE`.

    If it fails: Wait until it is complete, or talk to whoever began it: `vercel rollback $PREVIOUS` ends it.
    """
    if seen.state == "ACTIVE":
        says = f"is under way: {seen.canary} gets {seen.percent} % of the visitors"
        yield not_yet("rolling release", says, fix="vercel rolling-release fetch")


nobody_else_is_rolling.stops_when(
    "a colleague's is under way", lambda s: (replace(s, state="ACTIVE", canary="dpl_colleague"),)
)


@gate(owner="release manager", repeats=True)
def share_is_ours(staged: StagedDeployment, seen: RollingShare) -> Findings:
    """The rolling release that is under way gives its share to this release.

    Why: There is one rolling release a project; a colleague's would be judged by our gates, or ours queued behind it.

    By hand: Run `vercel rolling-release fetch` and compare the canary's id.

    If it fails: Talk to whoever else is releasing. When ours must end, `vercel rollback $PREVIOUS` ends it; the next
        run then needs `--over-rollback`.
    """
    if seen.state != "ACTIVE":
        yield not_yet("rolling release", f"is {seen.state or 'not there'}", fix="vercel rolling-release fetch")
    elif seen.canary != staged.id:
        yield not_yet(
            "rolling release", f"is of {seen.canary}; ours is queued behind it", fix="vercel rolling-release fetch"
        )


share_is_ours.stops_when("ours is queued behind a colleague's", lambda st, s: (st, replace(s, canary="dpl_colleague")))
share_is_ours.stops_when("it was aborted", lambda st, s: (st, replace(s, state="ABORTED")))


@gate(owner="on-call")
def none_is_left(staged: StagedDeployment, seen: RollingShare) -> Findings:
    """After going back no visitor gets a share of this release, now or later.

    Why: During a rolling release the domain points to the old build all the time; only the end of it is the way back.

    By hand: Run `vercel rolling-release fetch`; it must not be active with `$DEPLOYMENT` as its canary.

    If it fails: Run `vercel rollback $PREVIOUS`: it ends the rolling release.
    """
    if seen.state == "ACTIVE" and seen.canary == staged.id:
        yield not_yet(staged.id, f"still gets {seen.percent} % of the visitors", fix="vercel rollback $PREVIOUS")
    elif seen.state == "ACTIVE" and seen.queued == staged.id:
        yield not_yet(staged.id, f"goes live when the rolling release of {seen.canary} is complete")


none_is_left.stops_when("the rolling release goes on", lambda st, s: (st, replace(s, state="ACTIVE", canary=st.id)))
none_is_left.stops_when(
    "it waits behind a colleague's",
    lambda st, s: (st, replace(s, state="ACTIVE", canary="dpl_colleague", queued=st.id)),
)


@gate(owner="on-call", repeats=True)
def canary_is_well(policy: HealthPolicy, staged: StagedDeployment, seen: StagedHealth) -> Findings:
    """The release is healthy while some visitors use it.

    Why: Half of the answers of the production domain are from the old build now; only at its own address the release
        answers for itself.

    By hand: Run `watch -n 10 curl -sS -o /dev/null -w '%{http_code}' $STAGED/api/health/db`.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`, which ends the rolling release.
        Then fix it and ship the new commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from staged_is_well.judge(policy, staged, seen)


canary_is_well.stops_when(
    "the canary falls ill", lambda p, st, s: (p, st, replace(s, status=503, says="too many connections"))
)


@gate(owner="on-call", repeats=True)
def canary_has_no_new_errors(policy: ErrorsPolicy, seen: NewIssues, control: ControlHealth) -> Findings:
    """Sentry has no new critical issue of the release while some visitors use it.

    Why: That is what the first visitors are for.

    By hand: In Sentry → Issues search `is:unresolved firstRelease:$COMMIT`.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`. Then fix it and ship the new
        commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from no_new_critical.judge(policy, seen, control)


canary_has_no_new_errors.stops_when(
    "the first visitors meet a new error",
    lambda p, s, c: (p, replace(s, issues=(Issue("fatal", "TypeError: course is null", 3, "…/issues/1"),)), c),
)
