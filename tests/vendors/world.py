"""A sandbox as a process, and the real clients of the vendors that are pointed at it."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.config.tools import TOOLS, VERCEL
from pipeline.sandbox import launch

HERE = Path(__file__).parent
NPM = HERE.parent / "npm" / "node_modules"
CLI = TOOLS / VERCEL
SDK = NPM / "@vercel" / "sdk" / "esm" / "index.js"
PRELOADED = HERE / "no_skew.cjs"
LONGEST = 90
QUIET = {"VERCEL_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "CI": "1"}

needs_npm = pytest.mark.skipif(
    not CLI.is_file() or not SDK.is_file() or not shutil.which("node"),
    reason="Vercel's own clients are not installed in vercel-cli and tests/npm: ./inv test --wide",
)


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skips where Node.js or one of these npm packages is not there."""
    lacking = [name for name in packages if not (NPM / name / "package.json").is_file()]
    says = f"not installed in tests/npm: {', '.join(lacking)}; ./inv test --wide" if lacking else "there is no Node.js"
    return pytest.mark.skipif(bool(lacking) or not shutil.which("node"), reason=says)


@dataclass(frozen=True)
class Ran:
    """A finished command. ``out`` and ``err`` are its two streams without the space around them."""

    code: int
    out: str
    err: str


class World:
    """A served sandbox, as its clients and its owner see it."""

    def __init__(self, description: dict[str, Any], home: Path) -> None:
        self.urls, self.tokens, self.home = description["urls"], description["tokens"], home
        self.project, self.team = description["vercel"]["project"], description["vercel"]["team"]
        self.web = httpx.Client(timeout=20, trust_env=False)

    def vercel(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens['vercel']}"}
        return self.web.request(method, self.urls["vercel"] + path, headers=headers, **more)

    def control(self, path: str, body: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.tokens['control']}"}
        answer = self.web.post(self.urls["control"] + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def fault(self, text: str) -> None:
        self.control("/faults", {"fault": text})

    def calm(self) -> None:
        """No faults, no rolling release, and whatever is deployed to production goes live by itself."""
        headers = {"authorization": f"Bearer {self.tokens['control']}"}
        self.web.delete(self.urls["control"] + "/faults", headers=headers)
        settings = {"auto_assign": True, "rolling_config": None, "rolling": None, "hidden": [], "git": False}
        self.control("/state", {"vercel": settings, "timing": {"build": 0.3, "alias": 0.2}})
        self.control("/state", {name: {"most_listed": 100} for name in ("vercel", "github", "sentry", "r2")})

    def until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until it is true; whoever asks again sees what it has come to."""
        end = time.monotonic() + seconds
        while not true() and time.monotonic() < end:
            time.sleep(0.05)

    def deployment(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.vercel("GET", f"/v13/deployments/{id}").json()
        return found

    def alias(self) -> str:
        """The deployment that the production domain points to."""
        return str(self.vercel("GET", f"/v4/aliases/{self.urls['production'][7:]}").json()["deploymentId"])

    def served(self, path: str = "/api/health/db") -> httpx.Response:
        """What a visitor of production gets."""
        return self.web.get(self.urls["production"] + path)

    def visited(self) -> str:
        """The deployment that answered a visitor of production."""
        return self.served().headers["x-deployment-id"]

    def requests(self, method: str, ending: str, service: str = "vercel") -> list[dict[str, Any]]:
        """What was asked of a service lately, of that method and with a path that ends so."""
        headers = {"authorization": f"Bearer {self.tokens['control']}"}
        path = f"/requests?service={service}&limit=500"
        asked = self.web.get(self.urls["control"] + path, headers=headers).json()
        return [one for one in asked[service] if one["method"] == method and one["path"].endswith(ending)]

    def sentry(self, path: str, **query: Any) -> Any:
        """What Sentry's API says, without the command line."""
        headers = {"authorization": f"Bearer {self.tokens['sentry']}"}
        answer = self.web.get(f"{self.urls['sentry']}/api/0{path}", headers=headers, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    @property
    def dsn(self) -> str:
        """Where the app sends its errors."""
        return str(self.sentry("/projects/acme/lms/keys/")[0]["dsn"]["public"])

    def node(self, *words: str, folder: Path, **environment: str) -> Ran:
        """A script, or a command line that is one."""
        known = {"PATH": os.environ["PATH"], "HOME": str(self.home / "user"), **QUIET, **environment}
        done = subprocess.run(
            ["node", *words],
            cwd=folder,
            env=known,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, done.stdout.strip(), done.stderr.strip())

    def release(self, into: Path, name: str = "good") -> tuple[Path, str]:
        """A copy of an example release, linked to the project, and its commit."""
        made = self.control("/releases", {"name": name})
        shutil.copytree(made["folder"], into, dirs_exist_ok=True, symlinks=True)
        return into, made["commit"]

    def run(self, *command: str, folder: Path, timeout: float = LONGEST, hurried: bool = True) -> Ran:
        """Vercel's command line in ``folder``."""
        words = ["node", *(["--require", str(PRELOADED)] if hurried else []), str(CLI), *command]
        words += ["--api", self.urls["vercel"], "--token", self.tokens["vercel"]]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home / "user"), **QUIET}
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, done.stdout.strip(), done.stderr.strip())


@contextmanager
def served_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        try:
            with launch.attach(home, timeout=LONGEST) as description:
                world = World(description, Path(folder))
                (world.home / "user").mkdir()
                yield world
        finally:
            launch.reset(home)


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]
