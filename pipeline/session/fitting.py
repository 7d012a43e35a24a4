"""Whether a run that is in the journal can go on, or back, as it is asked to."""

from pipeline.engine.past import Past
from pipeline.engine.plan import Pipeline
from pipeline.errors import Locked, Mistake
from pipeline.record.journal import Event, events_of
from pipeline.session.session import Order, Session


def stages_of(pipeline: Pipeline, order: Order) -> tuple[str, ...] | None:
    """The stages that ``order`` asks for, by name; None for all. Raises Mistake for one that is not in ``pipeline``."""
    if not order.stage:
        if order.before:
            raise Mistake(f"--before {order.before}: says where to end; say with --stage where to begin")
        return None
    names = [one.name for one in pipeline.stages]
    for flag, name in (("--stage", order.stage), ("--before", order.before or order.stage)):
        if name not in names:
            raise Mistake(f"{flag} {name}: {pipeline.name} has no such stage; it has {', '.join(names)}")
    first = names.index(order.stage)
    end = names.index(order.before) if order.before else first + 1
    if end <= first:
        raise Mistake(f"--before {order.before}: does not come after --stage {order.stage}")
    return tuple(names[first:end])


def must_fit(session: Session, past: Past, run: str, stage: str, earlier: tuple[Event, ...]) -> None:
    """Raises Mistake when the run cannot go on from where it is."""
    pipeline, target = session.pipeline, session.settings.name
    if earlier and earlier[0].kind != "run begins":
        raise Mistake(f"--run {run}: is the id of something else in the journal ({earlier[0].kind}); take another")
    if past.outcome:
        raise Mistake(f"run {run}: has already ended as {past.outcome}; start a new one")
    names = [one.name for one in pipeline.stages]
    if not stage:
        return
    before = [name for name in names[: names.index(stage)] if name not in past.settled]
    if before:
        raise Mistake(f"--stage {stage}: {', '.join(before)} has not passed in run {run}; run that first")
    if stage in past.settled:
        raise Mistake(f"--stage {stage}: has already passed in run {run}")
    if earlier and any(event.kind == "going back" for event in earlier):
        raise Mistake(f"run {run}: was already going back; ./inv settle --target {target} --run {run}")


def must_aim(earlier: tuple[Event, ...], target: str) -> None:
    """A run goes on, or back, where it began and nowhere else."""
    theirs = earlier[0].body.get("target", target) if earlier else target
    if theirs != target:
        raise Mistake(f"run {earlier[0].run}: was begun on {theirs}; say --target {theirs}")


def must_be_as_read(session: Session, run: str, known: tuple[Event, ...]) -> None:
    """Raises Locked when the run has gone on since it was read, before the lock was ours: two would do the same."""
    if len(events_of(session.store, run)) != len(known):
        raise Locked(
            f"run {run} went on elsewhere before the lock was free: ./inv report {run}   shows how far it is; "
            "the same command looks again"
        )
