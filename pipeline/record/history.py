"""The runs that are written down, chosen and counted: what happened, to whom, and at which gate."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from checks.gate import Verdict
from checks.statistics import median
from pipeline.record.bounded import Store
from pipeline.record.journal import events_of, latest_runs
from pipeline.record.report import Report, report_of

EVERY = 1_000_000  # runs
STOPS = frozenset(verdict.word for verdict in Verdict if verdict.stops)
REACHED = frozenset({"deployed", "rolled back", "stranded", "held", "superseded"})
"""How a deployment ends that has reached users."""
TAKEN_BACK = frozenset({"rolled back", "stranded"})


@dataclass(frozen=True)
class Wanted:
    """Which runs are wanted. ``since`` and ``until``: when they began; ``outcome``: how they ended, or ``cut off``.

    ``by``: who began it or has accepted it, in part and in any case. ``limit``: how many of the newest.
    """

    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    outcome: str = ""
    by: str = ""
    target: str = ""
    limit: int = EVERY

    @property
    def everything(self) -> bool:
        return not (self.since or self.until or self.outcome or self.by or self.target)

    def takes(self, report: Report) -> bool:
        """Whether ``report`` is one of them."""
        began = moment(report.began)
        people = f"{report.by}\n{report.accepted_by}".casefold()
        return (
            (not self.since or (began is not None and began >= self.since))
            and (not self.until or (began is not None and began < self.until))
            and self.outcome in ("", report.outcome or "cut off", report.ended_as)
            and self.by.casefold() in people
            and self.target in ("", report.target)
        )


def past(store: Store, wanted: Wanted) -> Iterator[Report]:
    """The reports of the runs that are wanted, newest first, read one after the other."""
    found = 0
    for run in latest_runs(store, wanted.limit if wanted.everything else EVERY):
        events = events_of(store, run)
        if wanted.since and events and (last := moment(events[-1].at)) and last < wanted.since:
            return  # they come by their newest event
        report = report_of(run, events)
        if found < wanted.limit and wanted.takes(report):
            found += 1
            yield report


def moment(text: str) -> datetime.datetime | None:
    """The time that ``text`` says in ISO 8601; None when it says none."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def reached_users(report: Report) -> bool:
    """Whether a run has released something to users; a preview and a rollback have not."""
    return report.pipeline not in ("preview", "rollback") and (report.outcome in REACHED or bool(report.live_at))


@dataclass(frozen=True)
class GateRecord:
    """What one gate did in some runs. ``asked``, ``warned`` and ``stopped``: runs; ``ms``: its usual time to answer."""

    name: str
    asked: int
    warned: int
    stopped: int
    ms: int


def by_gate(reports: Iterable[Report]) -> tuple[GateRecord, ...]:
    """Every gate that was asked in ``reports``: those that stop most first, then by name."""
    asked, warned, stopped = Counter[str](), Counter[str](), Counter[str]()
    took: dict[str, list[float]] = {}
    for report in reports:
        lines = [(stage, line) for stage in report.stages for line in stage.lines if line.kind == "gate"]
        asked.update({line.name for _, line in lines})
        warned.update({line.name for _, line in lines if line.state == "warn"})
        stopped.update({line.name for stage, line in lines if stage.state == "stopped" and line.state in STOPS})
        for _, line in lines:
            took.setdefault(line.name, []).append(line.ms)
    found = [GateRecord(name, asked[name], warned[name], stopped[name], round(median(took[name]))) for name in asked]
    return tuple(sorted(found, key=lambda gate: (-gate.stopped, gate.name)))


@dataclass(frozen=True)
class PersonRecord:
    """What one person began. ``runs``; ``released``: that reached users; ``taken_back``: of those; ``accepted``: held

    releases that this person has kept."""

    name: str
    runs: int
    released: int
    taken_back: int
    accepted: int


def by_person(reports: Iterable[Report]) -> tuple[PersonRecord, ...]:
    """Everybody who began or accepted something in ``reports``, by name."""
    runs, released, back, kept = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for report in reports:
        runs[report.by or "?"] += 1
        released[report.by or "?"] += reached_users(report)
        back[report.by or "?"] += reached_users(report) and report.outcome in TAKEN_BACK
        if report.accepted_by:
            kept[report.accepted_by] += 1
    return tuple(
        PersonRecord(name, runs[name], released[name], back[name], kept[name]) for name in sorted({*runs, *kept})
    )
