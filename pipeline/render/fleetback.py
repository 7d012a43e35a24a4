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
    lines, wide = [f"{len(moved)} would go back, newest first ({whose})"], max(map(len, moved))
    lines += [
        f"  {name:<{wide}}  {one_line(one.staged)} → {one_line(one.before)}{' *' if len(one.orders) > 1 else ''}"
        for name, one in moved.items()
    ]
    several = any(len(one.orders) > 1 for one in moved.values())
    return "\n".join([*lines, *(["  * moved by several of these orders: back to before the first"] if several else [])])


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
    """What serves instead of what was taken back; or why it was not."""
    if back.well:
        return f"{one_line(back.serves)} serves{f', of order {back.moved_on}' if back.moved_on else ''}"
    if back.left_alone:
        return f"not taken back: {one_line(back.says) or 'another release serves'}"
    return (
        f"not taken back yet ({back.says})"
        if not back.outcome
        else f"not taken back, {back.outcome}: {one_line(back.says)}"
    )


def _in_general(back: TakenBack) -> str:
    if back.well:
        return f"taken back by order {back.order}{f', and moved again by {back.moved_on}' if back.moved_on else ''}"
    if back.left_alone:
        return f"left alone by order {back.order}, for somebody else's release serves"
    if not back.outcome:
        return f"to be taken back by order {back.order}, which has not come to it"
    return f"not taken back by order {back.order}, which ended as {back.outcome} there"
