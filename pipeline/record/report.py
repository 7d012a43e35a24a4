"""What happened in a run, as one value: a fold over its events. Renderers print it, ``--json`` is it."""

import contextlib
import dataclasses
import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from checks.outcome import outcome_named
from pipeline.record.journal import Event
from pipeline.record.parts import MigrationReport, WaitForPeople, with_applied, with_tried


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
    began: str = ""
    """When it was first acted or asked; ``until``: when it was done, or its answer that counts came."""
    until: str = ""
    answers: int = 0
    """How many different answers a gate has given."""


@dataclass
class StageReport:
    """One stage of a run. ``state``: running, passed, warned or stopped."""

    name: str
    state: str
    began: str
    ms: int = 0
    lines: list[Line] = field(default_factory=list)
    during: float = 0.0
    """Seconds for which its gates are asked again although they say yes."""
    patience: float = 0.0
    """Seconds for which a no is borne."""

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
    before: dict[str, Any] = field(default_factory=dict)
    staged: dict[str, Any] = field(default_factory=dict)
    was_live: str = ""
    """The commit that was live before; empty when nobody has noted it."""
    production: str = ""
    """The address of production."""
    theirs: str = ""
    """What somebody else promoted meanwhile, when that was left alone."""
    migrations: list[str] = field(default_factory=list)
    migrated: list[MigrationReport] = field(default_factory=list)
    """Every migration that was tried on a copy, or applied, in order; ``rehearsed_on`` says which copy."""
    rehearsed_on: str = ""
    restore_point: dict[str, Any] = field(default_factory=dict)
    """What was kept before migrating: by, id, name, made, expires and by_hand; empty when nothing had to be."""
    waits: list[WaitForPeople] = field(default_factory=list)
    approvals: list[dict[str, str]] = field(default_factory=list)
    """Who had agreed when that was read last, whether it counts or not: by, at and via."""
    change: dict[str, str] = field(default_factory=dict)
    """The pull request that brought the commit: its number and its author; empty when there is none."""
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
        fold(report, event)
    return report


def fold(report: Report, event: Event) -> None:
    """Put the next event of a run into its report."""
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, StopIteration):
        _add(report, event)  # what another version of this tool wrote may lack something


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
            release = body.get("release") or {}
            report.committed, name = release.get("committed", ""), release.get("approved_by", "")
            report.approvals = [{"by": name, "at": release["approved_at"], "via": "in person"}] if name else []
        case "stage begins":
            during, patience = (float(body.get(name) or 0) for name in ("during", "patience"))
            report.stages.append(StageReport(event.subject, "running", event.at, during=during, patience=patience))
        case "stage settled":
            stage = _stage(report, event.subject)
            stage.state, stage.ms = "warned" if body.get("warning") else "passed", _ms(stage.began, event.at)
        case "step begins":
            _current(report).lines.append(Line("step", event.subject, "doing", event.at, began=event.at))
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
            line = stage.line("gate", event.subject)
            if line is None:
                line = Line("gate", event.subject, "", event.at, began=_before(event.at, body["ms"]))
                stage.lines.append(line)
            line.state, line.ms, line.findings = body["verdict"], body["ms"], body["findings"]
            line.until, line.answers = event.at, line.answers + 1
        case "waiting for people begins":
            report.waits.append(WaitForPeople(_current(report).name, event.at, body.get("says", "")))
        case "waiting for people ends":
            report.waited_ms += body["ms"]
            if report.waits:
                report.waits[-1] = dataclasses.replace(report.waits[-1], ms=body["ms"])
        case "break glass":
            report.glass_by, report.glass = body["by"], body["reason"]
        case "plan read":
            report.plan = event.subject
        case "approvals read":
            named = [one for one in report.approvals if one["via"] == "in person"]
            report.approvals, report.change = [*named, *body["approvals"]], body["change"]
        case "superseded":
            report.theirs = str(body["says"])
        case "going back" | "holding":
            report.reason, report.held = body["reason"], body.get("because", "")
            if report.stages and report.stages[-1].state == "running":
                report.stages[-1].state = "stopped"
                report.stages[-1].ms = _ms(report.stages[-1].began, event.at)
        case "undo begins":
            report.undone.append(Line("undo", event.subject, "doing", event.at, says=body["undo"], began=event.at))
        case "undo done" | "undo failed":
            line = next(line for line in reversed(report.undone) if line.name == event.subject)
            line.state, line.ms = "undone" if event.kind == "undo done" else "undo failed", _ms(line.at, event.at)
            line.until = event.at
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
            report.migrated = with_applied(report.migrated, value)
        case "Rehearsal":
            report.rehearsed_on = value["on"]
            report.migrated = with_tried(report.migrated, value)
        case "RestorePoint" if value.get("by"):
            report.restore_point = value


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
    line.state, line.ms, line.says, line.until = state, _ms(line.at, event.at), says, event.at


def _ms(since: str, until: str) -> int:
    return round((_time(until) - _time(since)).total_seconds() * 1000)


def _before(text: str, ms: int) -> str:
    return (_time(text) - datetime.timedelta(milliseconds=ms)).isoformat()


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
