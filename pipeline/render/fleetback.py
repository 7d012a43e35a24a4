"""Who of a fleet would go back, to what, and what was taken back of an order, as text and for programs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pipeline.fleet.ends import TakenBack
from pipeline.fleet.movements import Movement
from pipeline.fleet.order import OrderAction, OrderState, Where
from pipeline.redact import one_line
from pipeline.render.fleetmarks import some


def back_text(orders: Sequence[str], moved: Mapping[str, Movement]) -> str:
    """Who would go back to what, newest first. ``orders``: those that were looked at."""
    whose = f"order{'s' if len(orders) > 1 else ''} {', '.join(orders)}" if orders else "no order"
    if not moved:
        return f"{whose} moved nobody who is meant and is not back already; nothing was touched"
    lines = [f"{len(moved)} would go back, newest first ({whose})"]
    lines += [f"  {name:<24} {one.staged} → {one.before}{_by(one, len(orders))}" for name, one in moved.items()]
    return "\n".join(lines)


def _by(moved: Movement, many: int) -> str:
    return f"   (moved by {', '.join(moved.orders)})" if many > 1 else ""


def back_values(moved: Mapping[str, Movement]) -> dict[str, object]:
    """The same for programs, as an order that nobody has given yet."""
    return {"order": "", "outcome": "", "projects": [_value(name, one) for name, one in moved.items()]}


def _value(name: str, moved: Movement) -> dict[str, object]:
    nothing = dict.fromkeys(("run", "worker", "stage", "outcome"), "")
    return {
        "project": name,
        "order": moved.orders[0],
        "action": OrderAction.ROLL_BACK.value,
        "wave": "",
        "where": Where.WAITING.value,
        **nothing,
        "taken_up": 0,
        "taken_back": "",
        "serves": moved.staged,
        "says": f"would go back from {moved.staged} to {moved.before}; moved by {', '.join(moved.orders)}",
    }


def in_short(state: OrderState) -> str:
    """How many of an order were taken back, by which orders; empty when nobody was."""
    well = [one for one in state.taken_back.values() if one.well]
    left = len(state.still_moved)
    if not well:
        return ""
    by = ", ".join(dict.fromkeys(one.order for one in well))
    return f"{len(well)} taken back by order {by}{f', {left} not' if left else ''}"


def back_words(state: OrderState) -> Iterable[str]:
    """Who was taken back by which order; who was not, and why. Each once, with all projects of which it is so."""
    same: dict[str, list[str]] = defaultdict(list)
    for name, one in state.taken_back.items():
        same[_in_general(one)].append(name)
    return [f"{len(names)} {says}: {some(names)}" for says, names in same.items()]


def one_back(back: TakenBack) -> str:
    """How one project was taken back, or why it was not, and what serves now."""
    serves = f", {back.serves} serves" if back.serves else ""
    says = f": {one_line(back.says)}" if back.says and not (back.well and serves) else ""
    return f"{_in_general(back)}{says}{serves}"


def _in_general(back: TakenBack) -> str:
    if back.well:
        return f"taken back by order {back.order}{f', and moved again by {back.moved_on}' if back.moved_on else ''}"
    if back.left_alone:
        return f"left alone by order {back.order}, for somebody else's release serves"
    if not back.outcome:
        return f"to be taken back by order {back.order}, which has not come to it"
    return f"not taken back by order {back.order}, which ended as {back.outcome} there"
