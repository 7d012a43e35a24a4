"""``test``: everything that must be true of this project."""

import os
import re
import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import MISTAKE, fail, install_npm_packages, install_runner, out
from pipeline.environment import TESTS, for_child
from pipeline.home import TOOL


@task(
    help={
        "k": "only tests whose name matches; a gate's name with - or _",
        "process": "only those that start whole processes",
        "wide": "install what the wider tests need (Vercel's own CLI and SDK, a Next.js app, a runner of workflows)",
        "remember": "write the names of the tests that could not run here to this file",
        "again": "only the tests that such a file names, and the by-hand commands",
    }
)
def test(
    c: Context, k: str = "", process: bool = False, wide: bool = False, remember: str = "", again: str = ""
) -> None:
    """Everything that must be true of this project: lint, types, generated files, tests."""
    if not (TOOL / "tests").is_dir():
        fail("test: what is tested is the tool itself, in a checkout of it", MISTAKE)
    if wide:
        install_npm_packages()
        install_runner()
    chosen = [*(["-k", named(k), "-n0"] if k else []), *(["-m", "process"] if process else [])]
    # With `=`: a file that is there would be taken for a test before the option is known.
    kept = [*([f"--remember={remember}"] if remember else []), *([f"--again={again}"] if again else [])]
    commands = [] if chosen or again else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    tests = [] if again and not Path(again).read_text(encoding="utf-8").strip() else [["pytest", *chosen, *kept]]
    typed = [] if chosen or remember else [["pytest", "-m", "byhand", "-n", "2"]]
    for arguments in (*commands, *tests, *typed):
        command = [sys.executable, "-m", *arguments]
        out(f"$ {' '.join(arguments)}")
        code = os.spawnve(os.P_WAIT, sys.executable, command, for_child(*TESTS))
        if code:
            raise SystemExit(code)


def named(k: str) -> str:
    """``k`` for pytest: a gate is ``required_variables`` in the code and ``required-variables`` in the tests' names."""
    return f"{k} or {k.replace('_', '-')}" if re.fullmatch(r"\w*_\w*", k) else k
