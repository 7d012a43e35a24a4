"""``invoke fleet.deploy`` and ``fleet.rollback``: orders to a fleet, given and seen through."""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checks.outcome import Outcome
from pipeline.clock import SystemClock
from pipeline.commands.fleet import problems
from pipeline.commands.fleetsigned import go_on, signed_order, who
from pipeline.commands.fleettelling import tell_again, told_of_order
from pipeline.errors import Mistake
from pipeline.fleet.deciding import AskApproval, HoldWave
from pipeline.fleet.ends import LOST
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, Where, state_of
from pipeline.fleet.ordering import (
    LATEST,
    SeenThrough,
    chosen,
    close_what_is_open,
    deploy_plan,
    give,
    must_not_be_frozen,
    order_state,
    rollback_plan,
    see_through,
    stop,
)
from pipeline.fleet.place import Fleet, fleet_file, open_fleet, open_record
from pipeline.fleet.windows import FREEZE, FleetFreeze, freeze, freeze_now, thaw
from pipeline.record.journal import Event, Journal, events_of
from pipeline.redact import of_this_process
from pipeline.render.fleet import event_line, order_text, standing_of

Out = Callable[[str], None]
PERSON = (LOST, Outcome.STRANDED.word)
BAD_ENDING, STRANDED, WAITS = 1, Outcome.STRANDED.code, Outcome.HELD.code


@dataclass(frozen=True)
class DeployWish:
    """What was typed after ``fleet.deploy``; empty strings mean "not said"."""

    select: str = ""
    resume: str = ""
    anew: bool = False
    agreed_by: str = ""
    skip: bool = False
    """Leave those out that have no home, or a broken one."""
    over_rollback: bool = False
    elsewhere: bool = False
    """Conduct only; other workers do the work."""
    as_json: bool = False
    key: str = ""
    """The SSH key that signs; empty: the one that git signs with."""


@dataclass(frozen=True)
class RollbackWish:
    """What was typed after ``fleet.rollback``."""

    order: str = ""
    wave: str = ""
    select: str = ""
    plan: bool = False
    elsewhere: bool = False
    as_json: bool = False
    key: str = ""


def deploy_fleet(root: Path, wish: DeployWish, out: Out, aside: Out) -> int:
    """Deploy the fleet, or go on with an order; the exit code."""
    with open_fleet(root, fleet_file(root)) as fleet:
        must_not_be_frozen(fleet)
        if wish.resume:
            state = order_state(fleet.store, wish.resume)
            go_on(fleet, state, wish.agreed_by, wish.key)
        else:
            ready, commits = _ready(fleet, wish)
            plan = deploy_plan(fleet.file, ready, who(), _flags(wish), commits)
            plan = signed_order(fleet, plan, wish.key, aside)
            close_what_is_open(fleet, anew=wish.anew)
            state = _given(fleet, plan)
        seen = _seen_through(fleet, state.plan, out, aside, works=not wish.elsewhere, as_json=wish.as_json)
        code = _conclude(seen, out, as_json=wish.as_json)
        back = _to_take_back(seen.state)
        if back:
            aside(f"takes back {len(back)}: {seen.state.plan.when_spent}")
            plan = signed_order(fleet, rollback_plan(fleet.file, seen.state, back, who()), wish.key)
            after = _seen_through(
                fleet, _given(fleet, plan).plan, out, aside, works=not wish.elsewhere, as_json=wish.as_json
            )
            code = max(code, _conclude(after, out, as_json=wish.as_json))
            tell_again(fleet, seen.state.plan, aside)
        return code


def roll_fleet_back(root: Path, wish: RollbackWish, out: Out, aside: Out) -> int:
    """Take back what an order has moved, newest first; the exit code."""
    with open_fleet(root, fleet_file(root)) as fleet:
        of = order_state(fleet.store, wish.order or LATEST, OrderAction.DEPLOY)
        projects = _moved(fleet, of, wish)
        if wish.plan or not projects:
            out(f"order {of.plan.order} moved {len(projects)} of those; newest first: {', '.join(projects) or 'none'}")
            return 0
        plan = signed_order(fleet, rollback_plan(fleet.file, of, projects, who()), wish.key, aside)
        if not of.outcome:
            stop(fleet, of)
        _given(fleet, plan)
        seen = _seen_through(fleet, plan, out, aside, works=not wish.elsewhere, as_json=wish.as_json)
        return _conclude(seen, out, as_json=wish.as_json)


