"""A fleet beyond one machine, by simulation: how long a fix takes to all, what binds, what waves cost and save.

``python -m bench.fleetsim`` prints the tables for 10,000 projects. ``--check [PROJECTS] [AT ONCE]`` first deploys
a fleet of examples to the sandbox for real, counts the requests, and says how far off the simulation of it is.
``--scale [PROJECTS]`` does that with one worker and with two, and simulates four, on cores that they share.

What comes next is decided by the product's own `pipeline.fleet.deciding`, at simulated times; what takes time (runs,
the vendors' limits, cores) is simulated with SimPy. The constants and their sources stand at `Run` and `LIMITS`.
"""

import contextlib
import dataclasses
import datetime
import math
import os
import random
import resource
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import simpy

from bench.common import INV, control
from bench.fleet import below, example_of, measured, newest_order, seconds_between
from bench.fleetchaos import Workers, fresh, typed, world_of
from checks.outcome import Outcome
from pipeline.fleet.deciding import BeginWave, EndOrder, EndWave, QueueProjects, SpendBudget, decide
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, ProjectPart, add
from pipeline.fleet.place import PROGRAM
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Event, plain
from pipeline.sandbox.launch import attach, reset

Waiting = Generator[simpy.Event, None, None]

BEGAN = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
KEPT = 0.1  # of a limit, for emergencies: pipeline.fleet.budgets
LOOKS = 0.1  # seconds from an end until whoever conducts has heard of it
WATCH = "12s"  # in the sandbox it looks each 300 ms: as often as in ten minutes, each 15 s
MADE = ("POST", "/v13/deployments")
TURNS = 20  # in a run whose length was measured: between them it waits for vendors and for its watch
PHASES = ("preflight", "ship", "smoke", "watch")


@dataclass(frozen=True)
class Limit:
    """What a vendor allows to one team's token: so many requests in so many seconds, from the first one on."""

    most: float
    seconds: float


LIMITS = {
    "deployments": Limit(6000, 86400),  # Vercel's documentation of its limits: deployments a day, Pro
    "github": Limit(5000, 3600),  # GitHub's documentation: requests an hour, a user's token
    "neon": Limit(700, 60),  # Neon's documentation: requests a minute; it allows bursts of 40 a second and route
}
"""Vercel and Sentry say what is left in their answers, and publish no number; what is invented is not simulated."""


@dataclass(frozen=True)
class Run:
    """One project's run. ``calls``: requests by vendor, as ``--check`` counts them in the sandbox; the rest in seconds.

    ``build`` is the median of a log-normal distribution, whose ``spread`` makes one build in forty take 2.7 times as
    long: an assumption, as is ``network``, what all steps but build and watch take with a vendor that is far away.
    ``fails``: the share of runs that end badly before production moves, for reasons of their own: an assumption.
    """

    build: float = 90
    spread: float = 0.5
    network: float = 30
    watch: float = 600
    fails: float = 0.02
    calls: tuple[tuple[str, int], ...] = (("deployments", 2), ("github", 25), ("neon", 16))


@dataclass(frozen=True)
class Scenario:
    """A fleet and an order. ``breaks``: the share of projects in which the fix breaks something that users meet.

    ``percents``: each wave but the last, as a share of all; ``pauses``: seconds before each wave but the first.
    ``cores``: which builds use, of all workers together; 0 for builds that are done elsewhere, before.
    ``detects``: seconds of the watch until it takes a broken release back; such a project ends badly.
    """

    projects: int = 10_000
    teams: int = 10
    workers: int = 50
    each: int = 10
    """How many projects a worker has under way at once."""
    cores: int = 0
    percents: tuple[float, ...] = (0.01, 0.10)
    pauses: tuple[float, ...] = (600, 1800)
    budget: float = 0.05
    breaks: float = 0
    detects: float = 120
    run: Run = Run()
    machine: int = 0
    """Cores that all workers share, of which each run whose length was measured wants ``cpu`` seconds; 0: no matter."""
    cpu: float = 0
    limits: tuple[tuple[str, Limit], ...] = tuple(LIMITS.items())

    @property
    def at_once(self) -> int:
        return self.workers * self.each


