"""Finds out what is to be shipped: which folder, which commit, and who approved it at the terminal."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.evidence import Release
from checks.policy import BuildPolicy
from pipeline.clients import git
from pipeline.clients.prebuilt import OUTPUT, fingerprint, output_files
from pipeline.clock import Clock
from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.home import app_in, here
from pipeline.world.sandbox import ask_door
from pipeline.world.settings import Settings

if TYPE_CHECKING:
    from pipeline.session.session import Order

COMMIT = re.compile(r"^[0-9a-f]{40}$")
DEFAULT_EXAMPLE = "good"


def find_release(settings: Settings, order: "Order", root: Path, clock: Clock) -> Release:
    """The release that ``order`` means. Raises Mistake when there is no such folder or no commit can be told."""
    by = settings.policies[BuildPolicy].by
    if settings.control:
        folder, commit, committed = _from_sandbox(settings, order)
    else:
        folder = Path(order.source or app_in(root, settings.app, here())).resolve()
        commit = _commit_of(folder, order.commit or (head_of(folder) if by == "git" else ""))
        committed = committed_at(folder, commit)
    if order.break_glass and not order.break_glass.strip():
        raise Mistake("--break-glass: say why")
    if not folder.is_dir():
        raise Mistake(f"--from {order.source}: there is no such folder")
    if by == "prebuilt" and not (folder / OUTPUT / "config.json").is_file():
        raise Mistake(f"--from {folder}: has no {OUTPUT}/config.json; run `vercel build --prod` there first")
    if not COMMIT.match(commit):
        raise Mistake(f"--commit {commit}: expected the 40 hexadecimal digits of a commit; type `git rev-parse HEAD`")
    at = clock.now().isoformat() if order.approved_by else ""
    changed = () if by == "git" else changed_files(folder)
    said = (order.over_rollback, order.approved_by, at, order.older)
    by_glass = (order.break_glass.strip(), order.by) if order.break_glass else ("", "")
    return Release(commit, str(folder), *said, changed, *by_glass, committed)


def sealed(release: Release, settings: Settings) -> Release:
    """``release`` with the digest of its files, for the whole run. Raises BadReleaseError for a broken one."""
    folder = Path(release.folder)
    if (
        settings.policies[BuildPolicy].by == "git" or not (folder / OUTPUT / "config.json").is_file()
    ):  # then Vercel builds it
        return release
    return replace(release, digest=fingerprint(output_files(folder)))


def _commit_of(folder: Path, given: str) -> str:
    """The commit that ships: what was said, what is checked out in the folder, or what CI says, in this order.

    ``GITHUB_SHA`` comes last: of a ``workflow_run``, or after a second checkout, it is not what was built. Raises
    Mistake when files differ from that commit, unless it was said; in a job of Actions the build may change some.
    """
    found = given or head_of(folder) or variable("GITHUB_SHA")
    if not found:
        raise Mistake(f"{folder}: is no git checkout, so the commit is not known; say --commit SHA")
    changed = () if given or variable("GITHUB_ACTIONS") == "true" else changed_files(folder)
    if changed:
        differ = f"{', '.join(changed[:3])} {'differ' if len(changed) > 1 else 'differs'} from {found[:12]}"
        raise Mistake(
            f"{folder}: {differ}, so what ships is in no commit and was not reviewed; commit it and build again, "
            "or say --commit SHA all the same"
        )
    return found.lower()


def changed_files(folder: Path) -> tuple[str, ...]:
    """Files of the checkout ``folder`` that git follows and that differ from its commit; none when there is no git."""
    said = git.asked(folder, ["status", "--porcelain", "--untracked-files=no", "--", "."]) or ""
    return tuple(line[3:] for line in said.splitlines() if line.strip())


def head_of(folder: Path) -> str:
    """The commit that is checked out in ``folder``; empty when it is no git checkout, or there is no git."""
    return (git.asked(folder, ["rev-parse", "HEAD"]) or "").strip()


def committed_at(folder: Path, commit: str) -> str:
    """When ``commit`` was made, ISO 8601; empty when the checkout ``folder`` does not have it, or there is no git."""
    if not COMMIT.match(commit):
        return ""
    return (git.asked(folder, ["show", "--no-patch", "--format=%cI", commit]) or "").strip()


def must_be_as_it_was(release: Release, began_at: str, run: str) -> None:
    """Raises Mistake when another commit is checked out in the folder now than when the run began: it is built anew."""
    now = head_of(Path(release.folder))
    if began_at and now and now != began_at:
        raise Mistake(
            f"run {run}: ships {release.commit[:12]} from {release.folder}, where {now[:12]} is checked out now and "
            f"not {began_at[:12]}; check that out and build it again, or start a new run"
        )


def _from_sandbox(settings: Settings, order: "Order") -> tuple[Path, str, str]:
    """The folder, the commit and its time for the sandbox: an example, or a folder, pushed to its GitHub."""
    own = app_in(settings.root, settings.app, here()) if settings.own and not order.source else None
    folder = own or Path(order.source)
    if own or (order.source and (folder.is_dir() or "/" in order.source)):
        if not folder.is_dir():
            raise Mistake(f"--from {order.source}: there is no such folder")
        commit = _commit_of(folder.resolve(), order.commit)
        _tell(settings, "/commits", {"sha": commit, "message": f"release from {folder.name}"})
        return folder.resolve(), commit, committed_at(folder.resolve(), commit)
    made = _tell(settings, "/releases", {"name": order.source or DEFAULT_EXAMPLE})
    return Path(made["folder"]), str(made["commit"]), str(made["committed"])


def _tell(settings: Settings, path: str, body: dict[str, str]) -> Any:
    """Ask the sandbox's control service. Raises Mistake that names the example when there is none of that name."""
    try:
        return ask_door(settings.control, settings.secrets["SANDBOX_TOKEN"], "POST", path, body)
    except Mistake as error:
        raise Mistake(f"--from {body.get('name', '')}: {str(error).removeprefix('sandbox: ')}") from error
