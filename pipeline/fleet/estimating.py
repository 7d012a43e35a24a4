"""How many requests an order would make and how long it would take: arithmetic from what earlier runs have measured."""

import datetime
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from checks.outcome import Outcome
from checks.statistics import median
from pipeline.clients.pacing import CallsMade
from pipeline.fleet.budgets import KEPT
from pipeline.fleet.file import FleetFile
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState
from pipeline.fleet.timing import spans

IN_SANDBOX = {"vercel": 110, "sentry": 44, "github": 24, "neon": 16, "betterstack": 9, "upstash": 8}
"""Service → requests of one deployment in the sandbox, with a watch of 1 s; a test counts them again. What is said of a
project when the record has counted none, its own or another's."""


@dataclass(frozen=True)
class ProjectMeasured:
    """What the last deployment of a project took. ``order``: in which that was."""

    order: str
    seconds: float
    calls: Mapping[str, CallsMade]


@dataclass(frozen=True)
class ProjectEstimate:
    """What a project would take. ``seconds``: None when nobody knows; ``of``: the project and order of the measure."""

    project: str
    seconds: float | None
    calls: Mapping[str, CallsMade] = field(default_factory=dict)
    of: tuple[str, str] = ("", "")

    @property
    def is_own(self) -> bool:
        """Whether it is the project's own measure, and not that of one like it."""
        return self.of[0] == self.project


@dataclass(frozen=True)
class CallsEstimate:
    """Requests with one token to one service. ``wait``: seconds for which the vendor's limit holds them up at least."""

    service: str
    token: str
    """The beginning of the token's digest: it tells tokens apart, and nothing else. Empty: as in the sandbox."""
    calls: int
    projects: int
    most: int
    """That the vendor allows in ``window`` seconds, as its answers have said; 0: they did not."""
    window: float
    wait: float


@dataclass(frozen=True)
class WaveEstimate:
    """When a wave would begin and end, in seconds from now; ``approval``: time for that is not in it."""

    name: str
    begins: float
    ends: float
    approval: bool


@dataclass(frozen=True)
class GateEstimate:
    """How long it takes to ask the gate before a wave. ``times``: twice where somebody has to agree in between.

    ``seconds``: of each time; those of the deadline when ``of``, the order in which it last said yes, is empty.
    """

    wave: str
    gate: str
    seconds: float
    times: int
    of: str

    @property
    def whole(self) -> float:
        """Seconds of all times that it is asked."""
        return self.seconds * self.times


@dataclass(frozen=True)
class OrderEstimate:
    """What an order would take. ``seconds``: with all waits that can be known; ``binds``: what it waits for longest.

    ``least``: the same seconds when gates that were never asked take none, which take their deadline in ``seconds``.
    """

    projects: tuple[ProjectEstimate, ...]
    waves: tuple[WaveEstimate, ...]
    calls: tuple[CallsEstimate, ...]
    gates: tuple[GateEstimate, ...]
    seconds: float
    least: float
    binds: str

    @property
    def unknown(self) -> tuple[str, ...]:
        """The projects of which nobody knows how long they take; with any, the order takes longer than is said."""
        return tuple(one.project for one in self.projects if one.seconds is None)


def measured(states: Iterable[OrderState], projects: Iterable[str]) -> dict[str, ProjectMeasured]:
    """Project → what its last deployment took that went well. ``states``: newest first, read only as far as needed."""
    wanted, found = set(projects), dict[str, ProjectMeasured]()
    for state in states:
        for name, part in state.parts.items() if state.plan.action is OrderAction.DEPLOY else ():
            well = part.end and part.end.outcome == Outcome.DEPLOYED.word and part.times < 2
            if well and part.seconds and name in wanted and name not in found:
                found[name] = ProjectMeasured(state.plan.order, part.seconds, part.calls)
        if wanted == found.keys():
            break
    return found


