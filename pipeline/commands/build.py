"""``invoke build…``: makes the output that ``deploy`` ships, with the pinned Vercel CLI, of the right project."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.policy import BuildPolicy
from pipeline.clients.command import run_here
from pipeline.clients.prebuilt import OUTPUT
from pipeline.clients.pulled import hidden_in, pulled_file, read_pulled, secret_values
from pipeline.clients.vercelcli import API
from pipeline.clock import SystemClock
from pipeline.config import Config
from pipeline.config.tools import LONGEST_BUILD, LONGEST_INSTALL, LONGEST_PULL, TOOLS, VERCEL, pinned_vercel
from pipeline.errors import Mistake
from pipeline.home import TOOL
from pipeline.record.private import RUNS, private_folder
from pipeline.world.opening import for_commands, open_settings
from pipeline.world.settings import Settings

TOKEN = "VERCEL_TOKEN"
STAMP = "node_modules/.installed.json"

Out = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """Which build is meant: the target of deploy.yml, and the folder of the app."""

    target: str
    folder: Path
    home: Path = TOOL
    """Where the project lies, and so what is installed for it."""

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise Mistake(f"--from {self.folder}: there is no such folder")


def tools_in(home: Path) -> Path:
    """Where the Vercel CLI is installed: beside its lock file in a checkout that is its own home, else in ``.runs``."""
    return TOOLS if home == TOOL else home / RUNS / TOOLS.name


def install_tools(out: Out, home: Path = TOOL) -> None:
    """Install the Vercel CLI as the lock file has it, byte for byte, unless it is there already. Raises Mistake."""
    tools = tools_in(home)
    lock, stamp = TOOLS / "package-lock.json", tools / STAMP
    if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Mistake("build: needs node and npm; install Node 20 or newer")
    if tools != TOOLS:
        private_folder(home / RUNS)
        tools.mkdir(exist_ok=True)
        for name in ("package.json", lock.name):
            shutil.copyfile(TOOLS / name, tools / name)
    out(f"$ npm ci   (vercel {pinned_vercel()}, {tools})")
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if code := _code(words, tools, LONGEST_INSTALL, for_commands()):
        raise Mistake(f"build: npm ci in {tools} ended with {code}; is the package registry reachable?")
    stamp.write_bytes(lock.read_bytes())


def pull(config: Config, built: Built, root: Path, out: Out) -> tuple[str, ...]:
    """Fetch the settings and variables of the target's project into ``.vercel``, and nothing that was there before.
    Gives the names of those whose values Vercel gives to no build but its own.

    The project is the one of deploy.yml, whatever the folder is called or linked to. Only this needs VERCEL_TOKEN.
    """
    with open_settings(config, built.target, root, needs=(TOKEN,)) as settings:
        _must_be_pinned(settings)
        ids = asyncio.run(_ids(settings))
        environment = "preview" if settings.kind == "preview" else "production"
        kept = pulled_file(built.folder, environment)
        for old in (kept, built.folder / ".vercel" / "project.json"):
            old.unlink(missing_ok=True)  # the command adds to what it finds, and a variable that was removed would stay
        words = ["pull", "--yes", f"--environment={environment}"]
        api = settings.services.vercel.rstrip("/")
        words += [] if api == API else ["--api", api]
        token = {TOKEN: settings.secrets[TOKEN]}  # in its environment: a command line is for everybody to read
        _vercel(words, built, LONGEST_PULL, for_commands(**ids, **token), out)
    hidden = tuple(hidden_in(read_pulled(kept))) if kept.is_file() else ()
    for name in hidden:
        out(f"{name}: is sensitive, so Vercel gives its value to no build but its own; this build reads [SENSITIVE]")
    return hidden


def facts(config: Config, built: Built, hidden: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a build has left, as JSON has it; ``output`` is empty as long as there is none."""
    name, _ = config.target(built.target)
    there = built.folder / OUTPUT
    said = {"target": name, "folder": str(built.folder), "vercel": pinned_vercel(), "hidden": list(hidden)}
    return {**said, "output": str(there) if there.is_dir() else ""}


def pulled_secrets(config: Config, built: Built) -> tuple[str, ...]:
    """What of the pulled variables a log must not show, as the app's own build knows them; nothing before a pull."""
    _, target = config.target(built.target)
    kept = pulled_file(built.folder, "preview" if target.kind == "preview" else "production")
    return secret_values(read_pulled(kept)) if kept.is_file() else ()


def output(config: Config, built: Built, out: Out) -> None:
    """Make ``.vercel/output`` of what was pulled. Neither this nor the app's own scripts are given any secret."""
    _, target = config.target(built.target)
    policies = config.policies[built.target or config.file.target]
    if not (built.folder / ".vercel" / "project.json").is_file():
        raise Mistake(f"build: {built.folder} has no .vercel/project.json; ./inv build.pull fetches it")
    shutil.rmtree(built.folder / OUTPUT, ignore_errors=True)  # of a build that fails nothing older may be shipped
    words = ["build", "--yes", *(() if target.kind == "preview" else ("--prod",))]
    _vercel(words, built, LONGEST_BUILD, for_commands(policies.build.environment), out)


def _must_be_pinned(settings: Settings) -> None:
    wanted = settings.policies[BuildPolicy].version
    if wanted != pinned_vercel():
        raise Mistake(
            f"deploy.yml: build.version: is {wanted}, but {TOOLS / 'package-lock.json'} has {pinned_vercel()}; leave "
            f"it out, or run npm install --ignore-scripts vercel@{wanted} in that folder and commit both its files"
        )


async def _ids(settings: Settings) -> dict[str, str]:
    """Who the project is, as the CLI wants to be told: with both it looks at neither the folder's name nor its link."""
    from pipeline.clients.vercel import Vercel
    from pipeline.emergency.domain import client

    at = settings.services.vercel
    async with client(at) as http:
        vercel = Vercel(at, settings.secrets[TOKEN], settings.team, settings.project, http, SystemClock())
        project = await vercel.project()
    return {"VERCEL_ORG_ID": project.account, "VERCEL_PROJECT_ID": project.id}


def _vercel(words: list[str], built: Built, seconds: float, environment: Mapping[str, str], out: Out) -> None:
    install_tools(out, built.home)
    node = shutil.which("node")
    if node is None:
        raise Mistake("build: needs node; install Node 20 or newer")
    out(f"$ vercel {' '.join(words)}   ({built.folder})")
    if code := _code([node, str(tools_in(built.home) / VERCEL), *words], built.folder, seconds, environment):
        raise Mistake(f"build: vercel {words[0]} ended with {code}; what it says stands above")


def _code(words: list[str], folder: Path, seconds: float, environment: Mapping[str, str]) -> int:
    """The exit code of a command. Raises Mistake when it has not ended in time."""
    try:
        return run_here(words, folder, seconds, environment)
    except subprocess.TimeoutExpired:
        named = " ".join(word for word in words[1:3] if "/" not in word)
        raise Mistake(f"build: {named} has not ended in {seconds / 60:.0f} min, and was stopped") from None