def freeze_fleet(root: Path, seconds: float, reason: str, out: Out, *, lift: bool) -> None:
    """Let nothing of the fleet begin for so long, 0 for until it is lifted; or lift that. Raises Mistake."""
    file, now = fleet_file(root), SystemClock().now()
    if not lift and not reason:
        raise Mistake("--because: say why, for whoever wants to deploy meanwhile")
    with open_record(root, file) as (store, _):
        journal = Journal(store, FREEZE, SystemClock().now, of_this_process())
        if lift:
            thaw(journal, who())
        else:
            until = (now + datetime.timedelta(seconds=seconds)).isoformat() if seconds else ""
            freeze(journal, FleetFreeze(who(), reason, until))
        out(f"the fleet is {freeze_now(store, now) or 'not frozen'}")


def _moved(fleet: Fleet, of: OrderState, wish: RollbackWish) -> tuple[str, ...]:
    """What is to be taken back, newest first. Raises Mistake for a wave that the order does not have."""
    waves = [wave.name for wave in of.plan.waves]
    if wish.wave and wish.wave not in waves:
        raise Mistake(f"--wave {wish.wave}: order {of.plan.order} has {', '.join(waves)}")
    meant = chosen(fleet.file, wish.select)
    return tuple(name for name in of.moved(wish.wave) if name in meant)


def _ready(fleet: Fleet, wish: DeployWish) -> tuple[tuple[str, ...], dict[str, str]]:
    """The projects that are meant, and the commits of those in repositories.

    Raises Mistake naming what is wrong with whom, unless those are left out.
    """
    meant = chosen(fleet.file, wish.select)
    wrong, commits = problems(fleet.root, fleet.file, meant)
    if wrong and not wish.skip:
        lines = [f"{name}: {line}" for name, found in wrong.items() for line in found]
        raise Mistake("\n".join([*lines, "Mend that, or say --skip-broken to leave them out."]))
    left = tuple(name for name in meant if name not in wrong)
    if not left:
        raise Mistake("no project is left that can be deployed")
    return left, {name: commit for name, commit in commits.items() if name in left}


def _given(fleet: Fleet, plan: OrderPlan) -> OrderState:
    give(fleet, plan)
    state = state_of(plan.order, events_of(fleet.store, plan.order))
    assert state
    return state


def _seen_through(fleet: Fleet, plan: OrderPlan, out: Out, aside: Out, *, works: bool, as_json: bool) -> SeenThrough:
    say = aside if as_json else out

    def show(event: Event) -> None:
        line = event_line(event, plan)
        if line:
            say(line)

    telling = told_of_order(fleet, plan, aside)

    def shown(event: Event) -> None:
        show(event)
        telling.hear_if_new(event)

    say(f"order {plan.order}: {plan.action.value} {len(plan.projects)} projects, {plan.at_once} at once")
    return see_through(fleet, plan.order, shown, aside, works=works, meanwhile=telling.open)


def _conclude(seen: SeenThrough, out: Out, *, as_json: bool) -> int:
    state = seen.state
    if as_json:
        parts = [standing_of(name, state, "", SystemClock().now()) for name in state.parts]
        out(json.dumps({"order": state.plan.order, "outcome": state.outcome, "projects": parts}))
    else:
        out(f"\n{order_text(state)}")
        if isinstance(seen.next, AskApproval):
            resumed = f"./inv fleet.deploy --resume {state.plan.order} --agreed-by NAME"
            out(f"  agree      {resumed}   lets {seen.next.wave.name} begin")
    if any(part.end and part.end.outcome in PERSON for part in state.parts.values()):
        return STRANDED
    if isinstance(seen.next, AskApproval | HoldWave) and not state.failed():
        return WAITS
    well = all(part.where is Where.ENDED and part.end for part in state.parts.values())
    return 0 if well and not state.failed() else BAD_ENDING


def _to_take_back(state: OrderState) -> tuple[str, ...]:
    """What ``when_spent`` of fleet.yml wants taken back, newest first; none while the budget lasts."""
    plan = state.plan
    if not state.spent or not state.outcome or plan.when_spent == "keep":
        return ()
    return state.moved(plan.waves[state.waves_begun - 1].name if plan.when_spent == "roll back the wave" else "")


def _flags(wish: DeployWish) -> tuple[str, ...]:
    return ("--over-rollback",) if wish.over_rollback else ()
