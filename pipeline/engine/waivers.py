"""A waiver turns one gate's block into a warning until its day is over; a broken glass those of people, for one run."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace

from checks.evidence import Release
from checks.gate import Finding, Gate, Verdict
from checks.policy import Waiver

ANSWERS = (Verdict.BLOCK, Verdict.NOT_YET)


@dataclass(frozen=True)
class BrokenGlass(Waiver):
    """A waiver for one run by whoever started it. ``answered``: it covers a no, and not only what cannot be read."""

    answered: bool = True

    @property
    def note(self) -> str:
        return f"GLASS BROKEN by {self.by}: {self.reason}"


def broken_glass(release: Release, people: Iterable[Gate], github: Iterable[Gate]) -> tuple[Waiver, ...]:
    """What a run whose glass was broken goes past: all that ``people`` say, and not being able to read ``github``."""
    if not release.glass:
        return ()

    def past(gate: Gate, *, answered: bool) -> BrokenGlass:
        return BrokenGlass(gate.name, datetime.date.max, release.glass_by, release.glass, answered=answered)

    said = tuple(past(gate, answered=True) for gate in people)
    return (*said, *(past(gate, answered=False) for gate in github))


def waive(
    waivers: Iterable[Waiver], gate: str, findings: tuple[Finding, ...], today: datetime.date
) -> tuple[Finding, ...]:
    """``findings`` of ``gate``, those covered by a waiver that still counts turned into warnings that name it.

    Only a block or a *not yet* is an answer that somebody can decide to live with; *unknown* is none, unless the glass
    is broken.
    """
    valid = [waiver for waiver in waivers if waiver.gate == gate and today <= waiver.until]

    def covered(finding: Finding) -> Finding:
        for waiver in valid:
            if _covers(waiver, finding):
                return replace(finding, verdict=Verdict.WARN, says=f"{finding.says} ({waiver.note})", waits=0)
        return finding

    return tuple(covered(finding) for finding in findings)


def _covers(waiver: Waiver, finding: Finding) -> bool:
    if isinstance(waiver, BrokenGlass):
        return finding.verdict is Verdict.UNKNOWN or (waiver.answered and finding.verdict in ANSWERS)
    return finding.verdict in ANSWERS and waiver.subject in ("", finding.subject)


def noted(finding: Finding) -> Finding:
    """Turn a finding of a gate that only advises into a warning: it stops nothing."""
    if finding.verdict <= Verdict.WARN:
        return finding
    says = f"{finding.says} (noted; here it stops nothing, else: {finding.verdict.word})"
    return replace(finding, verdict=Verdict.WARN, says=says)