class Window:
    """A limit of one token, taken from by all workers."""

    def __init__(self, env: simpy.Environment, limit: Limit) -> None:
        self._env, self._limit, self._left, self._resets = env, limit, limit.most, 0.0

    def take(self, count: int) -> Waiting:
        for _ in range(count):
            while True:
                if self._env.now >= self._resets:
                    self._left, self._resets = self._limit.most, self._env.now + self._limit.seconds
                if self._left > KEPT * self._limit.most:
                    self._left -= 1
                    break
                yield self._env.timeout(self._resets - self._env.now)


class Counting(OrderState):
    """An order that keeps count: asking each of 10,000 projects for each decision would be the whole simulation."""

    def __init__(self, plan: OrderPlan, began: str) -> None:
        super().__init__(plan, began, {name: ProjectPart() for name in plan.projects})
        self.bad: dict[str, None] = {}
        self.under_way: dict[str, None] = {}

    def failed(self) -> tuple[str, ...]:
        return tuple(self.bad)

    @property
    def in_flight(self) -> tuple[str, ...]:
        return tuple(self.under_way)


@dataclass
class Result:
    """What became of an order. ``ends``: when each project ended well; ``met``: those that served what breaks."""

    seconds: float = 0
    ends: list[float] = field(default_factory=list)
    met: int = 0
    bad: int = 0
    begun: int = 0
    spent: str = ""

    def half(self) -> float:
        """Seconds until half of those that ended well had."""
        return statistics.median(self.ends) if self.ends else math.nan


