"""A run as rows with bars: what ran side by side, what each stage waited for, and how long."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.record.report import Line, Report, StageReport
from pipeline.render.report import MARKS, duration, said_once

STEPS = 200
"""A bar begins and ends at one of so many places: each is a class of the stylesheet, as a page has no style inline."""
STAGE_MARKS = {"passed": "✓", "warned": "!", "stopped": "✗", "running": "…"}


@dataclass(frozen=True)
class Bar:
    """Where a bar begins, and how long it is, in places of STEPS."""

    left: int
    width: int


@dataclass(frozen=True)
class TimelineRow:
    """A step, a gate, an undo, or a time of waiting for people. ``bar`` is on the scale of its stage."""

    kind: str
    name: str
    mark: str
    state: str
    took: str
    bar: Bar
    says: str = ""
    answers: int = 0
    findings: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class TimelineStage:
    """One stage. ``bar`` is on the scale of the run; ``longest``: what took longest in it, when there were several."""

    name: str
    mark: str
    state: str
    after: str
    """How long after the run's beginning it began."""
    took: str
    bar: Bar
    longest: str
    rows: tuple[TimelineRow, ...]


def timeline(report: Report) -> tuple[TimelineStage, ...]:
    """The stages of a run, and its way back as the last one. Empty for a run of which nothing is known."""
    began = _time(report.began)
    if began is None:
        return ()
    whole = max(report.ms, 1)
    stages = [_stage(report, stage, began, whole) for stage in report.stages]
    return (*stages, *_back(report, began, whole))


def _stage(report: Report, stage: StageReport, began: datetime.datetime, whole: int) -> TimelineStage:
    at = _after(began, stage.began)
    ms = stage.ms or (max(whole - at, 1) if stage.state == "running" else 1)
    rows = [_row(line, stage.began, ms, watched=bool(stage.during)) for line in said_once(stage.lines)]
    rows += [
        TimelineRow("wait", "people", "…", "waited for", duration(wait.ms) if wait.ms else "still", bar, wait.says)
        for wait in report.waits
        if wait.stage == stage.name
        for bar in (_bar(_since(stage.began, wait.began), wait.ms or ms, ms),)
    ]
    return TimelineStage(
        stage.name,
        STAGE_MARKS.get(stage.state, ""),
        stage.state,
        f"+{duration(at)}",
        duration(ms),
        _bar(at, ms, whole),
        _waited_for(stage),
        tuple(rows),
    )


def _back(report: Report, began: datetime.datetime, whole: int) -> list[TimelineStage]:
    if not report.undone:
        return []
    first = report.undone[0].began
    at, failed = _after(began, first), any(line.state == "undo failed" for line in report.undone)
    ms = max(whole - at, 1)
    rows = tuple(_row(line, first, ms) for line in report.undone)
    state = "failed" if failed else "undone"
    return [
        TimelineStage(
            "going back",
            MARKS["undo failed" if failed else "undone"],
            state,
            f"+{duration(at)}",
            duration(ms),
            _bar(at, ms, whole),
            "",
            rows,
        )
    ]


def _row(line: Line, origin: str, ms: int, *, watched: bool = False) -> TimelineRow:
    at = _since(origin, line.began)
    again = watched and line.kind == "gate"  # it is asked until the stage ends, and only a new answer is written down
    bar = _bar(at, ms - at if again else max(_since(line.began, line.until), 1), ms)
    return TimelineRow(
        line.kind,
        line.name,
        MARKS.get(line.state, ""),
        line.state,
        duration(line.ms),
        bar,
        line.says,
        line.answers,
        tuple(line.findings),
    )


def _waited_for(stage: StageReport) -> str:
    if stage.during and stage.state != "stopped":
        return f"its watch of {duration(round(stage.during * 1000))}"
    return _longest(stage.lines)


def _longest(lines: Iterable[Line]) -> str:
    took = [(_since(line.began, line.until), line.name) for line in lines if line.until]
    if len(took) < 2:
        return ""
    ms, name = max(took)
    return f"{name}, {duration(ms)}"


def _bar(begins: int, ms: int, whole: int) -> Bar:
    left = min(max(round(begins / whole * STEPS), 0), STEPS - 1)
    return Bar(left, min(max(round(ms / whole * STEPS), 1), STEPS - left))


def _since(origin: str, text: str) -> int:
    """Milliseconds from ``origin`` until ``text``, ISO 8601 both; 0 when one of them says nothing."""
    began = _time(origin)
    return _after(began, text) if began else 0


def _after(began: datetime.datetime, text: str) -> int:
    moment = _time(text)
    return max(round((moment - began).total_seconds() * 1000), 0) if moment else 0


def _time(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
