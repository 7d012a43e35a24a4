"""Grades how grave an incident is: by rule, with the reason; a pure function of what is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from checks.severity import ORDER, Graded
from pipeline.handbook.playbook import Playbook

IMPACTS = {
    "down": ("P0", "the site is down"),
    "data-loss": ("P0", "data is lost, or may be"),
    "breach": ("P0", "somebody sees what is not theirs, or a secret has leaked"),
    "sign-in": ("P0", "nobody can sign in"),
    "major": ("P1", "a major feature is broken"),
    "many": ("P1", "many users are affected"),
    "minor": ("P2", "a minor feature is broken"),
    "slow": ("P2", "it is slow, but it works"),
    "cosmetic": ("P3", "it only looks wrong"),
}
"""What a person may say that users feel → severity, and the reason in words."""


@dataclass(frozen=True)
class Classified:
    """The severity that an incident has, and the reason for it."""

    severity: str
    reason: str


def classify(
    impacts: Sequence[str] = (),
    graded: Graded | None = None,
    playbook: Playbook | None = None,
    *,
    workaround: bool = False,
) -> Classified:
    """Grade by the gravest thing that is known.

    What a person says that users feel goes before what a playbook supposes.

    A gate that names no severity of its own counts as a P3, and there, too, the playbook knows better.

    A workaround makes a P1 a P2, never a P0 anything else. Nothing known at all is a P1: assume the worst that does
    not wake everybody. Raises KeyError for an impact that is none of IMPACTS.
    """
    said = [IMPACTS[name] for name in impacts]
    if graded and graded.severity in ORDER:
        said.append((graded.severity, f"{graded.gate}: {graded.reason}"))
    if playbook and all(severity == "P3" for severity, _ in said) and not impacts:
        said.append((playbook.severity.name, f"the playbook “{playbook.title}” says so"))
    unknown = ("P1", "nobody has said yet how bad it is")
    severity, reason = min(said, key=lambda one: ORDER.index(one[0]), default=unknown)
    if workaround and severity == "P1":
        return Classified("P2", f"{reason}, and there is a workaround")
    return Classified(severity, reason)
