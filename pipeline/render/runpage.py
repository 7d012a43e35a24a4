"""One run as a page of HTML: why first, then what moved, who agreed, when what ran, what was seen, and the way back."""

import datetime
from dataclasses import dataclass
from typing import Any

from checks.amounts import amount
from pipeline.record.approvals import GivenApproval
from pipeline.record.history import STOPS
from pipeline.record.report import Report
from pipeline.render.aiming import aimed
from pipeline.render.charts import reading_chart
from pipeline.render.html import page
from pipeline.render.links import Places
from pipeline.render.readings import ReadingSeries, number
from pipeline.render.report import (
    COMMIT,
    beside_the_report,
    duration,
    glass_lines,
    headline,
    known_troubles,
    waiver_text,
)
from pipeline.render.timeline import timeline

LOOKS = {
    "deployed": "good",
    "blocked": "stop",
    "rolled back": "back",
    "stranded": "bad",
    "held": "held",
    "superseded": "held",
}
"""How a page shows an outcome; what has none is under way, or was cut off."""
CHARTS = 24
"""Readings that are drawn; all of them stand in the table below."""
LOCKS = {
    "AccessExclusiveLock": "nobody reads or writes",
    "ExclusiveLock": "nobody writes",
    "ShareRowExclusiveLock": "nobody writes",
    "ShareLock": "nobody writes",
    "ShareUpdateExclusiveLock": "everybody reads and writes",
    "RowExclusiveLock": "everybody reads and writes",
    "RowShareLock": "everybody reads and writes",
    "AccessShareLock": "everybody reads and writes",
}
"""What others can do with a table meanwhile. Source: PostgreSQL's manual, Explicit Locking."""


@dataclass(frozen=True)
class RunFacts:
    """What a page of a run shows. ``given``: approvals with a key for its plan; ``alive``: it is under way now."""

    report: Report
    readings: tuple[ReadingSeries, ...] = ()
    given: tuple[GivenApproval, ...] = ()
    places: Places | None = None
    alive: bool = False


@dataclass(frozen=True)
class SaidInRun:
    """What a gate or step said: where, and what to do about it."""

    stage: str
    name: str
    state: str
    verdict: str
    subject: str
    says: str
    fix: str


def run_page(facts: RunFacts, **more: Any) -> str:
    """The whole page of a run. ``more``: what the dashboard adds (``live``, ``places``, ``here``)."""
    report = facts.report
    return page(
        "run",
        title=f"{_word(facts)} · {report.pipeline or 'run'} {report.run}",
        report=report,
        look=LOOKS.get(report.outcome, "runs" if facts.alive else "cut"),
        word=_word(facts),
        headline=_headline(facts),
        brief=_brief(report),
        glass=glass_lines(report),
        why=stopping(report),
        known=known_troubles(report),
        facts=_facts(report),
        sides=_sides(report),
        next=[_command(aimed(text, report.target)) for text in beside_the_report(report)] if not facts.alive else [],
        stages=timeline(report),
        warnings=[
            _said(stage.name, line.name, line.state, finding)
            for stage in report.stages
            for line in stage.lines
            for finding in line.findings
            if finding["verdict"] == "warn"
        ],
        charts=[(one, reading_chart(one), _caption(one)) for one in _charted(facts)],
        readings=[(one, _span(one), _usual(one), _limit(one)) for one in facts.readings],
        migrations=[(one, LOCKS.get(one.lock, "")) for one in report.migrated],
        approvals=_approvals(facts),
        waivers=[waiver_text(waiver) for waiver in report.waivers],
        links=_links(facts),
        duration=duration,
        number=number,
        **more,
    )


def _charted(facts: RunFacts) -> list[ReadingSeries]:
    """The readings that have a picture: the gravest of those that were read more than once."""
    return [one for one in facts.readings if one.values > 1][:CHARTS]


def stopping(report: Report) -> list[SaidInRun]:
    """What stopped the run, gravest first: every no of the stage that was stopped, and why a step of it failed."""
    stopped = [stage for stage in report.stages if stage.state == "stopped"]
    said = [
        _said(stage.name, line.name, line.state, finding)
        for stage in stopped
        for line in stage.lines
        for finding in line.findings
        if finding["verdict"] in STOPS
    ]
    said += [
        SaidInRun(stage.name, line.name, line.state, "failed", "the step", line.says, "")
        for stage in stopped
        for line in stage.lines
        if line.kind == "step" and line.state == "failed"
    ]
    order = ("failed", "block", "not yet", "unknown")
    return sorted(said, key=lambda one: order.index(one.verdict) if one.verdict in order else len(order))


def _said(stage: str, name: str, state: str, finding: dict[str, str]) -> SaidInRun:
    return SaidInRun(
        stage, name, state, finding["verdict"], finding["subject"], finding["says"], finding.get("fix", "")
    )


def _word(facts: RunFacts) -> str:
    return facts.report.outcome or ("running" if facts.alive else "cut off")


