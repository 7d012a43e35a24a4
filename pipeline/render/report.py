"""A run in words: the end of the terminal's text, the GitHub job summary, and annotations."""

import dataclasses
import re
from collections.abc import Iterable

from checks.outcome import CUT_OFF, outcome_named
from pipeline.handbook.troubles import recognised
from pipeline.record.report import Line, Report, StageReport
from pipeline.redact import markdown, one_line
from pipeline.render.aiming import aimed
from pipeline.render.annotation import annotation, shown_whole
from pipeline.render.gantt import gantt
from pipeline.render.links import Places, links_markdown

MARKS = {
    "pass": "✓", "done": "✓", "undone": "↩", "warn": "!", "not yet": "…", "doing": "…",
    "unknown": "?", "block": "✗", "failed": "✗", "undo failed": "✗",
}  # fmt: skip
COMMIT = 12
STOPS = ("block", "not yet", "unknown")
MOST_FIXES = 3
FIXED = "./inv deploy --from fixed --over-rollback   ships a commit that fixes it; the sandbox has one"


def duration(ms: int) -> str:
    """A duration in words: ``40 ms``, ``3.2 s`` or ``2 min 05 s``."""
    if ms < 1000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms // 60_000} min {ms // 1000 % 60:02} s"


def line_text(line: Line, mark: str = "") -> str:
    """One step or gate of a run on one line, its findings below it. ``mark`` replaces the one of its state."""
    head = f"  {mark or MARKS.get(line.state, ' ')} {line.name:<38} {duration(line.ms):>9}"
    says = [f"      {one_line(line.says)}"] if line.says and line.kind == "step" else []
    return "\n".join([head, *says, *(finding_text(finding) for finding in line.findings)])


def said_once(lines: Iterable[Line]) -> list[Line]:
    """``lines``, each without what an earlier one could not find out for the same reason: a reader needs it once."""
    said: list[dict[str, str]] = []
    kept = []
    for line in lines:
        fresh = [one for one in line.findings if one["verdict"] != "unknown" or one not in said]
        kept.append(dataclasses.replace(line, findings=fresh))
        said += fresh
    return kept


def finding_text(finding: dict[str, str]) -> str:
    """One finding in words: ``subject says`` and, when there is one, what to type."""
    text = f"      {finding['verdict']}: {one_line(finding['subject'])} {one_line(finding['says'])}"
    return f"{text}\n        → {finding['fix']}" if finding["fix"] else text


def summary_text(report: Report) -> str:
    """The end of a run: its outcome, what moved, what to do next."""
    return aimed("\n".join([*_end(report), *_steps(next_steps(report))]), report.target)


def _end(report: Report) -> list[str]:
    lines = ["", *glass_lines(report), headline(report)]
    if report.reason:
        lines.append(f"  because  {one_line(report.reason)}")
    lines += [f"  known    {text}" for text in known_troubles(report)]
    lines += [f"  {label:<8} {text}" for label, text in _facts(report)]
    lines += [
        f"  warning  {gate}: {one_line(finding['subject'])} {one_line(finding['says'])}"
        for gate, finding in report.warnings
    ]
    if report.by_hand:
        lines += ["", "DO THIS NOW, BY HAND:", *(f"  {one_line(text)}" for text in report.by_hand)]
    return lines


def _steps(steps: list[str]) -> list[str]:
    return [f"  next     {text}" for text in steps]


def headline(report: Report) -> str:
    """How a run ended, in capitals, and what that means for production."""
    outcome = outcome_named(report.outcome)
    if report.accepted_by:
        return f"HELD, and kept by {report.accepted_by}: the release stays live"
    held = outcome.because(report.held) if outcome else None
    return held.headline if held else outcome.headline if outcome else CUT_OFF


def glass_lines(report: Report) -> list[str]:
    """Who broke the glass, why, and what it went past; nothing when nobody did."""
    if not report.glass:
        return []
    past = ", ".join(sorted({gate for gate, finding in report.warnings if "GLASS BROKEN" in finding["says"]}))
    return [f"GLASS BROKEN by {report.glass_by}: {report.glass}; past {past or 'nothing that stopped it'}"]


def waiver_text(waiver: dict[str, str]) -> str:
    """A waiver on one line, with who has signed it."""
    about = f" ({waiver['subject']})" if waiver.get("subject") else ""
    signed = f"signed by {waiver['signed_by']}" if waiver.get("signed_by") else "not signed"
    return f"{waiver['gate']}{about} until {waiver['until']} by {waiver['by']}: {waiver['reason']} ({signed})"


