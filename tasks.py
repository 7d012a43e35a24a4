"""The command line: wires and prints; decides nothing. Everything heavy is loaded by the command that needs it."""

import os
import sys

from invoke import Collection, Context, Exit, task

from pipeline.commands import database, drill, incident, monitor, playbook, runbooks
from pipeline.commands.diagnose import collection as diagnoses
from pipeline.commands.selftest import selftest
from pipeline.terminal import (
    DEPLOY_FILE,
    ROOT,
    as_json,
    aside,
    conclude,
    configuration,
    honest,
    install_npm_packages,
    out,
    reporting,
)


@task(
    name="deploy",
    help={
        "target": "sandbox, preview or production, as named in deploy.yml (default: its `target:`)",
        "from": "folder with .vercel/output, or an example of the sandbox: good, broken-health, broken-login, "
        "error-page, slow, off-origin",
        "commit": "the commit that the folder was built from (default: CI's, or git's in that folder)",
        "approved-by": "the stakeholder who agreed, when not on GitHub; recorded with the time",
        "over-rollback": "promote although an earlier rollback pinned production",
        "older": "ship a commit that does not descend from the live one, on purpose",
        "resume": "go on with the run of this id, which was cut off",
        "run": "id for this run (default: made from the time)",
        "stage": "only this stage, as one step of a CI job",
        "plan": "show what would happen and touch nothing",
        "json": "print the report as one JSON document on stdout",
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
    resume: str = "",
    run: str = "",
    stage: str = "",
    plan: bool = False,
    json: bool = False,
) -> None:
    """Ship a release through every gate; goes back by itself when it is bad. Exit 0, 1, 2, 3, 4 or 5."""
    with honest():
        if plan:
            out(planned(target))
            return
        from pipeline.execute import Order
        from pipeline.execute import deploy as carry_out
        from pipeline.incidents.opening import opened_by

        order = Order(
            target, from_, commit, resume or run, stage, approved_by, over_rollback, older, resume=bool(resume)
        )
        with reporting(json) as show:
            report = carry_out(configuration(), order, ROOT, show, opened_by(aside))
        conclude(report, as_json=json)


@task(
    help={
        "to": "deployment id or address to go back to (default: the newest eligible one before the live one)",
        "project": "Vercel project id or name (default: VERCEL_PROJECT_ID, .vercel/project.json, deploy.yml)",
        "team": "Vercel team id (default: VERCEL_ORG_ID, .vercel/project.json, deploy.yml)",
        "domain": "production domain (default: the project's first)",
        "health": "path to ask on the domain as proof",
        "api": "Vercel's API address",
        "target": "a target of deploy.yml, e.g. sandbox",
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
    with honest():
        from pipeline.emergency_access import Wanted
        from pipeline.emergency_cli import rollback_now

        wanted = Wanted(to, project, team, domain, health, api, target, plan, json, even_bad, break_glass)
        code = rollback_now(wanted, ROOT, DEPLOY_FILE, out)
    if code:
        raise Exit(code=code)


@task(help={"run": "the run to settle (default: the latest)", "target": "as for deploy", "json": "report as JSON"})
def settle(c: Context, run: str = "", target: str = "", json: bool = False) -> None:
    """Go back from what a killed run left behind, from the journal alone. Does nothing for a run that has ended."""
    with honest():
        from pipeline.execute import settle as carry_out
        from pipeline.incidents.opening import opened_by

        with reporting(json) as show:
            report, went_back = carry_out(configuration(), target, run, ROOT, show, opened_by(aside))
        conclude(report, as_json=json, fine=not went_back)


@task(help={"target": "as for deploy", "json": "as one JSON document"})
def status(c: Context, target: str = "", json: bool = False) -> None:
    """What production serves, whether it is well, pinned or locked."""
    with honest():
        from pipeline.execute import session
        from pipeline.inquiry import current_status
        from pipeline.journal import plain
        from pipeline.render.status import status_text

        with session(configuration(), target, ROOT) as it:
            seen = current_status(it)
            out(as_json(plain(seen)) if json else it.redactor(status_text(seen)))


@task(
    help={
        "deployment": "id or address (default: what production serves)",
        "build": "the build's log instead of what its functions said",
        "level": "this level and graver: trace, debug, info, warning, error, fatal",
        "path": "only requests of this path, with * for anything: /api/*",
        "status": "only this status, or class: 404, 5xx",
        "since": "15m, 2h, or a time such as 2026-11-23T02:10 (UTC)",
        "until": "likewise",
        "grep": "only lines that contain this text",
        "json": "one JSON object a line",
        "target": "as for deploy",
    }
)
def logs(
    c: Context,
    deployment: str = "",
    build: bool = False,
    level: str = "",
    path: str = "",
    status: str = "",
    since: str = "",
    until: str = "",
    grep: str = "",
    json: bool = False,
    target: str = "",
) -> None:
    """What a deployment's functions said, or its build: filtered, with Pino's JSON lines made readable."""
    with honest():
        import datetime

        from pipeline.diagnosis import read_logs
        from pipeline.execute import session
        from pipeline.journal import plain
        from pipeline.logs import filter_of
        from pipeline.render.logs import log_text

        wanted = filter_of(level, path, status, since, until, grep, datetime.datetime.now(datetime.UTC))
        with session(configuration(), target, ROOT) as it:
            one, lines = read_logs(it, deployment, wanted, build=build)
            if not lines:
                aside(f"{one.id} said nothing of the kind")
            elif json:
                out("\n".join(it.redactor(as_json(plain(line))) for line in lines))
            else:
                out(it.redactor(log_text(lines)))


@task(
    help={
        "good": "id, address or commit that is known good (default: the oldest that is still there)",
        "bad": "likewise, known bad (default: the newest)",
        "run": "command that judges: gets URL, DEPLOYMENT and COMMIT; 0 is good, 125 skips, else bad "
        "(default: the smoke gates)",
        "target": "as for deploy",
    }
)
def bisect(c: Context, good: str = "", bad: str = "", run: str = "", target: str = "") -> None:
    """Which production deployment was the first bad one? Asks each at its own address; production is not touched."""
    with honest():
        from pipeline.diagnosis import Question
        from pipeline.diagnosis import bisect as halve
        from pipeline.execute import session
        from pipeline.render.bisect import bisect_text

        with session(configuration(), target, ROOT) as it:
            out(bisect_text(halve(it, Question(good, bad, run), out)))


@task(help={"limit": "how many", "json": "as one JSON document"})
def history(c: Context, limit: int = 20, json: bool = False) -> None:
    """The latest runs and how they ended."""
    with honest():
        from pipeline.inquiry import past_runs
        from pipeline.journal import plain
        from pipeline.render.status import history_text

        reports = past_runs(configuration(), ROOT, limit)
        out(as_json(plain(reports)) if json else history_text(reports))


@task(help={"run": "its id, or `latest`", "json": "as one JSON document"})
def report(c: Context, run: str, json: bool = False) -> None:
    """One run, whole: every step, every answer, what moved."""
    with honest():
        from pipeline.inquiry import one_run
        from pipeline.journal import plain
        from pipeline.render.report import report_text

        found = one_run(configuration(), ROOT, run)
        out(as_json(plain(found)) if json else report_text(found))


@task(
    help={"reason": "why nobody may deploy now", "hours": "for how long", "target": "as for deploy", "by": "your name"}
)
def lock(c: Context, reason: str, hours: float = 8, target: str = "", by: str = "") -> None:
    """Keep everybody from deploying; a lock that a person took is never broken by a run."""
    with honest():
        from pipeline.inquiry import lock_by_hand

        out(lock_by_hand(configuration(), ROOT, target, reason, hours, by))


@task(help={"target": "as for deploy"})
def unlock(c: Context, target: str = "") -> None:
    """Take away the lock of a target, whoever holds it; says whose it was."""
    with honest():
        from pipeline.inquiry import unlock as take_away

        out(take_away(configuration(), ROOT, target))


@task(help={"json": "one line of JSON", "reset": "start anew: forget every deployment and the database"})
def sandbox(c: Context, json: bool = False, reset: bool = False) -> None:
    """Keep the sandbox running for play and print its addresses and tokens. Ctrl-C stops it."""
    with honest():
        from pipeline.sandbox_cli import keep_up, start_anew

        if reset:
            start_anew(ROOT)
            out("the sandbox starts anew with the next command")
        else:
            keep_up(ROOT, out, as_json=json)


@task(help={"fault": 'e.g. "vercel half-done POST */promote/*"; `faults` lists the kinds'})
def fault(c: Context, fault: str) -> None:
    """Make a service of the sandbox misbehave until `faults --clear`."""
    with honest():
        from pipeline.sandbox_cli import misbehave

        out(misbehave(ROOT, fault))


@task(help={"clear": "take all faults away"})
def faults(c: Context, clear: bool = False) -> None:
    """The faults that are on the sandbox, and the kinds there are."""
    with honest():
        from pipeline.sandbox_cli import known_faults

        out(known_faults(ROOT, clear=clear))


@task(
    help={
        "k": "only tests whose name matches",
        "process": "only those that start whole processes",
        "wide": "install from npm what the wider tests need (Vercel's own CLI and SDK, a Next.js app)",
    }
)
def test(c: Context, k: str = "", process: bool = False, wide: bool = False) -> None:
    """Everything that must be true of this project: lint, types, generated files, tests."""
    if wide:
        install_npm_packages()
    chosen = (["-k", k] if k else []) + (["-m", "process"] if process else [])
    commands = [] if chosen else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    typed = [] if chosen else [["pytest", "-m", "byhand", "-n", "2"]]
    for arguments in (*commands, ["pytest", *chosen], *typed):
        command = [sys.executable, "-m", *arguments]
        out(f"$ {' '.join(arguments)}")
        code = os.spawnv(os.P_WAIT, sys.executable, command)
        if code:
            raise Exit(code=code)


def planned(target: str) -> str:
    """The text of ``--plan``."""
    from pipeline.config import load
    from pipeline.inquiry import plan_of

    return plan_of(load(DEPLOY_FILE), target)


@task(name="check", help={"target": "as for deploy", "from": "as for deploy", "commit": "as for deploy"})
def env_check(c: Context, target: str = "", from_: str = "", commit: str = "") -> None:
    """The target's environment variables: missing, empty, misshapen, stale, or read by the code and set by nobody."""
    with honest():
        from pipeline.env_cli import check
        from pipeline.execute import Order

        stops = check(configuration(), Order(target, from_, commit), ROOT, out)
    if stops:
        raise Exit(code=1)


def check_tasks() -> Collection:
    """One task a gate, ``check.FAMILY.GATE``, and ``check`` for all that preflight asks."""
    from pipeline.check_cli import collection

    return collection(configuration, ROOT, out, honest)


namespace = Collection(
    *(deploy, rollback, settle, status, logs, bisect, history, report, lock, unlock),
    *(sandbox, fault, faults, selftest, test),
)
namespace.add_collection(Collection(env_check), "env")
namespace.add_collection(Collection(database.plan, database.resolve, database.rehearse_restore), "database")
namespace.add_collection(diagnoses(), "diagnose")
namespace.add_collection(incident.collection(), "incident")
namespace.add_collection(playbook.collection(), "playbook")
namespace.add_collection(drill.collection(), "drill")
namespace.add_collection(runbooks.collection(), "runbooks")
namespace.add_collection(Collection(monitor.daily, monitor.weekly, monitor.baseline, monitor.sync), "monitor")
if any(word.startswith("check") for word in sys.argv[1:]):  # forty more tasks, and what they import
    namespace.add_collection(check_tasks(), "check")
