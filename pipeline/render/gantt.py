"""The stages of a run as a chart in Mermaid, which GitHub draws on the page of a job."""

import re

from pipeline.record.history import moment
from pipeline.record.report import Report
from pipeline.render.markdown import fence

LOOKS = {"passed": "done", "warned": "active", "running": "active", "stopped": "crit"}
PLAIN = re.compile(r"[^\w .()-]")


def gantt(report: Report) -> str:
    """One bar a stage, and one for going back; empty for a run of which no stage is known."""
    rows = [(stage.name, stage.state, stage.began, stage.ms) for stage in report.stages if stage.name]
    if report.undone:
        rows.append(("going back", "undone", report.undone[0].began, sum(line.ms for line in report.undone)))
    bars = [
        f"  {_plain(f'{name} ({state})')} :{LOOKS.get(state, 'crit')}, {began.timestamp() * 1000:.0f}, {max(ms, 1)}ms"
        for name, state, text, ms in rows
        if (began := moment(text))
    ]
    if not bars:
        return ""
    return fence("\n".join(["gantt", "  dateFormat x", "  axisFormat %H:%M:%S", *bars]), "mermaid")


def _plain(text: str) -> str:
    """``text`` without the signs that mean something in Mermaid."""
    return PLAIN.sub("", text)[:60]
