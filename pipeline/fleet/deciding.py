"""What an order does next, as a pure function of what has happened: begin a wave, queue projects, wait, stop, end."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from checks.statistics import by_chance
from pipeline.fleet.order import OrderState, Where
from pipeline.fleet.waves import PlannedWave
from pipeline.fleet.windows import is_open

UNLIKELY = 0.01
"""Below that probability failures are no chance; the watch of a release has the same."""
DONE, STOPPED = "done", "stopped"
"""How an order ends: everything was begun, or the budget was spent before."""


@dataclass(frozen=True)
class BeginWave:
    """The next wave begins."""

    wave: PlannedWave


@dataclass(frozen=True)
class QueueProjects:
    """These projects are put into the queue: never more than may be under way."""

    projects: tuple[str, ...]


@dataclass(frozen=True)
class EndWave:
    """All projects of the wave have ended, or nothing more of it will begin."""

    wave: PlannedWave


@dataclass(frozen=True)
class SpendBudget:
    """More has ended badly than may; from now on nothing begins."""

    says: str


@dataclass(frozen=True)
class AskApproval:
    """Somebody has to agree to the wave before it begins."""

    wave: PlannedWave


@dataclass(frozen=True)
class AskGate:
    """The gate before the wave is asked."""

    wave: PlannedWave


@dataclass(frozen=True)
class HoldWave:
    """The gate before the wave does not say yes; the order waits until somebody goes on with it."""

    wave: PlannedWave
    says: str


@dataclass(frozen=True)
class WaitSeconds:
    """Nothing to do but to wait: for a pause to be over, or (``seconds`` 0) for what is under way."""

    seconds: float = 0


@dataclass(frozen=True)
class EndOrder:
    """The order has ended."""

    outcome: str


Decision = BeginWave | QueueProjects | EndWave | SpendBudget | AskApproval | AskGate | HoldWave | WaitSeconds | EndOrder


def decide(state: OrderState, now: datetime.datetime) -> Decision:
    """What comes next. A decision is written down before it is acted on, so nobody decides the same twice."""
    plan = state.plan
    failed = state.failed()
    if not state.spent and len(failed) > plan.budget:
        return SpendBudget(f"{len(failed)} ended badly, and {plan.budget} may: {', '.join(failed)}")
    if len(state.waves_ended) < state.waves_begun:
        return _within(state, plan.waves[state.waves_begun - 1], now)
    if not state.spent and state.waves_begun < len(plan.waves) and (says := too_many(state)):
        return SpendBudget(says)
    if state.spent and state.waves_begun < len(plan.waves):
        return EndOrder(STOPPED)
    if state.waves_begun == len(plan.waves):
        begun = all(part.where is Where.ENDED for part in state.parts.values())
        return EndOrder(DONE if begun else STOPPED)
    return _before(state, plan.waves[state.waves_begun], now)


def too_many(state: OrderState) -> str:
    """Why the failures of the wave that has just ended are more than chance gives at the budget's share; else empty.

    One look a wave, by the exact test that a watch has for counts. A budget that is a number says nothing of shares.
    """
    if not state.plan.share or not state.waves_ended:
        return ""
    wave, failed = state.plan.waves[len(state.waves_ended) - 1], set(state.failed())
    ended = [name for name in wave.projects if state.parts[name].end]
    bad = sum(name in failed for name in ended)
    chance = by_chance(bad, len(ended), state.plan.share)
    if not bad or chance >= UNLIKELY:
        return ""
    usual = f"{state.plan.share:.0%} may, which gives so many in {chance:.2g} of all waves"
    return f"{bad} of {len(ended)} of {wave.name} ended badly; {usual}"


def _within(state: OrderState, wave: PlannedWave, now: datetime.datetime) -> Decision:
    """While a wave is under way: fill up what may be at once, with those whose window is open; wait; end it."""
    waiting = (name for name in wave.projects if state.parts[name].where is Where.WAITING)
    free = 0 if state.spent else state.plan.at_once - len(state.in_flight)
    if free > 0:  # of ten thousand only the first few are looked at
        begun_now = (name for name in waiting if is_open(state.plan.windows.get(name), now))
        may = tuple(islice(within_bounds(state, begun_now), free))
        if may:
            return QueueProjects(may)
    if state.in_flight or (not state.spent and _left(state, wave)):
        return WaitSeconds()
    return EndWave(wave)


def _left(state: OrderState, wave: PlannedWave) -> bool:
    return any(state.parts[name].where is Where.WAITING for name in wave.projects)


def within_bounds(state: OrderState, projects: Iterable[str]) -> Iterator[str]:
    """Those of ``projects``, in their order, that their groups let begin beside what is under way and each other."""
    room = {bound.group: state.room(bound) for bound in state.plan.bounds}
    groups = {name: bound.group for bound in state.plan.bounds for name in bound.projects}
    for name in projects:
        group = groups.get(name, "")
        if room.get(group, 1) > 0:
            if group:
                room[group] -= 1
            yield name


def _before(state: OrderState, wave: PlannedWave, now: datetime.datetime) -> Decision:
    """Between two waves: the pause, then the gate, then the approval, after which the gate is asked again."""
    if wave.pause:
        since = datetime.datetime.fromisoformat(state.waves_ended[-1] if state.waves_ended else state.began)
        left = wave.pause - (now - since).total_seconds()
        if left > 0:
            return WaitSeconds(left)
    answer = state.gates.get(wave.name)
    if wave.gate and answer is None:
        return AskGate(wave)
    if wave.gate and answer and not answer.may:
        return HoldWave(wave, answer.says)
    if wave.approval and wave.name not in state.approved:
        return AskApproval(wave)
    return BeginWave(wave)
