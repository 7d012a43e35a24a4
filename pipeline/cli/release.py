"""``deploy``, ``rollback``, ``settle``, ``accept``, ``approve``: what moves production, and what people say to that."""

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import (
    ROOT,
    as_json,
    aside,
    conclude,
    configuration,
    honest,
    out,
    quietly,
    reporting,
    somebody,
)
from pipeline.environment import variable

if TYPE_CHECKING:
    from pipeline.config import Config


@task(
    name="deploy",
    help={
        "target": "sandbox, preview or production, as named in deploy.yml (default: its `target:`)",
        "from": "folder with .vercel/output, or an example of the sandbox: good, fixed, broken-health, broken-login, "
        "error-page, slow, off-origin",
        "commit": "the commit that the folder was built from (default: CI's, or git's in that folder)",
        "approved-by": "the stakeholder who agreed, when not on GitHub; recorded with the time",
        "over-rollback": "promote although an earlier rollback pinned production",
        "older": "ship a commit that does not descend from the live one, on purpose",
        "break-glass": "why what people decide (review, approval, CI, freeze) is not to stop this run; loud, recorded, "
        "and an action to be closed afterwards. What protects data still stops it",
        "lock-wait": "how long to wait for somebody else's lock, e.g. 15m",
        "resume": "go on with the run of this id, which was cut off",
        "run": "id for this run (default: made from the time)",
        "stage": "only this stage, as one step of a CI job",
        "before": "with --stage: and those after it, up to this one",
        "plan": "show what would happen and touch nothing",
        "quiet": "show nothing until the end",
        "json": "print the report, or with --plan the plan, as one JSON document on stdout",
    },
)
def deploy(
    c: Context,
    target: str = "",
    from_: str = "",
    commit: str = "",
    approved_by: str = "",
    over_rollback: bool = False,
    older: bool = False,
    break_glass: str = "",
    lock_wait: str = "",
    resume: str = "",
    run: str = "",
    stage: str = "",
    before: str = "",
    plan: bool = False,
    quiet: bool = False,
    json: bool = False,
) -> None:
    """Ship a release through every gate; goes back by itself when it is bad. Exit 0, 1, 2, 3, 4 or 5."""
    with honest():
        if plan:
            from pipeline.commands.plan import plain_plan_of, plan_of

            out(as_json(plain_plan_of(configuration(), target)) if json else plan_of(configuration(), target))
            return
        from pipeline.commands.deploy import after_deploy, seconds_of
        from pipeline.session.deploy import ship
        from pipeline.session.session import Order

        order = Order(
            target,
            from_,
            commit,
            resume or run,
            stage,
            before,
            approved_by,
            over_rollback,
            older,
            resume=bool(resume),
            break_glass=break_glass,
            lock_wait=seconds_of("--lock-wait", lock_wait),
        )
        config = configuration()
        _warn_of_an_own_record(config, target)
        with quietly() if quiet else reporting(json) as show:
            report = ship(config, order, ROOT, show, after_deploy(ROOT, aside), None if json else somebody())
        conclude(report, config, as_json=json)


def _warn_of_an_own_record(config: "Config", target: str) -> None:
    """In CI, say that nobody else will know of this run: the runner and its files are gone when the job has ended."""
    from pipeline.record.place import place_of

    place, (name, aimed) = place_of(config.file.state, ROOT), config.target(target)
    if variable("CI") and aimed.kind == "production" and not place.shared:
        mark = "::warning title=record::" if variable("GITHUB_ACTIONS") == "true" else "warning: "
        aside(
            f"{mark}the record of {name} is {place}: a lock, a release that was taken back and a run that is cut off "
            "are known to nobody after this job. Name a variable with a Postgres URL as `state` in deploy.yml"
        )


@task(
    help={
        "to": "deployment id or address to go back to (default: the newest eligible one before the live one)",
        "project": "Vercel project id or name (default: VERCEL_PROJECT_ID, .vercel/project.json, or "
        "production of deploy.yml)",
        "team": "Vercel team, id or slug (default: of where the project was found)",
        "domain": "production domain that proves it (default: the project's first that serves)",
        "health": "path to ask on the domain as proof; health.path of deploy.yml, unless it is said",
        "api": "Vercel's API address",
        "target": "a target of deploy.yml; the sandbox is meant only when it is named",
        "even-bad": "with --to: a deployment that was itself rolled back from before",
        "break-glass": "go back although the old release cannot live with the schema; recorded",
        "plan": "show what it would go back to and touch nothing",
        "json": "print the result as one JSON document on stdout",
    },
)
def rollback(
    c: Context,
    to: str = "",
    project: str = "",
    team: str = "",
    domain: str = "",
    health: str = "",
    api: str = "",
    target: str = "",
    even_bad: bool = False,
    break_glass: bool = False,
    plan: bool = False,
    json: bool = False,
) -> None:
    """Emergency: point production back at the deployment before. Needs VERCEL_TOKEN and a project, nothing else."""
    from pipeline.cli.direct import roll_back
    from pipeline.emergency.access import RollbackOrder

    order = RollbackOrder(to, project, team, domain, health, api, target, plan, json, even_bad, break_glass)
    if code := roll_back(order):
        raise SystemExit(code)


@task(help={"run": "the run to settle (default: the latest)", "target": "as for deploy", "json": "report as JSON"})
def settle(c: Context, run: str = "", target: str = "", json: bool = False) -> None:
    """Go back from what a killed run left behind, from the journal alone. Does nothing for a run that has ended."""
    with honest():
        from pipeline.incidents.opening import opened_by
        from pipeline.session.deploy import settle_run

        config = configuration()
        with reporting(json) as show:
            report, went_back = settle_run(config, target, run, ROOT, show, opened_by(aside))
        conclude(report, config, as_json=json, fine=not went_back)


@task(
    positional=["run"],
    help={
        "run": "the run that was held, or cut off after it had promoted; or `latest`",
        "because": "why it may stay",
        "by": "your name (default: your login)",
        "json": "report as JSON",
    },
)
def accept(c: Context, run: str, because: str = "", by: str = "", json: bool = False) -> None:
    """Keep a release that was held: recorded in your name, with the reason. Production is not touched."""
    with honest():
        from pipeline.incidents.opening import kept_by
        from pipeline.session.accepting import accept as keep

        config = configuration()
        report = keep(config, ROOT, run, because, by, after=kept_by(aside))
        conclude(report, config, as_json=json, fine=True)


@task(
    positional=["run"],
    help={
        "run": "the run whose plan you approve, or `latest`; or the hash of a plan, or its first digits",
        "key": "your SSH key (default: git's user.signingkey); approval.signers of deploy.yml has its public half",
        "by": "your name (default: git's)",
        "json": "as one JSON document",
    },
)
def approve(c: Context, run: str, key: str = "", by: str = "", json: bool = False) -> None:
    """Agree to exactly what a run would ship, with your SSH key. Void as soon as any part of the plan changes."""
    with honest():
        import datetime

        from pipeline.record.journal import plain
        from pipeline.session.approving import ApproveOrder
        from pipeline.session.approving import approve as agree

        say = aside if json else out
        now = datetime.datetime.now(datetime.UTC)
        given = agree(configuration(), ROOT, ApproveOrder(run, key, by), now, say)
        if json:
            out(as_json(plain(given)))
