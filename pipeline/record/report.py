"""What happened in a run, as one value: a fold over its events. Renderers print it, ``--json`` is it."""

import contextlib
import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from checks.outcome import outcome_named
from pipeline.record.journal import Event


@dataclass
class Line:
    """One step or gate. ``state``: for a step doing, done, failed, undone or undo failed; for a gate its verdict."""

    kind: str
    name: str
    state: str
    at: str
    ms: int = 0
    says: str = ""
    findings: list[dict[str, str]] = field(default_factory=list)


@dataclass
class StageReport:
    """One stage of a run. ``state``: running, passed, warned or stopped."""

    name: str
    state: str
    began: str
    ms: int = 0
    lines: list[Line] = field(default_factory=list)

    def line(self, kind: str, name: str) -> Line | None:
        return next((line for line in self.lines if (line.kind, line.name) == (kind, name)), None)


@dataclass
class Report:
    """One run, whole. Times are ISO 8601; ``outcome`` is empty while it runs, or when it was cut off."""

    run: str
    pipeline: str = ""
    target: str = ""
    commit: str = ""
    source: str = ""
    by: str = ""
    began: str = ""
    ended: str = ""
    committed: str = ""
    """When the commit was made; empty when nobody knows."""
    live_at: str = ""
    """When users got it; in shares: the last of them that did. Empty when none did."""
    ms: int = 0
    """From its beginning to its last event."""
    waited_ms: int = 0
    """How much of that was waiting for people."""
    plan: str = ""
    """The hash of what would ship; empty before preflight has read it."""
    outcome: str = ""
    reason: str = ""
    held: str = ""
    """Why the release stays although it could not be called well: names of HELD, or empty."""
    accepted_by: str = ""
    """Who has kept a release that was held; ``accepted_because`` is why."""
    accepted_because: str = ""
    glass_by: str = ""
    """Who broke the glass for it; ``glass`` is why."""
    glass: str = ""
    waivers: list[dict[str, str]] = field(default_factory=list)
    """Those that counted when it began: gate, subject, until, by, reason, and signed_by when somebody has."""
    before: dict[str, str] = field(default_factory=dict)
    staged: dict[str, str] = field(default_factory=dict)
    was_live: str = ""
    """The commit that was live before; empty when nobody has noted it."""
    production: str = ""
    """The address of production."""
    theirs: str = ""
    """What somebody else promoted meanwhile, when that was left alone."""
    migrations: list[str] = field(default_factory=list)
    taken_back: str = ""
    """The deployment that a rollback by hand took back."""
    stages: list[StageReport] = field(default_factory=list)
    undone: list[Line] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int | None:
        outcome = outcome_named(self.outcome)
        return outcome.code if outcome else None

    @property
    def ended_as(self) -> str:
        """How it ended, in words: the outcome, or that it was cut off, and who has kept what was held."""
        return f"{self.outcome or 'cut off'}{f', accepted by {self.accepted_by}' if self.accepted_by else ''}"

    @property
    def warnings(self) -> list[tuple[str, dict[str, str]]]:
        """(gate or step, finding) of everything that was said, or failed, without stopping the run; its last answer."""
        return [
            (line.name, finding)
            for stage in self.stages
            for line in stage.lines
            for finding in (*line.findings, *_failed(stage, line))
            if finding["verdict"] == "warn"
        ]


def _failed(stage: StageReport, line: Line) -> tuple[dict[str, str], ...]:
    """What a step says that failed in a stage where that is a warning."""
    if (line.kind, line.state, stage.state) != ("step", "failed", "warned"):
        return ()
    return ({"verdict": "warn", "subject": "the step", "says": f"failed: {line.says}", "fix": ""},)


def report_of(run: str, events: Iterable[Event]) -> Report:
    """Fold ``events`` into a report."""
    report = Report(run)
    for event in events:
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, StopIteration):
            _add(report, event)  # what another version of this tool wrote may lack something
    return report


MOVES = ("promote", "complete-rolling-release")
"""The steps after which all users have the release; the last one that a run has counts."""


