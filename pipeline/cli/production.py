"""``status``, ``logs``, ``bisect``: questions about what production serves."""

import contextlib
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, as_json, aside, configuration, honest, out

if TYPE_CHECKING:
    from pipeline.clients.vercelshapes import LogLine


@task(help={"target": "as for deploy", "json": "as one JSON document"})
def status(c: Context, target: str = "", json: bool = False) -> None:
    """What production serves, whether it is well, pinned or locked."""
    with honest():
        from pipeline.record.journal import plain
        from pipeline.render.status import status_text
        from pipeline.session.runs import current_status
        from pipeline.session.session import open_session

        with open_session(configuration(), target, ROOT) as session:
            seen = current_status(session)
            out(as_json(plain(seen)) if json else session.redactor(status_text(seen)))


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
        "follow": "go on printing lines as they come, until Ctrl-C",
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
    follow: bool = False,
    json: bool = False,
    target: str = "",
) -> None:
    """What a deployment's functions said, or its build: filtered, with Pino's JSON lines made readable."""
    with honest():
        import datetime

        from pipeline.record.journal import plain
        from pipeline.render.logs import log_text
        from pipeline.session.logs import filter_of
        from pipeline.session.looking import read_logs
        from pipeline.session.session import open_session

        wanted = filter_of(level, path, status, since, until, grep, datetime.datetime.now(datetime.UTC))
        with open_session(configuration(), target, ROOT) as session:

            def say(line: "LogLine") -> None:
                out(session.redactor(as_json(plain(line)) if json else log_text([line])))

            with contextlib.suppress(KeyboardInterrupt) if follow else contextlib.nullcontext():
                one, count = read_logs(session, deployment, wanted, say, build=build, follow=follow)
                if not count:
                    aside(f"{one.id} said nothing of the kind")


@task(
    help={
        "good": "id, address or commit that is known good (default: the oldest that is still there)",
        "bad": "likewise, known bad (default: the newest)",
        "run": "command that judges: gets URL, DEPLOYMENT and COMMIT and no secret; 0 is good, 125 skips, else bad "
        "(default: the smoke gates)",
        "target": "as for deploy",
        "json": "as one JSON document",
    }
)
def bisect(c: Context, good: str = "", bad: str = "", run: str = "", target: str = "", json: bool = False) -> None:
    """Which production deployment was the first bad one? Asks each at its own address; production is not touched."""
    with honest():
        from pipeline.cli.output import only_ours
        from pipeline.record.journal import plain
        from pipeline.render.bisect import bisect_text
        from pipeline.session.looking import Question
        from pipeline.session.looking import first_bad as halve
        from pipeline.session.session import open_session

        with open_session(configuration(), target, ROOT) as session:
            with only_ours() if json else contextlib.nullcontext():
                found = halve(session, Question(good, bad, run), aside if json else out)
            out(as_json(plain(found)) if json else bisect_text(found, session.settings.name))
