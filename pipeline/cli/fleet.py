"""``fleet.…``: many projects, in waves, by any number of workers."""

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.fleetpages import dashboard, init, report
from pipeline.cli.terminal import DEPLOY_FILE, ROOT, aside, configuration, honest, out, quietly

SELECT = "which projects, e.g. country=de or group=shops,tier=1 or project=a|b (default: all)"
SIGNS = "where fleet.yml says who `may`: the SSH key that signs (default: the one that git signs with)"
ELSEWHERE = "do none of the work here: workers elsewhere do it"


@task(
    help={
        "select": SELECT,
        "gates": "ask the preflight of each project, too: what would stop whom; costs requests",
        "migrations": "ask the database of each project, too: which migrations would be applied",
        "json": "as one JSON document",
    }
)
def plan(c: Context, select: str = "", gates: bool = False, migrations: bool = False, json: bool = False) -> None:
    """Who would be deployed when, what is wrong with whom, how long it takes, how many requests. Touches nothing."""
    with honest():
        from pipeline.commands.fleetplan import PlanWish, show_plan

        fine = show_plan(ROOT, PlanWish(select, gates, migrations, json), out)
    if not fine:
        raise SystemExit(1)


@task(
    help={
        "select": SELECT,
        "resume": "go on with the order of this id, or `latest`, which has not ended",
        "anew": "leave an order that has not ended as it is, and begin a new one",
        "agreed-by": "with --resume: who agrees to the wave that waits for that; recorded",
        "skip-broken": "leave out who has no home, or a broken one",
        "over-rollback": "as for deploy, for every project",
        "elsewhere": ELSEWHERE,
        "json": "print the order as one JSON document on stdout",
        "key": SIGNS,
    }
)
def deploy(
    c: Context,
    select: str = "",
    resume: str = "",
    anew: bool = False,
    agreed_by: str = "",
    skip_broken: bool = False,
    over_rollback: bool = False,
    elsewhere: bool = False,
    json: bool = False,
    key: str = "",
) -> None:
    """Deploy the projects of fleet.yml in waves, each through its own gates. Exit 0, 1, 2, 4 or 5 (a wave waits)."""
    with honest():
        from pipeline.commands.fleetorders import DeployWish, deploy_fleet

        wish = DeployWish(select, resume, anew, agreed_by, skip_broken, over_rollback, elsewhere, json, key)
        code = deploy_fleet(ROOT, wish, out, aside)
    if code:
        raise SystemExit(code)


@task(help={"order": "an order's id (default: of each project the last)", "select": SELECT, "json": "as JSON"})
def status(c: Context, order: str = "", select: str = "", json: bool = False) -> None:
    """One line a project: how it stands, at which stage it is, what it waits for."""
    with honest():
        from pipeline.commands.fleet import show_status

        show_status(ROOT, order, select, out, as_json=json)


@task(
    help={
        "order": "the order whose projects go back (default: the last deployment)",
        "since": "instead: all that was moved since then by any order: 2h, 3d, or a time such as 2026-11-29T10:00Z",
        "wave": "only those of this wave",
        "group": "only those of these groups, by comma",
        "select": SELECT,
        "plan": "show who would go back, and touch nothing",
        "elsewhere": ELSEWHERE,
        "json": "print the order as one JSON document on stdout",
        "key": SIGNS,
    }
)
def rollback(
    c: Context,
    order: str = "",
    since: str = "",
    wave: str = "",
    group: str = "",
    select: str = "",
    plan: bool = False,
    elsewhere: bool = False,
    json: bool = False,
    key: str = "",
) -> None:
    """Take back what an order has moved, newest first; who was not moved, or moved on since, is left alone."""
    with honest():
        from pipeline.commands.fleetback import RollbackWish, roll_fleet_back

        wish = RollbackWish(order, since, wave, group, select, plan, elsewhere, json, key)
        code = roll_fleet_back(ROOT, wish, out, aside)
    if code:
        raise SystemExit(code)


@task(
    help={
        "groups": "only projects of these, by comma: of a worker that has only their tokens (default: all)",
        "at-once": "how many it does at the same time (default: `at_once` of fleet.yml)",
    }
)
def worker(c: Context, groups: str = "", at_once: int = 0) -> None:
    """Work for the fleet until Ctrl-C or SIGTERM; what is under way then has `grace`, and is handed over."""
    with honest():
        from pipeline.commands.fleetwork import be_worker

        be_worker(ROOT, groups, at_once, out)


