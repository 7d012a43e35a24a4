"""``invoke check…``: asks gates of the target as it is now, changes nothing, records nothing."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

from checks.evidence import Release
from checks.gate import Finding, Gate, worst
from pipeline.config import Config
from pipeline.definition import DEPLOY
from pipeline.errors import Mistake, ServiceError
from pipeline.execute import Order, Session, session
from pipeline.monitoring.asked import READERS
from pipeline.pipelines import EVERY, GATES
from pipeline.plan import inputs_of
from pipeline.readings import Round
from pipeline.release_source import find_release
from pipeline.render.report import line_text
from pipeline.report import Line
from pipeline.target import open_world
from pipeline.waivers import waive

Answer = tuple[Gate, tuple[Finding, ...], int]
HELP = {
    "target": "as for deploy",
    "from": "as for deploy",
    "commit": "as for deploy",
    "approved-by": "as for deploy",
    "over-rollback": "as for deploy",
    "older": "as for deploy",
}


def collection(
    configuration: Callable[[], Config], root: Path, out: Callable[[str], None], honest: Callable[[], Any]
) -> Collection:
    """``check`` (everything that can be asked now) and one task a gate, grouped by family."""

    def task_for(name: str, gates: tuple[Gate, ...], words: str) -> "Task[Any]":
        def body(
            c: Context,
            target: str = "",
            from_: str = "",
            commit: str = "",
            approved_by: str = "",
            over_rollback: bool = False,
            older: bool = False,
        ) -> None:
            with honest():
                order = Order(target, from_, commit, approved_by=approved_by, over_rollback=over_rollback, older=older)
                stops = _ask(configuration(), order, root, gates, out)
            if stops:
                raise Exit(code=1)

        body.__doc__ = words
        return Task(body, name=name, help=HELP)

    now = tuple(gate for gate in DEPLOY.stages[0].asks if not _given_by_steps(gate))
    made = Collection()
    made.add_task(task_for("all", now, "Ask everything that preflight asks."), default=True)
    families: dict[str, Collection] = {}
    for gate in GATES:
        family = families.setdefault(gate.family, Collection())
        family.add_task(task_for(gate.name.partition(".")[2], (gate,), _words(gate)))
    for family_name, family in families.items():
        made.add_collection(family, family_name)
    return made


def _words(gate: Gate) -> str:
    words = gate.procedure
    return f"{words.title}\n\nWhy: {words.why}\n\nBy hand:\n{words.by_hand}\n\nIf it fails: {words.if_it_fails}"


def _given_by_steps(gate: Gate) -> tuple[str, ...]:
    """Names of the evidence that only a step of a run can give this gate."""
    given = {step.gives for one in EVERY for step in one.steps if step.gives and step.gives not in READERS}

    def missing(kind: type) -> set[type]:
        if kind in given:
            return {kind}
        return {deeper for one in inputs_of(READERS[kind]) for deeper in missing(one)} if kind in READERS else set()

    return tuple(sorted(kind.__name__ for one in gate.inputs.values() for kind in missing(one)))


def _ask(config: Config, order: Order, root: Path, gates: tuple[Gate, ...], out: Callable[[str], None]) -> bool:
    for gate in gates:
        if _given_by_steps(gate):
            needs = ", ".join(_given_by_steps(gate))
            run = next(one.name for one in EVERY if gate in one.gates)
            raise Mistake(f"check.{gate.name}: needs {needs}, which only a run has; ./inv {run} asks it in its place")
    with session(config, order.target, root) as it:
        answers, _ = asyncio.run(asked(it, order, root, gates))
        return show(it, answers, out)


def show(it: Session, answers: Iterable[Answer], out: Callable[[str], None]) -> bool:
    """Print each gate with its findings; whether something would stop a run."""
    stops = False
    for gate, findings, ms in answers:
        line = Line("gate", gate.name, worst(findings).word, "", ms, findings=[one.plain for one in findings])
        out(it.redactor(line_text(line)))
        stops = stops or worst(findings).stops
    return stops


async def asked(
    it: Session, order: Order, root: Path, gates: Iterable[Gate], also: tuple[type, ...] = ()
) -> tuple[list[Answer], tuple[Any, ...]]:
    """What ``gates`` answer now, and the readings ``also``; those are empty when one of them cannot be had."""
    release: Release = find_release(it.settings, order, root, it.clock)
    async with (
        open_world(it.settings, release, "check", it.clock, records=it.records) as world,
        Round(world, it.settings.policies, READERS) as look,
    ):

        async def one(gate: Gate) -> Answer:
            began = it.clock.monotonic()
            findings, _ = await look.ask(gate)
            findings = waive(it.config.file.waivers, gate.name, findings, it.clock.now().date())
            return gate, findings, round((it.clock.monotonic() - began) * 1000)

        answers = list(await asyncio.gather(*(one(gate) for gate in gates)))
        try:
            return answers, await look.all(also)
        except ServiceError:  # the gates have said so
            return answers, ()