class Simulation:
    """One order in one scenario. ``lengths``: of each wave the seconds of its runs; without them they are made up."""

    def __init__(self, scenario: Scenario, seed: int = 1, lengths: Sequence[Sequence[float]] = ()) -> None:
        self.env, self._scenario, self._random = simpy.Environment(), scenario, random.Random(seed)
        self._lengths = [self._random.sample(wave, len(wave)) for wave in lengths]
        windows = dict(scenario.limits)
        self._windows = {
            (team, vendor): Window(self.env, limit)
            for team in range(scenario.teams)
            for vendor, limit in windows.items()
        }
        self._cores = simpy.Resource(self.env, scenario.cores) if scenario.cores else None
        self._machine = simpy.Resource(self.env, scenario.machine) if scenario.machine else None
        plan = OrderPlan(
            "o",
            OrderAction.DEPLOY,
            waves(scenario),
            scenario.at_once,
            math.floor(scenario.budget * scenario.projects),
            share=scenario.budget,
        )
        self._state = Counting(plan, self._now())
        self._changed = self.env.event()
        self.result = Result()

    def whole(self) -> Result:
        """Conduct the order to its end."""
        self.env.run(self.env.process(self._conduct()))
        self.result.seconds = self.env.now
        return self.result

    def _now(self) -> str:
        return (BEGAN + datetime.timedelta(seconds=self.env.now)).isoformat()

    def _tell(self, kind: str, subject: str = "", **body: object) -> None:
        add(self._state, Event("o", self._now(), kind, subject, body))

    def _conduct(self) -> Waiting:
        while True:
            decision = decide(self._state, datetime.datetime.fromisoformat(self._now()))
            match decision:
                case BeginWave(wave):
                    self._tell("wave begins", wave.name)
                case EndWave(wave):
                    self._tell("wave ended", wave.name)
                case QueueProjects(names):
                    for name in names:
                        self._tell("project queued", name)
                        self._state.under_way[name] = None
                        self.result.begun += 1
                        self.env.process(self._project(name))
                case SpendBudget(says):
                    self._tell("budget spent", says=says)
                    self.result.spent = says
                case EndOrder():
                    return
                case _:
                    seconds = getattr(decision, "seconds", 0)
                    if seconds:
                        yield self.env.timeout(seconds)
                    else:
                        self._changed = self.env.event()
                        yield self._changed
                        yield self.env.timeout(LOOKS)

    def _project(self, name: str) -> Waiting:
        self._tell("project begins", name, worker="w")
        end = Outcome.DEPLOYED
        if self._lengths:
            yield from self._measured(self._lengths[self._state.waves_begun - 1].pop())
        else:
            end = yield from self._run(int(name[1:]) % self._scenario.teams)
        del self._state.under_way[name]
        if end is Outcome.DEPLOYED:
            self.result.ends.append(self.env.now)
        else:
            self._state.bad[name] = None
            self.result.bad += 1
        self._tell("project ended", name, **plain(ProjectEnd(end.word)))
        if not self._changed.triggered:
            self._changed.succeed()

    def _measured(self, seconds: float) -> Waiting:
        """A run of that length where nobody else wants a core: by turns it wants one, and waits."""
        if not self._machine:
            yield self.env.timeout(seconds)
            return
        cpu = min(self._scenario.cpu, seconds)
        for _ in range(TURNS):
            with self._machine.request() as core:
                yield core
                yield self.env.timeout(cpu / TURNS)
            yield self.env.timeout((seconds - cpu) / TURNS)

    def _run(self, team: int) -> Generator[simpy.Event, None, Outcome]:
        run, chance = self._scenario.run, self._random.random
        yield from self._asks(team, "preflight")
        yield self.env.timeout(run.network / 2)
        yield from self._builds(self._random.lognormvariate(math.log(run.build), run.spread) if run.build else 0)
        yield from self._asks(team, "ship")
        if chance() < run.fails:
            return Outcome.BLOCKED
        yield from self._asks(team, "smoke")
        yield self.env.timeout(run.network / 2)
        yield from self._asks(team, "watch")
        if chance() < self._scenario.breaks:
            self.result.met += 1
            yield self.env.timeout(min(self._scenario.detects, run.watch))
            return Outcome.ROLLED_BACK
        yield self.env.timeout(run.watch)
        return Outcome.DEPLOYED

    def _builds(self, seconds: float) -> Waiting:
        if not self._cores:
            yield self.env.timeout(seconds)
            return
        with self._cores.request() as core:
            yield core
            yield self.env.timeout(seconds)

    def _asks(self, team: int, phase: str) -> Waiting:
        """A quarter of the requests of a run to each vendor."""
        for vendor, count in self._scenario.run.calls:
            number = PHASES.index(phase)
            if (team, vendor) in self._windows:
                yield from self._windows[team, vendor].take(count * (number + 1) // 4 - count * number // 4)


def waves(scenario: Scenario) -> tuple[PlannedWave, ...]:
    """The waves of a scenario; the last one is the rest."""
    names, found = [f"p{number}" for number in range(scenario.projects)], []
    for number, pause in enumerate((0.0, *scenario.pauses)):
        if number < len(scenario.percents):
            count = math.ceil(scenario.percents[number] * scenario.projects)
            found.append(PlannedWave(f"wave-{number + 1}", tuple(names[:count]), pause))
            del names[:count]
    last = scenario.pauses[len(scenario.percents) - 1] if scenario.percents else 0.0
    return (*found, PlannedWave("rest", tuple(names), last))


def without(scenario: Scenario, vendor: str) -> Scenario:
    """The same where that vendor has no limit."""
    return dataclasses.replace(scenario, limits=tuple(pair for pair in scenario.limits if pair[0] != vendor))


RELAXED: dict[str, Callable[[Scenario], Scenario]] = {
    "projects at once": lambda one: dataclasses.replace(one, each=one.each * 2),
    "cores": lambda one: dataclasses.replace(one, cores=one.cores * 2),
    "pauses": lambda one: dataclasses.replace(one, pauses=tuple(0.0 for _ in one.pauses)),
    "the watch": lambda one: dataclasses.replace(one, run=dataclasses.replace(one.run, watch=one.run.watch / 2)),
    "Vercel's deployments a day": lambda one: without(one, "deployments"),
    "GitHub's requests": lambda one: without(one, "github"),
    "Neon's requests": lambda one: without(one, "neon"),
}
"""What could bind, and the same scenario with twice as much of it, half as long, or without it."""


def binds(scenario: Scenario, seconds: float) -> tuple[str, float]:
    """What shortens the whole most when there is more of it, and the share of the time that this saves."""
    saved = {name: 1 - Simulation(relax(scenario)).whole().seconds / seconds for name, relax in RELAXED.items()}
    name = max(saved, key=lambda one: saved[one])
    return name, saved[name]


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"


SCENARIOS = {
    "10 teams, 500 at once, built elsewhere, waves 1% and 10%": Scenario(),
    "the same in one wave": Scenario(percents=(), pauses=()),
    "2,000 at once": Scenario(each=40),
    "built by the workers, 100 cores": Scenario(cores=100),
    "one team": Scenario(teams=1),
    "50 teams, 2,000 at once, a watch of 2 min": Scenario(teams=50, each=40, run=Run(watch=120)),
}
BROKEN = (1.0, 0.1, 0.02)


def reach() -> None:
    """Print how long a good fix takes, and what binds."""
    print("| 10,000 projects, 50 workers | half have it | all | what binds: with more of it, or without |")
    print("|---|--:|--:|---|")
    for name, scenario in SCENARIOS.items():
        result = Simulation(scenario).whole()
        what, saves = binds(scenario, result.seconds)
        print(f"| {name} | {hours(result.half())} | {hours(result.seconds)} | {what}: {saves:.0%} less |")


def blast() -> None:
    """Print how many projects serve a fix that breaks something, with waves and without."""
    print("| it breaks | in waves of 1%, 10%: served it, begun, stopped after | in one wave |")
    print("|--:|---|---|")
    for breaks in BROKEN:
        cells = []
        for shape in (Scenario(breaks=breaks), Scenario(breaks=breaks, percents=(), pauses=())):
            result = Simulation(shape).whole()
            stopped = f"stopped after {hours(result.seconds)}" if result.spent else "never stopped"
            cells.append(f"{result.met:,} of {result.begun:,}, {stopped}")
        print(f"| {breaks:.0%} of the projects | {' | '.join(cells)} |")


def counted(folder: Path) -> dict[str, float]:
    """How many requests each vendor had from a deploy, by what the emulators of the projects in ``folder`` remember."""
    found = defaultdict[str, list[int]](list)
    for home in sorted((folder / "projects").iterdir()):
        asked = control(world_of(home), "GET", "/requests?limit=500")
        for vendor, requests in asked.items():
            found[vendor].append(len(requests))
        made = [one for one in asked["vercel"] if (one["method"], one["path"]) == MADE and one["status"] < 300]
        found["deployments"].append(len(made))
    return {vendor: statistics.median(numbers) for vendor, numbers in found.items() if any(numbers)}


def lengths_of(state: OrderState) -> list[list[float]]:
    """The seconds of the runs of an order, by wave."""
    took = {name: seconds_between(part.began, part.ended) for name, part in state.parts.items()}
    return [[took[name] for name in wave.projects] for wave in state.plan.waves]


def check(projects: int, at_once: int) -> None:
    """Deploy a fleet for real, and simulate it with the lengths of its runs, each wave's in twenty other orders."""
    folder = example_of(projects, at_once)
    try:
        with attach(folder / ".fleet", timeout=60 + 5 * projects, program=PROGRAM):
            for home in (folder / "projects").iterdir():
                said = (home / "deploy.yml").read_text().replace("watch: {during: 1s", f"watch: {{during: {WATCH}")
                (home / "deploy.yml").write_text(said, encoding="utf-8")
            measured([INV, "fleet.deploy", "--home", str(folder)], folder)
            calls = counted(folder)
        state = newest_order(folder)
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)
    assert state
    lengths = lengths_of(state)
    plan, real = state.plan, seconds_between(state.began, state.ended)
    percents = tuple(len(wave.projects) / projects for wave in plan.waves[:-1])
    same = Scenario(projects, 1, 1, at_once, percents=percents, pauses=(0.0,) * len(percents), budget=1, limits=())
    found = [Simulation(same, seed, lengths).whole().seconds for seed in range(20)]
    middle = statistics.median(found)
    print(f"{projects} projects, {at_once} at once, {len(plan.waves)} waves, for real: {real:.1f} s")
    print(f"  simulated, twenty times      {middle:.1f} s ({min(found):.1f} to {max(found):.1f})")
    print(f"  simulated ÷ real             {middle / real:.2f}")
    print(f"  requests of a run, medians   {', '.join(f'{name} {count:g}' for name, count in sorted(calls.items()))}")


