"""Restores the database of a target: to the point that a run kept, while nobody can deploy, and written down."""

import contextlib
import dataclasses
from collections.abc import Callable

from checks.evidence import RestorePoint
from checks.policy import DatabasePolicy
from pipeline.clients.neonshapes import same_place
from pipeline.engine.past import thaw
from pipeline.errors import Mistake, ServiceError
from pipeline.record.journal import Journal, events_of, latest_runs
from pipeline.record.lock import Lock
from pipeline.record.report import report_of
from pipeline.session.session import Session, whoami
from pipeline.steps.restore import RestorePlan, carry_out, plan_restore, point_named
from pipeline.world.world import World

Out = Callable[[str], None]
LEASE = 4 * 3600.0
RECENT = 50  # runs that are looked through for a restore point
RECORD = "the record of runs is in this database, too: on Neon it goes back with it, with a dump it stays"


def plan_to(session: Session, to: str, run: str, out: Out) -> RestorePlan:
    """Plan a restore to what run ``to``, or the point of that name, kept. Raises Mistake or ServiceError."""
    policy, point = session.settings.policies[DatabasePolicy], _point_of(session, to)

    async def planned(world: World) -> RestorePlan:
        return await plan_restore(world, policy, point or await point_named(world, policy, to))

    plan = session.in_world(run, planned, out)
    if session.place.shared and same_place(session.place.address, session.settings.secrets["DIRECT_URL"]):
        plan = dataclasses.replace(plan, notes=(*plan.notes, RECORD))
    return plan


def restore(session: Session, plan: RestorePlan, run: str, out: Out) -> tuple[RestorePoint, float]:
    """Carry out the plan; gives what was kept of the database of now, and the seconds it took.

    Nobody can deploy meanwhile. Raises Locked or ServiceError; then nothing has changed, or it is said what was left.
    """
    name, policy = session.settings.name, session.settings.policies[DatabasePolicy]
    lock = Lock(session.store, name, f"{run} {whoami()}", session.clock, lease=LEASE)
    journal = Journal(session.store, run, session.clock.now, session.redactor)
    lock.take(f"restore to {plan.point.name}")
    try:
        journal.append("restore begins", plan.point.name, target=name, keep=plan.keep, by=whoami())
        began = session.clock.monotonic()
        kept = session.in_world(run, lambda world: carry_out(world, policy, plan), out)
        took = session.clock.monotonic() - began
        with contextlib.suppress(ServiceError):  # what was restored may be where it is written down
            journal.append("restore done", plan.point.name, target=name, kept=dataclasses.asdict(kept))
    finally:
        with contextlib.suppress(ServiceError):
            lock.release()
    return kept, took


def restorable(session: Session) -> str:
    """The newest run of this target that kept a restore point; empty when there is none among the recent ones."""
    for run in latest_runs(session.store, RECENT):
        if report_of(run, events_of(session.store, run)).target == session.settings.name and _kept(session, run):
            return run
    return ""


def _point_of(session: Session, run: str) -> RestorePoint | None:
    """The restore point that a run kept; None when there is no such run. Raises Mistake when it kept none."""
    if not events_of(session.store, run):
        return None
    if found := _kept(session, run):
        return found
    raise Mistake(f"database.restore --to {run}: that run kept no restore point: what it migrated was purely additive")


def _kept(session: Session, run: str) -> RestorePoint | None:
    for event in reversed(events_of(session.store, run)):
        if (event.kind, event.subject) == ("step done", "keep-restore-point") and event.body.get("gives"):
            found = thaw(event.body["gives"], {})
            if isinstance(found, RestorePoint) and found.by:
                return found
    return None
