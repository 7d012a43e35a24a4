"""What became of one project of an order, as far as the fleet has to know it; the project's own record has the rest."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.outcome import Outcome, outcome_named
from pipeline.record.report import Line, Report

REFUSED, LOST = "refused", "lost"
"""Words for an end without an outcome: nothing was begun, and why; and nobody knows how the run ended."""
HANDED = "handed over"
"""The word of a process that has left its run, as it was, to another worker; no end, and never written down as one."""
BACK, THERE = "rolled back", "already there"
"""How a rollback of a project ends well; BACK is a deploy's word for a bad end, so the action tells them apart."""
MOST_SAID = 300


@dataclass(frozen=True)
class Fault:
    """A gate or step that stopped a project, and its words. ``gate`` is empty when it was neither."""

    gate: str
    says: str


@dataclass(frozen=True)
class ProjectEnd:
    """How one project ended: the outcome's word of its run, or REFUSED or LOST."""

    outcome: str
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    staged: str = ""
    """The deployment that the run made."""
    before: str = ""
    """The deployment that production served before; known only when the run has moved it."""

    @property
    def moved(self) -> bool:
        """Whether production serves what this run made: the only projects that a rollback may touch."""
        return self.outcome in (Outcome.DEPLOYED.word, Outcome.HELD.word) and bool(self.before)

    @property
    def code(self) -> int:
        """The exit code that says so; 1 when nothing was begun."""
        found = outcome_named(self.outcome)
        return found.code if found else (Outcome.STRANDED.code if self.outcome == LOST else 1)


@dataclass(frozen=True)
class TakenBack:
    """A project that an order had moved, and that a later one, ``order``, took back, or was to.

    ``outcome``: how that ended, empty while it has not; ``serves``: the deployment that production shows now by the
    record, empty when it does not say.
    """

    order: str
    outcome: str
    serves: str
    says: str = ""
    """Why it ended as it did."""
    moved_on: str = ""
    """A still later order, which has moved the project again."""

    @property
    def well(self) -> bool:
        """Whether the project went back."""
        return self.outcome in (BACK, THERE)

    @property
    def left_alone(self) -> bool:
        """Whether somebody else's release served by then."""
        return self.outcome == Outcome.SUPERSEDED.word


def end_of(report: Report) -> ProjectEnd:
    """The end of a run that has one."""
    reason = " ".join(report.reason.split())[:MOST_SAID]
    return ProjectEnd(
        report.outcome,
        reason,
        tuple(_faults(report)),
        report.staged.get("id", ""),
        report.before.get("id", ""),
    )


def end_from(body: Mapping[str, Any]) -> ProjectEnd:
    """The end that was written down, or printed, as ``body``."""
    faults = tuple(Fault(str(one["gate"]), str(one["says"])) for one in body.get("faults", ()))
    words = {name: str(body.get(name, "")) for name in ("outcome", "reason", "staged", "before")}
    return ProjectEnd(**words, faults=faults)


def _faults(report: Report) -> Iterable[Fault]:
    """What stopped the run: in the stage that stopped, the gates that said no and the steps that failed."""
    stages = [stage for stage in report.stages if stage.state == "stopped"]
    for line in stages[-1].lines if stages and report.outcome != Outcome.DEPLOYED.word else ():
        yield from _of_line(line)


def _of_line(line: Line) -> Iterable[Fault]:
    if line.kind == "step" and line.state == "failed":
        yield Fault(line.name, line.says[:MOST_SAID])
    if line.kind == "gate" and line.state not in ("pass", "warn"):
        for finding in line.findings:
            if finding["verdict"] not in ("pass", "warn"):
                yield Fault(line.name, f"{finding['subject']} {finding['says']}"[:MOST_SAID])


OWN = (
    (re.compile(r"https?://\S+"), "ADDRESS"),
    (re.compile(r"\b(?:dpl|prj|env|team)_\w+"), "ID"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b(?:\.[a-z0-9-]+)?"), "RUN"),
    (re.compile(r"\b[0-9a-f]{7,40}\b"), "COMMIT"),
    (re.compile(r"\b[\w.-]+\.(?:com|org|net|io|dev|app|co|de|example)\b(?::\d+)?"), "HOST"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "N"),
)
"""What differs from project to project in words that are otherwise the same."""


def alike(says: str, project: str) -> str:
    """The words of a fault without what is this project's own: two that are equal then are the same fault."""
    says = re.sub(rf"(?<![\w-]){re.escape(project)}(?![\w-])", "PROJECT", says)
    for pattern, name in OWN:
        says = pattern.sub(name, says)
    return " ".join(says.split())