def scale(projects: int) -> None:
    """Deploy a fleet for real with one worker, then with two; simulate both, and four, with the runs of the first.

    Each worker has two projects at once, as in ``bench.fleetchaos scale``; all are on one machine and share its cores.
    """
    one, took, cpu = worked(projects, 1)
    two, _, _ = worked(projects, 2)
    cores = os.cpu_count() or 1
    percents = tuple(len(wave) / projects for wave in took[:-1])
    same = Scenario(projects, 1, 1, 2, percents=percents, pauses=(0.0,) * len(percents), budget=1, limits=())

    def simulated(workers: int, machine: int) -> float:
        shape = dataclasses.replace(same, workers=workers, machine=machine, cpu=cpu)
        return statistics.median(Simulation(shape, seed, took).whole().seconds for seed in range(20))

    alone = simulated(1, cores)
    print(f"{projects} projects, two at once a worker, {cpu:.1f} s of CPU a run with its sandbox, {cores} cores")
    print(f"  one worker, simulated ÷ real        {alone:.1f} s ÷ {one:.1f} s = {alone / one:.2f}")
    print(f"  two ÷ one, real                     {two:.1f} s ÷ {one:.1f} s = {two / one:.2f}")
    for workers in (2, 4):
        here, free = simulated(workers, cores) / alone, simulated(workers, 0) / simulated(1, 0)
        each = simulated(workers, workers * cores) / alone
        print(f"  {workers} ÷ one, simulated: cores shared {here:.2f}, cores of its own {each:.2f}, no CPU {free:.2f}")


