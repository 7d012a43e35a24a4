"""Builds the example releases: the demo app, built into a real folder as ``vercel build`` would leave it.

A flavour is the app's source with some files replaced by those in ``app/flavours/NAME``. ``app/history`` has what is
another one in the releases that went before.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.sandbox import schema
from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.core import Core
from pipeline.sandbox.vercelstate import FileEntry

APP = Path(__file__).parent / "app"
SOURCE, FLAVOURS, HISTORY = APP / "source", APP / "flavours", APP / "history"
APP_TROUBLE = ("broken-health", "broken-login", "error-page", "slow", "off-origin")
DATABASE_TROUBLE = ("drops-column", "broken-migration", "locks-table", "edited-migration", "contract-after")
NAMES = ("good", "fixed", *APP_TROUBLE, *DATABASE_TROUBLE)
MIGRATIONS = SOURCE / "prisma" / "migrations"
OUTPUT = ".vercel/output"
LINK = 0o120777
FUNCTION = f"{OUTPUT}/functions/lms.func"


def build_release(name: str, into: Path, project: str, team: str, *, pushes: bool = False) -> Path:
    """Write the release into ``into/NAME``, afresh when anything differs, and give its path.

    ``pushes``: whether its ``vercel.json`` lets Vercel build what is pushed to main. Raises ValueError for a name that
    is not in NAMES.
    """
    if name not in NAMES:
        raise ValueError(f"no release {name!r}; there are {', '.join(NAMES)}")
    files = _files(name, project, team)
    if not pushes:
        files["vercel.json"] = _json({"git": {"deploymentEnabled": {"main": False}}})
    return _written(into / name, files)


def _written(folder: Path, files: dict[str, bytes]) -> Path:
    if folder.is_dir() and {path.relative_to(folder).as_posix(): path.read_bytes() for path in _walk(folder)} == files:
        return folder  # somebody may be shipping it just now
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in sorted(files.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def commit_of(folder: Path) -> str:
    """Make a SHA-1 over names and content: the same release twice is the same commit."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in sorted(_walk(folder)):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha1(path.read_bytes(), usedforsecurity=False).digest())
    return digest.hexdigest()


def store(folder: Path, blobs: Blobs) -> list[FileEntry]:
    """Upload what a deployment of ``folder`` holds, i.e. ``.vercel/output``. Links stay links."""
    found = []
    for path in sorted((folder / OUTPUT).rglob("*")):
        if "__pycache__" in path.parts or not (path.is_symlink() or path.is_file()):
            continue
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        mode = LINK if path.is_symlink() else path.stat().st_mode
        found.append(FileEntry(path.relative_to(folder).as_posix(), blobs.put(content), len(content), mode))
    return found


def build_for(core: Core, name: str) -> Path:
    """Build the release for the sandbox's own project, under its home."""
    vercel = core.state.vercel
    return build_release(name, core.home / "releases", vercel.project, vercel.team, pushes=not vercel.switched_off)


def before(core: Core) -> Path:
    """Make a folder with what the repository's ``prisma`` held before the newest migration."""
    kept = ("migration_lock.toml", *schema.APPLIED)
    found = {
        path.relative_to(SOURCE).as_posix(): path.read_bytes()
        for name in kept
        for path in ((MIGRATIONS / name).iterdir() if (MIGRATIONS / name).is_dir() else [MIGRATIONS / name])
    }
    found["prisma/schema.prisma"] = (HISTORY / "schema.prisma").read_bytes()
    return _written(core.home / "history", found)


def _files(name: str, project: str, team: str) -> dict[str, bytes]:
    source = {path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in _walk(SOURCE)}
    overlay = FLAVOURS / name
    if overlay.is_dir():
        source |= {path.relative_to(overlay).as_posix(): path.read_bytes() for path in _walk(overlay)}
    argv = ["vercel", "build", "--prod"]
    builds = {"target": "production", "argv": argv, "builds": [{"src": "lms", "use": "python"}]}
    found = {
        ".vercel/project.json": _json({"projectId": project, "orgId": team, "projectName": "lms"}),
        f"{OUTPUT}/builds.json": _json(builds),
        f"{OUTPUT}/config.json": source["config.json"],
        f"{FUNCTION}/.vc-config.json": source["vc-config.json"],
    }
    for path, content in source.items():
        top, _, rest = path.partition("/")
        if top == "static":
            found[f"{OUTPUT}/{path}"] = content
        elif top == "lms":
            found[f"{FUNCTION}/{rest}"] = content
        elif top == "prisma":
            found[path] = content
    return found


def _walk(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
