"""The home: the folder in which all that belongs to a project lies. The tool's own folder is never written to."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.environment import variable

NAME = "deploy-runbook"
"""The command of an installed tool, the name of its package, and its folder in the user's cache."""
VERSION = "0.1.0"
OURS = "./inv"
"""How a command is written in this code."""
FILE = "deploy.yml"
FLEET = "fleet.yml"
"""Its folder is the home of a fleet, whose projects have homes of their own."""
FLAG = "--home"
ASKED, SCRIPT = "--complete", "--print-completion-script"
"""What a shell asks at a Tab, and what a person asks once for the script that does."""
TOOL = Path(__file__).absolute().parents[1]  # not resolved: the folder may be a link into another checkout
"""The folder with ``pipeline`` and ``tasks.py``: a checkout, or the package in an environment. Perhaps read-only."""


def without_home(words: Sequence[str]) -> tuple[str, list[str]]:
    """The folder that ``--home`` names in ``words``, empty when it is not said, and the other words."""
    rest: list[str] = []
    said, words = "", list(words)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        if flag == FLAG and value:
            said = value
        elif flag == FLAG and not equals and words and not words[0].startswith("-"):
            said = words.pop(0)
        else:
            rest.append(word)
    return said, rest


def home_of(said: str, here: Path, tool: Path = TOOL) -> Path:
    """The home: ``said``, else the nearest folder with a ``deploy.yml`` or ``fleet.yml`` from ``here`` upwards.

    Without one it is the tool's own checkout, which is its own example, else ``here``.
    """
    if said:
        return Path(os.path.normpath(here / Path(said).expanduser()))
    for folder in (here, *here.parents):
        if _is_home(folder, here):
            return folder
    return tool if (tool / FILE).is_file() else here


def _is_home(folder: Path, here: Path) -> bool:
    """Whether ``folder`` has a file of ours that makes it a home: no workflow of GitHub's, and of nobody else's user.

    What another user has put into a folder above, e.g. ``/tmp``, would be sent our tokens.
    """
    if folder.parts[-2:] == (".github", "workflows"):
        return False
    for file in (folder / FILE, folder / FLEET):
        try:
            owner = file.stat().st_uid
            if file.is_file() and (folder == here or owner in (os.geteuid(), 0, here.stat().st_uid)):
                return True
        except OSError:
            pass
    return False


def command_in(home: Path, tool: Path = TOOL) -> str:
    """How a command begins for whoever stands in ``home``: the tool's ``inv`` when it is in there, else its name."""
    if not (tool.is_relative_to(home) and (tool / "inv").is_file()):
        return NAME
    inside = tool.relative_to(home).as_posix()
    return OURS if inside == "." else f"./{inside}/inv"


def typed_for(home: Path, tool: Path = TOOL) -> str:
    """How a command begins for whoever runs this: as above, or the whole path of a checkout that lies elsewhere.

    A path with a space in it is in quotes, as a shell wants it.
    """
    elsewhere = str(tool / "inv")
    if command_in(home, tool) == NAME and Path(elsewhere).is_file() and re.fullmatch(r"[\w ./@+(),-]+", elsewhere):
        return elsewhere if re.fullmatch(r"[\w./@+-]+", elsewhere) else f"'{elsewhere}'"
    return command_in(home, tool)


def command_here(home: Path, tool: Path = TOOL, folder: Path | None = None) -> str:
    """How a command about ``home`` begins for whoever stands in ``folder``, the current one if it is not said.

    It names the home when another one would be meant there: what is copied from the screen is about what is on it.
    """
    command, folder = typed_for(home, tool), folder or here()
    if command.startswith("./") and folder != home:
        command = shlex.quote(str(tool / "inv"))
    meant = home_of(variable("DEPLOY_HOME"), folder, tool) == home
    return command if meant else f"{command} {FLAG} {shlex.quote(str(home))}"


def as_typed(text: str, command: str) -> str:
    """``text``, in which commands are written as in this code, with each as it begins there: ``command``.

    A home that is named in the text lies below the one that is named in ``command``.
    """
    if command == OURS:
        return text
    program, flag, home = command.partition(f" {FLAG} ")
    if flag:
        folder = shlex.split(home)[0]
        text = re.sub(
            rf"{re.escape(OURS)} {FLAG} (\S+)",
            lambda found: f"{program} {FLAG} {shlex.quote(os.path.normpath(os.path.join(folder, found[1])))}",
            text,
        )
    return text.replace(f"{OURS} ", f"{command} ")


def below_top(folder: Path) -> str:
    """Where ``folder`` is in its repository, e.g. ``apps/web/``; empty at the top of one, or in none."""
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            inside = folder.relative_to(above).as_posix()
            return "" if inside == "." else f"{inside}/"
    return ""


def suffix_of(folder: Path) -> str:
    """What tells the workflows of the home ``folder`` from those of others in its repository; empty at the top."""
    below = below_top(folder)
    return f"-{below.rstrip('/').replace('/', '-')}" if below else ""


def app_in(home: Path, app: str, here: Path) -> Path:
    """The folder of the app: ``app`` of deploy.yml in ``home``; ``here`` when it is not said and lies elsewhere."""
    return home / app if app or here.is_relative_to(home) else here


def here() -> Path:
    """The current folder; the root when it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def this_home(words: Sequence[str]) -> Path:
    """The home that the command line ``words``, ``DEPLOY_HOME`` and the current folder mean."""
    return home_of(without_home(words)[0] or variable("DEPLOY_HOME"), here())
