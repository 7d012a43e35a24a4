"""The command line: wires and prints; decides nothing. Everything heavy is loaded by the command that needs it."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from invoke import Collection, Context, Exit, task

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.journal import Listener
    from pipeline.redact import Redactor
    from pipeline.report import Report

ROOT = Path(__file__).resolve().parent
DEPLOY_FILE = Path(os.environ.get("DEPLOY_FILE", ROOT / "deploy.yml"))
MISTAKE = 2


@contextlib.contextmanager
def honest() -> Iterator[None]:
    """Turn what we raise on purpose into one clear message and the right exit code; let bugs through."""
    from pipeline.errors import Locked, Mistake, PipelineError

    try:
        yield
    except Mistake as error:
        fail(str(error), MISTAKE)
    except Locked as error:
        fail(str(error), 1)
    except PipelineError as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        fail("interrupted before anything was touched", 130)


def fail(message: str, code: int) -> NoReturn:
    """Say it on stderr and leave."""
    for line in message.splitlines():
        print(f"error: {line}", file=sys.stderr)
    raise Exit(code=code)


def configuration() -> "Config":
    """``deploy.yml``, valid."""
    from pipeline.config import load

    return load(DEPLOY_FILE)


def out(text: str) -> None:
    """The report goes to stdout, at once."""
    print(text, flush=True)


@task(
    name="deploy",
    help={
        "target": "sandbox, preview or production, as named in deploy.yml (default: its `target:`)",
        "from": "folder with .vercel/output, or an example of the sandbox: good, broken-health, broken-login, "
        "error-page, slow, off-origin",
        "commit": "the commit that the folder was built from (default: CI's, or git's in that folder)",
        "approved-by": "the stakeholder who agreed, when not on GitHub; recorded with the time",
        "over-rollback": "promote although an earlier rollback pinned production",
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
    resume: str = "",
    run: str = "",
    stage: str = "",
    plan: bool = False,
    json: bool = False,
) -> None:
    """Ship a release through every gate; goes back by itself when it is bad. Exit 0, 1, 2, 3 or 4."""
    with honest():
        if plan:
            out(planned(target))
            return
        from pipeline.execute import Order
        from pipeline.execute import deploy as carry_out

        order = Order(target, from_, commit, resume or run, stage, approved_by, over_rollback)
        with reporting(json) as show:
            report = carry_out(configuration(), order, ROOT, show)
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
    plan: bool = False,
    json: bool = False,
) -> None:
    """Emergency: point production back at the deployment before. Needs VERCEL_TOKEN and a project, nothing else."""
    with honest():
        from pipeline.emergency_cli import Wanted, rollback_now

        wanted = Wanted(to, project, team, domain, health, api, target, plan, json)
        code = rollback_now(wanted, ROOT, DEPLOY_FILE, out)
    if code:
        raise Exit(code=code)


@task(help={"run": "the run to settle (default: the latest)", "target": "as for deploy", "json": "report as JSON"})
def settle(c: Context, run: str = "", target: str = "", json: bool = False) -> None:
    """Go back from what a killed run left behind, from the journal alone. Does nothing for a run that has ended."""
    with honest():
        from pipeline.execute import settle as carry_out

        with reporting(json) as show:
            report, went_back = carry_out(configuration(), target, run, ROOT, show)
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


@task(help={"check": "only say what is stale; exit 1 when something is", "to": "write the documents to this folder"})
def runbooks(c: Context, check: bool = False, to: str = "") -> None:
    """Write the runbooks, the reference, the editor schema and the workflow from the code and deploy.yml."""
    with honest():
        from pipeline.documents import stale, write

        if check:
            differences = stale(configuration(), ROOT)
            out(differences or "all generated files are current")
            if differences:
                raise Exit(code=1)
        else:
            out("\n".join(write(configuration(), ROOT, to)))


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


@task(help={"k": "only tests whose name matches", "process": "only those that start whole processes"})
def test(c: Context, k: str = "", process: bool = False) -> None:
    """Everything that must be true of this project: lint, types, generated files, tests."""
    chosen = (["-k", k] if k else []) + (["-m", "process"] if process else [])
    commands = [] if chosen else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    for arguments in (*commands, ["pytest", *chosen]):
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


def as_json(value: Any) -> str:
    """One JSON document."""
    return json.dumps(value, ensure_ascii=False)


@contextlib.contextmanager
def reporting(as_json: bool) -> Iterator["Callable[[Redactor, str], Listener]"]:
    """Show the run while it happens: live on a terminal, plain lines elsewhere; on stderr when stdout is the report."""
    from pipeline.progress import shown

    stream = sys.stderr if as_json else sys.stdout
    with contextlib.ExitStack() as stack:

        def show(redactor: "Redactor", run: str) -> "Listener":
            def write(line: str) -> None:
                print(redactor(line), file=stream, flush=True)

            terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
            groups = os.environ.get("GITHUB_ACTIONS") == "true"
            return stack.enter_context(shown(run, write, terminal=terminal, groups=groups))

        yield show


def conclude(report: "Report", *, as_json: bool, fine: bool = False) -> None:
    """Print how it ended, for people, for programs and for GitHub; leave with its exit code."""
    from pipeline.journal import plain
    from pipeline.render.report import annotations, summary_markdown, summary_text

    if as_json:
        out(json.dumps(plain(report), ensure_ascii=False))
    elif report.outcome or not report.stages or report.stages[-1].state == "stopped":
        out(summary_text(report))
    if os.environ.get("GITHUB_ACTIONS") == "true" and report.outcome and not fine:
        print(annotations(report), file=sys.stderr if as_json else sys.stdout, flush=True)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            with open(summary, "a", encoding="utf-8") as file:
                file.write(summary_markdown(report))
    code = report.exit_code
    if code and not fine:
        raise Exit(code=code)


def check_tasks() -> Collection:
    """One task a gate, ``check.FAMILY.GATE``, and ``check`` for all that preflight asks."""
    from pipeline.check_cli import collection

    return collection(configuration, ROOT, out, honest)


namespace = Collection(
    *(deploy, rollback, settle, status, history, report, lock, unlock),
    *(runbooks, sandbox, fault, faults, test),
)
if any(word.startswith("check") for word in sys.argv[1:]):  # forty more tasks, and what they import
    namespace.add_collection(check_tasks(), "check")
