"""``build`` and ``build.…``: makes the output that ``deploy`` ships, with the pinned Vercel CLI."""

import contextlib
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.output import only_ours
from pipeline.cli.summary import on_github
from pipeline.cli.terminal import ROOT, as_json, aside, command, configuration, honest, mute, out

if TYPE_CHECKING:
    from pipeline.commands.build import Built
    from pipeline.config import Config

HELP = {
    "target": "as for deploy",
    "from": "the folder of the app (default: `app` of deploy.yml)",
    "json": "as one JSON document; what npm and the Vercel CLI say goes to standard error",
}


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


def _make(target: str, folder: str, *, pulls: bool, builds: bool, json: bool) -> None:
    """Pull, build, or both; then say what there is, as JSON when that is wanted."""
    from pipeline.commands.build import facts, output, pull

    config = configuration()
    built = _built(config, target, folder)
    say, aside_of_others = (aside, only_ours) if json else (out, contextlib.nullcontext)
    hidden: tuple[str, ...] = ()
    with aside_of_others():
        if pulls:
            with mute():
                hidden = pull(config, built, ROOT, say)
            _mask(config, built)
        if builds:
            with mute():
                output(config, built, say)
    if json:
        out(as_json(facts(config, built, hidden)))


@task(name="all", help=HELP, default=True)
def both(c: Context, target: str = "", from_: str = "", json: bool = False) -> None:
    """Pull, then build: .vercel/output of the target's project, with its variables as they are now."""
    with honest():
        _make(target, from_, pulls=True, builds=True, json=json)


@task(name="pull", help=HELP)
def pull(c: Context, target: str = "", from_: str = "", json: bool = False) -> None:
    """Fetch settings and variables of the target's project from Vercel, afresh. Needs VERCEL_TOKEN."""
    with honest():
        _make(target, from_, pulls=True, builds=False, json=json)


@task(name="output", help=HELP)
def output(c: Context, target: str = "", from_: str = "", json: bool = False) -> None:
    """Make .vercel/output of what was pulled. No secret reaches the app's install or build scripts."""
    with honest():
        _make(target, from_, pulls=False, builds=True, json=json)


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
