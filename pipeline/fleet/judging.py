"""The ends of many projects, judged together: what several share is one finding with the list of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.fleet.ends import Fault, ProjectEnd, alike


@dataclass(frozen=True)
class FleetFinding:
    """One fault, and the projects that have it. ``says``: the words of the first of them."""

    gate: str
    says: str
    projects: tuple[str, ...]


def judged(ends: Mapping[str, ProjectEnd]) -> tuple[FleetFinding, ...]:
    """The faults of projects that ended badly: each once, those that most projects share first.

    Two faults are the same when gate and words are, without what is a project's own (addresses, commits, numbers).
    A project counts with the first of its faults: what follows from that is told by its own report.
    """
    found: dict[tuple[str, str], list[tuple[str, Fault]]] = defaultdict(list)
    for project, end in ends.items():
        fault = next(iter(end.faults), Fault("", end.reason or end.outcome))
        found[fault.gate, alike(fault.says, project)].append((project, fault))
    findings = (
        FleetFinding(gate, same[0][1].says, tuple(name for name, _ in same)) for (gate, _), same in found.items()
    )
    return tuple(sorted(findings, key=lambda finding: (-len(finding.projects), finding.gate)))
