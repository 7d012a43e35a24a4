"""From a severity to an exit code, and to the playbook that answers it."""

from pipeline.handbook.thresholds import PLAYBOOKS

EXIT_CODES = {"well": 0, "P0": 10, "P1": 11, "P2": 12, "P3": 13, "something could not be read": 14}


def exit_code(severity: str) -> int:
    """The exit code of a ``severity``, as ``checks.severity.grade`` gives it."""
    named = {"": "well", "unknown": "something could not be read"}.get(severity, severity)
    return EXIT_CODES[named]


def playbook_of(gate: str) -> str:
    """The name of the playbook that answers a no of ``gate``; empty when none does."""
    return PLAYBOOKS.get(gate, PLAYBOOKS.get(gate.partition(".")[0], ""))
