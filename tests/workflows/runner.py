"""A real runner, ``act``, on this machine: it reads the generated workflows as GitHub does and runs their steps.

It runs without Docker (``-self-hosted``), in a copy of the repository that has no other name than the runner gave it.
What it cannot fetch here, the two halves of ``actions/cache``, has a stand-in in ``actions/``; it checks out by itself.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.documents.pages.workflow import CACHE
from tests.processes import LONGEST

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOOLS = ROOT / "vercel-cli" / "node_modules"
ACT = shutil.which("act") or str(ROOT / ".venv-runner" / "bin" / "act")
SHIPPED = (
    "inv",
    "tasks.py",
    "requirements.lock",
    "requirements-rollback.lock",
    "checks",
    "pipeline",
    "runbooks",
    "vercel-cli",
    ".gitignore",
)
READ = "read until "
"""What a step that has failed prints last, and the file that it waits for, where the runner ``reads_to_the_end``."""
SHELL = f"""#!/bin/sh
{shutil.which("bash")} "$@"
code=$?
if [ $code -ne 0 ]; then
    echo "{READ}$0.$$"
    tries=0
    while [ ! -e "$0.$$" ] && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
fi
exit $code
"""
needs_act = pytest.mark.skipif(
    not Path(ACT).is_file() or not shutil.which("git") or not shutil.which("node"),
    reason="there is no act to run workflows with, or no git or Node.js for it: ./inv test --wide",
)
needs_tools = pytest.mark.skipif(
    not (TOOLS / "vercel").is_dir(), reason="the Vercel CLI is not installed in vercel-cli: ./inv test --wide"
)


@dataclass(frozen=True)
class Annotation:
    """A workflow command that shows at a line of a file; ``level`` is error, warning or notice."""

    level: str
    file: str
    line: int
    text: str


@dataclass
class Ran:
    """A workflow that has run: act's exit code, and of each step, by its name, how it ended and what it printed."""

    code: int = -1
    ended: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    log: str = ""

    @property
    def output(self) -> str:
        return "\n".join(self.said.values())


class Running:
    """A workflow that runs. ``until`` waits for what a step prints."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process, self.ran = process, Ran()
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self._take(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _take(self, line: str) -> None:
        self.ran.log += line
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        step, text = str(event.get("step", "")), str(event.get("msg", ""))
        if event.get("raw_output") and text.startswith(READ):
            Path(text.removeprefix(READ).strip()).touch()
        elif event.get("raw_output"):
            self.ran.said[step] = self.ran.said.get(step, "") + text
        if event.get("command") == "summary":
            self.ran.summary += str(event.get("content", ""))
        if event.get("command") in ("error", "warning", "notice"):
            at = event.get("kvPairs") or {}
            place = str(at.get("file", "")), int(at.get("line", 0))
            self.ran.annotations.append(Annotation(str(event["command"]), *place, str(event.get("arg", ""))))
        if event.get("stepResult") and event.get("stage") == "Main":
            self.ran.ended[step] = str(event["stepResult"])

    def until(self, text: str, step: str) -> None:
        """Wait until ``step`` has printed ``text``. Fails when the workflow ends before."""
        with self._news:
            seen = self._news.wait_for(
                lambda: text in self.ran.said.get(step, "") or not self._reader.is_alive(), timeout=LONGEST
            )
        assert seen, f"{step} never printed {text}"
        assert text in self.ran.said.get(step, ""), self.ran.log[-5000:]

    def end(self) -> Ran:
        self.ran.code = self.process.wait(LONGEST)
        self._reader.join(LONGEST)
        return self.ran


class Act:
    """A repository with this tool and an app in it, and a runner for its workflows."""

    def __init__(self, repository: Path, home: Path, secrets: Mapping[str, str]) -> None:
        self.repository, self.home, self.secrets = repository, home, dict(secrets)
        self.home.mkdir(parents=True, exist_ok=True)
        self.cache = home / "kept"
        self.variables: dict[str, str] = {}
        """The variables of the repository, beside its secrets."""
        self.actions: dict[str, Path] = {}
        """Actions of other repositories, OWNER/NAME@COMMIT, and the folders that stand for them here."""
        self.path = os.environ.get("PATH", "")

    def reads_to_the_end(self) -> None:
        """Keep a step that fails alive until what it printed was read.

        act leaves a failed command at once and closes the terminal it had given it, with what is still in there: in
        ``exec`` of its ``pkg/container/host_environment.go`` only a good end waits for the reader. So the last lines
        are missing now and then, which are those that say why. Not for runs that are cancelled: act ends the shell.
        """
        shell = self.home / "shell" / "bash"
        shell.parent.mkdir(exist_ok=True)
        shell.write_text(SHELL)
        shell.chmod(0o755)
        self.path = f"{shell.parent}:{self.path}"

    def keep_installed(self) -> None:
        """Put the tools of this machine where the stand-in of the cache looks for them, under whatever key."""
        self.cache.mkdir(parents=True, exist_ok=True)
        for name, source in ((".venv", Path(sys.prefix)), ("vercel-cli/node_modules", TOOLS)):
            (self.cache / "any" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.cache / "any" / name).symlink_to(source)

    def start(
        self, workflow: str, event: str = "workflow_dispatch", inputs: Mapping[str, str] = {}, **env: str
    ) -> Running:
        """Start a workflow. ``env``: variables of the runner, such as GITHUB_RUN_ATTEMPT."""
        file = self.home / "secrets"
        file.write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in self.secrets.items()))
        words = [ACT, event, "-W", f".github/workflows/{workflow}", "-P", "ubuntu-24.04=-self-hosted", "--json"]
        words += ["--local-repository", f"actions/cache@{CACHE.split()[0]}={HERE / 'actions' / 'cache'}"]
        words += ["--secret-file", str(file), "--action-cache-path", str(self.home / "act"), "--no-cache-server"]
        for name, folder in self.actions.items():
            words += ["--local-repository", f"{name}={folder}"]
        for name, value in {**env, "STAND_IN_CACHE": str(self.cache)}.items():
            words += ["--env", f"{name}={value}"]
        for name, value in self.variables.items():
            words += ["--var", f"{name}={value}"]
        for name, value in inputs.items():
            words += ["--input", f"{name}={value}"]
        given = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ} | {"PATH": self.path}
        given |= {"HOME": str(self.home), "DOCKER_HOST": "unix:///none", **env}
        return Running(
            subprocess.Popen(
                words,
                cwd=self.repository,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )

    def run(self, workflow: str, event: str = "workflow_dispatch", inputs: Mapping[str, str] = {}, **env: str) -> Ran:
        return self.start(workflow, event, inputs, **env).end()


def lost(running: Running, act: Act) -> None:
    """The machine of the runner is gone: everything that runs on it ends at once, without a word."""
    mark = f"STAND_IN_CACHE={act.cache}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
    os.killpg(running.process.pid, signal.SIGKILL)
