"""The Next.js app of ``tests/nextapp``: built by Vercel's command line, served by ``next start`` to compare with."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.vendors.world import CLI, QUIET

ROOT = Path(__file__).resolve().parent.parent.parent
APP = ROOT / "tests" / "nextapp"
PRISMA = ROOT / "pipeline" / "sandbox" / "app" / "source" / "prisma"
NOT_BUILT = ("node_modules", ".next", ".vercel")
SETTINGS = {"framework": "nextjs", "nodeVersion": "22.x", "installCommand": "true"}
LONGEST_BUILD, LONGEST_START = 240, 60


def build(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns(*NOT_BUILT))
    shutil.copytree(APP / "node_modules", folder / "node_modules", copy_function=linked, symlinks=True)
    shutil.copytree(PRISMA, folder / "prisma")
    vercel_build(folder)


def vercel_build(folder: Path) -> None:
    """Build an app, whose packages are there, with Vercel's command line."""
    link(folder, "prj_0", "team_0")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "NEXT_TELEMETRY_DISABLED": "1", **QUIET}
    done = subprocess.run(
        ["node", str(CLI), "build", "--prod", "--yes", "--token", "none"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_BUILD,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def release(built: Path, into: Path, project: str, team: str) -> Iterator[Path]:
    """The build once more, linked to a project."""
    shutil.copytree(built, into, copy_function=linked, symlinks=True)
    link(into, project, team)
    yield into
    shutil.rmtree(into)  # thousands of files


def link(folder: Path, project: str, team: str) -> None:
    file = folder / ".vercel/project.json"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)  # it may be shared with the folder this one was made of
    file.write_text(json.dumps({"projectId": project, "orgId": team, "projectName": "lms", "settings": SETTINGS}))


def linked(source: str, target: str) -> None:
    """The same file once more; a copy where two folders cannot share it. Turbopack follows no link out of its root."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def next_start(built: Path, into: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Serve the build by Next.js itself, in a copy that it may write to; gives its address."""
    shutil.copytree(built, into, copy_function=linked, symlinks=True, ignore=shutil.ignore_patterns(".next", ".vercel"))
    shutil.copytree(built / ".next", into / ".next", ignore=shutil.ignore_patterns("cache"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = {"PATH": os.environ["PATH"], "HOME": str(into), "NODE_ENV": "production", "NEXT_TELEMETRY_DISABLED": "1"}
    command = ["node", "node_modules/next/dist/bin/next", "start", "-H", "localhost", "-p", str(port)]
    secret = {"NEXTAUTH_SECRET": "of-nobody-but-this-test" * 2}
    with (into / "next.log").open("w") as log:
        process = subprocess.Popen(command, cwd=into, env={**known, **secret, **variables}, stdout=log, stderr=log)
    try:
        end = time.monotonic() + LONGEST_START
        while not _listens(port) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert _listens(port), (into / "next.log").read_text()
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(into)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("localhost", port)) == 0
