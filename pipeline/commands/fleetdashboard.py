"""``invoke fleet.report`` and ``fleet.dashboard``: an order as one report, and as pages that are served or exported."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.fleetboard import FleetBoard, homes_of
from pipeline.documents.outside import must_stay_inside
from pipeline.errors import Mistake
from pipeline.fleet.movements import known_order
from pipeline.fleet.ordering import LATEST
from pipeline.fleet.place import fleet_file, open_record
from pipeline.home import as_typed, command_here, command_in
from pipeline.redact import of_this_process
from pipeline.render.fleetpage import order_page
from pipeline.render.fleetreport import report_text, report_values
from pipeline.world.extras import must_have

Out = Callable[[str], None]
MARK = ".fleet-dashboard"


def show_report(root: Path, order: str, out: Out, *, as_json: bool, to: str) -> None:
    """Say what an order did and what is left; or write it as one page into the file ``to``. Raises Mistake."""
    file = fleet_file(root)
    with open_record(root, file) as (store, place):
        state = known_order(store, order or LATEST)
    homes = homes_of(root, file)
    if to:
        read_at = f"{SystemClock().now():%Y-%m-%d %H:%M:%S} UTC"
        text = order_page(state, homes, lambda run: "", read_at, str(place))
        _write(Path(to).expanduser(), as_typed(of_this_process()(text), command_in(root)), "fleet.report --html")
        out(to)
    elif as_json:
        out(json.dumps(report_values(state, homes, SystemClock().now())))
    else:
        out(report_text(state, homes))


def show_fleet(root: Path, port: int, out: Out) -> None:
    """Serve the fleet's pages until Ctrl-C. Raises Mistake when the port cannot be had, or a package is missing."""
    must_have("report")
    from pipeline.commands.fleetserving import fleet_application
    from pipeline.commands.serving import LOOPBACK, bound, serve

    file, at = fleet_file(root), bound(port)
    try:
        with open_record(root, file) as (store, place):
            board = FleetBoard(root, file, store, str(place))
            out(f"http://{LOOPBACK}:{at.getsockname()[1]}/   for this machine only, until Ctrl-C")
            serve(fleet_application(board, SystemClock(), command_here(root)), at)
    finally:
        at.close()


def export_fleet(root: Path, to: Path) -> list[str]:
    """Write the fleet's pages into a folder of its own; the paths. Raises Mistake when something else is in it."""
    if to.exists() and (not to.is_dir() or (any(to.iterdir()) and not (to / MARK).is_file())):
        raise Mistake(f"--export {to}: there is something else in it; name an empty folder")
    file = fleet_file(root)
    with open_record(root, file) as (store, place):
        files = exported(FleetBoard(root, file, store, str(place), folder=True))
    must_stay_inside(to, {MARK: "", **files}, f"--export {to}")
    for name, text in {MARK: "made by ./inv fleet.dashboard --export\n", **files}.items():
        _write(to / name, as_typed(of_this_process()(text), command_in(root)), f"--export {to}")
    return [str(to / name) for name in sorted(files)]


def exported(board: FleetBoard) -> dict[str, str]:
    """The files of an export, path → text: the newest order, all of them, and the runs of their projects."""
    states = board.orders()
    files = {"index.html": board.now(), "orders.html": board.listing()}
    for state in states:
        files[f"orders/{state.plan.order}.html"] = board.order(state.plan.order)
        for name in state.parts:
            if text := board.run(state.plan.run_of(name)):
                files[f"runs/{state.plan.run_of(name)}.html"] = text
    return files


def _write(path: Path, text: str, what: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{what}: {path} cannot be written: {error.strerror}") from error
