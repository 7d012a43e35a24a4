"""An order to a fleet as one report: what it did by wave, what several projects share, what a person has to do."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checks.amounts import amount
from checks.outcome import Outcome
from pipeline.fleet.concluding import exit_code
from pipeline.fleet.ends import LOST
from pipeline.fleet.judging import FleetFinding, judged
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, Where, is_bad
from pipeline.fleet.waves import PlannedWave
from pipeline.redact import one_line
from pipeline.render.fleet import standing_of
from pipeline.render.fleetback import back_words, in_short
from pipeline.render.fleetmarks import BAD, GOOD, NEXT, UNDONE, some
from pipeline.render.history import long

PERSON = (LOST, Outcome.STRANDED.word, Outcome.HELD.word)
"""Ends after which nothing goes on by itself."""


@dataclass(frozen=True)
class LeftToDo:
    """What a person has to do, for whom, and the command that does it or says more."""

    says: str
    projects: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class WaveSoFar:
    """A wave, so far. ``stands``: waits, goes on, ended; or, when the order ended before, stopped or not begun.

    ``agreed``: who agreed to it. ``gate``: what has to say yes before it, in words.
    """

    name: str
    stands: str
    projects: tuple[str, ...]
    well: int
    bad: int
    agreed: str = ""
    gate: str = ""
    back: int = 0
    """How many of those that went well a later order has taken back."""

    @property
    def counted(self) -> str:
        left = len(self.projects) - self.well - self.bad
        parts = [f"{self.well} well", f"{self.bad} badly" if self.bad else "", f"{left} not ended" if left else ""]
        parts.append(f"{self.back} taken back" if self.back else "")
        return ", ".join(filter(None, parts))


def headline(state: OrderState) -> str:
    """How an order stands, in a sentence."""
    bad = len(state.failed())
    well = sum(part.end is not None for part in state.parts.values()) - bad
    left = len(state.parts) - well - bad
    ended = {"": "goes on", "done": "is done", "stopped": "was stopped"}.get(state.outcome, state.outcome)
    counts = f"{well} well, {bad} badly" + (f", {left} not begun" if left and state.outcome else "")
    counts += f", {left} to go" if left and not state.outcome else ""
    back = in_short(state)
    counts += f"; {back}" if back else ""
    return (
        f"Order {state.plan.order} to {state.plan.action.value} {amount(len(state.parts), 'project')} {ended}: {counts}"
    )


def waves_of(state: OrderState) -> tuple[WaveSoFar, ...]:
    """Every wave of the order, in its order."""
    failed = set(state.failed())
    return tuple(_wave(wave, number, state, failed) for number, wave in enumerate(state.plan.waves))


def _wave(wave: PlannedWave, number: int, state: OrderState, failed: set[str]) -> WaveSoFar:
    bad = sum(name in failed for name in wave.projects)
    ended = sum(state.parts[name].end is not None for name in wave.projects)
    stands = "ended" if number < len(state.waves_ended) else "goes on" if number < state.waves_begun else "waits"
    if state.outcome and stands != "ended":
        stands = "not begun" if stands == "waits" else "stopped"
    waits_for = stands == "waits" and number == state.waves_begun and wave.approval and wave.name not in state.approved
    stands = "waits for somebody to agree" if waits_for else stands
    stands = f"is held: {state.held}" if state.held and wave.name == state.following else stands
    back = sum(name in state.taken_back and state.taken_back[name].well for name in wave.projects)
    agreed = state.approved.get(wave.name, "")
    return WaveSoFar(wave.name, stands, wave.projects, ended - bad, bad, agreed, wave.gate, back)


def findings_of(state: OrderState) -> tuple[FleetFinding, ...]:
    """What went wrong, each thing once with all projects that have it; those that most share first."""
    return judged({name: end for name in state.failed() if (end := state.parts[name].end)})


def left_to_do(state: OrderState, homes: Mapping[str, str]) -> tuple[LeftToDo, ...]:
    """What is left for a person, the gravest first. ``homes``: project → its folder, as it is typed."""
    return tuple(_left(state, homes))


def _left(state: OrderState, homes: Mapping[str, str]) -> Iterable[LeftToDo]:
    plan, bad = state.plan, tuple(name for name in state.failed() if name not in state.done_since)
    gone = {name for name, one in state.taken_back.items() if one.well}
    for name in sorted(bad, key=lambda one: PERSON.index(_word(state, one)) if _word(state, one) in PERSON else 9):
        word, at = _word(state, name), f"./inv --home {homes.get(name, name)}"
        if word == Outcome.STRANDED.word:
            yield LeftToDo("is stranded: its way back failed", (name,), f"{at} report {plan.run_of(name)}")
        elif word == LOST:
            yield LeftToDo("nobody knows how it ended", (name,), f"{at} settle --run {plan.run_of(name)}")
        elif word == Outcome.HELD.word and name not in gone:
            says = "is live, and held for somebody to decide"
            yield LeftToDo(says, (name,), f'{at} accept {plan.run_of(name)} --because "…"')
    for wave in waves_of(state):
        if state.held and wave.name == state.following:
            says = f"{wave.name} is held: {state.held}; mend that, then"
            yield LeftToDo(says, wave.projects, f"./inv fleet.deploy --resume {plan.order}")
            return
        if wave.stands == "waits for somebody to agree":
            command = f"./inv fleet.deploy --resume {plan.order} --agreed-by NAME"
            yield LeftToDo(f"{wave.name} waits for somebody to agree", wave.projects, command)
            return
    if handed := tuple(name for name, part in state.parts.items() if part.handed):
        says = (
            "were handed over, and wait for a worker" if len(handed) > 1 else "was handed over, and waits for a worker"
        )
        yield LeftToDo(says, handed, "./inv fleet.worker")
    if not state.outcome:
        return
    yield from _not_back(state)
    mend = tuple(name for name in bad if _word(state, name) not in PERSON)
    again = "fleet.deploy" if plan.action is OrderAction.DEPLOY else _once_more(plan)
    if mend:
        served = "serve what was there before" if len(mend) > 1 else "serves what was there before"
        stands = served if plan.action is OrderAction.DEPLOY else "did not go back"
        says = f"ended badly, and {stands}: mend what is found, then"
        yield LeftToDo(says, mend, f"./inv {again} --select 'project={'|'.join(mend)}'")
    if back := tuple(name for name in state.parts if name in gone and not state.taken_back[name].moved_on):
        by = ", ".join(dict.fromkeys(state.taken_back[name].order for name in back))
        says = f"went back by order {by}: mend what led to that, then"
        yield LeftToDo(says, back, f"./inv {again} --select 'project={'|'.join(back)}'")
    left = tuple(name for name, part in state.parts.items() if part.where is Where.NOT_BEGUN)
    if left := tuple(name for name in left if name not in state.done_since):
        yield LeftToDo(
            "were not begun" if len(left) > 1 else "was not begun",
            left,
            f"./inv {again} --select 'project={'|'.join(left)}'",
        )


def _not_back(state: OrderState) -> Iterable[LeftToDo]:
    """Who was to be taken back by a later order and was not, and shows still what this one made."""
    failed: dict[str, list[str]] = defaultdict(list)
    for name, one in state.taken_back.items():
        if not one.well and not one.left_alone:
            failed[one.order].append(name)
    for order, names in failed.items():
        yield LeftToDo(
            f"should have gone back by order {order}, and did not", tuple(names), f"./inv fleet.report --order {order}"
        )


def _once_more(plan: OrderPlan) -> str:
    """What takes back again what a rollback did not."""
    if len(plan.takes_back) < 2:
        return f"fleet.rollback --order {plan.of}"
    return f"fleet.rollback --since {moment_of(plan.takes_back[-1])}"


def moment_of(order: str) -> str:
    """When an order was given, by its id, as ``--since`` takes it."""
    day, time = order[:8], order[9:15]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"


def _word(state: OrderState, name: str) -> str:
    end = state.parts[name].end
    return end.outcome if end else ""


def about(state: OrderState) -> tuple[tuple[str, str], ...]:
    """(what, its words) of the order itself."""
    plan = state.plan
    took = _between(state.began, state.ended) if state.ended else ""
    facts = [
        (
            "given by",
            f"{plan.by or 'nobody'}{', signed' if plan.proof else ''}, {state.began[:16].replace('T', ' ')} UTC",
        ),
        ("gone on with by", ", ".join(dict.fromkeys(state.resumed))),
        ("takes back", f"order {plan.of}" if plan.of else ""),
        ("took", took),
        *(("way back", says) for says in back_words(state)),
        ("at once", ", ".join([str(plan.at_once), *(f"{one.at_once} of {one.group}" for one in plan.bounds)])),
        ("budget", f"{plan.budget} may end badly; then: {plan.when_spent or 'keep'}"),
        ("budget spent", state.spent),
    ]
    return tuple((what, says) for what, says in facts if says)


def _between(began: str, ended: str) -> str:
    first, last = map(datetime.datetime.fromisoformat, (began, ended))
    return long((last - first).total_seconds())


def mark_of(name: str, state: OrderState) -> tuple[str, str]:
    """The sign and the word for how a project stands."""
    part = state.parts[name]
    if part.end is None:
        return NEXT, part.where.value
    if name in state.taken_back and state.taken_back[name].well:
        return UNDONE, "taken back"
    return (BAD if is_bad(part.end, state.plan.action) else GOOD), part.end.outcome


def report_text(state: OrderState, homes: Mapping[str, str]) -> str:
    """The report for a terminal: short whatever the order's size, for what went well is counted and not listed."""
    lines = [headline(state), *(f"  {what:<16} {one_line(says)}" for what, says in about(state))]
    for number, wave in enumerate(waves_of(state), 1):
        agreed = f", {one_line(wave.agreed)} agreed" if wave.agreed else ""
        gate = f"; gate: {one_line(wave.gate)}" if wave.gate else ""
        lines.append(f"\n{number}. {wave.name}: {one_line(wave.stands)}, {wave.counted}{agreed}{gate}")
        for name in wave.projects:
            end, (mark, word) = state.parts[name].end, mark_of(name, state)
            if end and mark == BAD:
                lines.append(f"  {mark} {name:<24} {word:<12} {one_line(end.reason)}".rstrip())
    if found := findings_of(state):
        lines.append("\nFound")
        lines += [
            f"  {one.gate + ': ' if one.gate else ''}{one_line(one.says)}\n    {_whose(one.projects)}" for one in found
        ]
    left = left_to_do(state, homes)
    lines.append("\nLeft to do" if left else "\nNothing is left to do.")
    lines += [f"  {some(one.projects)}: {one.says}\n    {one.command}" for one in left]
    return "\n".join(lines)


def _whose(projects: tuple[str, ...]) -> str:
    return f"shared by {len(projects)}: {some(projects)}" if len(projects) > 1 else projects[0]


def report_values(state: OrderState, homes: Mapping[str, str], now: datetime.datetime) -> dict[str, object]:
    """The same for programs, with every project."""
    plan = state.plan
    return {
        "order": plan.order,
        "action": plan.action.value,
        "by": plan.by,
        "signed": bool(plan.proof),
        "resumed_by": state.resumed,
        "of": plan.of,
        "began": state.began,
        "ended": state.ended,
        "outcome": state.outcome,
        "exit": exit_code(state, now),
        "budget": plan.budget,
        "spent": state.spent,
        "waves": [{**vars(wave), "projects": list(wave.projects)} for wave in waves_of(state)],
        "projects": [standing_of(name, state, "", now) for name in state.parts],
        "back": [{"project": name, **vars(one)} for name, one in state.taken_back.items()],
        "findings": [{**vars(one), "projects": list(one.projects)} for one in findings_of(state)],
        "left": [{**vars(one), "projects": list(one.projects)} for one in left_to_do(state, homes)],
    }
