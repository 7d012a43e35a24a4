"""What time does to Vercel: builds become READY, promotions and rollbacks arrive. Evaluated when somebody asks."""

from collections.abc import Iterator

from pipeline.sandbox.core import Core
from pipeline.sandbox.ports import SLOTS
from pipeline.sandbox.state import AliasJob, Deployment, Vercel

KEPT_CANDIDATES = 3
UNDER_WAY = ("QUEUED", "INITIALIZING", "BUILDING")


def ready_state(one: Deployment, now: float) -> str:
    """Vercel's ``readyState`` at ``now``."""
    if one.canceled:
        return "CANCELED"
    done = (now - one.created) / one.takes if one.takes > 0 else 1.0
    if done < 0.1:
        return "QUEUED"
    if done < 0.25:
        return "INITIALIZING"
    if done < 1 or one.stuck:
        return "BUILDING"
    return "ERROR" if one.error else "READY"


def substate(one: Deployment, now: float) -> str | None:
    """STAGED until it was production once; only for production builds that are READY."""
    if one.target != "production" or ready_state(one, now) != "READY":
        return None
    return "PROMOTED" if one.was_production else "STAGED"


def job_status(job: AliasJob, now: float) -> str:
    """Vercel's ``jobStatus``."""
    if job.done:
        return "succeeded"
    return "pending" if not job.stuck and now - job.requested < job.takes / 3 else "in-progress"


def settle(core: Core) -> None:
    """Let everything happen that was due by now, in the order in which it was due."""
    vercel, now = core.state.vercel, core.now()
    for at, what in sorted(_due(vercel, now), key=lambda pair: pair[0]):
        core.dirty = True
        if isinstance(what, AliasJob):
            _arrive(vercel, what, at)
        else:
            what.settled = True
            if what.auto_assign and what.target == "production" and vercel.auto_assign:
                _move(vercel, what.id, at)


def _due(vercel: Vercel, now: float) -> Iterator[tuple[float, AliasJob | Deployment]]:
    for one in vercel.deployments.values():
        if not one.settled and ready_state(one, now) == "READY":
            yield one.created + one.takes, one
    job = vercel.job
    if job and not job.done and not job.stuck and now - job.requested >= job.takes:
        yield job.requested + job.takes, job


def _arrive(vercel: Vercel, job: AliasJob, at: float) -> None:
    job.done = True
    vercel.auto_assign = job.kind == "promote"  # a rollback pins production until something is promoted
    _move(vercel, job.target, at)


def _move(vercel: Vercel, id: str, at: float) -> None:
    if id in vercel.deployments:
        vercel.production, vercel.production_since = id, at
        vercel.deployments[id].was_production = True


def candidates(vercel: Vercel, now: float) -> list[Deployment]:
    """What production can be rolled back to: was production before, is READY, is not production now. Newest first."""
    found = [
        one
        for one in vercel.deployments.values()
        if one.was_production and one.id != vercel.production and ready_state(one, now) == "READY"
    ]
    return sorted(found, key=lambda one: one.created, reverse=True)


def free_slot(vercel: Vercel, now: float) -> int:
    """A slot nobody uses. When there is none, the oldest deployment that nobody can need is deleted for it."""
    taken = {one.slot for one in vercel.deployments.values()}
    for slot in range(SLOTS):
        if slot not in taken:
            return slot
    kept = {vercel.production, *(one.id for one in candidates(vercel, now)[:KEPT_CANDIDATES])}
    if vercel.job:
        kept |= {vercel.job.target, vercel.job.origin}
    oldest = min((one for one in vercel.deployments.values() if one.id not in kept), key=lambda one: one.created)
    del vercel.deployments[oldest.id]
    return oldest.slot
