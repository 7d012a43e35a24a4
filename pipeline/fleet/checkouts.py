"""The homes of a fleet's projects on this machine: folders, and checkouts of repositories in a cache of the fleet.

A checkout is of one project and one commit, and may be thrown away. What the project remembers (record, sandbox) lies
beside all of them, and each checkout has a link to it: a new one finds what an older one has written.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pipeline.clients.repositories import COMMIT, check_out, commit_at, head_in, must_have_git
from pipeline.errors import ServiceError, Unreachable
from pipeline.fleet.declared import FleetFile, FleetRepository

LOCAL = ".fleet"
"""The folder of a fleet, below its own home, for what only this machine has."""
HOMES, REMEMBERED, NEWEST = "homes", "state", "now"
KEPT = (".runs", ".sandbox")
"""What a home has that outlives its checkout."""
TOGETHER = 8  # repositories that are asked at the same time
FEW, AGE = 3, 3 * 86400.0  # checkouts of a project that stay whatever their age; seconds since the last use of others


class FleetHomes:
    """Where the projects of the fleet in ``root`` have their homes."""

    def __init__(self, root: Path, file: FleetFile) -> None:
        self._root, self._file = root, file

    def folder(self, project: str, commit: str = "") -> Path:
        """The home of a project, whether it is there or not; of a repository at ``commit``, or as it was used last."""
        home = self._file.projects[project].home
        if isinstance(home, str):
            return (self._root / home).resolve()
        base = self._base(project)
        return base / commit / home.folder if COMMIT.fullmatch(commit) else base / NEWEST

    def typed(self, project: str) -> str:
        """The home as it is typed from the fleet's folder."""
        home = self._file.projects[project].home
        return os.path.normpath(home) if isinstance(home, str) else f"{LOCAL}/{HOMES}/{project}/{NEWEST}"

    def commits(self, projects: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Project → the commit that its home is at now, and project → why nobody knows; of repositories only.

        Each branch is asked for once. Raises Mistake when git is not installed.
        """
        wanted = {name: home for name in projects if (home := self._repository(name))}
        if wanted:
            must_have_git()
        asked = list(dict.fromkeys((home.repository, home.ref) for home in wanted.values()))
        with ThreadPoolExecutor(TOGETHER) as threads:
            answers = dict(zip(asked, threads.map(_commit_or_why, asked), strict=True))
        found = {name: answers[home.repository, home.ref] for name, home in wanted.items()}
        known = {name: commit for name, (commit, _) in found.items() if commit}
        return known, {name: why for name, (_, why) in found.items() if why}

    def made_ready(self, commits: Mapping[str, str]) -> dict[str, str]:
        """Check out the projects' commits; project → why that was not possible."""
        with ThreadPoolExecutor(TOGETHER) as threads:
            whys = threads.map(partial(_why_not, self), commits.items())
            return {name: why for name, why in zip(commits, whys, strict=True) if why}

    def ready(self, project: str, commit: str = "") -> Path:
        """The home of a project, checked out at ``commit`` when it is in a repository. Raises Unreachable.

        An order and the fleet.yml here have to agree on which of the two it is.
        """
        home = self._repository(project)
        if home is None or not commit:
            if home or commit:
                has, lacks = ("a repository", "no commit of it") if home else ("a folder", "a commit of a repository")
                raise Unreachable("fleet.yml", project, f"has {has} as home here, and the order says {lacks}")
            return self.folder(project)
        if not COMMIT.fullmatch(commit):
            raise Unreachable("git", home.repository, "the order names something that is no commit")
        try:
            return self._checked_out(project, home, commit)
        except OSError as error:
            says = f"{error.filename or self._base(project)}: {error.strerror}"
            raise Unreachable("git", home.repository, says) from error

    def _checked_out(self, project: str, home: FleetRepository, commit: str) -> Path:
        checkout = self._base(project) / commit
        check_out(home.repository, home.ref, commit, checkout)
        if head_in(checkout) != commit:
            raise Unreachable("git", home.repository, f"{checkout} is at another commit by now; remove that folder")
        folder = checkout / home.folder
        if not folder.resolve().is_relative_to(checkout.resolve()) or not folder.is_dir():
            raise Unreachable("git", home.repository, f"has no folder {home.folder} at {commit[:12]}")
        self._link(project, folder, checkout)
        self._clear(project, commit)
        return folder

    def _base(self, project: str) -> Path:
        return self._root.resolve() / LOCAL / HOMES / project

    def _repository(self, project: str) -> FleetRepository | None:
        home = self._file.projects[project].home
        return None if isinstance(home, str) else home

    def _link(self, project: str, folder: Path, checkout: Path) -> None:
        """Let what the project remembers be found in ``folder``, and ``folder`` under a name that stays."""
        base = self._base(project)
        for name in KEPT:
            (base / REMEMBERED / name).mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                (folder / name).symlink_to(os.path.relpath(base / REMEMBERED / name, folder))
        if not (folder / KEPT[0]).is_symlink():
            says = f"has {KEPT[0]} among its files, where runs are recorded; take it out of the repository"
            raise Unreachable("git", str(folder), says)
        os.utime(checkout)
        with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix=".making-", dir=base) as beside:
            link = Path(beside) / NEWEST
            link.symlink_to(os.path.relpath(folder, base))
            link.replace(base / NEWEST)

    def _clear(self, project: str, commit: str) -> None:
        """Remove checkouts that nobody has used for days, but for the last few."""
        with contextlib.suppress(OSError):
            found = [one for one in self._base(project).iterdir() if COMMIT.fullmatch(one.name) and one.name != commit]
            by_use = sorted(((one.stat().st_mtime, one) for one in found), reverse=True)
            for used, one in by_use[FEW:]:
                if time.time() - used > AGE:
                    shutil.rmtree(one, ignore_errors=True)
            for left in self._base(project).glob(".making-*"):
                if time.time() - left.stat().st_mtime > AGE:
                    shutil.rmtree(left, ignore_errors=True)


def _commit_or_why(asked: tuple[str, str]) -> tuple[str, str]:
    try:
        return commit_at(*asked), ""
    except ServiceError as error:
        return "", str(error)


def _why_not(homes: FleetHomes, asked: tuple[str, str]) -> str:
    try:
        homes.ready(*asked)
    except ServiceError as error:
        return str(error)
    return ""
