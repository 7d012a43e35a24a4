"""``invoke fleet.rollback``: takes back what an order has moved, or all that was moved since a time."""

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.fleetorders import conclude, given, seen_through
from pipeline.commands.fleetsigned import signed_order, who
from pipeline.errors import Mistake
from pipeline.fleet.file import FleetFile
from pipeline.fleet.movements import Movement, movements, orders_of
from pipeline.fleet.order import OrderAction, OrderState
from pipeline.fleet.ordering import LATEST, back_plan, chosen, must_not_be_conducted, order_state, stop
from pipeline.fleet.place import Fleet, fleet_file, open_fleet
from pipeline.render.fleetback import back_text, back_values
from pipeline.session.logs import moment

Out = Callable[[str], None]
LONG_AGO = 1_000_000_000_000  # ms since 1970: no fleet of this tool has a record from before
WHEN = "say e.g. 2h, 3d, or 2026-11-29T10:00Z"


@dataclass(frozen=True)
class RollbackWish:
    """What was typed after ``fleet.rollback``; empty strings mean "not said"."""

    order: str = ""
    since: str = ""
    wave: str = ""
    group: str = ""
    select: str = ""
    plan: bool = False
    elsewhere: bool = False
    as_json: bool = False
    key: str = ""


@dataclass(frozen=True)
class GoingBack:
    """Whom a rollback takes back, in the order in which they go. ``orders``: those that moved them, newest first."""

    orders: tuple[OrderState, ...]
    moved: Mapping[str, Movement]
    unended: tuple[OrderState, ...]
    """Orders to deploy that have not ended: they are stopped, whomever they have moved."""


def roll_fleet_back(root: Path, wish: RollbackWish, out: Out, aside: Out) -> int:
    """Take back what an order has moved, or what was moved since a time, newest first; the exit code."""
    if wish.order and wish.since:
        raise Mistake("--order and --since: say one; --since is about all orders since then")
    with open_fleet(root, fleet_file(root)) as fleet:
        back = _meant(fleet, wish)
        if wish.plan or not back.moved:
            named = [state.plan.order for state in back.orders]
            out(json.dumps(back_values(back.moved)) if wish.as_json else back_text(named, back.moved))
            return 0
        of = ", ".join(state.plan.order for state in back.orders)
        ends = {name: moved.end for name, moved in back.moved.items()}
        plan = signed_order(fleet, back_plan(fleet.file, of, ends, who(), _commits(back)), wish.key, aside)
        must_not_be_conducted(fleet)  # before anything is written down
        for state in back.unended:
            stop(fleet, state)
        given(fleet, plan)
        seen = seen_through(fleet, plan, out, aside, works=not wish.elsewhere, as_json=wish.as_json)
        return conclude(seen, out, as_json=wish.as_json)


def _commits(back: GoingBack) -> dict[str, str]:
    """Project → the commit of its home's repository in the order that moved it last."""
    by_order = {state.plan.order: state.plan.commits for state in back.orders}
    found = {name: by_order.get(moved.orders[0], {}).get(name, "") for name, moved in back.moved.items()}
    return {name: commit for name, commit in found.items() if commit}


def since_of(text: str, now: datetime.datetime) -> datetime.datetime:
    """The moment that ``--since`` says. Raises Mistake: no time, one to come, or one before there were fleets."""
    try:
        ms = moment("--since", text, now)
    except (Mistake, OverflowError) as error:
        raise Mistake(f"--since {text}: is no time; {WHEN}") from error
    if ms > now.timestamp() * 1000:
        raise Mistake(
            f"--since {text}: is still to come, and nothing was moved since then; {WHEN} (UTC without a zone)"
        )
    if ms < LONG_AGO:
        raise Mistake(f"--since {text}: is before there was any order; {WHEN}")
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)


def _meant(fleet: Fleet, wish: RollbackWish) -> GoingBack:
    """Raises Mistake for an order, a wave, a group or a time that there is not."""
    meant = {*chosen(fleet.file, wish.select)} & {*_of_group(fleet.file, wish.group)}
    if wish.since:
        since = since_of(wish.since, SystemClock().now())
        orders = orders_of(fleet.store, since)
        states = tuple(one for one in orders if one.plan.action is OrderAction.DEPLOY)
        found = movements(orders, since)
    else:
        states = (order_state(fleet.store, wish.order or LATEST, OrderAction.DEPLOY),)
        found = {name: _moved(states[0], name) for name in states[0].moved()}
    if wish.wave:
        meant &= _of_wave(states, wish)
    moved = {name: one for name, one in found.items() if name in meant}
    named = {order for one in moved.values() for order in one.orders}
    unended = tuple(one for one in states if not one.outcome)
    return GoingBack(tuple(one for one in states if one.plan.order in named or not wish.since), moved, unended)


def _moved(state: OrderState, name: str) -> Movement:
    part = state.parts[name]
    assert part.end, "what was moved has ended"
    return Movement((state.plan.order,), part.end.staged, part.end.before, part.ended)


def _of_group(file: FleetFile, said: str) -> tuple[str, ...]:
    """The projects of the groups that ``--group`` names; all when it names none."""
    groups = tuple(filter(None, (one.strip() for one in said.split(","))))
    for group in groups:
        if group not in file.groups:
            raise Mistake(f"--group {group}: fleet.yml has {', '.join(file.groups) or 'no groups'}")
    return tuple(name for name, one in file.projects.items() if not groups or one.group in groups)


def _of_wave(states: tuple[OrderState, ...], wish: RollbackWish) -> frozenset[str]:
    """The projects of ``--wave``, which is one of one order."""
    if len(states) != 1:
        named = ", ".join(one.plan.order for one in states) or "none"
        since = f"since {wish.since} there are: {named}; say --order ORDER instead of --since"
        raise Mistake(f"--wave {wish.wave}: a wave is of one order, and {since}")
    waves = {wave.name: wave.projects for wave in states[0].plan.waves}
    if wish.wave not in waves:
        raise Mistake(f"--wave {wish.wave}: order {states[0].plan.order} has {', '.join(waves)}")
    return frozenset(waves[wish.wave])
