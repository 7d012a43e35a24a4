"""Asks a checklist or a diagnosis: all of it at once, with what it costs and how grave it is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from checks.evidence import ProductionBefore, RollbackTarget
from checks.gate import Finding, Gate, Verdict, worst
from checks.severity import Graded, grade
from pipeline.definitions.unused import kept, unused, without_unused
from pipeline.engine.plan import Pipeline, Stage, probes_by_type
from pipeline.engine.readings import Round
from pipeline.engine.waivers import waive
from pipeline.errors import ServiceError
from pipeline.handbook.exits import playbook_of
from pipeline.probes.every import PROBES
from pipeline.record.journal import Journal, new_run_id
from pipeline.session.session import Session
from pipeline.world.world import World


@dataclass(frozen=True)
class LineAnswer:
    """What one gate said; ``seen`` is the evidence in a few words."""

    gate: Gate
    findings: tuple[Finding, ...]
    seen: str
    ms: int


@dataclass(frozen=True)
class ChecklistLine:
    """One line of a checklist, answered."""

    does: str
    answers: tuple[LineAnswer, ...]

    @property
    def verdict(self) -> Verdict:
        return max((worst(one.findings) for one in self.answers), default=Verdict.PASS)


@dataclass(frozen=True)
class Checked:
    """A whole checklist. ``at`` is ISO 8601; ``playbook`` answers the gravest finding."""

    name: str
    at: str
    target: str
    lines: tuple[ChecklistLine, ...]
    graded: Graded
    playbook: str
    commit: str = ""


async def production_before(world: World, target: RollbackTarget) -> ProductionBefore:
    """Outside a run, what served before is what a rollback would go to."""
    return ProductionBefore(target.id, target.url, world.domain)


GLANCE = 20.0  # seconds for the commit that is live, which the readings are kept with
READERS = probes_by_type((*PROBES, production_before))


def ask(session: Session, pipelines: Sequence[Pipeline], name: str) -> Checked:
    """Do the steps, ask every gate once, keep the readings, and name the incident when there is one."""
    run = f"monitor-{name}-{new_run_id(session.clock.now())}"
    return session.in_world(run, lambda world: ask_in(session, world, pipelines, name))


async def ask_in(session: Session, world: World, pipelines: Sequence[Pipeline], name: str) -> Checked:
    """Ask pipelines in a world that is open already; the answers are kept, and the incident is named."""
    run, live = world.run, await _live(world)
    keep = session.records.samples.keeper(session.clock.now, run, live)
    async with Round(world, session.settings.policies, READERS, keep) as look:
        used = (without_unused(one, session.settings.policies, session.settings.secrets) for one in pipelines)
        stages = [stage for one in used for stage in one.stages if stage.asks]
        asked = await asyncio.gather(*(_line(session, world, stage, look) for stage in stages))
    graded = grade((answer.gate.name, one) for line in asked for answer in line.answers for one in answer.findings)
    playbook = playbook_of(graded.gate) if graded.severity else ""
    checked = Checked(
        name,
        session.clock.now().isoformat(timespec="seconds"),
        session.settings.name,
        asked_once(asked),
        graded,
        playbook,
        live,
    )
    _record(session, run, checked)
    return checked


def asked_once(lines: Sequence[ChecklistLine]) -> tuple[ChecklistLine, ...]:
    """Drop gates that an earlier line has asked already: several diagnoses ask some of the same."""
    seen: set[Gate] = set()
    kept = []
    for line in lines:
        answers = tuple(one for one in line.answers if one.gate not in seen)
        seen |= {one.gate for one in answers}
        kept.append(ChecklistLine(line.does, answers))
    return tuple(kept)


async def ask_gates(session: Session, world: World, gates: Sequence[Gate]) -> tuple[LineAnswer, ...]:
    """Ask some gates, together, once; nothing is written down."""
    asks = kept(gates, unused(session.settings.policies, session.settings.secrets))
    async with Round(world, session.settings.policies, READERS) as look:
        return tuple(await asyncio.gather(*(_answer(session, one, look) for one in asks)))


async def _live(world: World) -> str:
    """The commit that is live, to keep with the readings; empty when nobody can say now."""
    try:
        async with asyncio.timeout(GLANCE):
            one = await world.vercel.production(world.domain)
    except (ServiceError, TimeoutError):
        return ""
    return one.commit if one else ""


async def _line(session: Session, world: World, stage: Stage, look: Round) -> ChecklistLine:
    """Answer one line; one whose steps act is asked in a round of its own, which knows what they gave."""
    if not stage.does:
        return ChecklistLine(
            stage.purpose, tuple(await asyncio.gather(*(_answer(session, one, look) for one in stage.asks)))
        )
    given = {}
    for step in stage.does:
        value = await step.act(world, *await look.all(step.inputs))
        given[type(value)] = value
    async with Round(world, {**session.settings.policies, **given}, READERS) as own:
        return ChecklistLine(
            stage.purpose, tuple(await asyncio.gather(*(_answer(session, one, own) for one in stage.asks)))
        )


async def _answer(session: Session, gate: Gate, look: Round) -> LineAnswer:
    began = session.clock.monotonic()
    findings, _ = await look.ask(gate)
    findings = waive(session.config.file.waivers, gate.name, findings, session.clock.now().date())
    return LineAnswer(gate, findings, await look.brief(gate), round((session.clock.monotonic() - began) * 1000))


def _record(session: Session, run: str, checked: Checked) -> None:
    """Write into the journal what was asked and how it ended, and the incident that it names."""
    journal = Journal(session.store, run, session.clock.now, session.redactor)
    severity = checked.graded.severity
    journal.append("monitor answered", checked.name, target=checked.target, severity=severity, commit=checked.commit)
    if severity.startswith("P"):
        journal.append(
            "incident named",
            checked.graded.gate,
            severity=severity,
            reason=checked.graded.reason,
            playbook=checked.playbook,
        )
