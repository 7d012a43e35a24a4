"""A fleet as text: its plan, what happens as it happens, one line a project, and how an order ended."""

import datetime
import json
from collections.abc import Iterable, Mapping

from checks.amounts import amount
from pipeline.fleet.ends import BACK, LOST, THERE, ProjectEnd, end_from
from pipeline.fleet.file import FleetFile
from pipeline.fleet.judging import FleetFinding, judged
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, ProjectPart, Where, answer_from, is_bad
from pipeline.fleet.sharing import SaidKey
from pipeline.fleet.windows import is_open
from pipeline.record.journal import Event
from pipeline.redact import one_line
from pipeline.render.fleetback import back_words, one_back
from pipeline.render.fleetmarks import BAD, GOOD, NEXT, UNDONE, some

WIDE = 80  # columns of a usual terminal


def plan_text(file: FleetFile, plan: OrderPlan, problems: Mapping[str, tuple[str, ...]]) -> str:
    """Who would be deployed in which wave, and what is wrong with whom. ``problems``: only of those that have any."""
    many = len(plan.projects)
    own = "".join(f" ({bound.at_once} of {bound.group})" for bound in plan.bounds)
    many_waves = amount(len(plan.waves), "wave")
    lines = [f"{amount(many, 'project')} in {many_waves}, {plan.at_once} at once{own}; {_budget(plan)}"]
    for number, wave in enumerate(plan.waves, 1):
        before = [f"after {wave.pause:g} s" if wave.pause else "", "when somebody agrees" if wave.approval else ""]
        before.append(f"when {one_line(wave.gate)} says yes" if wave.gate else "")
        when = ", ".join(filter(None, before))
        lines.append(f"\n{number}. {wave.name}: {len(wave.projects)}{f', {when}' if when else ''}")
        for name in wave.projects:
            project = file.projects[name]
            at = plan.commits.get(name, "")[:12]
            about = [
                f"{project.home}{f' at {at}' if at else ''}",
                project.target,
                project.group,
                f"ships {project.ships}" if project.ships else "",
            ]
            about.append(str(project.window) if project.window else "")
            mark = BAD if name in problems else " "
            lines.append(f"  {mark} {name:<24} {one_line(', '.join(filter(None, about)))}".rstrip())
            lines += [f"      {one_line(line)}" for line in problems.get(name, ())]
    if problems:
        lines.append(f"\n{len(problems)} cannot be deployed as they are: {some(tuple(problems))}")
    return "\n".join(lines)


def settings_text(settings: Iterable[SaidKey]) -> str:
    """What counts of the keys that a fleet says for a project, and where each is said."""
    lines = [
        f"  {one.key:<32} {one_line(json.dumps(one.value, default=str)):<24} {one_line(one.source)}" for one in settings
    ]
    return "\n".join(["What fleet.yml says of its deploy.yml, and what counts", *lines])


def event_line(event: Event, plan: OrderPlan) -> str:
    """What is said of an event while an order goes on; empty when nothing is."""
    body = event.body
    match event.kind:
        case "wave begins":
            return f"\n{event.subject} ({amount(body['projects'], 'project')})"
        case "wave approved":
            return f"\n{event.subject}: {one_line(str(body['by']))} agrees"
        case "gate asked":
            return f"\n{event.subject}: asks {one_line(str(body['gate']))}"
        case "gate answered":
            answer = answer_from(body)
            head = f"{event.subject}: {'may begin' if answer.may else one_line(answer.says)}"
            return "\n".join([head, *(_finding(one) for one in answer.findings if one.projects)])
        case "project begins" if body.get("again"):
            return f"  {NEXT} {event.subject:<24} taken up by {one_line(str(body['worker']))}"
        case "project ended":
            return _ended(event.subject, end_from(body), plan, float(body.get("seconds", 0)))
        case "project handed over":
            return f"  {NEXT} {event.subject:<24} handed over by {one_line(str(body['worker']))}, which ends"
        case "worker differs":
            left = f"{one_line(str(body['project'])):<24} left by a worker of {one_line(event.subject)}"
            return f"  {NEXT} {left}: its fleet.yml is not what the order was given with; it ends"
        case "wave ended":
            found = (FleetFinding(one["gate"], one["says"], tuple(one["projects"])) for one in body["findings"])
            return "\n".join(_finding(one) for one in found)
        case "order waits":
            return f"\n{one_line(str(body['says']))}: nothing more begins until that is over"
        case "budget spent":
            return f"\nthe budget is spent: {one_line(str(body['says']))}; nothing more begins"
    return ""


