"""``history``, ``report``, ``waivers``, ``lock``, ``unlock``: what is written down, and who may deploy."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, as_json, conclude, configuration, honest, out, reporting


@task(
    help={
        "since": "began then or later: 15m, 2h, 30d, or a time such as 2026-11-23T02:10 (UTC)",
        "until": "began before then, likewise",
        "outcome": "how they ended: deployed, blocked, rolled back, stranded, held, superseded or cut off",
        "by": "who began or accepted them; a part of the name will do",
        "target": "only this one (default: all; with --dora the usual one)",
        "limit": "how many of the newest (default: 20)",
        "dora": "deployment frequency, lead time, change failure rate and recovery time, by default of 30 days",
        "gates": "which gates stop most, and which never did",
        "people": "what each person began, and what became of it",
        "json": "as one JSON document",
        "csv": "as CSV, for a spreadsheet",
    }
)
def history(
    c: Context,
    since: str = "",
    until: str = "",
    outcome: str = "",
    by: str = "",
    target: str = "",
    limit: int = 0,
    dora: bool = False,
    gates: bool = False,
    people: bool = False,
    json: bool = False,
    csv: bool = False,
) -> None:
    """The latest runs and how they ended; or, of all that are wanted, what they tell."""
    with honest():
        import datetime

        from pipeline.commands.history import HistoryOrder, chosen, show_history

        shows = chosen("history", {"dora": dora, "gates": gates, "people": people})
        form = chosen("history", {"json": json, "csv": csv}) or "text"
        order = HistoryOrder(since, until, outcome, by, target, limit, shows, form)
        show_history(configuration(), ROOT, order, datetime.datetime.now(datetime.UTC), out)


@task(
    help={
        "run": "its id, or `latest`",
        "json": "as one JSON document",
        "html": "as one page for a browser, with its readings as charts; it needs no network",
        "to": "the file of that page (default: run-ID.html here)",
    }
)
def report(c: Context, run: str, json: bool = False, html: bool = False, to: str = "") -> None:
    """One run, whole: every step, every answer, what moved; --html as a page that can be sent on."""
    with honest():
        if html or to:
            from pipeline.commands.report import write_report

            out(str(write_report(configuration(), ROOT, run, to)))
            return
        from pipeline.record.journal import plain
        from pipeline.render.report import report_text
        from pipeline.session.runs import one_run

        found = one_run(configuration(), ROOT, run)
        out(as_json(plain(found)) if json else report_text(found))


@task(positional=["run"], help={"run": "its id, or `latest`", "json": "print the report as JSON when it has ended"})
def follow(c: Context, run: str, json: bool = False) -> None:
    """A run that goes on elsewhere (a job, a colleague), shown here until it ends. Exits as the run does."""
    with honest():
        from pipeline.commands.follow import follow_run

        config = configuration()
        with reporting(json) as show:
            report = follow_run(config, ROOT, run, show)
        conclude(report, config, as_json=json)


@task(
    help={
        "port": "on 127.0.0.1 (default: 8420; 0: any that is free)",
        "export": "write it into this folder instead, as files for an intranet",
    }
)
def dashboard(c: Context, port: int = 8420, export: str = "") -> None:
    """The record as pages for a browser of this machine: what is live, each run as it goes on, figures, baselines."""
    with honest():
        from pathlib import Path

        from pipeline.commands.dashboard import export_dashboard, show_dashboard
        from pipeline.documents.writing import Sources

        config = configuration()

        def sources() -> Sources:
            return Sources(config, ROOT, c["command_words"]())

        if export:
            out("\n".join(export_dashboard(config, ROOT, Path(export).expanduser(), sources)))
        else:
            show_dashboard(config, ROOT, port, sources, out)


@task(
    help={
        "reason": "why nobody may deploy now",
        "hours": "for how long",
        "target": "as for deploy",
        "by": "your name",
        "json": "as one JSON document",
    }
)
def lock(c: Context, reason: str, hours: float = 8, target: str = "", by: str = "", json: bool = False) -> None:
    """Keep everybody from deploying; a lock that a person took is never broken by a run."""
    with honest():
        from pipeline.record.journal import plain
        from pipeline.session.runs import lock_by_hand

        done = lock_by_hand(configuration(), ROOT, target, reason, hours, by)
        out(as_json(plain(done)) if json else str(done))


@task(
    help={
        "target": "as for deploy",
        "even-alive": "also of a run that is under way, which then takes it again",
        "json": "as one JSON document",
    }
)
def unlock(c: Context, target: str = "", even_alive: bool = False, json: bool = False) -> None:
    """Take away the lock of a target, whoever holds it; says whose it was. A run that is under way keeps it."""
    with honest():
        from pipeline.record.journal import plain
        from pipeline.session.runs import release_lock as take_away

        done = take_away(configuration(), ROOT, target, even_alive=even_alive)
        out(as_json(plain(done)) if json else str(done))


@task(
    help={
        "sign": "sign those of this gate, e.g. security.no-urgent-alerts, and print the line for deploy.yml",
        "key": "your SSH key; approval.signers of deploy.yml has its public half",
        "target": "whose approval.signers counts",
        "json": "as one JSON document",
    }
)
def waivers(c: Context, sign: str = "", key: str = "", target: str = "", json: bool = False) -> None:
    """The waivers of deploy.yml and who has signed each; --sign GATE --key KEY signs."""
    with honest():
        from pipeline.commands.waivers import show_waivers

        show_waivers(configuration(), ROOT, sign, key, target, out, as_json=json)
