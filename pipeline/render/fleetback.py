"""Who of a fleet would go back, to what, and what was taken back of an order, as text and for programs."""

from collections.abc import Mapping, Sequence

from pipeline.fleet.movements import Movement
from pipeline.fleet.order import OrderAction, Where


def back_text(orders: Sequence[str], moved: Mapping[str, Movement]) -> str:
    """Who would go back to what, newest first. ``orders``: those that were looked at."""
    whose = f"order{'s' if len(orders) > 1 else ''} {', '.join(orders)}" if orders else "no order"
    if not moved:
        return f"{whose} moved nobody who is meant and is not back already; nothing was touched"
    lines = [f"{len(moved)} would go back, newest first ({whose})"]
    lines += [f"  {name:<24} {one.staged} → {one.before}{_by(one, len(orders))}" for name, one in moved.items()]
    return "\n".join(lines)


def _by(one: Movement, many: int) -> str:
    return f"   (moved by {', '.join(one.orders)})" if many > 1 else ""


def back_values(moved: Mapping[str, Movement]) -> dict[str, object]:
    """The same for programs, as an order that nobody has given yet."""
    return {"order": "", "outcome": "", "projects": [_value(name, one) for name, one in moved.items()]}


def _value(name: str, one: Movement) -> dict[str, object]:
    nothing = dict.fromkeys(("run", "worker", "stage", "outcome"), "")
    return {
        "project": name,
        "order": one.orders[0],
        "action": OrderAction.ROLL_BACK.value,
        "wave": "",
        "where": Where.WAITING.value,
        **nothing,
        "taken_up": 0,
        "says": f"would go back from {one.staged} to {one.before}; moved by {', '.join(one.orders)}",
    }
