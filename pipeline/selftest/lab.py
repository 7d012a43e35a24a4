"""Runs a throw-away sandbox on real ports, with a journal of its own and a clock that moves when somebody sleeps."""

import asyncio
import concurrent.futures
import contextlib
import datetime
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from checks.evidence import Release
from checks.gate import Finding, Gate
from checks.policy import VitalsPolicy, Waiver
from pipeline.config import Config
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.deploy import DEPLOY
from pipeline.engine.past import recall
from pipeline.engine.plan import Pipeline, probes_by_type
from pipeline.engine.readings import Round
from pipeline.engine.runner import Runner
from pipeline.engine.stop import Stop
from pipeline.engine.waivers import waive
from pipeline.probes.every import PROBES
from pipeline.record.journal import Event, Journal, Listener
from pipeline.record.report import Report, report_of
from pipeline.record.sqlite import SqliteStore
from pipeline.record.target import Written
from pipeline.redact import Redactor
from pipeline.sandbox.beside import Beside
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from pipeline.sandbox.state import State
from pipeline.session.asking import READERS, Checked, LineAnswer, ask_in
from pipeline.session.session import Session
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings
from pipeline.world.settings import Settings
from pipeline.world.world import World

T = TypeVar("T")
TARGET = "sandbox"
QUICK: Mapping[str, Mapping[str, float]] = {
    "preflight": {"patience": 0.5, "every": 0.5},
    "migrate": {"patience": 0.5, "every": 0.5},
    "wake": {"patience": 1, "every": 0.5},
    "smoke": {"patience": 0.5, "every": 0.5},
    "confirm": {"patience": 0.5, "every": 0.5},
    "promote": {"patience": 2, "every": 0.2},
    "validate": {"patience": 0.5, "every": 0.5},
    "watch": {"during": 1, "patience": 1, "every": 0.5},
}
"""A no is a no after half a second: nothing here gets well by itself."""


class Hurried:
    """A clock whose time passes only while somebody sleeps; begins now. Two threads may share it."""

    def __init__(self) -> None:
        self._began, self._passed, self._lock = datetime.datetime.now(datetime.UTC), 0.0, threading.Lock()
        self.pace = 1.0
        """So many seconds pass while somebody sleeps for one."""

    def now(self) -> datetime.datetime:
        return self._began + datetime.timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def move(self, seconds: float) -> None:
        """Move the clock so many seconds on, or back when it is less than nothing."""
        with self._lock:
            self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.move(max(seconds * self.pace, 0.001))
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Ran:
    """A run in the lab that has ended. ``given``: what its steps gave, by type."""

    report: Report
    events: tuple[Event, ...]
    given: Mapping[type, Any]

    def answers(self, gate: Gate) -> tuple[Mapping[str, Any], ...]:
        """List what ``gate`` said, each time that it said something new: ``verdict`` and ``findings``."""
        return tuple(e.body for e in self.events if (e.kind, e.subject) == ("gate answered", gate.name))


