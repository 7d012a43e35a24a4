"""``build`` and ``build.…``: makes the output that ``deploy`` ships, with the pinned Vercel CLI."""

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.summary import on_github
from pipeline.cli.terminal import ROOT, command, configuration, honest, mute, out

if TYPE_CHECKING:
    from pipeline.commands.build import Built
    from pipeline.config import Config

HELP = {"target": "as for deploy", "from": "the folder of the app (default: `app` of deploy.yml)"}


def _built(config: "Config", target: str, folder: str) -> "Built":
    from pathlib import Path

    from pipeline.commands.build import Built
    from pipeline.home import app_in, here

    return Built(target, Path(folder or app_in(ROOT, config.file.app, here())).resolve(), ROOT)


def _mask(config: "Config", built: "Built") -> None:
    """In a job, have its runner hide what was pulled: the app's own build knows it, and prints past us."""
    if on_github():
        from pipeline.commands.build import pulled_secrets
        from pipeline.render.annotation import mask

        for secret in pulled_secrets(config, built):
            command(mask(secret))


@task(name="all", help=HELP, default=True)
def both(c: Context, target: str = "", from_: str = "") -> None:
    """Pull, then build: .vercel/output of the target's project, with its variables as they are now."""
    with honest():
        from pipeline.commands.build import output, pull

        config = configuration()
        built = _built(config, target, from_)
        with mute():
            pull(config, built, ROOT, out)
        _mask(config, built)
        with mute():
            output(config, built, out)


@task(name="pull", help=HELP)
def pull(c: Context, target: str = "", from_: str = "") -> None:
    """Fetch settings and variables of the target's project from Vercel, afresh. Needs VERCEL_TOKEN."""
    with honest():
        from pipeline.commands.build import pull

        config = configuration()
        built = _built(config, target, from_)
        with mute():
            pull(config, built, ROOT, out)
        _mask(config, built)


@task(name="output", help=HELP)
def output(c: Context, target: str = "", from_: str = "") -> None:
    """Make .vercel/output of what was pulled. No secret reaches the app's install or build scripts."""
    with honest():
        from pipeline.commands.build import output

        with mute():
            config = configuration()
            output(config, _built(config, target, from_), out)


@task(name="tools")
def tools(c: Context) -> None:
    """Install the Vercel CLI that the lock file in vercel-cli pins."""
    with honest():
        from pipeline.commands.build import install_tools

        with mute():
            install_tools(out, ROOT)


def collection() -> Collection:
    """The tasks of the family ``build``."""
    return Collection(both, pull, output, tools)
