"""The pages of the dashboard, from what the record says: what is live, every run, delivery, baselines, readiness."""

import datetime
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from pipeline.record.dora import Delivery, Spread
from pipeline.record.history import moment
from pipeline.record.incidents import Incident
from pipeline.record.overview import PastDrill, Serving
from pipeline.record.report import Report
from pipeline.render.charts import bar_chart
from pipeline.render.history import DEFINITIONS, long
from pipeline.render.html import page
from pipeline.render.readings import number
from pipeline.render.report import COMMIT, duration
from pipeline.render.runpage import RunFacts, run_page
from pipeline.session.baseline import BaselineRow

PAGES = {
    "now": "Now", "runs": "Runs", "delivery": "Delivery", "baselines": "Baselines", "readiness": "Readiness",
}  # fmt: skip
A_PAGE = 50
"""Runs on one page of all."""
NEWEST = 15
GRAVE = ("P0", "P1")


@dataclass(frozen=True)
class Paths:
    """Where the pages are: on the server, or in a folder that is exported. ``up``: from the page to that folder.

    ``kept``: the runs that the folder has pages of.
    """

    folder: bool = False
    up: str = ""
    kept: Collection[str] = ()

    def page(self, name: str, number: int = 1) -> str:
        if self.folder:
            return f"{self.up}{'index' if name == 'now' else name}{f'-{number}' if number > 1 else ''}.html"
        return f"/{'' if name == 'now' else name}{f'?page={number}' if number > 1 else ''}"

    def run(self, run: str) -> str:
        """The address of a run's page; empty when it has none."""
        if not self.folder:
            return f"/runs/{run}"
        return f"{self.up}runs/{run}.html" if run in self.kept else ""


@dataclass(frozen=True)
class TargetNow:
    """One target: what it serves, as the record knows, who has its lock, and its address."""

    name: str
    site: str
    serving: Serving | None
    lock: str = ""


@dataclass(frozen=True)
class Week:
    """The figures of a target for one week, beginning at ``label``, e.g. ``11-02``."""

    label: str
    figures: Delivery


@dataclass(frozen=True)
class Readiness:
    """How ready people are. ``sections``: state → how many runbook sections; ``actions``: what is open."""

    drills: tuple[PastDrill, ...]
    known: tuple[str, ...]
    """The names of all drills there are."""
    unreviewed: tuple[Incident, ...]
    sections: dict[str, int] = field(default_factory=dict)
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """What every page is given: where the others are, when it was read, the newest event, and which runs go on."""

    paths: Paths
    now: datetime.datetime
    record: str
    version: int = 0
    alive: frozenset[str] = frozenset()

    def frame(self, name: str) -> dict[str, Any]:
        return {
            "here": PAGES.get(name, ""),
            "places": [(words, self.paths.page(each)) for each, words in PAGES.items()],
            "live": "" if self.paths.folder else str(self.version),
        }


def now_page(shown: Shown, targets: Sequence[TargetNow], open_: Sequence[Incident], reports: Sequence[Report]) -> str:
    """What is live, what goes on, what is open, and the newest runs."""
    return page(
        "now",
        title="Now · deployments",
        targets=[(one, _since(one.serving.since, shown.now) if one.serving else "") for one in targets],
        running=[_row(report, shown) for report in reports if _goes_on(report, shown)],
        incidents=sorted(open_, key=_gravity),
        rows=[_row(report, shown) for report in reports[:NEWEST]],
        commit=COMMIT,
        **_ending(shown),
        **shown.frame("now"),
    )


def _gravity(incident: Incident) -> tuple[str, str]:
    """The gravest first, and of those the one that was opened first."""
    return incident.severity, incident.opened