def known_troubles(report: Report) -> list[str]:
    """The troubles of the troubleshooting guide that the reason of a run matches, with what to do about each."""
    return [f"{trouble.error}. {trouble.resolution}" for trouble in recognised(report.reason)]


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = [("run", report.run), ("commit", report.commit[:COMMIT])]
    facts += [("waiver", waiver_text(waiver)) for waiver in report.waivers]
    if report.waited_ms:
        work = duration(report.ms - report.waited_ms)
        facts.append(("took", f"{work} of work, and {duration(report.waited_ms)} of waiting for people"))
    if report.plan:
        facts.append(("plan", report.plan[:COMMIT]))
    if report.accepted_by:
        facts.append(("kept", f"by {report.accepted_by}: {report.accepted_because}"))
    live = report.staged if report.outcome in ("deployed", "held") and report.pipeline == "deploy" else report.before
    if report.theirs:
        facts.append(("serves", report.theirs))
    elif live and report.outcome != "stranded":
        facts.append(("serves", f"{live['id']} on {report.production}"))
    elif report.outcome == "blocked":
        facts.append(("serves", f"was not looked at again on {report.production}; ./inv status tells"))
    if report.staged and live is not report.staged:
        facts.append(("staged", f"{report.staged['id']} at {report.staged['url']}"))
    if report.migrations:
        note = "" if report.outcome == "deployed" else " (they stay: the old code runs on them)"
        facts.append(("migrated", ", ".join(report.migrations) + note))
    return facts


def next_steps(report: Report) -> list[str]:
    """What a person does next: each is a command with what it does, or a sentence."""
    match report.outcome:
        case "deployed":
            undo = ["./inv rollback   takes it back"] if report.pipeline == "deploy" else []
            return [f"./inv report {report.run}   shows this run again", *undo]
        case "blocked":
            return _fixes(report)
        case "rolled back":
            return [
                f"./inv report {report.run}   shows what was seen; runbooks/incident-response.md says how to go on",
                f"{FIXED}; production is pinned until then"
                if report.target == "sandbox"
                else "./inv deploy --over-rollback   ships a commit that fixes it; production is pinned until then",
                "./inv status   lists environment values and cron jobs that went back with it",
            ]
        case "held":
            keep = f'./inv accept {report.run} --because "…"   keeps it, in your name'
            return [
                "./inv monitor.daily   asks again",
                "runbooks/incident-response.md   when users feel it",
                *([] if report.accepted_by else [keep]),
                "./inv rollback   goes back all the same",
            ]
        case "superseded":
            return ["talk to whoever promoted it; when yours is to stay, ship a commit that descends from theirs"]
        case "stranded":
            to = f" --to {report.before['id']}" if report.before else ""
            return [f"./inv rollback{to}   once Vercel answers again"]
    target = f" --target {report.target}" if report.target else ""
    return [
        f"./inv settle{target} --run {report.run}   goes back",
        f"./inv deploy{target} --resume {report.run}   goes on",
        f'./inv accept {report.run} --because "…"   keeps what it has promoted, in your name',
    ]


def beside_the_report(report: Report) -> list[str]:
    """The next steps for who reads the report already."""
    seen = f"./inv report {report.run} "
    steps = [step.partition("; ")[2] if step.startswith(seen) else step for step in next_steps(report)]
    return [step for step in steps if step]


def _fixes(report: Report) -> list[str]:
    """What to type, or to do, about each answer that stopped a run; the sandbox has a commit that fixes another."""
    fixes: dict[str, str] = {}
    stopped: list[dict[str, str]] = []
    for line in report.stages[-1].lines if report.stages and report.stages[-1].state == "stopped" else ():
        stopped += [one for one in line.findings if one["verdict"] in STOPS]
        fixes |= {one["fix"]: line.name for one in line.findings if one["verdict"] in STOPS and one["fix"]}
    if report.target == "sandbox" and "order.was-not-taken-back" in fixes.values():
        return [FIXED]
    general = "fix what stopped it and start a new run: ./inv deploy"
    if stopped and all(one["verdict"] == "unknown" for one in stopped):
        general = "./inv doctor   tries every token and address; when it can be read again: ./inv deploy"
    return [*(one_line(fix) for fix in list(fixes)[:MOST_FIXES]), *([] if fixes else [general])]


