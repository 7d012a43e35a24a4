"""``diagnose`` and ``diagnose.…``: what a person should check, checked."""

from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task, task

from pipeline.cli.database import diagnose as database
from pipeline.cli.terminal import ROOT, aside, configuration, honest, out

HELP = {"target": "as for deploy", "format": "table, markdown or json", "json": "as --format json"}
KINDS = {
    "storage": "Uploads fail: R2's bucket, keys and variables.",
    "auth": "Sign-in fails: NextAuth's endpoints, secret and address, and a real login.",
    "rate-limit": "429 errors: who is limited where, and Redis' own limits.",
    "build": "Deployments fail: the newest builds with the end of their logs, and the variables.",
    "errors": "An error spike: what is new, what is more than usual, and where.",
    "performance": "Pages are slow: load times, web vitals, connections, compute, against what is usual.",
}


def _diagnose(kind: str, target: str, form: str) -> None:
    with honest():
        from pipeline.commands.monitor import answer_diagnosis

        code = answer_diagnosis(configuration(), target, kind, ROOT, out, form, aside)
    if code:
        raise SystemExit(code)


@task(name="all", help=HELP)
def everything(c: Context, target: str = "", format: str = "table", json: bool = False) -> None:
    """Ask all that the troubleshooting guide says to check, and say what to do. Exit codes as for monitor.daily."""
    _diagnose("", target, "json" if json else format)


def _task(kind: str, words: str) -> "Task[Any]":
    def body(c: Context, target: str = "", format: str = "table", json: bool = False) -> None:
        _diagnose(kind, target, "json" if json else format)

    body.__doc__ = words
    return Task(body, name=kind, help=HELP)


def collection() -> Collection:
    """``diagnose`` for all, one task for each kind of trouble, and the database's questions."""
    made = Collection()
    made.add_task(everything, default=True)
    for kind, words in KINDS.items():
        made.add_task(_task(kind, words))
    made.add_task(database)
    return made
