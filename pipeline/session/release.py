"""Finds out what is to be shipped: which folder, which commit, and who approved it at the terminal."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.evidence import Release
from checks.policy import BuildPolicy
from pipeline.clients import git
from pipeline.clients.prebuilt import OUTPUT
from pipeline.clock import Clock
from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.world.sandbox import ask_door
from pipeline.world.settings import Settings

if TYPE_CHECKING:
    from pipeline.session.session import Order

COMMIT = re.compile(r"^[0-9a-f]{40}$")
DEFAULT_EXAMPLE = "good"


def find_release(settings: Settings, order: "Order", root: Path, clock: Clock) -> Release:
    """The release that ``order`` means. Raises Mistake when there is no such folder or no commit can be told."""
    if settings.control:
        folder, commit = _from_sandbox(settings, order)
    else:
        folder = Path(order.source or ".").resolve()
        commit = _commit_of(folder, order.commit)
    if not folder.is_dir():
        raise Mistake(f"--from {order.source}: there is no such folder")
    by = settings.policies[BuildPolicy].by
    if by == "prebuilt" and not (folder / OUTPUT / "config.json").is_file():
        raise Mistake(f"--from {folder}: has no {OUTPUT}/config.json; run `vercel build --prod` there first")
    if not COMMIT.match(commit):
        raise Mistake(f"--commit {commit}: expected the 40 hexadecimal digits of a commit; type `git rev-parse HEAD`")
    at = clock.now().isoformat() if order.approved_by else ""
    return Release(commit, str(folder), order.over_rollback, order.approved_by, at, order.older)


def _commit_of(folder: Path, given: str) -> str:
    """The commit that ships: what was said, what CI says, or what git says, in this order."""
    if given or variable("GITHUB_SHA"):
        return (given or variable("GITHUB_SHA")).lower()
    head = git.asked(folder, ["rev-parse", "HEAD"])
    if head is None:
        raise Mistake(f"{folder}: is no git checkout, so the commit is not known; say --commit SHA")
    return head.strip()


def _from_sandbox(settings: Settings, order: "Order") -> tuple[Path, str]:
    """The folder and commit for the sandbox: an example by name, or anyone's own folder, pushed to its GitHub."""
    folder = Path(order.source)
    if order.source and (folder.is_dir() or "/" in order.source):
        if not folder.is_dir():
            raise Mistake(f"--from {order.source}: there is no such folder")
        commit = _commit_of(folder.resolve(), order.commit)
        _tell(settings, "/commits", {"sha": commit, "message": f"release from {folder.name}"})
        return folder.resolve(), commit
    made = _tell(settings, "/releases", {"name": order.source or DEFAULT_EXAMPLE})
    return Path(made["folder"]), str(made["commit"])


def _tell(settings: Settings, path: str, body: dict[str, str]) -> Any:
    """Ask the sandbox's control service. Raises Mistake that names the example when there is none of that name."""
    try:
        return ask_door(settings.control, settings.secrets["SANDBOX_TOKEN"], "POST", path, body)
    except Mistake as error:
        raise Mistake(f"--from {body.get('name', '')}: {str(error).removeprefix('sandbox: ')}") from error
