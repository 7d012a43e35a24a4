"""``invoke database.restore``: plans a restore of production's database, asks, and carries it out."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

from checks.evidence import RestorePoint
from checks.policy import DatabasePolicy
from pipeline.clients.neonshapes import same_place
from pipeline.config import Config
from pipeline.engine.past import thaw
from pipeline.errors import Mistake, ServiceError
from pipeline.record.journal import Journal, events_of, new_run_id
from pipeline.record.lock import Lock
from pipeline.render.database import restore_text
from pipeline.session.session import Session, open_session, whoami
from pipeline.steps.restore import RestorePlan, carry_out, plan_restore, point_named
from pipeline.world.secrets import SECRETS
from pipeline.world.world import World

Out = Callable[[str], None]
LEASE = 4 * 3600.0
RECORD = "the record of runs is in this database, too: on Neon it goes back with it, with a dump it stays"


def restore_database(
    config: Config, target: str, to: str, yes: str, root: Path, out: Out, typed: Callable[[str], str]
) -> bool:
    """Restore the database to what run ``to``, or the point of that name, kept. True when it was carried out.

    ``yes`` is the target's name, as a person typed it; else ``typed`` asks for it; without a terminal it gives nothing.
    Raises Mistake, Locked or ServiceError; a restore that fails has changed nothing, or says what it left.
    """
    if not to:
        raise Mistake("database.restore: say --to RUN, a run that kept a restore point; ./inv history lists them")
    with open_session(config, target, root, SECRETS) as session:
        name, policy = session.settings.name, session.settings.policies[DatabasePolicy]
        if yes and yes != name:
            raise Mistake(f"--yes-restore {yes}: is not the name of the target; to overwrite its database say {name}")
        run = new_run_id(session.clock.now())
        point = _point_of(session, to)

        async def planned(world: World) -> RestorePlan:
            return await plan_restore(world, policy, point or await point_named(world, policy, to))

        plan = session.in_world(run, planned, out)
        if session.place.shared and same_place(session.place.address, session.settings.secrets["DIRECT_URL"]):
            plan = dataclasses.replace(plan, notes=(*plan.notes, RECORD))
        again = f"./inv database.restore --target {name} --to {to} --yes-restore {name}"
        out(session.redactor(restore_text(plan, "" if yes else again)))
        if not yes and typed(f"To overwrite the database of {name} type {name}:") != name:
            out("nothing was changed")
            return False
        _carry_out(session, plan, run, out)
        return True


def _carry_out(session: Session, plan: RestorePlan, run: str, out: Out) -> None:
    """Carry out the plan while nobody can deploy, and write down that it was."""
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
    says = f"RESTORED to {plan.point.name} in {took:.0f} s; what was there before is kept as {kept.name} ({kept.by})"
    undo = f"./inv database.restore --target {name} --to {kept.name}"
    out(
        session.redactor(
            f"{says}\n  undo     {undo}\n  next     ./inv rollback --target {name}   when newer code is live"
        )
    )


def _point_of(session: Session, run: str) -> RestorePoint | None:
    """The restore point that a run kept; None when there is no such run. Raises Mistake when it kept none."""
    events = events_of(session.store, run)
    if not events:
        return None
    for event in reversed(events):
        if (event.kind, event.subject) == ("step done", "keep-restore-point") and event.body.get("gives"):
            found = thaw(event.body["gives"], {})
            if isinstance(found, RestorePoint) and found.by:
                return found
    raise Mistake(f"database.restore --to {run}: that run kept no restore point: what it migrated was purely additive")
