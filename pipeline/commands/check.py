"""``invoke check…``: asks gates of the target as it is now, changes nothing, records nothing."""

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from checks.gate import Finding, Gate, worst
from pipeline.config import Config
from pipeline.definitions.every import EVERY
from pipeline.definitions.unused import kept, unused
from pipeline.engine.plan import inputs_of
from pipeline.engine.readings import Round
from pipeline.engine.uses import clients_of
from pipeline.engine.waivers import waive
from pipeline.errors import Mistake, ServiceError
from pipeline.record.journal import plain
from pipeline.record.report import Line
from pipeline.render.report import line_text, said_once
from pipeline.session.askable import given_by_steps
from pipeline.session.asking import READERS
from pipeline.session.needs import needs_of
from pipeline.session.release import find_release
from pipeline.session.session import LEAST, NO_SECRET, NOTHING, Order, Session, open_session

Answer = tuple[Gate, tuple[Finding, ...], int]


def ask_gates(
    config: Config,
    order: Order,
    root: Path,
    gates: tuple[Gate, ...],
    out: Callable[[str], None],
    *,
    as_json: bool = False,
) -> bool:
    """Ask ``gates`` and print what they say. True when one of them would stop a run. Raises Mistake for a run's own."""
    for gate in gates:
        if given_by_steps(gate):
            needs = ", ".join(given_by_steps(gate))
            run = next((one.name for one in EVERY if gate in one.gates), "deploy")
            raise Mistake(f"check.{gate.name}: needs {needs}, which only a run has; ./inv {run} asks it in its place")
    with open_session(config, order.target, root, _needs(config, order, gates)) as session:
        for line in filter(None, (session.absent, *session.unseen)) if len(gates) > 1 and not as_json else ():
            out(line)
        answers, _ = asyncio.run(asked(session, order, root, gates))
        if as_json:
            out(session.redactor(answers_json(answers)))
            return stops(answers)
        return show(session, answers, out)


def _needs(config: Config, order: Order, gates: tuple[Gate, ...]) -> Iterable[str]:
    """What has to be set: for one gate Vercel's token when it asks Vercel, for many nothing."""
    if len(gates) > 1:
        return NO_SECRET
    name, _ = config.target(order.target)
    return {*LEAST} & {secret for gate in gates for secret in needs_of(config, name).of_gate(gate)}


def show(session: Session, answers: Iterable[Answer], out: Callable[[str], None]) -> bool:
    """Print each gate with its findings. True when one of them would stop a run."""
    answers = list(answers)
    lines = [
        Line("gate", gate.name, worst(findings).word, "", ms, findings=[one.plain for one in findings])
        for gate, findings, ms in answers
    ]
    for line in said_once(lines):
        out(session.redactor(line_text(line)))
    return stops(answers)


def stops(answers: Iterable[Answer]) -> bool:
    """Whether one of the gates would stop a run."""
    return any(worst(findings).stops for _, findings, _ in answers)


def answers_json(answers: Iterable[Answer], seen: tuple[Any, ...] | None = None, **more: Any) -> str:
    """What gates say as one JSON document, with the readings ``seen`` when some were asked for, and with ``more``."""
    gates = {gate.name: [one.plain for one in findings] for gate, findings, _ in answers}
    read = {} if seen is None else {"seen": plain(seen)}
    return json.dumps({**read, "gates": gates, **plain(more)}, ensure_ascii=False)


def _of_release(gates: Iterable[Gate], also: tuple[type, ...]) -> bool:
    """Whether what is asked is about a release, or its files; else none has to be there."""
    fields, waiting, seen = {"release", "folder", "migrations"}, [*also], set[type]()
    waiting += [kind for gate in gates for kind in gate.inputs.values()]
    while waiting:
        kind = waiting.pop()
        if kind in READERS and kind not in seen:
            if clients_of(READERS[kind]) & fields:
                return True
            waiting += inputs_of(READERS[kind])
        seen.add(kind)
    return False


async def asked(
    session: Session, order: Order, root: Path, gates: Iterable[Gate], also: tuple[type, ...] = ()
) -> tuple[list[Answer], tuple[Any, ...]]:
    """Ask ``gates`` now, and take the readings ``also``; those are empty when one of them cannot be had."""
    gates = kept(gates, unused(session.settings.policies, session.settings.secrets))
    release = NOTHING
    if _of_release(gates, also):
        release = find_release(session.settings, order, root, session.clock)
    async with (
        session.world("check", release) as world,
        Round(world, session.settings.policies, READERS) as look,
    ):

        async def one(gate: Gate) -> Answer:
            began = session.clock.monotonic()
            findings, _ = await look.ask(gate)
            findings = waive(session.config.file.waivers, gate.name, findings, session.clock.now().date())
            return gate, findings, round((session.clock.monotonic() - began) * 1000)

        answers = list(await asyncio.gather(*(one(gate) for gate in gates)))
        try:
            return answers, await look.all(also)
        except ServiceError:  # the gates have said so
            return answers, ()