def status_text(
    projects: Iterable[str], states: Mapping[str, OrderState], stages: Mapping[str, str], now: datetime.datetime
) -> str:
    """One line a project: how it stands, and what it waits for. ``stages``: of those under way, the stage."""
    names = tuple(projects)
    wide = max(map(len, names), default=0)
    rows = (f"{name:<{wide}}  {_standing(name, states.get(name), stages.get(name, ''), now)}" for name in names)
    return "\n".join(_cut(row) for row in rows)


def _cut(row: str) -> str:
    """A row that is one line of a usual terminal; fleet.report has every word."""
    return row if len(row) <= WIDE else row[: WIDE - 1].rstrip() + "…"


def standing_of(name: str, state: OrderState | None, stage: str, now: datetime.datetime) -> dict[str, object]:
    """The same for programs."""
    if state is None:
        words = ("order", "action", "wave", "where", "run", "worker", "stage", "outcome", "taken_back", "serves")
        nothing = dict.fromkeys(words, "")
        return {"project": name, **nothing, "taken_up": 0, "says": "was in no order yet"}
    part, back = state.parts[name], state.taken_back.get(name)
    back = back if back and back.well else None
    return {
        "project": name,
        "order": state.plan.order,
        "action": state.plan.action.value,
        "wave": _wave(name, state),
        "where": part.where.value,
        "run": state.plan.run_of(name),
        "worker": part.worker,
        "taken_up": part.times,
        "stage": stage,
        "outcome": part.end.outcome if part.end else "",
        "says": _waits_for(name, state, now) or (part.end.reason if part.end else ""),
        "taken_back": back.order if back else "",
        "serves": serves(name, state),
    }


def order_text(state: OrderState) -> str:
    """How an order ended, or stands: counts, findings, who was not begun, and what to type."""
    plan = state.plan
    bad = {name: end for name in state.failed() if (end := state.parts[name].end)}
    ended = [name for name, part in state.parts.items() if part.end]
    head = "ended" if state.outcome else "has not ended"
    lines = [f"order {plan.order} ({plan.action.value}) {head}: {len(ended) - len(bad)} well, {len(bad)} badly"]
    lines += [_finding(finding) for finding in judged(bad)]
    left = tuple(name for name, part in state.parts.items() if part.where in (Where.WAITING, Where.NOT_BEGUN))
    if left:
        lines.append(f"  not begun  {len(left)}: {some(left)}")
    back = {name for name, one in state.taken_back.items() if one.well}
    person = tuple(name for name, end in bad.items() if end.outcome in (LOST, "stranded", "held") and name not in back)
    if person:
        lines.append(f"  a person   has to look at {some(person)}: ./inv report RUN there says why")
    lines += [f"  {'way back':<10} {line}" for line in back_words(state)]
    moved = state.still_moved
    by_itself = bool(state.spent) and bool(state.outcome) and plan.when_spent == "roll back all"
    if moved and plan.action is OrderAction.DEPLOY and (bad or left) and not by_itself:
        lines.append(
            f"  back       ./inv fleet.rollback --order {plan.order}   takes back the {len(moved)} it moved; "
            "--wave NAME   only those of a wave"
        )
    if state.held:
        lines.append(f"  held       {state.following}: {one_line(state.held)}")
    if not state.outcome:
        lines.append(f"  go on      ./inv fleet.deploy --resume {plan.order}")
    return "\n".join(lines)


