"""What the monitoring commands print."""

from collections.abc import Iterable, Sequence
from typing import Any

from checks.evidence import MonitorChange
from checks.gate import Finding, Verdict, worst
from checks.severity import Graded
from pipeline.handbook.exits import exit_code
from pipeline.handbook.severity import SEVERITIES
from pipeline.render.markdown import table
from pipeline.render.report import MARKS
from pipeline.session.asking import Checked, LineAnswer
from pipeline.session.baseline import BaselineRow, Middle

MEANS = {one.name: f"{one.means}: {one.response}" for one in SEVERITIES}


def checked_text(checked: Checked) -> str:
    """For a terminal: every line with a mark, what is wrong below it, the severity last."""
    parts = [f"{checked.name} · {checked.target} · {checked.at}", ""]
    for line in checked.lines:
        parts += [f"{_mark(line.verdict)} {line.does}"]
        for one in line.answers:
            parts += [f"    {_mark(worst(one.findings))} {one.gate.name:<34} {one.seen}".rstrip()]
            parts += [_finding(finding) for finding in one.findings]
    return "\n".join([*parts, "", *_ending(checked)])


def diagnosed_text(checked: Checked) -> str:
    """Likewise, with what to do for everything that is not well."""
    parts = [f"diagnosis · {checked.target} · {checked.at}"]
    for line in checked.lines:
        parts += ["", line.does]
        for one in line.answers:
            parts += [f"  {_mark(worst(one.findings))} {one.gate.procedure.title}  ({one.gate.name})"]
            parts += [f"      {one.seen}"] if one.seen else []
            parts += [_finding(finding) for finding in one.findings]
            if worst(one.findings) > Verdict.WARN:
                parts += [f"      → {' '.join(one.gate.procedure.if_it_fails.split())}"]
    return "\n".join([*parts, "", *_ending(checked)])


def _mark(verdict: Verdict) -> str:
    """Nobody asks again here: what is *not yet* well is not well."""
    return MARKS[(Verdict.BLOCK if verdict is Verdict.NOT_YET else verdict).word]


def _finding(finding: Finding) -> str:
    """With its severity where it has one, and what to type."""
    word = finding.severity if finding.verdict.stops and finding.severity else finding.verdict.word
    fix = f"\n          → {finding.fix}" if finding.fix else ""
    return f"        {word}: {finding}{fix}"


def _ending(checked: Checked) -> list[str]:
    graded = checked.graded
    if not graded.severity:
        warnings = sum(1 for line in checked.lines for one in line.answers for _ in one.findings)
        return [f"well: nothing is past a limit{f'; {warnings} warnings to read' if warnings else ''}"]
    lines = [f"{_name(graded)}", f"  because  {graded.gate}: {graded.reason}"]
    if checked.playbook:
        lines += [f"  next     runbooks/incident-response.md, playbook {checked.playbook}"]
    return [*lines, f"  exit     {exit_code(graded.severity)}"]


def _name(graded: Graded) -> str:
    if graded.severity == "unknown":
        return "UNKNOWN: something could not be read, and what is not read is not well"
    return f"{graded.severity}: {MEANS[graded.severity]}"


def checked_markdown(checked: Checked) -> str:
    """For a ticket or a job's summary."""
    rows = [(_mark(line.verdict), line.does, _evidence(line.answers)) for line in checked.lines]
    ending = "\n".join(f"> {one.strip()}" for one in _ending(checked))
    title = f"## {checked.name.capitalize()} check of {checked.target}, {checked.at}"
    return f"{title}\n\n{ending}\n\n{table(('', 'line', 'evidence'), rows)}"


def _evidence(answers: Iterable[LineAnswer]) -> str:
    said = []
    for one in answers:
        says = "; ".join(filter(None, (one.seen, *(f"**{one}**" for one in map(str, one.findings))))) or "yes"
        said.append(f"`{one.gate.name}`: {says}")
    return "<br>".join(said).replace("\n", " ")


def checked_plain(checked: Checked) -> dict[str, Any]:
    """For a machine."""
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
                        "gate": one.gate.name,
                        "verdict": worst(one.findings).word,
                        "ms": one.ms,
                        "seen": one.seen,
                        "findings": [finding.plain for finding in one.findings],
                    }
                    for one in line.answers
                ],
            }
            for line in checked.lines
        ],
    }


def baseline_text(rows: Sequence[BaselineRow]) -> str:
    """A table with as many columns as comparisons; ``n`` is how many readings each number stands on."""
    if not rows:
        return "no readings are kept yet: ./inv deploy and ./inv monitor.daily keep theirs"
    head = ("metric", "today", "a week ago", "usual", "by", "good releases", "says")
    body = [
        (
            one.metric,
            _number(one.today),
            _number(one.week_ago),
            _usual(one.usual),
            one.usual_by,
            _number(one.good_releases),
            one.says,
        )
        for one in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in (head, *body)
    ]
    return "\n".join([*lines, "", "medians; ± the median deviation; n readings in brackets"])


def _number(one: Middle) -> str:
    return f"{one.median:.4g} ({one.readings})" if one.readings else "-"


def _usual(one: Middle) -> str:
    return f"{one.median:.4g} ±{one.spread:.2g} ({one.readings})" if one.readings else "-"


def sync_text(changes: Sequence[MonitorChange], window: str, *, applied: bool) -> str:
    """The plan, or what was done."""
    if not changes and not window:
        return "all monitors are as deploy.yml declares them"
    done = {"create": "created", "update": "updated"}
    lines = [f"  {done[one.action] if applied else one.action} {one}" for one in changes]
    if window:
        lines.append(f"  {'took away' if applied else 'take away'} the maintenance window {window}")
    head = "done:" if applied else "would change, with --apply:"
    return "\n".join([head, *lines])
