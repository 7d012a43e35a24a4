"""What the pages of a fleet show, read from the record of its orders and from those of its projects."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.report import facts_of
from pipeline.config import load
from pipeline.errors import PipelineError
from pipeline.fleet.checkouts import FleetHomes
from pipeline.fleet.file import FleetFile
from pipeline.fleet.movements import known_order, with_later
from pipeline.fleet.order import OrderState, latest_orders
from pipeline.fleet.ordering import order_state
from pipeline.fleet.sharing import shared_with
from pipeline.home import FILE
from pipeline.record.bounded import Store
from pipeline.record.journal import events_of
from pipeline.record.report import report_of
from pipeline.render.fleetpage import order_page, orders_page
from pipeline.render.runpage import run_page
from pipeline.session.runs import store_of

KEPT = 50
"""Orders that are listed, newest first, and exported."""


class FleetBoard:
    """Answers the pages of a fleet. ``folder``: they are files that know each other, and none is live."""

    def __init__(self, root: Path, file: FleetFile, store: Store, record: str, *, folder: bool = False) -> None:
        self._root, self._file, self._store, self._record, self._folder = root, file, store, record, folder

    def newest(self) -> int:
        """The number of the newest event. Raises ServiceError."""
        return next((int(seq or 0) for (seq,) in self._store.execute("select max(seq) from deploy_events")), 0)

    def orders(self) -> tuple[OrderState, ...]:
        """Those that are listed, newest first, each with what later ones took back of it."""
        found = tuple(order_state(self._store, order) for order in latest_orders(self._store, KEPT))
        return tuple(with_later(state, found[:number]) for number, state in enumerate(found))

    def now(self) -> str:
        """The newest order; all of them when there is none."""
        newest = next(iter(latest_orders(self._store, 1)), "")
        return self.order(newest, "Now") if newest else self.listing()

    def listing(self) -> str:
        return orders_page(self.orders(), self._order_address, self._read_at, self._record, **self._frame("Orders"))

    def order(self, order: str, here: str = "") -> str:
        """The page of one order. Raises Mistake when there is none."""
        state, up = known_order(self._store, order), "" if here else "../"

        def address(run: str) -> str:
            if not self._folder:
                return f"/runs/{run}"
            return f"{up}runs/{run}.html" if self.run(run) else ""

        homes = homes_of(self._root, self._file)
        return order_page(state, homes, address, self._read_at, self._record, **self._frame(here, up))

    def run(self, run: str) -> str | None:
        """The page of a project's run, from the record of its home; None when there is none."""
        order, _, name = run.partition(".")
        project = self._file.projects.get(name)
        if project is None or not order:
            return None
        home = FleetHomes(self._root, self._file).folder(name)
        try:
            config = load(home / FILE, shared=shared_with(self._file, name))
            store = store_of(config, home)
        except PipelineError:
            return None
        try:
            events = events_of(store, run)
            if not events:
                return None
            return run_page(facts_of(config, home, store, report_of(run, events)), **self._frame("", "../"))
        finally:
            store.close()

    @property
    def _read_at(self) -> str:
        return f"{SystemClock().now():%Y-%m-%d %H:%M:%S} UTC"

    def _order_address(self, order: str) -> str:
        return f"orders/{order}.html" if self._folder else f"/orders/{order}"

    def _frame(self, here: str, up: str = "") -> dict[str, object]:
        names = {"Now": ("index.html", "/"), "Orders": ("orders.html", "/orders")}
        places = [(words, f"{up}{file}" if self._folder else path) for words, (file, path) in names.items()]
        return {"here": here, "places": places, "live": "" if self._folder else str(self.newest())}


def homes_of(root: Path, file: FleetFile) -> Mapping[str, str]:
    """Project → its folder, as it is typed from the fleet's."""
    homes = FleetHomes(root, file)
    return {name: homes.typed(name) for name in file.projects}
