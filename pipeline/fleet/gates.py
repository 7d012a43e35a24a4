"""The gate before a wave: a check of the projects that were moved, or a command of the fleet's own."""

import asyncio

from checks.own import answer_of
from checks.own import judged as judged_command
from pipeline.clients.command import run_bounded
from pipeline.environment import OUTSIDE, for_child, variable
from pipeline.errors import ServiceError
from pipeline.fleet.declared import FleetGate
from pipeline.fleet.ends import MOST_SAID
from pipeline.fleet.judging import FleetFinding, judged
from pipeline.fleet.order import GateAnswer, OrderState
from pipeline.fleet.place import Fleet
from pipeline.fleet.surveying import answers_of, ends_of, to_target
from pipeline.fleet.waves import PlannedWave
from pipeline.redact import Redactor


async def ask_gate(fleet: Fleet, state: OrderState, wave: PlannedWave) -> GateAnswer:
    """Ask the gate before ``wave``, as the `fleet.yml` here has it; whatever hinders it is no yes.

    What is run is never what the record says: whoever can write to that would run commands here.
    """
    gate = next((one.gate for one in fleet.file.waves if one.name == wave.name), None)
    if gate is None or str(gate) != wave.gate:
        return GateAnswer(False, f"the order has the gate {wave.gate}, and fleet.yml here has {gate or 'none'}")
    try:
        async with asyncio.timeout(gate.within):
            return await (_checked(fleet, state, wave, gate) if gate.check else _commanded(fleet, state, wave, gate))
    except TimeoutError:
        return GateAnswer(False, f"{gate} has not answered in {gate.within:g} s")
    except ServiceError as error:
        return GateAnswer(False, " ".join(str(error).split())[:MOST_SAID])


async def _checked(fleet: Fleet, state: OrderState, wave: PlannedWave, gate: FleetGate) -> GateAnswer:
    """Ask the check of those that the order has moved; when it has moved none, of the wave's own."""
    asked = [name for name in state.moved() or wave.projects if name in fleet.file.projects]
    words = f"check.{gate.check}"
    answers = await answers_of(
        fleet.homes,
        fleet.file,
        asked,
        lambda project: [words, "--json", *to_target(project)],
        None,
        state.plan.commits,
        {},
    )
    found = judged(ends_of(answers))
    bad = len({name for one in found for name in one.projects})
    whom = f"{bad} of the {len(asked)} asked" if asked else "fleet.yml here has none of the projects"
    return GateAnswer(bool(asked) and not found, f"{words}: {whom}" if found or not asked else "", found)


async def _commanded(fleet: Fleet, state: OrderState, wave: PlannedWave, gate: FleetGate) -> GateAnswer:
    lacks = [name for name in gate.tokens.values() if not variable(name)]
    if lacks:
        return GateAnswer(False, f"{gate}: {', '.join(lacks)} is not set here")
    secrets = {name: variable(named) for name, named in gate.tokens.items()}
    Redactor(secrets.values())  # from here on nobody says them
    told = {
        "FLEET_ORDER": state.plan.order,
        "FLEET_WAVE": wave.name,
        "FLEET_PROJECTS": " ".join(wave.projects),
        "FLEET_MOVED": " ".join(state.moved()),
    }
    given = for_child(*OUTSIDE, **{**told, **secrets})
    code, printed, complained = await run_bounded("gate", gate.command, fleet.root, given, gate.within)
    try:
        found = [one for one in judged_command(answer_of(code, printed, complained)) if one.verdict.stops]
    except ValueError as error:
        return GateAnswer(False, f"{gate}: could not look: {error}"[:MOST_SAID])
    findings = tuple(FleetFinding("", f"{one.subject}: {one.says}"[:MOST_SAID], ()) for one in found)
    return GateAnswer(not found, f"{gate}: {findings[0].says}"[:MOST_SAID] if found else "", findings)
