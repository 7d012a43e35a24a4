"""``invoke fleet.plan``: who would be deployed when, what would stop whom, and what the vendors would be asked."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.fleet import problems
from pipeline.commands.fleetfreezing import frozen_lines
from pipeline.config import load
from pipeline.config.document import read
from pipeline.errors import PipelineError
from pipeline.fleet.checkouts import FleetHomes
from pipeline.fleet.estimating import OrderEstimate, estimated, gates_measured, measured
from pipeline.fleet.file import FleetFile, FleetProject
from pipeline.fleet.judging import FleetFinding, judged
from pipeline.fleet.order import OrderPlan, OrderState, latest_orders
from pipeline.fleet.ordering import chosen, deploy_plan, order_state
from pipeline.fleet.pending import FleetMigrations, migrations_of
from pipeline.fleet.place import fleet_file, open_record, worlds_up
from pipeline.fleet.sharing import SaidKey, shared_with, what_counts
from pipeline.fleet.surveying import ask_all, ends_of, to_target
from pipeline.home import FILE, FLEET
from pipeline.record.bounded import Store
from pipeline.render.fleet import plan_text, settings_text
from pipeline.render.fleetplan import estimate_text, gates_text, migrations_text, plan_values

Out = Callable[[str], None]
LOOKED_BACK = 50  # orders, newest first, in which a project's last deployment is looked for


@dataclass(frozen=True)
class PlanWish:
    """What was typed after ``fleet.plan``. ``gates`` and ``migrations``: ask the projects, which costs requests."""

    select: str = ""
    gates: bool = False
    migrations: bool = False
    as_json: bool = False


def show_plan(root: Path, wish: PlanWish, out: Out) -> bool:
    """Say who would be deployed in which wave, and what stands in whose way; True when nothing does."""
    file = fleet_file(root)
    projects = chosen(file, wish.select)
    wrong, commits = problems(root, file, projects)
    plan = deploy_plan(file, projects, "", commits=commits)
    with open_record(root, file) as (store, _):
        estimate = estimate_of(root, file, store, plan)
    ready = tuple(name for name in projects if name not in wrong)
    with worlds_up(root, file) if wish.gates or wish.migrations else open_record(root, file):
        stopped = _stopped(root, file, ready) if wish.gates else None
        pending = _pending(root, file, ready) if wish.migrations else None
    frozen, settings = frozen_lines(root, file), _settings(root, file, plan, for_one=not wish.as_json)
    if wish.as_json:
        out(json.dumps(plan_values(plan, wrong, estimate, stopped, pending, frozen, settings)))
    else:
        texts = (plan_text(file, plan, wrong), gates_text(stopped), migrations_text(pending), estimate_text(estimate))
        out("\n\n".join([*texts, *map(settings_text, filter(None, settings.values()))]))
        for line in frozen:
            out(f"\n{line}")
    return not (wrong or stopped or (pending and pending.stops))


def estimate_of(root: Path, file: FleetFile, store: Store, plan: OrderPlan) -> OrderEstimate:
    """What the order would take, by what the record knows of earlier ones."""

    @functools.cache
    def state(order: str) -> OrderState:
        return order_state(store, order)

    def earlier() -> Iterator[OrderState]:
        yield from map(state, latest_orders(store, LOOKED_BACK))

    known = measured(earlier(), plan.projects)
    homes = FleetHomes(root, file)
    least = {
        name: _watch(homes.folder(name, plan.commits.get(name, "")), file, name)
        for name in plan.projects
        if name not in known
    }
    asked = gates_measured(earlier(), filter(None, (wave.gate for wave in plan.waves)))
    return estimated(file, plan, known, least, asked, SystemClock().now())


def _settings(root: Path, file: FleetFile, plan: OrderPlan, *, for_one: bool) -> dict[str, tuple[SaidKey, ...]]:
    """Project → what counts of the keys that the fleet says for it; ``for_one``: only of a plan for a single one."""
    homes, (_, tree) = FleetHomes(root, file), read(root / FLEET, "", "")
    names = plan.projects if not for_one or len(plan.projects) == 1 else ()
    return {
        name: tuple(what_counts(file, tree, name, homes.folder(name, plan.commits.get(name, "")))) for name in names
    }


def _watch(home: Path, file: FleetFile, name: str) -> float:
    """Seconds that a project's deployment is watched, at least, by its deploy.yml and the fleet's; 0 when none says."""
    try:
        config = load(home / FILE, shared=shared_with(file, name))
        target, _ = config.target(file.projects[name].target)
        return float(config.pace(target).get("watch", {}).get("during", 0))
    except PipelineError:
        return 0.0


def _stopped(root: Path, file: FleetFile, projects: tuple[str, ...]) -> tuple[FleetFinding, ...]:
    """What preflight would say no to, as far as that can be asked before a build; each once with all that have it."""
    return judged(ends_of(ask_all(root, file, projects, lambda project: ["check", "--json", *_about(project)])))


def _pending(root: Path, file: FleetFile, projects: tuple[str, ...]) -> FleetMigrations:
    return migrations_of(ask_all(root, file, projects, lambda one: ["database.plan", "--json", *_about(one)]))


def _about(project: FleetProject) -> list[str]:
    """The options that say which target, and which folder is shipped."""
    return [*to_target(project), *([f"--from={project.ships}"] if project.ships else [])]