def gates_measured(states: Iterable[OrderState], gates: Iterable[str]) -> dict[str, tuple[str, float]]:
    """Gate, as the order names it → the order in which it last said yes, and the seconds until it did.

    ``states``: newest first, read only as far as needed.
    """
    wanted, found = set(gates), dict[str, tuple[str, float]]()
    for state in states if wanted else ():
        for wave in state.plan.waves:
            if wave.name in state.gates_took and wave.gate in wanted:
                found.setdefault(wave.gate, (state.plan.order, state.gates_took[wave.name]))
        if wanted == found.keys():
            break
    return found


def estimated(
    file: FleetFile,
    plan: OrderPlan,
    known: Mapping[str, ProjectMeasured],
    least: Mapping[str, float],
    asked: Mapping[str, tuple[str, float]],
    now: datetime.datetime,
) -> OrderEstimate:
    """What an order would take. ``least``: project → the seconds that its watch lasts, for those without measure.

    ``asked``: gate → the order in which it last said yes, and the seconds until it did.
    """
    projects = tuple(_project(name, file, known) for name in plan.projects)
    calls = _calls(projects)
    lasts = {one.project: least.get(one.project, 0.0) if one.seconds is None else one.seconds for one in projects}
    gates = tuple(_gates(file, plan, asked))
    every = spans(plan, lasts, {one.wave: one.whole for one in gates}, now)
    waves = tuple(
        WaveEstimate(wave.name, span.begins, span.ends, wave.approval)
        for wave, span in zip(plan.waves, every, strict=True)
    )
    seconds = waves[-1].ends if waves else 0.0
    shortest = [span.ends for span in spans(plan, lasts, {one.wave: one.whole for one in gates if one.of}, now)]
    longest = max(calls, key=lambda one: one.wait, default=None)
    wait = longest.wait if longest else 0.0
    binds = f"the limit of {longest.service}" if longest and wait > seconds else ""
    return OrderEstimate(projects, waves, calls, gates, max(seconds, wait), max(*shortest[-1:], 0.0, wait), binds)


def _gates(file: FleetFile, plan: OrderPlan, asked: Mapping[str, tuple[str, float]]) -> Iterator[GateEstimate]:
    within = {wave.name: wave.gate.within for wave in file.waves if wave.gate}
    for wave in plan.waves:
        if wave.gate:
            order, seconds = asked.get(wave.gate, ("", within.get(wave.name, 0.0)))
            yield GateEstimate(wave.name, wave.gate, seconds, 1 + wave.approval, order)


def _project(name: str, file: FleetFile, known: Mapping[str, ProjectMeasured]) -> ProjectEstimate:
    """The project's own measure; else that in the middle of its group's, else of all; else nothing."""
    if name in known:
        return ProjectEstimate(name, known[name].seconds, known[name].calls, (name, known[name].order))
    group = file.projects[name].group
    like = [one for one in known if one in file.projects and file.projects[one].group == group] or list(known)
    if not like:
        return ProjectEstimate(name, None, {f"{service}.": CallsMade(calls) for service, calls in IN_SANDBOX.items()})
    middle = median([known[one].seconds for one in like])
    near = min(like, key=lambda one: (abs(known[one].seconds - middle), one))
    return ProjectEstimate(name, known[near].seconds, known[near].calls, (near, known[near].order))


def _calls(projects: Iterable[ProjectEstimate]) -> tuple[CallsEstimate, ...]:
    """What each token is asked in all, the most asked first."""
    made: dict[str, list[CallsMade]] = defaultdict(list)
    for project in projects:
        for bucket, one in project.calls.items():
            made[bucket].append(one)
    return tuple(
        sorted((_sum(bucket, each) for bucket, each in made.items()), key=lambda one: (-one.calls, one.service))
    )


def _sum(bucket: str, each: list[CallsMade]) -> CallsEstimate:
    service, _, token = bucket.rpartition(".")
    calls, most = sum(one.calls for one in each), max(one.most for one in each)
    window = max(one.window for one in each)
    usable = most * (100 - KEPT) // 100
    wait = (math.ceil(calls / usable) - 1) * window if usable else 0.0
    return CallsEstimate(service, token[:6], calls, len(each), most, window, max(wait, 0.0))
