"""What stands under a heading: who has read the section, and when it was last proved."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.documents.pages.sections import ENTRY, Section
from pipeline.documents.proofs import Proof, Proofs
from pipeline.drills.scenario import Scenario
from pipeline.handbook.playbooks import PLAYBOOKS

RUNS = {
    "deployment-runbook.md#deployment-steps-vercel": "deploy",
    "deployment-runbook.md#rollback-procedure": "rollback",
}
TITLES = {playbook.title: playbook.name for playbook in PLAYBOOKS}


def fact(section: Section, read: str, commands: Iterable[str], proofs: Proofs, scenarios: Iterable[Scenario]) -> str:
    """A sentence about who has read a section, and when it was proved. ``commands``: those that the section has."""
    proved = "; ".join(
        filter(
            None,
            (
                _commands(dict.fromkeys(commands), proofs.commands),
                _gates(ENTRY.findall(section.text), proofs.gates),
                _drills(TITLES.get(section.heading, ""), proofs.drills, scenarios),
                _run(RUNS.get(section.id, ""), proofs.runs),
            ),
        )
    )
    return " ".join(
        filter(None, (f"{read[:1].upper()}{read[1:]}." if read else "", f"Proved: {proved}." if proved else ""))
    )


def _commands(wanted: Iterable[str], known: Mapping[str, Proof]) -> str:
    every = tuple(wanted)
    ran = [known[command] for command in every if command in known and known[command].ran]
    if not every or not ran:
        return ""
    whole = {1: "the", 2: "both"}.get(len(every), f"all {len(every)}")
    count = f"{len(ran)} of {len(every)}" if len(ran) < len(every) else whole
    return f"{count} {'commands were' if len(every) > 1 else 'command was'} run on {min(command.on for command in ran)}"


def _gates(names: Sequence[str], known: Mapping[str, Proof]) -> str:
    wanted = [name for name in names if not name.startswith("Step: ")]
    seen = [known[name] for name in wanted if name in known and known[name].ran]
    if not seen:
        return ""
    return f"{len(seen)} of {len(wanted)} gates seen to stop and to be cured on {min(proof.on for proof in seen)}"


def _drills(playbook: str, known: Mapping[str, Proof], scenarios: Iterable[Scenario]) -> str:
    ours = [
        (scenario, known[scenario.name])
        for scenario in scenarios
        if scenario.playbook == playbook and scenario.name in known
    ]
    return ", ".join(f"drill *{scenario.name}* {proof.why} on {proof.on}" for scenario, proof in ours)


def _run(pipeline: str, known: Mapping[str, Proof]) -> str:
    return f"run for real on {known[pipeline].on}" if pipeline in known else ""
