"""``test``: everything that must be true of this project."""

import os
import sys

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from pipeline.cli.terminal import install_npm_packages, out


@task(
    help={
        "k": "only tests whose name matches",
        "process": "only those that start whole processes",
        "wide": "install from npm what the wider tests need (Vercel's own CLI and SDK, a Next.js app)",
    }
)
def test(c: Context, k: str = "", process: bool = False, wide: bool = False) -> None:
    """Everything that must be true of this project: lint, types, generated files, tests."""
    if wide:
        install_npm_packages()
    chosen = (["-k", k] if k else []) + (["-m", "process"] if process else [])
    commands = [] if chosen else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    typed = [] if chosen else [["pytest", "-m", "byhand", "-n", "2"]]
    for arguments in (*commands, ["pytest", *chosen], *typed):
        command = [sys.executable, "-m", *arguments]
        out(f"$ {' '.join(arguments)}")
        code = os.spawnv(os.P_WAIT, sys.executable, command)
        if code:
            raise Exit(code=code)
