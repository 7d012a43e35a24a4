"""The last part of the monitoring guide: every question that no release asks, with its words."""

from pipeline.config import Policies
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.diagnoses import DIAGNOSES
from pipeline.documents.pages.reference import gate_entry, step_entry
from pipeline.documents.pages.words import RUNBOOK, SHIPPING, STEPS, gate_link
from pipeline.handbook.exits import EXIT_CODES
from pipeline.render.markdown import table


def questions(policies: Policies) -> str:
    """Two sections: the commands with their exit codes, and the entries of gates and steps."""
    every = (*CHECKLISTS.values(), *DIAGNOSES.values())
    gates = dict.fromkeys(gate for one in every for gate in one.gates if gate not in SHIPPING)
    steps = dict.fromkeys(step for one in every for step in one.steps if step not in STEPS)
    commands = [
        (f"`./inv {one.name}`", one.purpose, ", ".join(gate_link(gate, RUNBOOK) for gate in one.gates))
        for one in DIAGNOSES.values()
    ]
    codes = [(str(code), word) for word, code in EXIT_CODES.items()]
    return "\n\n".join(
        (
            "## Asked by the Machine",
            "`./inv monitor.daily` and `./inv monitor.weekly` ask every question of the checklists at once and answer"
            " each line with what was seen; `--format markdown` and `--format json` are for a ticket and for a machine."
            " They end with the gravest severity:",
            table(("exit code", "means"), codes),
            "`./inv diagnose` asks what the troubleshooting guide says a person should check; each kind of trouble has"
            " its own:",
            table(("command", "when", "asks"), commands),
            "## The Questions",
            *map(step_entry, steps),
            *(gate_entry(gate, policies) for gate in gates),
        )
    )
