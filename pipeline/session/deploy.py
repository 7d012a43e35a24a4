"""Carries out what was asked on the command line: opens the target, takes the lock, runs, lets go."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from checks.evidence import Release
from pipeline.clock import SystemClock, origin
from pipeline.config import Config
from pipeline.definitions.deploy import PROBES
from pipeline.engine.past import Past
from pipeline.engine.plan import Pipeline, probes_by_type
from pipeline.engine.runner import Outcome, Runner, Stop
from pipeline.environment import variable
from pipeline.errors import Locked, Mistake, ServiceError
from pipeline.record.journal import Event, Journal, Listener, events_of, latest_runs, new_run_id
from pipeline.record.lock import Lock
from pipeline.record.report import Report, report_of
from pipeline.redact import Redactor
from pipeline.session.release import find_release
from pipeline.session.session import Order, Session, session, whoami
from pipeline.world.opening import open_world
from pipeline.world.world import World

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
LEASE = 60.0  # renewed every third of it
BETWEEN_STAGES = 900.0  # how long a run whose stages are separate processes keeps the lock without a sign of life
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


After = Callable[[Session, Report], None]


def nothing_after(it: Session, report: Report) -> None:
    """Nobody wants to know."""


def ship(
    config: Config, order: Order, root: Path, show: Callable[[Redactor, str], Listener], after: After = nothing_after
) -> Report:
    """Run the pipeline. Raises Mistake (exit 2) or Locked (exit 1) before anything is touched.

    ``after`` is told how it ended.
    """
    with session(config, order.target, root) as it:
        run = _run_id(order.run) or new_run_id(it.clock.now())
        _refuse_after_cut_off(it, run)
        past, earlier = it.past(run), events_of(it.store, run)
        if order.resume and not earlier:
            raise Mistake(f"--resume {run}: there is no such run; ./inv history lists them")
        _must_fit(it.pipeline, past, run, order.stage, earlier)
        _must_aim(earlier, it.settings.name)
        release = _release_of(earlier) if earlier else find_release(it.settings, order, root, it.clock)
        journal = Journal(it.store, run, it.clock.now, it.redactor, [show(it.redactor, run)])
        lease, pid = (BETWEEN_STAGES, 0) if order.stage else (LEASE, None)
        lock = Lock(it.store, it.settings.name, run, it.clock, lease=lease, pid=pid)
        lock.take(f"{it.pipeline.name} {release.commit[:12]}")
        try:
            if not earlier:
                _begin(journal, it, release)
            asyncio.run(_go(it, journal, release, past, lock, order.stage))
        finally:
            report = report_of(run, events_of(it.store, run))
            if report.outcome or not order.stage:
                lock.release()
        after(it, report)
        return report


def settle_run(
    config: Config,
    target: str,
    run: str,
    root: Path,
    show: Callable[[Redactor, str], Listener],
    after: After = nothing_after,
) -> tuple[Report, bool]:
    """Put back what a run left that was cut off. Returns its report, and whether there was anything to do."""
    with session(config, target, root) as it:
        run = _run_id(run) or _last_run(it)
        events = events_of(it.store, run)
        if not events:
            raise Mistake(f"settle {run}: there is no such run; ./inv history lists them")
        _must_aim(events, it.settings.name)
        past = it.past(run)
        lock = Lock(it.store, it.settings.name, run, it.clock, lease=LEASE)
        if not past.outcome:
            lock.take(f"settle {run}")
            journal = Journal(it.store, run, it.clock.now, it.redactor, [show(it.redactor, run)])
            asyncio.run(_go_back(it, journal, _release_of(events), past))
        lock.release()
        report = report_of(run, events_of(it.store, run))
        if not past.outcome:
            after(it, report)
        return report, not past.outcome


async def _go(it: Session, journal: Journal, release: Release, past: Past, lock: Lock, only: str) -> None:
    async with _opened(it, journal, release) as world:
        runner = _runner(it, world, journal, past)
        loop = asyncio.get_running_loop()
        for one in SIGNALS:
            loop.add_signal_handler(one, runner.interrupt, f"interrupted by {one.name}")
        heart = asyncio.ensure_future(_keep(lock, runner))
        try:
            outcome = await runner.run(only=only)
        finally:
            heart.cancel()
        await _tell(world, journal.run, outcome)


async def _go_back(it: Session, journal: Journal, release: Release, past: Past) -> None:
    async with _opened(it, journal, release) as world:
        loop = asyncio.get_running_loop()
        for one in SIGNALS:
            loop.add_signal_handler(one, lambda: None)
        outcome = await _runner(it, world, journal, past).go_back(Stop("the run was cut off", cut=True))
        await _tell(world, journal.run, outcome)


@contextlib.asynccontextmanager
async def _opened(it: Session, journal: Journal, release: Release) -> AsyncIterator[World]:
    shown = next((getattr(one, "note", None) for one in journal.listeners), None) or (lambda line: None)

    def note(line: str) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; the run is not
            shown(line)

    async with open_world(it.settings, release, journal.run, it.clock, note, records=it.records) as world:
        yield world


def _runner(it: Session, world: World, journal: Journal, past: Past) -> Runner:
    return Runner(
        it.pipeline,
        world,
        it.settings.policies,
        probes_by_type(PROBES),
        journal,
        waivers=it.config.file.waivers,
        past=past,
        keep=it.records.samples.keeper(it.clock.now, journal.run, world.release.commit),
    )


async def _keep(lock: Lock, runner: Runner) -> None:
    """Renew the lease while the run lives; a run that lost its lock must not go on."""
    while True:
        await SystemClock().sleep(LEASE / 3)
        try:
            if not lock.renew():
                runner.interrupt("somebody else took the lock")
        except ServiceError:
            pass  # the store is away for a moment; the lease outlives two missed renewals


async def _tell(world: World, run: str, outcome: Outcome | None) -> None:
    """When production was moved back, or a person has to decide, the team hears of it; nothing depends on it."""
    commit, site = world.release.commit[:12], origin(world.domain)
    text = (
        {
            Outcome.ROLLED_BACK: f"{commit} was taken back from {site}: rolled back (run {run}).",
            Outcome.STRANDED: f"{commit} was taken back from {site}: stranded (run {run}).",
            Outcome.HELD: f"{commit} is live on {site} and nobody can say that it is well: "
            f"a person decides (run {run}).",
        }.get(outcome)
        if outcome
        else None
    )
    if text:
        with contextlib.suppress(ServiceError):
            await world.webhook.tell(text)


def _begin(journal: Journal, it: Session, release: Release) -> None:
    journal.append(
        "run begins",
        pipeline=it.pipeline.name,
        target=it.settings.name,
        commit=release.commit,
        folder=release.folder,
        exact={"release": release},
        production=origin(it.settings.domain),
        by=variable("GITHUB_ACTOR") or whoami(),
    )


def _release_of(events: tuple[Event, ...]) -> Release:
    """The release that a run began with; the later stages and resumes ship that and no other."""
    return Release(**events[0].body["release"])


def _must_fit(pipeline: Pipeline, past: Past, run: str, stage: str, earlier: tuple[Event, ...]) -> None:
    """Raises Mistake when the run cannot go on from where it is."""
    if past.outcome:
        raise Mistake(f"run {run}: has already ended as {past.outcome}; start a new one")
    names = [one.name for one in pipeline.stages]
    if not stage:
        return
    if stage not in names:
        raise Mistake(f"--stage {stage}: {pipeline.name} has no such stage; it has {', '.join(names)}")
    before = [name for name in names[: names.index(stage)] if name not in past.settled]
    if before:
        raise Mistake(f"--stage {stage}: {', '.join(before)} has not passed in run {run}; run that first")
    if stage in past.settled:
        raise Mistake(f"--stage {stage}: has already passed in run {run}")
    if earlier and any(event.kind == "going back" for event in earlier):
        raise Mistake(f"run {run}: was already going back; ./inv settle --run {run}")


def _must_aim(earlier: tuple[Event, ...], target: str) -> None:
    """A run goes on, or back, where it began and nowhere else."""
    theirs = earlier[0].body.get("target", target) if earlier else target
    if theirs != target:
        raise Mistake(f"run {earlier[0].run}: was begun on {theirs}; say --target {theirs}")


def _refuse_after_cut_off(it: Session, run: str) -> None:
    """A run that was killed after promoting left a release nobody has judged: that comes first."""
    for other in latest_runs(it.store, 20):
        report = report_of(other, events_of(it.store, other))
        if report.target != it.settings.name:
            continue
        alive = Lock(it.store, it.settings.name, run, it.clock).alive()
        at_it = alive is not None and alive.holder == other
        if other != run and not report.outcome and not at_it and it.past(other).moved_production:
            raise Locked(
                f"run {other} was cut off after it had promoted: "
                f"./inv settle --target {report.target} --run {other}   goes back; "
                f"./inv deploy --target {report.target} --resume {other}   goes on"
            )
        return


def _last_run(it: Session) -> str:
    for run in latest_runs(it.store, 20):
        if report_of(run, events_of(it.store, run)).target == it.settings.name:
            return run
    raise Mistake("settle: there is no run yet")


def _run_id(run: str) -> str:
    if run and not RUN_ID.match(run):
        raise Mistake(f"--run {run}: use letters, digits, '.', '_' and '-', at most 64 of them")
    return run