def _ended(name: str, end: ProjectEnd, plan: OrderPlan, seconds: float) -> str:
    mark = BAD if is_bad(end, plan.action) else GOOD
    says = f"  {one_line(end.reason)}" if end.reason and (mark == BAD or plan.action is OrderAction.ROLL_BACK) else ""
    return f"  {mark} {name:<24} {end.outcome:<12} {seconds:6.1f} s{says}"


def _finding(finding: FleetFinding) -> str:
    whose = f"{len(finding.projects)} projects" if len(finding.projects) > 1 else finding.projects[0]
    gate = f"{finding.gate}: " if finding.gate else ""
    more = f": {some(finding.projects)}" if len(finding.projects) > 1 else ""
    return f"  {'shared' if more else 'finding':<10} {gate}{one_line(finding.says)}  ({whose}{more})"


def _standing(name: str, state: OrderState | None, stage: str, now: datetime.datetime) -> str:
    if state is None:
        return f"{'-':<12} was in no order yet"
    part = state.parts[name]
    if part.end:
        mark, back = BAD if is_bad(part.end, state.plan.action) else GOOD, state.taken_back.get(name)
        if back:
            word, mark = ("taken back", UNDONE) if back.well else (part.end.outcome, mark)
            return f"{word:<12} {mark} {one_back(back)}"
        why = f"  {one_line(part.end.reason)}" if part.end.reason else ""
        wave = f", {_wave(name, state)}" if state.plan.action is OrderAction.DEPLOY else ""
        return f"{part.end.outcome:<12} {mark} {_ago(part.ended, now)}{wave}{why}"
    return f"{part.where.value:<12} {NEXT} {_waits_for(name, state, now) or _under_way(part, stage, now)}"


def serves(name: str, state: OrderState) -> str:
    """The deployment that production shows by the record; empty when it does not say."""
    end, back = state.parts[name].end, state.taken_back.get(name)
    if back and (back.well or back.left_alone):
        return back.serves
    if end is None or (is_bad(end, state.plan.action) and not end.moved):
        return ""
    if state.plan.action is OrderAction.ROLL_BACK:
        return state.plan.back_to[name].before if end.outcome in (BACK, THERE) else ""
    return end.staged if end.moved else ""


def _under_way(part: ProjectPart, stage: str, now: datetime.datetime) -> str:
    again = f", taken up {part.times} times" if part.times > 1 else ""
    return f"at {stage or 'its beginning'}, begun {_ago(part.began, now)} on {one_line(part.worker)}{again}"


def _waits_for(name: str, state: OrderState, now: datetime.datetime) -> str:
    """What a project waits for that is not under way; empty when it is, or has ended."""
    part, wave = state.parts[name], _wave(name, state)
    if part.where is Where.QUEUED and part.handed:
        return f"for another worker: {one_line(part.handed)} ended, and has handed it over"
    if part.where is Where.QUEUED:
        return "for a worker"
    if part.where is Where.NOT_BEGUN:
        return f"the order ended before: {state.spent or 'it was stopped'}"
    if part.where is Where.WAITING:
        begun = [one.name for one in state.plan.waves[: state.waves_begun]]
        window = state.plan.windows.get(name)
        if wave in begun and not is_open(window, now):
            return f"for its window ({window})"
        full = [one.group for one in state.plan.bounds if name in one.projects and state.room(one) < 1]
        turn = f"for its turn in {wave}{f', and among {full[0]}' if full else ''}"
        held = f", which is held: {state.held}" if state.held else ""
        return turn if wave in begun else f"for wave {wave}{held if wave == state.following else ''}"
    return ""


def _wave(name: str, state: OrderState) -> str:
    return next(wave.name for wave in state.plan.waves if name in wave.projects)


def _budget(plan: OrderPlan) -> str:
    spent = {"keep": "what was moved stays"}.get(plan.when_spent, plan.when_spent)
    return f"{plan.budget} may end badly, then nothing more begins and {spent}"


def _ago(moment: str, now: datetime.datetime) -> str:
    if not moment:
        return "just now"
    seconds = max(0, round((now - datetime.datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
