"""What orders have moved, folded over many of them: what each project goes back to, and what was taken back since."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.fleet.ends import BACK, THERE, ProjectEnd, TakenBack
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, ProjectPart, is_bad, latest_orders, state_of
from pipeline.fleet.ordering import order_state
from pipeline.record.bounded import Store
from pipeline.record.journal import events_of

MOST = 1000
"""Orders, newest first, in which is looked for what was moved."""


@dataclass(frozen=True)
class Movement:
    """A project that orders have moved from ``before`` to ``staged``, which serves since ``at``, by the record."""

    orders: tuple[str, ...]
    """Those that have moved it, newest first."""
    staged: str
    before: str
    at: str

    @property
    def end(self) -> ProjectEnd:
        """What a worker has to know to take it back."""
        return ProjectEnd("", staged=self.staged, before=self.before)


def orders_of(store: Store, since: datetime.datetime | None = None, after: str = "") -> tuple[OrderState, ...]:
    """The orders that went on at ``since`` or later, or that were given later than ``after``; newest first."""
    found = []
    for order in latest_orders(store, MOST):
        if order == after:
            break
        state = state_of(order, events_of(store, order))
        if since and state and state.ended and _time(state.ended) < since:
            break
        found += [state] if state else []
    return tuple(found)


def movements(states: Iterable[OrderState], since: datetime.datetime) -> dict[str, Movement]:
    """Project → how orders have moved it since then, those that were moved last first. ``states``: newest first.

    Who was taken back is not among them. A project that two orders moved goes back to what served before the first,
    unless somebody else's release served between them: then to that one.
    """
    moved: dict[str, list[Movement]] = {}
    for state in reversed(tuple(states)):
        for name, part in state.parts.items():
            if part.end is None or _time(part.ended) < since:
                continue
            if state.plan.action is OrderAction.ROLL_BACK:
                _gone_back(moved.get(name, []), part.end, state.plan.back_to[name].before)
            elif part.end.moved:
                moved.setdefault(name, []).append(_movement(state, part, part.end))
    joined = [(name, _joined(steps)) for name, steps in moved.items() if steps]
    return dict(sorted(joined, key=lambda one: (one[1].at, one[0]), reverse=True))


def taken_back(state: OrderState, later: Iterable[OrderState]) -> Mapping[str, TakenBack]:
    """Project → how ``later`` orders, newest first, took it back; only those that ``state`` moved and they named."""
    found: dict[str, TakenBack] = {}
    for other in reversed(tuple(later)):
        for name, part in state.parts.items():
            if part.end is None or not part.end.moved or name not in other.parts:
                continue
            if other.plan.action is OrderAction.DEPLOY:
                if name in found and (end := other.parts[name].end) and end.moved:
                    found[name] = replace(found[name], serves=end.staged, moved_on=other.plan.order)
            elif state.plan.order in other.plan.takes_back and not (name in found and found[name].well):
                found[name] = _taken(other.plan, other.parts[name], name)
    return found


def with_later(state: OrderState, later: Iterable[OrderState]) -> OrderState:
    """The state, which now knows how ``later`` orders, newest first, took its projects back."""
    later = tuple(later)
    state.taken_back = dict(taken_back(state, later))
    deploys = [
        one for one in later if one.plan.action is OrderAction.DEPLOY and state.plan.action is OrderAction.DEPLOY
    ]
    state.done_since = frozenset(name for one in deploys for name, part in one.parts.items() if _is_well(part, one))
    return state


def known_order(store: Store, order: str, action: OrderAction | None = None) -> OrderState:
    """The state of an order, by its id or ``latest``, with what later ones took back of it. Raises Mistake."""
    state = order_state(store, order, action)
    return with_later(state, orders_of(store, after=state.plan.order))


def _is_well(part: ProjectPart, state: OrderState) -> bool:
    return part.end is not None and not is_bad(part.end, state.plan.action)


def _taken(plan: OrderPlan, part: ProjectPart, name: str) -> TakenBack:
    if part.end is None:
        return TakenBack(plan.order, "", "", part.where.value)
    well = part.end.outcome in (BACK, THERE)
    return TakenBack(plan.order, part.end.outcome, plan.back_to[name].before if well else "", part.end.reason)


def _gone_back(steps: list[Movement], end: ProjectEnd, to: str) -> None:
    """Forget the steps that are undone: those since ``to`` served; all when none of them knows it."""
    if end.outcome in (BACK, THERE):
        at = next((number for number, step in enumerate(steps) if step.before == to), 0)
        del steps[at:]


def _movement(state: OrderState, part: ProjectPart, end: ProjectEnd) -> Movement:
    return Movement((state.plan.order,), end.staged, end.before, part.ended)


def _joined(steps: list[Movement]) -> Movement:
    """The newest step, from as far back as each one begins where the one before it ended."""
    whole = steps[-1]
    for step in reversed(steps[:-1]):
        if step.staged != whole.before:
            break
        whole = replace(whole, before=step.before, orders=(*whole.orders, *step.orders))
    return whole


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
