"""Serves a fleet's pages to this machine and to nobody else, live as those of one project are."""

from collections.abc import Callable

from starlette.applications import Starlette

from pipeline.clock import Clock
from pipeline.commands.fleetboard import FleetBoard
from pipeline.commands.serving import Page, live
from pipeline.errors import Mistake
from pipeline.home import OURS


def fleet_application(board: FleetBoard, clock: Clock, typed: str = OURS) -> Starlette:
    """The pages of a fleet as an ASGI application. ``typed``: how a command begins for whoever looks at it."""
    pages: dict[str, Page] = {
        "/": lambda request: board.now(),
        "/orders": lambda request: board.listing(),
        "/orders/{order}": lambda request: _known(lambda: board.order(request.path_params["order"])),
        "/runs/{run}": lambda request: _known(lambda: board.run(request.path_params["run"])),
    }
    return live(pages, board, clock, typed)


def _known(make: Callable[[], str | None]) -> str | None:
    """A page; None when there is nothing of that name."""
    try:
        return make()
    except Mistake:
        return None
