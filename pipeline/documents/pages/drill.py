"""A drill on paper: the sheets before it, and the result after it."""

from collections.abc import Iterable

from pipeline.documents.pages.words import INCIDENTS, NOTICE
from pipeline.documents.templates import part
from pipeline.drills.scenario import Break, Scenario
from pipeline.drills.score import Score
from pipeline.handbook.playbooks import named
from pipeline.incidents.review import spelt
from pipeline.record.incidents import Incident
from pipeline.redact import markdown, one_line
from pipeline.render.markdown import link, spell

LIVE = "$LIVE"


def participant_sheet(scenario: Scenario) -> str:
    """The sheet that everybody in the drill gets: no answers."""
    return _sheet("participant", scenario=scenario)


def facilitator_sheet(scenario: Scenario) -> str:
    """The sheet that only the facilitator of the drill gets."""
    return _sheet(
        "facilitator",
        scenario=scenario,
        happenings=[_happening(change) for change in (*scenario.before, *scenario.breaks, *scenario.over)],
        decision_rows=_decision_rows(scenario),
    )


def overview(every: Iterable[Scenario]) -> str:
    """The page that lists all drills."""
    rows = [
        (
            f"[{scenario.title}]({scenario.name}.participant.md)",
            scenario.severity,
            f"`./inv drill.{scenario.name}`",
            f"[facilitator]({scenario.name}.facilitator.md)",
            "yes" if scenario.from_story else "",
        )
        for scenario in every
    ]
    return _sheet("drills", rows=rows)


def _decision_rows(scenario: Scenario) -> list[tuple[str, ...]]:
    playbook, limits = named(scenario.playbook), scenario.limits
    title = link(playbook.title, page=f"../{INCIDENTS}") if playbook else scenario.playbook
    return [
        ("is there an incident?", f"yes: {scenario.alarm.says}", spell(limits.detect)),
        ("how grave?", scenario.severity, "with the opening"),
        ("which playbook?", title, "with the opening"),
        ("what is done?", scenario.decision, f"{spell(limits.decide)} after the opening"),
        ("is it over?", "all last questions say yes, twice", f"{spell(limits.recover)} after the first harm"),
    ]


def _happening(change: Break) -> str:
    """What one change of the sandbox would be called in a room without computers."""
    if change.ship:
        ends = f"; it ends as {change.ends}" if change.ends else ""
        return f"the example release *{change.ship}* is deployed{ends}"
    if change.ship_and_kill:
        return f"the example release *{change.ship_and_kill}* is deployed, and its process killed while it watches"
    if change.roll_back:
        return "a colleague rolls production back"
    if change.fault:
        return "the faults end" if change.fault == "clear" else f"fault: `{change.fault.replace(LIVE, 'LIVE')}`"
    if change.hold:
        return f"a session of the database: `{' '.join(change.hold.split())}`"
    if change.crowd:
        return f"{change.crowd} visitors keep asking for the front page"
    if change.visit:
        return f"{change.times} visitors ask for `{change.visit}`"
    return "the world changes: " + ", ".join(f"`{service}`: {state}" for service, state in change.state.items())


def result_text(scenario: Scenario, score: Score, incident: Incident) -> str:
    """The result of a drill, for the terminal."""
    lines = [f"\n== {scenario.title}: {score.percent} % =="]
    lines += [f"  {point.got}/{point.of}  {point.name:<14} {point.says}" for point in score.points]
    lines += [f"  gap: {point.gap}" for point in score.gaps]
    return "\n".join(lines)


def result_markdown(scenario: Scenario, score: Score, incident: Incident) -> str:
    """The result of a drill, for the file that is kept in ``runbooks/drills/results``."""
    times = (("detect", score.detect), ("decide", score.decide), ("recover", score.recover))
    text = part(
        "result",
        scenario=scenario,
        score=score,
        by=markdown(score.by),
        incident=incident,
        times=[(name, "never" if seconds is None else spelt(seconds)) for name, seconds in times],
        point_rows=[(point.name, f"{point.got}/{point.of}", markdown(point.says)) for point in score.points],
        timeline="\n".join(f"{moment.at[11:19]}  {one_line(moment.what)}" for moment in incident.moments),
    )
    return f"{text}\n"


def _sheet(name: str, **facts: object) -> str:
    return f"{part(name, notice=NOTICE, **facts)}\n"