def _add(report: Report, event: Event) -> None:
    body = event.body
    if report.began and event.kind != "release accepted":
        report.ms = _ms(report.began, event.at)
    match event.kind:
        case "run begins":
            report.pipeline, report.target, report.commit = body["pipeline"], body["target"], body["commit"]
            report.by, report.began, report.production = body["by"], report.began or event.at, body["production"]
            report.source = body.get("folder", "")
            report.waivers = list(body.get("waivers") or ())
            report.committed = (body.get("release") or {}).get("committed", "")
        case "stage begins":
            report.stages.append(StageReport(event.subject, "running", event.at))
        case "stage settled":
            stage = _stage(report, event.subject)
            stage.state, stage.ms = "warned" if body.get("warning") else "passed", _ms(stage.began, event.at)
        case "step begins":
            _current(report).lines.append(Line("step", event.subject, "doing", event.at))
            for item in body.get("inputs") or ():
                if item.get("type") == "Production" and not report.was_live:
                    report.was_live = item["value"].get("commit", "")
        case "step done":
            _finish(report, event, "done")
            report.live_at = event.at if event.subject in MOVES else report.live_at
            _remember(report, body.get("gives") or {})
        case "step failed":
            _finish(report, event, "failed", body["error"])
        case "gate answered":
            stage = _current(report)
            line = stage.line("gate", event.subject) or Line("gate", event.subject, "", event.at)
            if line not in stage.lines:
                stage.lines.append(line)
            line.state, line.ms, line.findings = body["verdict"], body["ms"], body["findings"]
        case "waiting for people ends":
            report.waited_ms += body["ms"]
        case "break glass":
            report.glass_by, report.glass = body["by"], body["reason"]
        case "plan read":
            report.plan = event.subject
        case "superseded":
            report.theirs = str(body["says"])
        case "going back" | "holding":
            report.reason, report.held = body["reason"], body.get("because", "")
            if report.stages and report.stages[-1].state == "running":
                report.stages[-1].state = "stopped"
                report.stages[-1].ms = _ms(report.stages[-1].began, event.at)
        case "undo begins":
            report.undone.append(Line("undo", event.subject, "doing", event.at, says=body["undo"]))
        case "undo done" | "undo failed":
            line = next(line for line in reversed(report.undone) if line.name == event.subject)
            line.state, line.ms = "undone" if event.kind == "undo done" else "undo failed", _ms(line.at, event.at)
            if event.kind == "undo failed":
                words = " ".join(str(body["by_hand"]).split())
                words = words.replace("$PREVIOUS", report.before.get("id", "$PREVIOUS"))
                report.by_hand.append(f"{event.subject}: {body['error']}. {words}")
        case "run ended":
            report.outcome, report.ended = body["outcome"], event.at
            report.reason = report.reason or body.get("reason", "")
            report.taken_back = body.get("taken_back", "")
        case "release accepted":
            report.accepted_by, report.accepted_because = body["by"], body["because"]


def _remember(report: Report, gives: dict[str, Any]) -> None:
    value = gives.get("value", {})
    match gives.get("type"):
        case "ProductionBefore":
            report.before = value
        case "StagedDeployment":
            report.staged = value
        case "AppliedMigrations":
            report.migrations = list(value["names"])


def _stage(report: Report, name: str) -> StageReport:
    return next(stage for stage in reversed(report.stages) if stage.name == name)


def _current(report: Report) -> StageReport:
    if not report.stages:
        report.stages.append(StageReport("", "running", report.began))
    return report.stages[-1]


def _finish(report: Report, event: Event, state: str, says: str = "") -> None:
    stage = _current(report)
    line = next((one for one in reversed(stage.lines) if (one.kind, one.name) == ("step", event.subject)), None)
    if line is None:  # it failed before it began: its inputs could not be read
        line = Line("step", event.subject, state, event.at)
        stage.lines.append(line)
    line.state, line.ms, line.says = state, _ms(line.at, event.at), says


def _ms(since: str, until: str) -> int:
    return round((_time(until) - _time(since)).total_seconds() * 1000)


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
