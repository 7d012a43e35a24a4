"""Lets time pass on Vercel: builds become READY, promotions and rollbacks arrive. Evaluated when somebody asks."""

from collections.abc import Iterator

from pipeline.sandbox import rollout
from pipeline.sandbox.core import Core
from pipeline.sandbox.ports import SLOTS
from pipeline.sandbox.vercelstate import AliasJob, Deployment, RollingRelease, Vercel

KEPT_CANDIDATES = 3
DAY = 86_400
UNDER_WAY = ("QUEUED", "INITIALIZING", "BUILDING")


def ready_state(deployment: Deployment, now: float) -> str:
    """The ``readyState`` that Vercel shows of a deployment at ``now``."""
    if deployment.canceled:
        return "CANCELED"
    done = (now - deployment.created) / deployment.takes if deployment.takes > 0 else 1.0
    if done < 0.1:
        return "QUEUED"
    if done < 0.25:
        return "INITIALIZING"
    if done < 1 or deployment.stuck:
        return "BUILDING"
    return "ERROR" if deployment.error else "READY"


def substate(vercel: Vercel, deployment: Deployment, now: float) -> str | None:
    """The ``readySubstate`` of a READY deployment: STAGED until it served production, ROLLING while it has a share."""
    if deployment.target != "production" or ready_state(deployment, now) != "READY":
        return None
    rolling = rollout.active(vercel)
    if rolling and rolling.canary == deployment.id:
        return "ROLLING"
    return "PROMOTED" if deployment.was_production or deployment.was_canary else "STAGED"


def job_status(job: AliasJob, now: float) -> str:
    """The ``jobStatus`` that Vercel shows of a promotion or rollback."""
    if job.done:
        return "succeeded"
    return "pending" if not job.stuck and now - job.requested < job.takes / 3 else "in-progress"


def settle(core: Core) -> None:
    """Let everything happen that was due by now, in the order in which it was due."""
    vercel, now = core.state.vercel, core.now()
    while found := min(_due(vercel, now), key=lambda pair: pair[0], default=None):
        moment, job = found
        core.dirty = True
        if isinstance(job, AliasJob):
            _arrive(vercel, job, moment)
        elif isinstance(job, RollingRelease):
            rollout.enter(vercel, job, job.stage + 1, moment, core.state.next_id())
        else:
            job.settled = True
            _take_domains(vercel, job)
            if job.auto_assign and job.target == "production" and vercel.auto_assign:
                go_live(core, job.id, moment)
    _expire(vercel, now)


def _take_domains(vercel: Vercel, made: Deployment) -> None:
    """Point the domains of its custom environment to a deployment that is done."""
    for environment in vercel.custom:
        if environment.slug == made.custom:
            vercel.aliases.update(dict.fromkeys(environment.domains, made.id))


def _expire(vercel: Vercel, now: float) -> None:
    """Delete what retention keeps no longer: old production deployments, but for the newest and the live one."""
    policy = vercel.settings.get("deploymentExpiration") or {}
    days, keeps = policy.get("expirationDaysProduction"), int(policy.get("deploymentsToKeep") or 0)
    if not days:
        return
    served = sorted((one for one in vercel.deployments.values() if one.was_production), key=lambda one: -one.created)
    for one in served[keeps:]:
        if one.id != vercel.production and now - one.created > days * DAY:
            del vercel.deployments[one.id]


def go_live(core: Core, id: str, now: float) -> None:
    """Move production to a deployment by itself: at once, in the configured stages, or after those under way."""
    vercel = core.state.vercel
    rolling = rollout.active(vercel)
    if rolling and rolling.canary != id:
        rolling.queued = id
    elif vercel.rolling_config and vercel.production:
        rollout.begin(vercel, id, now, core.state.next_id())
    else:
        rollout.move(vercel, id, now)


def _due(vercel: Vercel, now: float) -> Iterator[tuple[float, AliasJob | Deployment | RollingRelease]]:
    for deployment in vercel.deployments.values():
        if not deployment.settled and ready_state(deployment, now) == "READY":
            yield deployment.created + deployment.takes, deployment
    job = vercel.job
    if job and not job.done and not job.stuck and now - job.requested >= job.takes:
        yield job.requested + job.takes, job
    rolling = rollout.active(vercel)
    end = rollout.due(rolling) if rolling else None
    if rolling and end is not None and end <= now:
        yield end, rolling


def _arrive(vercel: Vercel, job: AliasJob, now: float) -> None:
    job.done = True
    vercel.auto_assign = job.kind == "promote"  # a rollback pins production until something is promoted
    rollout.move(vercel, job.target, now)


def candidates(vercel: Vercel, now: float) -> list[Deployment]:
    """List the deployments that production can be rolled back to, newest first.

    Each was production before, is READY, and is not production now.
    """
    found = [
        deployment
        for deployment in vercel.deployments.values()
        if deployment.was_production and deployment.id != vercel.production and ready_state(deployment, now) == "READY"
    ]
    return sorted(found, key=lambda one: one.created, reverse=True)


def free_slot(vercel: Vercel, now: float) -> int:
    """Find a slot nobody uses. When there is none, the oldest deployment that nobody can need is deleted for it."""
    taken = {deployment.slot for deployment in vercel.deployments.values()}
    for slot in range(SLOTS):
        if slot not in taken:
            return slot
    kept = {vercel.production, *(candidate.id for candidate in candidates(vercel, now)[:KEPT_CANDIDATES])}
    if vercel.job:
        kept |= {vercel.job.target, vercel.job.origin}
    if rolling := rollout.active(vercel):
        kept |= {rolling.canary, rolling.current, rolling.queued}
    oldest = min((one for one in vercel.deployments.values() if one.id not in kept), key=lambda one: one.created)
    del vercel.deployments[oldest.id]
    return oldest.slot