@task(
    help={
        "run": "the run's id: it is begun, gone on with, or put back, as its record says",
        "target": "as for deploy",
        "from": "as for deploy",
        "lock-wait": "how long to wait for somebody else's lock, e.g. 15m",
        "lease": "after how long without a sign of this process its lock counts no more, e.g. 15s",
        "over-rollback": "as for deploy",
        "back-to": "go back to this deployment instead, if ...",
        "from-deployment": "... this one is live",
    }
)
def carry(
    c: Context,
    run: str = "",
    target: str = "",
    from_: str = "",
    lock_wait: str = "",
    lease: str = "",
    over_rollback: bool = False,
    back_to: str = "",
    from_deployment: str = "",
) -> None:
    """One project's part of an order, in its home, to its end whatever was left of it; workers start this."""
    with honest():
        from pipeline.commands.deploy import seconds_of
        from pipeline.commands.fleetcarry import carry_back, carry_run
        from pipeline.fleet.ends import ProjectEnd
        from pipeline.session.session import Order

        config = configuration()
        if back_to:
            deployed = ProjectEnd("", staged=from_deployment, before=back_to)
            code = carry_back(config, ROOT, DEPLOY_FILE, target, deployed, out)
        else:
            order = Order(target, from_, run=run, over_rollback=over_rollback, lease=seconds_of("--lease", lease))
            with quietly() as show:
                code = carry_run(config, ROOT, order, seconds_of("--lock-wait", lock_wait), show, out, aside)
    if code:
        raise SystemExit(code)


@task(help={"projects": "how many (default: 12)", "to": "the folder (default: fleet-example here)"})
def example(c: Context, projects: int = 12, to: str = "") -> None:
    """Write a fleet to play with: small projects in the sandbox, some of them broken."""
    with honest():
        from pathlib import Path

        from pipeline.commands.fleet import write_to_play
        from pipeline.home import here

        write_to_play(here() / Path(to or "fleet-example").expanduser(), projects, out)


@task(help={"select": SELECT, "gate": "only this gate or family, as after `check.`", "json": "as JSON"})
def check(c: Context, select: str = "", gate: str = "", json: bool = False) -> None:
    """Ask each project what `check` asks, and say together what would stop whom. Exit 1 when anybody is stopped."""
    with honest():
        from pipeline.commands.fleetlooks import check_fleet

        fine = check_fleet(ROOT, select, gate, out, as_json=json)
    if not fine:
        raise SystemExit(1)


@task(help={"select": SELECT, "weekly": "the weekly checklist, not the daily one", "json": "as JSON"})
def monitor(c: Context, select: str = "", weekly: bool = False, json: bool = False) -> None:
    """Answer the checklist of every project, the worst first. Exit codes as for monitor.daily, of the gravest."""
    with honest():
        from pipeline.commands.fleetlooks import monitor_fleet

        code = monitor_fleet(ROOT, select, out, weekly=weekly, as_json=json)
    if code:
        raise SystemExit(code)


@task(name="env", help={"select": SELECT, "json": "as JSON"})
def env(c: Context, select: str = "", json: bool = False) -> None:
    """Which project lacks which variable, and whose value is not its group's; never a value. Exit 1 when any."""
    with honest():
        from pipeline.commands.fleetlooks import compare_variables

        fine = compare_variables(ROOT, select, out, as_json=json)
    if not fine:
        raise SystemExit(1)


@task(help={"target": "as for deploy"})
def variables(c: Context, target: str = "") -> None:
    """Names and fingerprints of one project's variables, under a key that only `fleet.env` has; it starts this."""
    with honest():
        from pipeline.commands.fleetlooks import print_fingerprints

        print_fingerprints(configuration(), target, ROOT, out)


@task(
    name="freeze",
    help={
        "for": "for how long, e.g. 8h (default: until it is lifted)",
        "because": "why, for whoever wants to deploy meanwhile",
        "lift": "end the freeze",
        "key": SIGNS,
    },
)
def freeze(c: Context, for_: str = "", because: str = "", lift: bool = False, key: str = "") -> None:
    """Let nothing of the fleet begin: what is under way ends, orders wait, fleet.rollback works. Recorded."""
    with honest():
        from pipeline.commands.deploy import seconds_of
        from pipeline.commands.fleetfreezing import FreezeWish, freeze_fleet

        freeze_fleet(ROOT, FreezeWish(seconds_of("--for", for_), because, lift, key), out, aside)


def collection() -> Collection:
    return Collection(
        plan,
        check,
        env,
        monitor,
        deploy,
        status,
        rollback,
        freeze,
        worker,
        carry,
        variables,
        example,
        init,
        report,
        dashboard,
    )