def runs_page(shown: Shown, reports: Sequence[Report], turned: int = 1) -> str:
    """One page of all runs, newest first; ``turned`` counts the pages from 1."""
    last = max((len(reports) + A_PAGE - 1) // A_PAGE, 1)
    here = min(max(turned, 1), last)
    return page(
        "runs",
        title="Runs · deployments",
        rows=[_row(report, shown) for report in reports[(here - 1) * A_PAGE : here * A_PAGE]],
        count=len(reports),
        turned=here,
        last=last,
        newer=shown.paths.page("runs", here - 1) if here > 1 else "",
        older=shown.paths.page("runs", here + 1) if here < last else "",
        **_ending(shown),
        **shown.frame("runs"),
    )


def one_run_page(shown: Shown, facts: RunFacts) -> str:
    """The page of one run, within the dashboard."""
    return run_page(facts, **shown.frame("run"))


def delivery_page(shown: Shown, targets: Sequence[tuple[str, Delivery, Sequence[Week]]]) -> str:
    """The four figures of each target: of the last days, and week by week."""
    return page(
        "delivery",
        title="Delivery · deployments",
        targets=[(name, _figures(figures), _weekly(weeks)) for name, figures, weeks in targets],
        definitions=[(line[:22].strip(), line[22:].strip()) for line in DEFINITIONS.splitlines()],
        **_ending(shown),
        **shown.frame("delivery"),
    )


def baselines_page(shown: Shown, targets: Sequence[tuple[str, Sequence[BaselineRow]]], read: str) -> str:
    """Every reading beside what is usual; ``read`` is when that was computed, empty when it is not yet."""
    return page(
        "baselines",
        title="Baselines · deployments",
        targets=targets,
        read=read,
        number=number,
        **_ending(shown),
        **shown.frame("baselines"),
    )


def readiness_page(shown: Shown, ready: Readiness) -> str:
    """Drills, incidents that nobody has reviewed, runbooks that nobody has read, and open actions."""
    last = {name: next((one for one in ready.drills if one.name == name), None) for name in ready.known}
    return page(
        "readiness",
        title="Readiness · deployments",
        drills=[(name, one, _since(one.began, shown.now) if one else "") for name, one in last.items()],
        unreviewed=ready.unreviewed,
        sections=ready.sections,
        actions=ready.actions,
        **_ending(shown),
        **shown.frame("readiness"),
    )


def _ending(shown: Shown) -> dict[str, str]:
    return {"record": shown.record, "read_at": f"{shown.now:%Y-%m-%d %H:%M:%S} UTC"}


@dataclass(frozen=True)
class RunRow:
    """One run as a line of a table."""

    run: str
    address: str
    target: str
    pipeline: str
    commit: str
    by: str
    began: str
    took: str
    state: str
    word: str
    because: str


def _row(report: Report, shown: Shown) -> RunRow:
    return RunRow(
        report.run,
        shown.paths.run(report.run),
        report.target,
        report.pipeline,
        report.commit[:COMMIT],
        report.by,
        report.began[:16].replace("T", " "),
        duration(report.ms),
        "running" if _goes_on(report, shown) else report.outcome or "cut off",
        "running" if _goes_on(report, shown) else report.ended_as,
        report.accepted_because or report.reason,
    )


def _goes_on(report: Report, shown: Shown) -> bool:
    return not report.outcome and report.run in shown.alive


def _since(text: str, now: datetime.datetime) -> str:
    began = moment(text)
    return f"{text[:16].replace('T', ' ')} UTC, {long((now - began).total_seconds())} ago" if began else ""


def _figures(seen: Delivery) -> list[tuple[str, str]]:
    """(figure, what it is) of some days."""
    return [
        ("deployment frequency", f"{seen.a_day:.3g} a day: {seen.releases} releases in {seen.days:.3g} days"),
        ("lead time", _spread(seen.lead)),
        ("before the run", _spread(seen.before)),
        ("machine", _spread(seen.machine)),
        ("people", _spread(seen.people)),
        ("change failure rate", f"{seen.failure_rate:.0%}: {seen.failed} of {seen.releases}"),
        ("recovery time", _spread(seen.recovery) + (f"; {seen.open} not put right yet" if seen.open else "")),
    ]


def _spread(seen: Spread) -> str:
    return f"{long(seen.median)} usually, {long(seen.longest)} at most" if seen.known else "nothing to say"


Figure = Callable[[Delivery], float | None]
WEEKLY: tuple[tuple[str, str, Figure], ...] = (
    ("deployment frequency", "releases a week", lambda seen: float(seen.releases)),
    ("lead time", "", lambda seen: seen.lead.median if seen.lead.known else None),
    ("change failure rate", "percent", lambda seen: 100 * seen.failure_rate if seen.releases else None),
    ("recovery time", "", lambda seen: seen.recovery.median if seen.recovery.known else None),
)
"""Name, unit and value of what is drawn for each week; without a unit it is a duration in seconds."""
UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def _weekly(weeks: Sequence[Week]) -> list[tuple[str, Markup, list[tuple[str, str]]]]:
    """(figure, its chart, the same as pairs of week and value); there is no chart when no week has anything."""
    return [_drawn(name, unit, [(week.label, take(week.figures)) for week in weeks]) for name, unit, take in WEEKLY]


def _drawn(
    name: str, unit: str, values: Sequence[tuple[str, float | None]]
) -> tuple[str, Markup, list[tuple[str, str]]]:
    most = max((value or 0 for _, value in values), default=0)
    size, said = (1.0, unit) if unit else next((one for one in UNITS if most >= 2 * one[0]), UNITS[-1])
    pairs = [(label, "none" if value is None else number(round(value / size, 2))) for label, value in values]
    words = f"{name}, {said}" + ("" if unit else ", median")
    if not most:
        return words, Markup(), pairs
    return (
        words,
        bar_chart([label for label, _ in values], [round((value or 0) / size, 2) for _, value in values]),
        pairs,
    )
