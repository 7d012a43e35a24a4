"""Asks whether the app answers its health check, and reaches its database."""

from dataclasses import replace

from checks.control import told_apart
from checks.evidence import (
    ControlHealth,
    Health,
    HealthBefore,
    OldCodeHealth,
    ProductionHealth,
    StagedDeployment,
    StagedHealth,
)
from checks.gate import Finding, Findings, Verdict, gate
from checks.policy import HealthPolicy


def _ills(policy: HealthPolicy, seen: Health, verdict: Verdict) -> Findings:
    """Find what is wrong with one answer of the health check, said with ``verdict``."""
    by_hand = f"curl -sS -i {seen.url}"
    if seen.status == 0:
        yield Finding(verdict, seen.url, f"gave no answer: {seen.says}", by_hand, severity="P0")
    elif seen.status != 200:
        yield Finding(verdict, seen.url, f"answered {seen.status}: {seen.says}", by_hand, severity="P0")
    elif seen.failure:
        yield Finding(verdict, seen.url, seen.failure, by_hand, severity="P0")
    elif seen.ms > policy.slowest_ms:
        yield Finding(verdict, seen.url, f"took {seen.ms} ms, more than {policy.slowest_ms} ms", by_hand, severity="P2")


def _down(seen: Health) -> Health:
    return replace(seen, status=503, says="database unreachable")


@gate(owner="on-call")
def is_well_before(policy: HealthPolicy, seen: HealthBefore) -> Findings:
    """Production is healthy before anything is touched.

    Why: On a site that is already ill nothing that follows could tell whose fault it is, and what a rollback goes
        back to is the illness.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db`; it must answer 200, say nothing of an error, and not have
        `x-vercel-cache: HIT`: a health check that was built as a static page is well for ever.

    If it fails: This is an incident, not a deployment: open the incident playbook. If the release is the cure,
        waive this gate for today in `deploy.yml`.
    """
    yield from _ills(policy, seen, Verdict.NOT_YET)


is_well_before.stops_when("production is already down", lambda p, s: (p, _down(s)))
is_well_before.stops_when(
    "it answers 200 and says that its database is down",
    lambda p, s: (p, replace(s, failure="answered 200, but says database: down")),
)


@gate(owner="on-call")
def old_code_answers(policy: HealthPolicy, seen: OldCodeHealth) -> Findings:
    """The code that is live now still works on the migrated schema.

    Why: Between the migration and the promotion, and again after a rollback, old code runs on the new schema.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db` after the migration; it must answer 200.

    If it fails: The migration took something away that live code reads. Put it back with a new, additive migration;
        there are no down-migrations.
    """
    for ill in _ills(policy, seen, Verdict.NOT_YET):
        yield replace(ill, says=f"{ill.says}; this is the old code, on the new schema")


old_code_answers.stops_when("the migration dropped a column in use", lambda p, s: (p, _down(s)))


@gate(owner="developer")
def staged_is_well(policy: HealthPolicy, staged: StagedDeployment, seen: StagedHealth) -> Findings:
    """The staged deployment is healthy and is this release.

    Why: READY only means that the bundle was built; no function has run yet. And a healthy answer from another build
        proves nothing about this one.

    By hand: Run `curl -sS -i $STAGED/api/health/db`; it must answer 200 and name the commit.

    If it fails: Read the deployment's runtime logs: `vercel logs --deployment $STAGED`. Production is untouched: fix
        it and start a new run.
    """
    yield from _ills(policy, seen, Verdict.NOT_YET)
    yield from _identity(staged, seen)


def _identity(staged: StagedDeployment, seen: Health) -> Findings:
    if seen.deployment and seen.deployment != staged.id:
        yield Finding(Verdict.NOT_YET, seen.url, f"says it is {seen.deployment}, not {staged.id}")
    elif seen.commit and seen.commit != staged.commit:
        yield Finding(Verdict.NOT_YET, seen.url, f"says it was built from {seen.commit[:12]}, not {staged.commit[:12]}")


staged_is_well.stops_when("the health check fails", lambda p, st, s: (p, st, _down(s)))
staged_is_well.stops_when("another build answers", lambda p, st, s: (p, st, replace(s, deployment="dpl_other")))


@gate(owner="on-call")
def production_is_well(
    policy: HealthPolicy, staged: StagedDeployment, seen: ProductionHealth, control: ControlHealth
) -> Findings:
    """Production is healthy after the promotion, and is this release.

    Why: The production domain has what the staged address has not: its own host name, cookies, callbacks and load.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db`; it must answer 200 and name the commit.

    If it fails: The run goes back by itself, unless the old deployment is ill in the same way: then the fault is
        shared and going back would not help; open an incident. By hand: `curl -sS -i $PREVIOUS_URL/api/health/db`,
        `vercel rollback $PREVIOUS`, then `vercel logs --deployment $DEPLOYMENT --query level:error`. Fix it and ship the
        new commit with `--over-rollback`: the rollback has pinned production.
    """
    ill_alike = control.status == seen.status or min(control.status, seen.status) >= 500
    alike = (seen.url,) if ill_alike and any(_ills(policy, control, Verdict.NOT_YET)) else ()
    yield from told_apart(_ills(policy, seen, Verdict.NOT_YET), alike)
    yield from _identity(staged, seen)


production_is_well.stops_when("production fails after the promotion", lambda p, st, s, c: (p, st, _down(s), c))
production_is_well.stops_when(
    "it answers 200 with a body that never ends",
    lambda p, st, s, c: (p, st, replace(s, failure="answered 200, and its body did not end within 20 s"), c),
)
production_is_well.stops_when(
    "the old build still answers", lambda p, st, s, c: (p, st, replace(s, deployment="dpl_old"), c)
)
production_is_well.stops_when(
    "the database is down, for the old deployment too", lambda p, st, s, c: (p, st, _down(s), _down(c))
)


@gate(owner="on-call")
def production_is_well_again(policy: HealthPolicy, seen: ProductionHealth) -> Findings:
    """After a rollback production is healthy.

    Why: A rollback is done when users are served again. When the old build is ill too, the release was not the cause.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db`; it must answer 200.

    If it fails: The fault is not in the release: look at the database and at the vendors' status pages, and open an
        incident: production is well again when that is repaired.
    """
    yield from _ills(policy, seen, Verdict.NOT_YET)


production_is_well_again.stops_when("the old build is ill too", lambda p, s: (p, _down(s)))
