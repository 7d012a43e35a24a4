"""``invoke fleet.deploy``: an order to a fleet, given and seen through."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checks.amounts import amount
from pipeline.clock import SystemClock
from pipeline.commands.fleet import problems
from pipeline.commands.fleetsigned import go_on, signed_order, who
from pipeline.commands.fleettelling import tell_again, told_of_order
from pipeline.errors import Mistake
from pipeline.fleet.concluding import BAD_ENDING, exit_code
from pipeline.fleet.deciding import AskApproval
from pipeline.fleet.movements import orders_of, with_later
from pipeline.fleet.order import OrderPlan, OrderState, state_of
from pipeline.fleet.ordering import (
    SeenThrough,
    chosen,
    close_what_is_open,
    deploy_plan,
    give,
    must_not_be_frozen,
    order_state,
    rollback_plan,
    see_through,
)
from pipeline.fleet.place import Fleet, fleet_file, open_fleet
from pipeline.record.journal import Event, events_of
from pipeline.render.fleet import event_line, order_text, standing_of

Out = Callable[[str], None]


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


def deploy_fleet(root: Path, wish: DeployWish, out: Out, aside: Out) -> int:
    """Deploy the fleet, or go on with an order; the exit code. Raises Mistake for words that do not go together."""
    _must_go_together(wish)
    with open_fleet(root, fleet_file(root)) as fleet:
        must_not_be_frozen(fleet)
        if wish.resume:
            state = order_state(fleet.store, wish.resume, option="--resume")
            go_on(fleet, state, wish.agreed_by, wish.key)
        else:
            ready, commits = _ready(fleet, wish)
            plan = deploy_plan(fleet.file, ready, who(), _flags(wish), commits)
            plan = signed_order(fleet, plan, wish.key, aside)
            close_what_is_open(fleet, anew=wish.anew)
            state = given(fleet, plan)
        seen = seen_through(fleet, state.plan, out, aside, works=not wish.elsewhere, as_json=wish.as_json)
        with_later(seen.state, orders_of(fleet.store, after=state.plan.order))
        back = to_take_back(seen.state)
        if not back:
            return conclude(seen, out, as_json=wish.as_json)
        return _taken_back(fleet, seen, back, wish, out, aside)


def _taken_back(fleet: Fleet, seen: SeenThrough, back: tuple[str, ...], wish: DeployWish, out: Out, aside: Out) -> int:
    """Take back what an order has moved whose budget is spent; the graver exit code. As JSON it is one document."""
    told = aside if wish.as_json else out
    conclude(seen, told, as_json=False)
    aside(f"takes back {len(back)}: {seen.state.plan.when_spent}")
    plan = signed_order(fleet, rollback_plan(fleet.file, seen.state, back, who()), wish.key)
    after = seen_through(fleet, given(fleet, plan).plan, out, aside, works=not wish.elsewhere, as_json=wish.as_json)
    code = conclude(after, told, as_json=False)
    with_later(seen.state, orders_of(fleet.store, after=seen.state.plan.order))
    tell_again(fleet, seen.state.plan, aside)
    return max(code, conclude(seen, out, as_json=True) if wish.as_json else _code(seen.state))


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


def given(fleet: Fleet, plan: OrderPlan) -> OrderState:
    """Write the order down; its state, of which nothing has begun."""
    give(fleet, plan)
    state = state_of(plan.order, events_of(fleet.store, plan.order))
    assert state
    return state


def seen_through(fleet: Fleet, plan: OrderPlan, out: Out, aside: Out, *, works: bool, as_json: bool) -> SeenThrough:
    """Conduct the order to where it ends or waits, and say what happens; with ``as_json`` beside the answer."""
    say = aside if as_json else out

    def show(event: Event) -> None:
        line = event_line(event, plan)
        if line:
            say(line)

    telling = told_of_order(fleet, plan, aside)

    def shown(event: Event) -> None:
        show(event)
        telling.hear_if_new(event)

    say(f"order {plan.order}: {plan.action.value} {amount(len(plan.projects), 'project')}, {plan.at_once} at once")
    return see_through(fleet, plan.order, shown, aside, works=works, meanwhile=telling.open)


def conclude(seen: SeenThrough, out: Out, *, as_json: bool) -> int:
    """Say how an order ended or stands; the exit code."""
    state = seen.state
    if as_json:
        parts = [standing_of(name, state, "", SystemClock().now()) for name in state.parts]
        out(json.dumps({"order": state.plan.order, "outcome": state.outcome, "projects": parts}))
    else:
        out(f"\n{order_text(state)}")
        if isinstance(seen.next, AskApproval):
            resumed = f"./inv fleet.deploy --resume {state.plan.order} --agreed-by NAME"
            out(f"  agree      {resumed}   lets {seen.next.wave.name} begin")
    return _code(state)


def _code(state: OrderState) -> int:
    code = exit_code(state, SystemClock().now())
    return BAD_ENDING if code is None else code


def _must_go_together(wish: DeployWish) -> None:
    """Raises Mistake when something was typed that would count for nothing."""
    if wish.agreed_by and not wish.resume:
        raise Mistake(f"--agreed-by {wish.agreed_by}: say with --resume ORDER to which order")
    said = {"--select": wish.select, "--anew": wish.anew, "--skip-broken": wish.skip}
    also = [name for name, value in {**said, "--over-rollback": wish.over_rollback}.items() if value]
    if wish.resume and also:
        raise Mistake(f"--resume: goes on with the order as it was given; leave {' and '.join(also)} out")


def to_take_back(state: OrderState) -> tuple[str, ...]:
    """What ``when_spent`` of fleet.yml wants taken back, newest first; none while the budget lasts, or twice."""
    plan = state.plan
    if not state.spent or not state.outcome or plan.when_spent == "keep":
        return ()
    whose = state.moved(plan.waves[state.waves_begun - 1].name if plan.when_spent == "roll back the wave" else "")
    return tuple(name for name in whose if name in state.still_moved)


def _flags(wish: DeployWish) -> tuple[str, ...]:
    return ("--over-rollback",) if wish.over_rollback else ()
