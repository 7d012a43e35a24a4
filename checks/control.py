"""The control experiment: does the old deployment, still alive at its own address, fail in the same way?"""

from collections.abc import Iterable
from dataclasses import replace

from checks.gate import Finding, Findings

SAYS = "; the old deployment fails alike, so the fault is shared and going back would not help"


def told_apart(findings: Iterable[Finding], alike: Iterable[str]) -> Findings:
    """``findings``, with those about a subject in ``alike`` marked as shared."""
    subjects = frozenset(alike)
    for finding in findings:
        if finding.verdict.stops and finding.subject in subjects:
            yield replace(finding, says=finding.says + SAYS, shared=True)
        else:
            yield finding