def worked(projects: int, workers: int) -> tuple[float, list[list[float]], float]:
    """The seconds of an order with so many workers, those of its runs by wave, and the CPU seconds of a run."""
    with fresh(projects) as (folder, running):
        began = used(int(running["pid"]))
        these = Workers(folder, workers)
        typed(folder, "fleet.deploy")
        these.end()
        cpu = (used(int(running["pid"])) - began) / projects
        state = newest_order(folder)
    assert state
    return seconds_between(state.began, state.ended), lengths_of(state), cpu


def used(server: int) -> float:
    """The CPU seconds of all that this process has started and that has ended, and of a server with all below it."""
    own, found = resource.getrusage(resource.RUSAGE_CHILDREN), 0
    for pid in (server, *below(server)):
        with contextlib.suppress(OSError, IndexError, ValueError):
            found += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return own.ru_utime + own.ru_stime + found / os.sysconf("SC_CLK_TCK")


def main() -> None:
    if sys.argv[1:2] == ["--scale"]:
        scale(int((*sys.argv[2:], "12")[0]))
        return
    if sys.argv[1:2] == ["--check"]:
        projects, at_once = (int(word) for word in (*sys.argv[2:], *("24", "4")[len(sys.argv) - 2 :]))
        check(projects, at_once)
        return
    reach()
    print()
    blast()


if __name__ == "__main__":
    main()
