"""Carries out what was asked on the command line: opens the target, takes the lock, runs, lets go."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from checks.evidence import Release
from checks.outcome import Outcome
from checks.policy import DatabasePolicy
from pipeline.clock import origin
from pipeline.config import Config
from pipeline.definitions.deploy import FROM_GITHUB, PEOPLE
from pipeline.engine.past import Past
from pipeline.engine.plan import Pipeline, probes_by_type
from pipeline.engine.runner import Runner
from pipeline.engine.stop import Stop
from pipeline.engine.waivers import broken_glass
from pipeline.environment import variable
from pipeline.errors import Broken, HandedOver, Locked, Lost, Mistake, PipelineError, ServiceError
from pipeline.probes.every import PROBES
from pipeline.record.debug import explained
from pipeline.record.journal import Event, Journal, Listener, events_of, latest_runs, new_run_id, unfinished_runs
from pipeline.record.lock import Lock
from pipeline.record.private import RUNS
from pipeline.record.report import Report, report_of
from pipeline.record.spill import Spill
from pipeline.redact import Redactor
from pipeline.session.bulletin import told_of
from pipeline.session.fitting import must_aim, must_be_as_read, must_fit, stages_of
from pipeline.session.needs import to_settle, to_ship
from pipeline.session.news import tell_end, tell_what_is_owed
from pipeline.session.ownership import LEASE, is_ours, keep, lost_run
from pipeline.session.planning import must_be_as_planned, noting_plan
from pipeline.session.prompting import Ask, Prompt
from pipeline.session.release import find_release, head_of, must_be_as_it_was, sealed
from pipeline.session.session import Order, Session, open_session, whoami
from pipeline.session.turn import Turn, leading_on, note_of
from pipeline.session.waiving import JudgedWaiver, judged_waivers
from pipeline.signals import heed, left_by
from pipeline.steps.leftovers import clear_leftovers
from pipeline.world.extras import SHIPPING, must_have
from pipeline.world.world import World

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
BETWEEN_STAGES, EVERY = 900.0, 1_000_000  # seconds that a run keeps the lock between two stages' processes; runs
After = Callable[[Session, Report], None]


def nothing_after(session: Session, report: Report) -> None:
    """The ``after`` of a run of which nobody wants to know how it ended."""


def ship(
    config: Config,
    order: Order,
    root: Path,
    show: Callable[[Redactor, str], Listener],
    after: After = nothing_after,
    ask: Ask | None = None,
) -> Report:
    """Run the pipeline. Raises Mistake (exit 2) or Locked (exit 1) before anything is touched.

    ``after`` is told how it ended. ``ask``: somebody sits here, who may agree when the run waits for people.
    """
    if config.target(order.target)[1].kind != "sandbox":
        must_have("production", *SHIPPING)
    with open_session(config, order.target, root, to_ship(config, order)) as session:
        session.must_be_whole()
        run = _run_id(order.run) or new_run_id(session.clock.now())
        _refuse_after_cut_off(session, run)
        asked, past, earlier = stages_of(session.pipeline, order), session.past(run), events_of(session.store, run)
        if order.resume and not earlier:
            raise Mistake(f"--resume {run}: there is no such run; ./inv history lists them")
        must_fit(session, past, run, order.stage, earlier)
        must_aim(earlier, session.settings.name)
        must_be_as_planned(session, earlier)
        past.must_be_read(run, session.settings.name, past.unread, past.ungiven)
        release = _release_of(earlier) if earlier else find_release(session.settings, order, root, session.clock)
        if earlier and "build" not in past.done:
            must_be_as_it_was(release, str(earlier[0].body.get("head", "")), run)
        waivers = judged_waivers(session) if not earlier else ()
        if not earlier:
            release = sealed(release, session.settings)
        journal = _journal(session, run, root, show, earlier)
        if ask:
            journal.listeners += (Prompt(session, ask),)
        lock = Lock(session.store, session.settings.name, run, session.clock, lease=order.lease or LEASE)
        turn = Turn(session.clock, order.lock_wait, note_of(journal), lambda: _refuse_after_cut_off(session, run))
        turn.take(lock, f"{session.pipeline.name} {release.commit[:12]}")
        try:
            _refuse_after_cut_off(session, run)
            must_be_as_read(session, run, earlier)
            if not earlier:
                _begin(journal, session, release, waivers)
            asyncio.run(_go(session, journal, release, past, lock, asked))
        except HandedOver:
            raise
        except Lost as lost:
            raise lost_run(session.store, run, lost) from lost
        except Exception as bug:  # not in the run itself, which puts everything back
            if isinstance(bug, PipelineError):
                raise
            raise _broken(session, journal, bug) from bug
        finally:
            report = report_of(run, journal.events())
            with contextlib.suppress(ServiceError):  # the lease lapses by itself
                if report.outcome or not order.stage:
                    lock.release()
                else:
                    lock.leave(BETWEEN_STAGES)
        try:
            after(session, report)
        except Exception as bug:
            raise _broken(session, journal, bug) from bug
        return report


def _broken(session: Session, journal: Journal, bug: Exception) -> Broken:
    """What is said of a bug of ours beside the run: the exit code is that of the run, or of what it left."""
    says, report = explained(bug, session.root), report_of(journal.run, journal.events())
    if report.exit_code is not None:
        return Broken(f"run {journal.run} ended as {report.outcome}; then came {says}", report.exit_code)
    moved = any(
        event.kind == "step begins" and event.subject in _moving(session.pipeline) for event in journal.events()
    )
    return Broken(says, Outcome.STRANDED.code if moved else Outcome.BLOCKED.code)


def _moving(pipeline: Pipeline) -> frozenset[str]:
    return frozenset(step.name for step in pipeline.steps if step.moves_production)


def settle_run(
    config: Config,
    target: str,
    run: str,
    root: Path,
    show: Callable[[Redactor, str], Listener],
    after: After = nothing_after,
    lease: float = LEASE,
) -> tuple[Report, bool]:
    """Put back what a run left that was cut off. Returns its report, and whether there was anything to do."""
    with open_session(config, target, root, to_settle(config, target)) as session:
        session.must_be_whole()
        run = _run_id(run) or _last_run(session)
        events = events_of(session.store, run)
        if not events:
            raise Mistake(f"settle {run}: there is no such run; ./inv history lists them")
        if events[0].kind != "run begins":
            raise Mistake(f"settle {run}: is no run but something else in the journal ({events[0].kind})")
        must_aim(events, session.settings.name)
        past = session.past(run)
        past.must_be_read(run, session.settings.name, past.unread if not past.outcome else {})
        lock = Lock(session.store, session.settings.name, run, session.clock, lease=lease)
        journal = _journal(session, run, root, show, events)
        if not past.outcome:
            with leading_on(lock):
                lock.take(f"settle {run}")
            must_be_as_read(session, run, events)
            asyncio.run(_go_back(session, journal, _release_of(events), past, lock))
        with contextlib.suppress(ServiceError):  # the lease lapses by itself
            lock.release()
        report = report_of(run, journal.events())
        if not past.outcome:
            after(session, report)
        return report, not past.outcome


def _journal(
    session: Session, run: str, root: Path, show: Callable[[Redactor, str], Listener], earlier: tuple[Event, ...]
) -> Journal:
    """The journal of a run; what it cannot take is kept beside it."""
    listeners = [show(session.redactor, run)]
    spill = Spill(root / RUNS, run)
    return Journal(session.store, run, session.clock.now, session.redactor, listeners, spill=spill, earlier=earlier)


async def _go(
    session: Session, journal: Journal, release: Release, past: Past, lock: Lock, only: tuple[str, ...] | None
) -> None:
    async with _opened(session, journal, release) as world:
        runner = _runner(session, world, journal, past, lock)
        heed(runner.interrupt)
        left_by(runner.leave)
        if only is None or session.pipeline.stages[0].name in only:
            await tell_what_is_owed(session, world.github, world.progress)
        heart = asyncio.ensure_future(keep(lock, journal, runner))
        try:
            outcome = await runner.run(only=only)
        finally:
            heart.cancel()
        await _tell(session, world, journal, outcome)


async def _go_back(session: Session, journal: Journal, release: Release, past: Past, lock: Lock) -> None:
    async with _opened(session, journal, release) as world:
        heed(lambda reason: None)
        outcome = await _runner(session, world, journal, past, lock).go_back(Stop("the run was cut off", cut=True))
        await clear_leftovers(world, session.settings.policies[DatabasePolicy])
        await _tell(session, world, journal, outcome)


@contextlib.asynccontextmanager
async def _opened(session: Session, journal: Journal, release: Release) -> AsyncIterator[World]:
    """The world of a run, for as long as it lasts; meanwhile the team hears how it goes."""
    async with session.world(journal.run, release, note_of(journal)) as world, told_of(session, journal).told(world):
        yield world


def _runner(session: Session, world: World, journal: Journal, past: Past, lock: Lock) -> Runner:
    return Runner(
        session.pipeline,
        world,
        session.settings.policies,
        probes_by_type(PROBES),
        journal,
        waivers=(*session.config.file.waivers, *broken_glass(world.release, PEOPLE, FROM_GITHUB)),
        past=past,
        keep=noting_plan(journal, session.records.samples.keeper(session.clock.now, journal.run, world.release.commit)),
        ours=lambda: is_ours(lock, journal),
        explain=lambda bug: explained(bug, session.root),
    )


async def _tell(session: Session, world: World, journal: Journal, outcome: Outcome | None) -> None:
    """Tell GitHub how it ended. Nothing depends on it."""
    events = journal.events()
    report = report_of(journal.run, events)
    if outcome:
        await tell_end(session, world, report, events, outcome)


def _begin(journal: Journal, session: Session, release: Release, waivers: tuple[JudgedWaiver, ...]) -> None:
    journal.append(
        "run begins",
        pipeline=session.pipeline.name,
        target=session.settings.name,
        commit=release.commit,
        folder=release.folder,
        exact={"release": release, "rules": session.rules},
        production=origin(session.settings.domain),
        by=variable("GITHUB_ACTOR") or whoami(),
        head="" if session.settings.control else head_of(Path(release.folder)),
        waivers=waivers,
    )
    if release.glass:
        journal.append("break glass", reason=release.glass, by=release.glass_by)


def _release_of(events: tuple[Event, ...]) -> Release:
    """The release that a run began with; the later stages and resumes ship that and no other."""
    try:
        return Release(**events[0].body["release"])
    except (KeyError, TypeError) as error:
        named = {"the release": f"{type(error).__name__}: {error}"}
        Past().must_be_read(events[0].run, str(events[0].body.get("target", "")), named)
        raise


def _refuse_after_cut_off(session: Session, run: str) -> None:
    """A run that was killed after promoting left a release nobody has judged: that comes first, however old it is."""
    for other in _unjudged(session):
        if other != run:
            raise Locked(
                f"run {other} was cut off after it had promoted: "
                f"./inv settle --target {session.settings.name} --run {other}   goes back; "
                f"./inv deploy --target {session.settings.name} --resume {other}   goes on; "
                f'./inv accept {other} --because "…"   keeps it, in your name'
            )


def _unjudged(session: Session) -> Iterator[str]:
    """Runs of this target that moved production, have no end, and are at it no more."""
    alive = Lock(session.store, session.settings.name, "", session.clock).alive()
    for run in unfinished_runs(session.store):
        at_it = alive is not None and alive.holder == run
        if (
            report_of(run, events_of(session.store, run)).target == session.settings.name
            and not at_it
            and session.past(run).moved_production
        ):
            yield run


def _last_run(session: Session) -> str:
    """The run that left production unjudged, or else the newest one of this target. Raises Mistake without any."""
    for run in _unjudged(session):
        return run
    for run in latest_runs(session.store, EVERY):
        if report_of(run, events_of(session.store, run)).target == session.settings.name:
            return run
    raise Mistake(f"settle: there is no run yet on {session.settings.name}")


def _run_id(run: str) -> str:
    if run and not RUN_ID.match(run):
        raise Mistake(f"--run {run}: use letters, digits, '.', '_' and '-', at most 64 of them")
    return run
