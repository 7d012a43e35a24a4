"""What the monitoring commands print."""

from collections.abc import Iterable, Sequence
from typing import Any

from checks.amounts import amount
from checks.evidence import MonitorChange
from checks.gate import Finding, Verdict, worst
from checks.severity import Graded
from pipeline.handbook.exits import exit_code
from pipeline.handbook.severity import SEVERITIES
from pipeline.redact import markdown, one_line
from pipeline.render.aiming import aimed
from pipeline.render.markdown import table
from pipeline.render.report import MARKS
from pipeline.session.asking import Checked, LineAnswer
from pipeline.session.baseline import BaselineRow, Middle

MEANS = {one.name: f"{one.means}: {one.response}" for one in SEVERITIES}


def checked_text(checked: Checked) -> str:
    """The answers of a checklist for a terminal: a mark for every line, its findings below it, the severity last."""
    parts = [f"{checked.name} · {checked.target} · {checked.at}", ""]
    for line in checked.lines:
        parts += [f"{_mark(line.verdict)} {line.does}"]
        for answer in line.answers:
            parts += [f"    {_mark(worst(answer.findings))} {answer.gate.name:<34} {answer.seen}".rstrip()]
            parts += [_finding(finding) for finding in answer.findings]
    return aimed("\n".join([*parts, "", *_ending(checked)]), checked.target)


def diagnosed_text(checked: Checked) -> str:
    """The answers of a diagnosis for a terminal: every gate with its findings, and what to do when it is not well."""
    parts = [f"diagnosis · {checked.target} · {checked.at}"]
    for line in checked.lines:
        parts += ["", line.does]
        for answer in line.answers:
            parts += [f"  {_mark(worst(answer.findings))} {answer.gate.procedure.title}  ({answer.gate.name})"]
            parts += [f"      {answer.seen}"] if answer.seen else []
            parts += [_finding(finding) for finding in answer.findings]
            if worst(answer.findings) > Verdict.WARN:
                parts += [f"      → {' '.join(answer.gate.procedure.if_it_fails.split())}"]
    return aimed("\n".join([*parts, "", *_ending(checked)]), checked.target)


def _mark(verdict: Verdict) -> str:
    """The mark of a verdict; nobody asks again here, so what is *not yet* well is not well."""
    return MARKS[(Verdict.BLOCK if verdict is Verdict.NOT_YET else verdict).word]


def _finding(finding: Finding) -> str:
    """One finding with its severity where it has one, and what to type."""
    word = finding.severity if finding.verdict.stops and finding.severity else finding.verdict.word
    fix = f"\n          → {finding.fix}" if finding.fix else ""
    return f"        {word}: {one_line(str(finding))}{fix}"


def _ending(checked: Checked) -> list[str]:
    graded = checked.graded
    if not graded.severity:
        warnings = sum(1 for line in checked.lines for answer in line.answers for _ in answer.findings)
        read = f"; {amount(warnings, 'warning')} to read" if warnings else ""
        return [f"well: nothing is past a limit{read}"]
    lines = [f"{_name(graded)}", f"  because  {graded.gate}: {graded.reason}"]
    if checked.playbook:
        lines += [f"  next     ./inv playbook.{checked.playbook}   walks you through it; runbooks/incident-response.md"]
    return [*lines, f"  exit     {exit_code(graded.severity)}"]


def _name(graded: Graded) -> str:
    if graded.severity == "unknown":
        return "UNKNOWN: something could not be read, and what is not read is not well"
    return f"{graded.severity}: {MEANS[graded.severity]}"


def checked_markdown(checked: Checked) -> str:
    """The answers of a checklist as Markdown, for a ticket or a job's summary."""
    rows = [(_mark(line.verdict), line.does, _evidence(line.answers)) for line in checked.lines]
    ending = "\n".join(f"> {text.strip()}" for text in _ending(checked))
    title = f"## {checked.name.capitalize()} check of {checked.target}, {checked.at}"
    return aimed(f"{title}\n\n{ending}\n\n{table(('', 'line', 'evidence'), rows)}", checked.target)


def _evidence(answers: Iterable[LineAnswer]) -> str:
    said = []
    for one in answers:
        says = (
            "; ".join(filter(None, (markdown(one.seen), *(f"**{markdown(str(found))}**" for found in one.findings))))
            or "yes"
        )
        said.append(f"`{one.gate.name}`: {says}")
    return "<br>".join(said).replace("\n", " ")


def checked_plain(checked: Checked) -> dict[str, Any]:
    """The answers of a checklist as plain values, for a machine."""
    return {
        "name": checked.name,
        "at": checked.at,
        "target": checked.target,
        "commit": checked.commit,
        "severity": checked.graded.severity,
        "gate": checked.graded.gate,
        "reason": checked.graded.reason,
        "playbook": checked.playbook,
        "exit": exit_code(checked.graded.severity),
        "lines": [
            {
                "does": line.does,
                "verdict": line.verdict.word,
                "gates": [
                    {
                        "gate": answer.gate.name,
                        "verdict": worst(answer.findings).word,
                        "ms": answer.ms,
                        "seen": answer.seen,
                        "findings": [finding.plain for finding in answer.findings],
                    }
                    for answer in line.answers
                ],
            }
            for line in checked.lines
        ],
    }


def baseline_text(rows: Sequence[BaselineRow]) -> str:
    """The readings and their baselines as a table; the number in brackets is how many readings each stands on."""
    if not rows:
        return "no readings are kept yet: ./inv deploy and ./inv monitor.daily keep theirs"
    head = ("metric", "today", "a week ago", "usual", "by", "good releases", "says")
    body = [
        (
            row.metric,
            _number(row.today),
            _number(row.week_ago),
            _usual(row.usual),
            row.usual_by,
            _number(row.good_releases),
            row.says,
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip()
        for cells in (head, *body)
    ]
    return "\n".join([*lines, "", "medians; ± the median deviation; n readings in brackets"])


def _number(middle: Middle) -> str:
    return f"{middle.median:.4g} ({middle.readings})" if middle.readings else "-"


def _usual(middle: Middle) -> str:
    return f"{middle.median:.4g} ±{middle.spread:.2g} ({middle.readings})" if middle.readings else "-"


def sync_text(changes: Sequence[MonitorChange], window: str, *, applied: bool) -> str:
    """The changes of the monitors: as a plan, or as what was done when it was applied."""
    if not changes and not window:
        return "all monitors are as deploy.yml declares them"
    done = {"create": "created", "update": "updated"}
    lines = [f"  {done[change.action] if applied else change.action} {change}" for change in changes]
    if window:
        lines.append(f"  {'took away' if applied else 'take away'} the maintenance window {window}")
    head = "done:" if applied else "would change, with --apply:"
    return "\n".join([head, *lines])
