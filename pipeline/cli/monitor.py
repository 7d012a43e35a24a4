"""``monitor.…``: is production well?"""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, aside, configuration, honest, out

HELP = {"target": "as for deploy", "format": "table, markdown or json", "json": "as --format json"}


def _checklist(name: str, target: str, form: str) -> None:
    with honest():
        from pipeline.commands.monitor import answer_checklist

        code = answer_checklist(configuration(), target, name, ROOT, out, form, aside)
    if code:
        raise SystemExit(code)


@task(name="daily", help=HELP)
def daily(c: Context, target: str = "", format: str = "table", json: bool = False) -> None:
    """Answer the daily checklist with evidence. Exit 0 when all is well, 10 to 13 for P0 to P3, 14 unread."""
    _checklist("daily", target, "json" if json else format)


@task(name="weekly", help=HELP)
def weekly(c: Context, target: str = "", format: str = "table", json: bool = False) -> None:
    """Answer the weekly checklist; sets off a test alert and sees it arrive. Exit codes as for monitor.daily."""
    _checklist("weekly", target, "json" if json else format)


@task(name="baseline", help={"target": "as for deploy", "json": "as one JSON document"})
def baseline(c: Context, target: str = "", json: bool = False) -> None:
    """Every kept reading beside last week's, the usual at this hour and weekday, and the last good releases."""
    with honest():
        from pipeline.commands.monitor import show_baseline

        show_baseline(configuration(), target, ROOT, out, as_json=json)


@task(
    name="sync",
    help={"target": "as for deploy", "apply": "create and update them", "json": "as one JSON document"},
)
def sync(c: Context, target: str = "", apply: bool = False, json: bool = False) -> None:
    """Show how Better Stack's monitors differ from deploy.yml, and with --apply make them as declared."""
    with honest():
        from pipeline.commands.monitor import synchronise_monitors

        differ = synchronise_monitors(configuration(), target, ROOT, out, apply=apply, as_json=json)
    if differ:
        raise SystemExit(1)