class Lab:
    """A sandbox, a journal and settings to try gates in.

    ``release`` is what runs ship, and what gates are asked about; ``settings`` has the policies they go by.
    """

    def __init__(self, home: Path, beside: Beside, clock: Hurried, config: Config) -> None:
        self.home, self.beside, self.clock, self.config = home, beside, clock, config
        policies = config.policies[TARGET].by_type()
        policies[VitalsPolicy] = replace(policies[VitalsPolicy], lab=False)  # a browser costs seconds a page
        self.settings: Settings = replace(
            sandbox_settings(TARGET, beside.sandbox.description(), policies), root=home / "checkout"
        )
        self.store = SqliteStore(home / "journal.db")
        self.release = self.example("good")
        self.kept: dict[str, Any] = {}
        """What a cure needs to remember of its breakage."""
        self._runs = 0

    def change(self, act: Callable[[Sandbox], T]) -> T:
        """Act on the sandbox itself, in its own thread."""
        return self.beside.change(act)

    def state(self, act: Callable[[State], T]) -> T:
        """Act on the state that the sandbox remembers."""
        return self.beside.change(lambda sandbox: act(sandbox.state))

    def patch(self, **services: Mapping[str, Any]) -> None:
        """Set fields of the services' states, e.g. ``github={"check_conclusion": "failure"}``."""
        self.change(lambda sandbox: sandbox.patch(dict(services)))

    def fault(self, *texts: str) -> None:
        """Inject faults: services misbehave from now on."""
        for text in texts:
            self.change(lambda sandbox, text=text: sandbox.inject(text))  # type: ignore[misc]

    def no_faults(self) -> None:
        """Clear every fault: the vendor's incident is over."""
        self.change(lambda sandbox: sandbox.faults.clear())

    def require(self, kind: type, **changes: Any) -> None:
        """Change a section of ``deploy.yml``."""
        policies = {**self.settings.policies, kind: replace(self.settings.policies[kind], **changes)}
        self.settings = replace(self.settings, policies=policies)

    def waive(self, *waivers: Waiver) -> None:
        """Set the waivers in ``deploy.yml``."""
        self.config = replace(self.config, file=replace(self.config.file, waivers=waivers))

    def today(self) -> datetime.date:
        return self.clock.now().date()

    def example(self, name: str) -> Release:
        """Build and push one of the sandbox's example releases."""
        folder, commit = self.change(lambda sandbox: sandbox.release(name))
        return Release(commit, str(folder))

    def order(self, **said: Any) -> None:
        """Set the options that the next run is started with."""
        self.release = replace(self.release, **said)

    @property
    def records(self) -> Written:
        return Written(self.store, TARGET, self.clock, self.config.file.waivers)

    def journal(self, run: str, *listeners: Listener) -> Journal:
        return Journal(self.store, run, self.clock.now, Redactor(self.settings.hidden), listeners)

    def call(self, act: Callable[[World], Awaitable[T]]) -> T:
        """Call a service's own API, as a person does with the vendor's command. May be called while a run goes on."""

        async def go() -> T:
            async with open_world(self.settings, self.release, "by-hand", self.clock, records=self.records) as world:
                return await act(world)

        with concurrent.futures.ThreadPoolExecutor(1) as elsewhere:  # the run's own loop is busy with us
            return elsewhere.submit(lambda: asyncio.run(go())).result()

    def ask(self, gate: Gate, given: Mapping[type, Any] | None = None) -> tuple[Finding, ...]:
        """Ask ``gate`` now, its evidence read by its own probes. ``given``: what the steps of a run gave."""

        async def go() -> tuple[Finding, ...]:
            known = {**self.settings.policies, **(given or {})}
            async with (
                open_world(self.settings, self.release, "asked", self.clock, records=self.records) as world,
                Round(world, known, READERS) as look,
            ):
                findings, _ = await look.ask(gate)
                return waive(self.config.file.waivers, gate.name, findings, self.today())

        return asyncio.run(go())

    def run(self, pipeline: Pipeline, *listeners: Listener) -> Ran:
        """Ship the release through ``pipeline``, to the run's end, whatever that is."""
        self._runs += 1
        run = f"selftest-{self._runs}"
        pipeline = pipeline.at_pace({name: QUICK.get(name, {}) for name in (stage.name for stage in pipeline.stages)})
        journal, policies = self.journal(run, *listeners), self.settings.policies
        keep = self.records.samples.keeper(self.clock.now, run, self.release.commit)

        async def go() -> None:
            async with open_world(self.settings, self.release, run, self.clock, records=self.records) as world:
                await Runner(
                    pipeline,
                    world,
                    policies,
                    probes_by_type(PROBES),
                    journal,
                    waivers=self.config.file.waivers,
                    keep=keep,
                ).run()

        self.begun(journal, pipeline.name)
        asyncio.run(go())
        events = journal.events()
        given = recall(events, pipeline, policies).given
        return Ran(report_of(run, events), events, given)

    def begun(self, journal: Journal, pipeline: str) -> None:
        """Write into the journal that a run begins."""
        said = {"target": TARGET, "commit": self.release.commit, "production": self.settings.domain}
        journal.append("run begins", pipeline=pipeline, by="the self-test", exact={"release": self.release}, **said)

    def settle(self, run: str) -> None:
        """Settle a run as ``./inv settle --run RUN`` does: go back from the journal alone."""
        journal, policies = self.journal(run), self.settings.policies
        past = recall(journal.events(), DEPLOY, policies)

        async def go() -> None:
            async with open_world(self.settings, self.release, run, self.clock, records=self.records) as world:
                runner = Runner(DEPLOY, world, policies, probes_by_type(PROBES), journal, past=past)
                await runner.go_back(Stop("the run was cut off", cut=True))

        asyncio.run(go())

    def checklist(self, name: str) -> tuple[LineAnswer, ...]:
        """Answer the gates of ``./inv monitor.NAME``, its steps done."""
        session = Session(self.settings, DEPLOY, self.store, Redactor(self.settings.hidden), self.clock, self.config)

        async def go() -> Checked:
            run = f"monitor-{name}-{self._runs}"
            async with open_world(self.settings, Release("", "."), run, self.clock, records=self.records) as world:
                return await ask_in(session, world, (CHECKLISTS[name],), name)

        return tuple(answer for line in asyncio.run(go()).lines for answer in line.answers)


@contextlib.contextmanager
def lab(home: Path, database_url: str, config: Config) -> Iterator[Lab]:
    """Open a lab at rest under ``home``, gone when this ends. ``database_url``: an empty course catalogue's."""
    clock = Hurried()
    sandbox = Sandbox(
        home / "sandbox",
        Database(database_url),
        now=lambda: clock.now().timestamp(),
        sleep=clock.sleep,
        remembers=False,
    )
    with Beside(sandbox, home / "sandbox") as beside:
        made = Lab(home, beside, clock, config)
        try:
            yield made
        finally:
            made.store.close()
