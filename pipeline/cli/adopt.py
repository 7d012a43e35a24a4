"""``init`` and ``doctor``: the first hour of an app."""

from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, configuration, honest, out, somebody


@task(
    name="init",
    help={
        "folder": "the app's folder, or the top of its repository (default: this one)",
        "app": "the folder of the app in it, when there are several, e.g. apps/web",
        "yes": "write without asking; what could not be seen is listed",
        "force": "also add missing sections to a deploy.yml that is there, and overwrite generated files that differ",
    },
)
def init(c: Context, folder: str = ".", app: str = "", yes: bool = False, force: bool = False) -> None:
    """Look at an app, and write its first deploy.yml, .env.example, workflows and runbooks; exit 1: not written yet."""
    with honest():
        from pipeline.commands.adopt import InitOrder
        from pipeline.commands.adopt import init as begin

        left = begin(InitOrder(Path(folder), app, yes, force, somebody()), c["command_words"](), out)
    if left:
        raise SystemExit(1)


@task(
    name="doctor",
    help={
        "target": "as for deploy (default: the one that a push is deployed to)",
        "from": "the folder of the app (default: this one)",
        "json": "as one JSON document",
    },
)
def doctor(c: Context, target: str = "", from_: str = "", json: bool = False) -> None:
    """Try every token, address and tool. Exit 0: all well, 1: something is missing or wrong, 14: not seen."""
    with honest():
        from pipeline.commands.doctor import doctor as examine

        config = configuration()
        code = examine(config, target or config.shipped, ROOT, Path(from_ or ".").resolve(), out, as_json=json)
    if code:
        raise SystemExit(code)
