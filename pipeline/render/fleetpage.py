"""An order to a fleet as a page: waves as rows, projects as cells, what several share once, what is left to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.fleet.order import OrderState
from pipeline.render.fleetback import one_back
from pipeline.render.fleetmarks import BAD, GOOD
from pipeline.render.fleetreport import (
    WaveSoFar,
    about,
    findings_of,
    headline,
    left_to_do,
    mark_of,
    waves_of,
)
from pipeline.render.html import page

Address = Callable[[str], str]


@dataclass(frozen=True)
class ProjectCell:
    """A project in its wave's row. ``address``: of its run's page, empty when it has none."""

    name: str
    mark: str
    word: str
    address: str
    says: str

    @property
    def look(self) -> str:
        """What the stylesheet calls it: of what is well nothing looks bad, whatever its word."""
        return "done" if self.mark == GOOD else self.word.replace(" ", "-")


def order_page(
    state: OrderState, homes: Mapping[str, str], address: Address, read_at: str, record: str, **frame: Any
) -> str:
    """The page of one order. ``address``: run → where its page is, or nothing."""
    return page(
        "fleet",
        title=f"Order {state.plan.order} · fleet",
        heading=headline(state),
        look=_look(state),
        facts=about(state),
        waves=[(wave, _cells(wave, state, address)) for wave in waves_of(state)],
        findings=findings_of(state),
        left=left_to_do(state, homes),
        read_at=read_at,
        record=record,
        **frame,
    )


def _look(state: OrderState) -> str:
    """What the stylesheet calls the order as a whole."""
    if not state.outcome:
        return "runs"
    if any(part.end and part.end.code == 4 for part in state.parts.values()):
        return "bad"
    if any(one.well for one in state.taken_back.values()):
        return "back"
    return "stop" if state.failed() or state.outcome != "done" else "good"


def _cells(wave: WaveSoFar, state: OrderState, address: Address) -> list[ProjectCell]:
    return [_cell(name, state, address) for name in wave.projects]


def _cell(name: str, state: OrderState, address: Address) -> ProjectCell:
    (mark, word), end = mark_of(name, state), state.parts[name].end
    begun = state.parts[name].times > 0 and state.plan.action.value == "deploy"
    where = address(state.plan.run_of(name)) if begun else ""
    back = state.taken_back.get(name)
    says = one_back(back) if back else end.reason if end and mark == BAD else ""
    return ProjectCell(name, mark, word, where, says)


def orders_page(states: Sequence[OrderState], address: Address, read_at: str, record: str, **frame: Any) -> str:
    """All orders, newest first. ``address``: order → its page."""
    rows = [(address(one.plan.order), one.plan.order, headline(one), one.plan.by, one.began) for one in states]
    return page("orders", title="Orders · fleet", rows=rows, read_at=read_at, record=record, **frame)
