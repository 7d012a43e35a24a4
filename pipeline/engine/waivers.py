"""A waiver turns one gate's block into a warning until its day is over."""

import datetime
from collections.abc import Iterable
from dataclasses import replace

from checks.gate import Finding, Verdict
from checks.policy import Waiver


def waive(
    waivers: Iterable[Waiver], gate: str, findings: tuple[Finding, ...], today: datetime.date
) -> tuple[Finding, ...]:
    """``findings`` of ``gate``, those covered by a waiver that still counts turned into warnings that name it.

    Only a block or a *not yet* is an answer that somebody can decide to live with; *unknown* is none.
    """
    valid = [waiver for waiver in waivers if waiver.gate == gate and today <= waiver.until]

    def one(finding: Finding) -> Finding:
        for waiver in valid:
            if finding.verdict in (Verdict.BLOCK, Verdict.NOT_YET) and waiver.subject in ("", finding.subject):
                note = f"{finding.says} (waived by {waiver.by} until {waiver.until}: {waiver.reason})"
                return replace(finding, verdict=Verdict.WARN, says=note)
        return finding

    return tuple(one(finding) for finding in findings)


def noted(finding: Finding) -> Finding:
    """Turn a finding of a gate that only advises into a warning: it stops nothing."""
    if finding.verdict <= Verdict.WARN:
        return finding
    says = f"{finding.says} (noted; here it stops nothing, else: {finding.verdict.word})"
    return replace(finding, verdict=Verdict.WARN, says=says)
