"""Plays a drill: breaks the sandbox, plays the alarm, lets people or nobody follow the playbook, and scores it."""

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from checks.gate import Gate
from checks.severity import Graded, grade
from pipeline.config import Config
from pipeline.definitions.every import GATES
from pipeline.drills.scenario import Scenario, scenarios
from pipeline.drills.score import Score, score
from pipeline.drills.world import Stagehand, stage
from pipeline.errors import Mistake
from pipeline.handbook.exits import playbook_of
from pipeline.handbook.playbooks import PLAYBOOKS, named
from pipeline.incidents.classify import classify
from pipeline.incidents.desk import Desk, Opening, new
from pipeline.incidents.hands import Hands
from pipeline.incidents.person import Person
from pipeline.incidents.walk import Walk
from pipeline.record.incidents import Incident, incidents
from pipeline.record.journal import Journal, events_of, new_run_id
from pipeline.sandbox.launch import reset
from pipeline.session.asking import LineAnswer, ask_gates
from pipeline.session.runs import release_lock
from pipeline.session.session import Session, open_session, whoami
from pipeline.world.sandbox import SANDBOX, attached

LOOK_EVERY = 0.5
APART = 1.0
PATIENCE = 8.0
MACHINE = 45.0
"""Seconds within which a machine that asks all the time has to see it."""
BY_NAME = {gate.name: gate for gate in GATES}
REMEDIES = {remedy.when: remedy.hand for book in PLAYBOOKS for remedy in book.mitigate}


@dataclass(frozen=True)
class Played:
    """A drill that is over, with its score."""

    scenario: Scenario
    score: Score
    incident: Incident
    run: str


def play(config: Config, name: str, root: Path, deploy_file: Path, person: Person) -> Played:
    """Play one drill in the sandbox of ``root``, which starts anew. Raises Mistake when there is no such scenario."""
    scenario = scenarios().get(name)
    if scenario is None:
        raise Mistake(f"drill.{name}: there is none; there are {', '.join(scenarios())}")
    reset(root / SANDBOX)
    with attached(root) as running, open_session(config, "sandbox", root) as session:
        for incident in incidents(session.store, session.settings.name):
            if incident.open:
                Desk(session, incident.id, "the drill").resolve("a drill began", "")
        release_lock(config, root, session.settings.name)  # an earlier drill may have ended with one
        run = f"drill-{name}-{new_run_id(session.clock.now())}"
        journal = Journal(session.store, run, session.clock.now, session.redactor)
        journal.append("drill begins", name, by="nobody (--auto)" if person.auto else whoami())
        with stage(Stagehand(config, root, deploy_file, running, session.store, person.say)) as hand:
            person.say(f"== Drill: {scenario.title} ==\nMaking the world as it was before ...")
            for each in scenario.before:
                hand.do(each)
            person.say(f"\n{scenario.picture.strip()}")
            person.writes("Ready? (Enter)")
            hand.look()
            journal.append("drill broke", name)
            for each in scenario.breaks:
                hand.do(each)
            desk = _alarm(session, scenario, journal, person)
            over = threading.Thread(target=_end, args=(hand, scenario), daemon=True)
            over.start()
            hands = Hands(session, config, root, deploy_file, desk.by, person)
            walk = Walk(desk, person, hands, APART, PATIENCE if person.auto else 0)
            book = named(desk.incident.playbook)
            assert book
            well = walk.go(book)
            over.join()
            if not well and scenario.over:  # what ended by itself has ended now
                well = walk.go(named(desk.incident.playbook) or book)
            if well:
                desk.resolve(person.writes("What was the cause, in one sentence?") or scenario.secret, "")
                walk.all_clear()
        journal.append("drill ended", name, incident=desk.id)
        it_was = desk.incident
        points = score(scenario, list(events_of(session.store, run)), it_was, REMEDIES)
        return Played(scenario, points, it_was, run)


def _end(hand: Stagehand, scenario: Scenario) -> None:
    quiet = replace(hand, say=lambda line: None)
    for each in scenario.over:
        quiet.do(each)


def _alarm(session: Session, scenario: Scenario, journal: Journal, person: Person) -> Desk:
    """Ask the gates until one says no, play the alarm, and let somebody open the incident."""
    gates = [_gate(name) for name in scenario.alarm.gates]
    until = session.clock.monotonic() + (
        min(MACHINE, scenario.limits.detect) if person.auto else scenario.limits.detect
    )
    graded = Graded("")
    while True:
        answers = _ask(session, gates)
        graded = grade((answer.gate.name, found) for answer in answers for found in answer.findings)
        if graded.severity or session.clock.monotonic() > until:
            break
        asyncio.run(session.clock.sleep(LOOK_EVERY))
    if graded.severity:
        journal.append("drill alarmed", graded.gate, says=graded.reason)
    person.say(
        f"\n*** ALARM, from {scenario.alarm.source}: {scenario.alarm.says}\n    ({graded.gate}: {graded.reason})"
    )
    opened = next((incident for incident in incidents(session.store, session.settings.name) if incident.open), None)
    if opened:
        person.say(f"The run has opened {opened.id} by itself.")
        return Desk(session, opened.id)
    playbook = playbook_of(graded.gate) or scenario.playbook
    return new(session, _opening(scenario, graded, playbook, person))


def _opening(scenario: Scenario, graded: Graded, playbook: str, person: Person) -> Opening:
    classified = classify((), graded if graded.severity != "unknown" else None, named(playbook))
    if not person.auto:
        names = ", ".join(one.name for one in PLAYBOOKS)
        chosen = person.writes(f"Which playbook? ({names}; Enter: {playbook})") or playbook
        playbook = chosen if named(chosen) else playbook
        said = person.writes(f"Which severity, P0 to P3? (Enter: the rule's, {classified.severity})").upper()
        if said in ("P0", "P1", "P2", "P3"):
            classified = replace(classified, severity=said, reason="the people in the room said so")
    book = named(playbook)
    symptom = person.writes("What can users not do? (Enter: the playbook's words)") or (book.felt if book else "")
    return Opening(symptom, classified, playbook, lead=person.writes("Who leads?") or ("" if person.auto else whoami()))


def _gate(name: str) -> Gate:
    if name not in BY_NAME:
        raise Mistake(f"alarm.gates: there is no gate {name}")
    return BY_NAME[name]


def _ask(session: Session, gates: Iterable[Gate]) -> tuple[LineAnswer, ...]:
    return session.in_world("drill", lambda world: ask_gates(session, world, tuple(gates)))
