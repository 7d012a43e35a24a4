"""``invoke fleet.…``: a fleet looked at, and written to play with."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path

from pipeline.commands.fleetfreezing import frozen_lines
from pipeline.fleet.checkouts import FleetHomes
from pipeline.fleet.example import write_example
from pipeline.fleet.file import FleetFile
from pipeline.fleet.homes import problems_of, stage_of
from pipeline.fleet.movements import known_order
from pipeline.fleet.order import OrderState, Where, latest_orders
from pipeline.fleet.ordering import chosen, order_state, standing
from pipeline.fleet.place import fleet_file, open_record
from pipeline.fleet.sharing import shared_with
from pipeline.render.fleet import order_text, standing_of, status_text

Out = Callable[[str], None]
LOOKED_BACK = 50  # orders, newest first, in which a project's last one is looked for


def problems(
    root: Path, file: FleetFile, projects: tuple[str, ...]
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Project → what is wrong with its home, only those with something wrong; and project → its commit now.

    Homes in repositories are checked out for that. Raises Mistake when git is not installed.
    """
    homes = FleetHomes(root, file)
    commits, unknown = homes.commits(projects)
    unknown |= homes.made_ready(commits)
    wrong: dict[str, tuple[str, ...]] = {name: (f"has no home: {why}",) for name, why in unknown.items()}
    for name in projects:
        home = homes.folder(name, commits.get(name, ""))
        shared = shared_with(file, name)
        lines = problems_of(file.projects[name], home, machines=bool(file.state), shared=shared)
        if name not in wrong and lines:
            wrong[name] = lines
    return {name: wrong[name] for name in projects if name in wrong}, commits


def show_status(root: Path, order: str, select: str, out: Out, *, as_json: bool) -> None:
    """Say of each project how it stands, and what it waits for."""
    file = fleet_file(root)
    projects, now = chosen(file, select), datetime.datetime.now(datetime.UTC)
    with open_record(root, file) as (store, _):
        if order:
            states = [known_order(store, order)]
        else:
            states = [order_state(store, one) for one in latest_orders(store, LOOKED_BACK)]
    found = standing(states, projects)
    stages = {name: _stage(root, file, name, state) for name, state in found.items()}
    if as_json:
        out(json.dumps([standing_of(name, found.get(name), stages.get(name, ""), now) for name in projects]))
        return
    for line in frozen_lines(root, file):
        out(line)
    out(status_text(projects, found, stages, now))
    for state in states[:1]:
        out(f"\n{order_text(state)}")


def _stage(root: Path, file: FleetFile, name: str, state: OrderState) -> str:
    if state.parts[name].where is not Where.RUNNING:
        return ""
    home = FleetHomes(root, file).folder(name, state.plan.commits.get(name, ""))
    return stage_of(home, state.plan.run_of(name), shared_with(file, name))


def write_to_play(folder: Path, projects: int, out: Out) -> None:
    """Write a fleet of examples into ``folder``, and say what to type."""
    written = write_example(folder, projects)
    out(f"{len(written)} files written to {folder}")
    out(f"  ./inv fleet.plan --home {folder}     shows the waves")
    out(f"  ./inv fleet.deploy --home {folder}   deploys them, in the sandbox")