def summary_markdown(report: Report, places: Places) -> str:
    """The summary of a run as Markdown, for the GitHub job."""
    lines = [f"## {headline(report)}", "", *(f"> **{markdown(text)}**\n" for text in glass_lines(report))]
    if report.reason:
        lines += [f"**Because** {markdown(report.reason)}", ""]
    lines += [f"**Known** {markdown(text)}\n" for text in known_troubles(report)]
    lines += ["| | |", "|---|---|", *(f"| {label} | {markdown(text)} |" for label, text in _facts(report)), ""]
    if report.by_hand:
        lines += ["### Do this now, by hand", "", *(f"* {markdown(text)}" for text in report.by_hand), ""]
    lines += [*links_markdown(report, places), *(f"* next: `{markdown(text)}`" for text in next_steps(report)), ""]
    lines += [picture, ""] if (picture := gantt(report)) else []
    lines += ["| stage | question or act | answer | time |", "|---|---|---|--:|"]
    lines += [row for stage in report.stages for row in _rows(stage)]
    lines += [
        f"| going back | {line.name} → {markdown(line.says)} | {line.state} | {duration(line.ms)} |"
        for line in report.undone
    ]
    return aimed("\n".join(lines), report.target) + "\n"


def _rows(stage: StageReport) -> list[str]:
    return [
        f"| {stage.name} | {line.name} | {MARKS.get(line.state, '')} {line.state}{_because(line)} |"
        f" {duration(line.ms)} |"
        for line in said_once(stage.lines)
    ]


def _because(line: Line) -> str:
    said = [f"{finding['subject']} {finding['says']}" for finding in line.findings] or (
        [line.says] if line.says else []
    )
    return "".join(f"<br>{markdown(text)}" for text in said)


IN_A_MIGRATION = re.compile(r"([\w.-]+):(\d+)")
"""How a gate names a line of a migration."""


def annotations(report: Report) -> str:
    """The outcome of a run as GitHub workflow commands: an error for what stopped it, a warning for each warning.

    What is about a line of a migration stands at that line.
    """
    lines = []
    if report.outcome not in ("deployed", ""):
        lines.append(annotation("error", report.reason, title=headline(report)))
    lines += [annotation("warning", text, title="glass broken") for text in glass_lines(report)]
    stopped = [line for stage in report.stages if stage.state == "stopped" for line in stage.lines]
    lines += [
        _placed("error", line.name, finding)
        for line in stopped
        for finding in line.findings
        if finding["verdict"] == "block" and IN_A_MIGRATION.fullmatch(finding["subject"])
    ]
    lines += [_placed("warning", gate, finding) for gate, finding in report.warnings]
    return aimed("\n".join(shown_whole(lines)), report.target)


def _placed(level: str, gate: str, finding: dict[str, str]) -> str:
    """A finding as an annotation, at its line when it has one, with what to do about it."""
    at = IN_A_MIGRATION.fullmatch(finding["subject"])
    place = {"file": f"prisma/migrations/{at[1]}/migration.sql", "line": at[2]} if at else {}
    fix = f"\n→ {finding['fix']}" if at and finding.get("fix") else ""
    return annotation(level, f"{finding['subject']} {finding['says']}{fix}", title=gate, **place)


def outputs(report: Report) -> dict[str, str]:
    """What later steps and jobs are told of a run: its id, outcome, deployment and that one's address."""
    staged = report.staged
    return {
        "run": report.run,
        "outcome": report.outcome,
        "deployment": staged.get("id", ""),
        "url": staged.get("url", ""),
    }


def report_text(report: Report) -> str:
    """The whole run again, as it was shown while it happened."""
    lines = [f"run {report.run}: {report.pipeline} {report.commit[:COMMIT]} to {report.target} by {report.by or '?'}"]
    lines.append(f"began {report.began[:19]}" + (f", ended {report.ended[:19]}" if report.ended else ", has no end"))
    for stage in report.stages:
        head = f"{stage.name}  {stage.state}  {duration(stage.ms)}"
        lines += ["", head, *(line_text(line) for line in said_once(stage.lines))]
    if report.undone:
        lines += ["", "going back", *(f"{line_text(line)}  {one_line(line.says)}" for line in report.undone)]
    return aimed("\n".join([*lines, *_end(report), *_steps(beside_the_report(report))]), report.target)
