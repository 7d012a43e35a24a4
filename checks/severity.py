"""Grades how badly users feel what the gates found: a pure function of findings."""

from collections.abc import Iterable
from dataclasses import dataclass

from checks.gate import Finding, Verdict

ORDER = ("P0", "P1", "P2", "P3")


@dataclass(frozen=True)
class Graded:
    """The severity of a set of findings, and the finding that decides it. ``severity``: P0 to P3, ``unknown`` when
    something could not be read and nothing worse is known, empty when all is well.
    """

    severity: str
    gate: str = ""
    reason: str = ""


def grade(findings: Iterable[tuple[str, Finding]]) -> Graded:
    """Grade (gate's name, finding) pairs by the gravest of them; the first of equals decides.

    What stops and names no severity is a P3. What could not be read is no severity, but it is not *well* either.
    """
    worst, unread = Graded(""), Graded("")
    for gate, finding in findings:
        if finding.verdict is Verdict.UNKNOWN:
            unread = unread if unread.severity else Graded("unknown", gate, str(finding))
        elif finding.verdict.stops:
            here = finding.severity or "P3"
            if not worst.severity or ORDER.index(here) < ORDER.index(worst.severity):
                worst = Graded(here, gate, str(finding))
    return worst if worst.severity else unread
