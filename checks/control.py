"""Controls a finding by an experiment: does the old deployment, at its own address, fail in the same way?"""

from collections.abc import Iterable
from dataclasses import replace

from checks.evidence import ControlHealth
from checks.gate import Finding, Findings

ILL = "; the old deployment is ill at the same time, so going back would not help"
SAYS = "; the old deployment fails alike, so the fault is shared and going back would not help"


def told_apart(findings: Iterable[Finding], alike: Iterable[str]) -> Findings:
    """Mark those of ``findings`` as shared whose subject is in ``alike``: the old deployment fails in the same way."""
    subjects = frozenset(alike)
    for finding in findings:
        if finding.verdict.stops and finding.subject in subjects:
            yield replace(finding, says=finding.says + SAYS, shared=True)
        else:
            yield finding


def unless_old_is_ill(findings: Iterable[Finding], control: ControlHealth) -> Findings:
    """Mark ``findings`` as shared when the old deployment does not answer 200 either: going back would cure nothing."""
    for finding in findings:
        if finding.verdict.stops and control.status != 200:
            yield replace(finding, says=finding.says + ILL, shared=True)
        else:
            yield finding