def _headline(facts: RunFacts) -> str:
    if facts.alive and not facts.report.outcome:
        stage = facts.report.stages[-1].name if facts.report.stages else "its first moments"
        return f"RUNNING: now in {stage}"
    return headline(facts.report)


def _brief(report: Report) -> str:
    """What shipped, who began it and how long it took, on one line."""
    shipped = f"commit {report.commit[:COMMIT]}" if report.commit else ""
    by = f"started by {report.by}" if report.by else ""
    took = f"{duration(report.ms)} from {_when(report.began)}" if report.began else ""
    return " · ".join(filter(None, (shipped, by, took)))


def _facts(report: Report) -> list[tuple[str, str]]:
    """Pairs of a label and what it says; what nobody knows is left out."""
    work = f"{duration(report.ms - report.waited_ms)} of work"
    took = f"{work}, {duration(report.waited_ms)} of waiting for people" if report.waited_ms else duration(report.ms)
    pairs = [
        ("run", report.run), ("target", report.target), ("commit", report.commit), ("started by", report.by),
        ("began", _when(report.began)), ("took", took if report.began else ""), ("users got it", _when(report.live_at)),
        ("users had it for", _exposed(report)), ("plan", report.plan[:COMMIT]),
    ]  # fmt: skip
    return [(label, text) for label, text in pairs if text]


def _exposed(report: Report) -> str:
    """How long users had a release that was taken back: until the undo of the promotion was proved."""
    back = next((line for line in report.undone if line.name == "promote" and line.state == "undone"), None)
    if not report.live_at or back is None or not back.until:
        return ""
    times = [datetime.datetime.fromisoformat(text) for text in (report.live_at, back.until)]
    return duration(max(round((times[1] - times[0]).total_seconds() * 1000), 0))


def _when(text: str) -> str:
    return f"{text[:19].replace('T', ' ')} UTC" if text else ""


def _sides(report: Report) -> list[tuple[str, str, str]]:
    """(what, before, after) of what production served; empty when that never came into question."""
    if not report.before and not report.staged:
        return []
    before = (report.before.get("id", ""), report.was_live[:COMMIT], report.before.get("url", ""))
    new = (report.staged.get("id", ""), report.commit[:COMMIT], report.staged.get("url", ""))
    after = {"deployed": new, "held": new, "rolled back": before}.get(report.outcome, ("", "", ""))
    says = {"blocked": "as before", "superseded": report.theirs, "stranded": "nobody knows: look now"}
    rows = zip(("deployment", "commit", "address"), before, after, strict=True)
    word = says.get(report.outcome, "not known yet")
    return [(what, old or "not known", now or (word if what == "deployment" else "")) for what, old, now in rows]


def _command(text: str) -> tuple[str, str]:
    """A next step as (what to type, what it does); only words when there is nothing to type."""
    if not text.startswith("./inv"):
        return "", text
    typed, _, does = text.partition("   ")
    return typed, does


def _approvals(facts: RunFacts) -> list[tuple[str, str, str]]:
    """(who, how, when) of everybody who agreed, as far as the record knows; each once."""
    found = [(one["by"], WAYS.get(one["via"], one["via"]), _when(one["at"])) for one in facts.report.approvals]
    given = [(one.by, WAYS.get(one.via, one.via), _when(one.at)) for one in facts.given]
    return list(dict.fromkeys([*found, *given]))


WAYS = {
    "github": "a review on GitHub",
    "environment": "GitHub's environment",
    "signature": "signed with a key, for exactly this plan",
    "in person": "in person, as the run was told",
}


def _caption(reading: ReadingSeries) -> str:
    """The chart in words, for who does not see it, and for everybody."""
    said = [f"{_span(reading)} in {amount(reading.values, 'reading')}"]
    said += [f"usually {_usual(reading)}"] if reading.good else []
    if reading.limit:
        gone = "exceeded" if reading.passed else "kept"
        off = "" if reading.draws_limit else ", off the chart"
        said.append(f"limit {number(reading.limit.value)}: {gone}{off}")
    return "; ".join(said)


def _span(reading: ReadingSeries) -> str:
    if reading.low == reading.high:
        return number(reading.low)
    return f"{number(reading.low)} to {number(reading.high)}, median {number(reading.middle)}"


def _usual(reading: ReadingSeries) -> str:
    if reading.usual is None:
        return ""
    return f"{number(reading.usual)} (last {amount(len(reading.good), 'good release')})"


def _limit(reading: ReadingSeries) -> str:
    if not reading.limit:
        return ""
    return f"{'at least' if reading.limit.least else 'at most'} {number(reading.limit.value)}"


def _links(facts: RunFacts) -> list[tuple[str, str]]:
    """(words, address) of what a person opens next."""
    report, places = facts.report, facts.places
    links = [("production", report.production), ("the deployment", report.staged.get("url", ""))]
    if places and report.commit:
        links.append(("what changed", places.between(report.was_live, report.commit)))
        if report.staged:
            links.append(("its errors in Sentry", places.release(report.commit)))
        links.append(("incident response", places.page("runbooks/incident-response.md", report.commit)))
    return [(words, url) for words, url in links if url]
