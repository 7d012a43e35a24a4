"""What the measurements share: a sandbox of their own, whole processes timed, medians and ratios."""

import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.sandbox.launch import attach

ROOT = Path(__file__).resolve().parent.parent
INV = str(ROOT / "inv")


@contextlib.contextmanager
def sandbox() -> Iterator[Mapping[str, Any]]:
    """A fresh sandbox, whose lists have pages as long as the vendors' own; what it says of itself."""
    with tempfile.TemporaryDirectory() as folder, attach(Path(folder) / "sandbox") as running:
        control(running, "POST", "/state", {name: {"most_listed": 100} for name in ("vercel", "github", "sentry")})
        yield running


def control(running: Mapping[str, Any], method: str, path: str, body: object = None) -> Any:
    """Ask the sandbox's control service."""
    return call(running["urls"]["control"] + path, running["tokens"]["control"], method, body)


def call(url: str, token: str, method: str = "GET", body: object = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def latency(running: Mapping[str, Any], ms: int) -> None:
    """Add ``ms`` to every API answer; 0 takes it away."""
    control(running, "DELETE", "/faults")
    if ms:
        control(running, "POST", "/faults", {"fault": f"all latency ms={ms}"})


def timed(command: Sequence[str], env: Mapping[str, str] | None = None, *, expect: int = 0) -> float:
    """Seconds of one whole process. Raises when it does not exit as expected: a failure is no measurement."""
    began = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode != expect:
        raise SystemExit(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return took


def medians(times: int, ways: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Each way ``times`` times, taken in turns because the machine is noisy; the medians."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            seen[name].append(way())
    for name, values in seen.items():
        print(f"  {name:<34} median {statistics.median(values):.3f} s   min {min(values):.3f}   max {max(values):.3f}")
    return {name: statistics.median(values) for name, values in seen.items()}


CLI = ROOT / "vercel-cli/node_modules/vercel/dist/vc.js"
QUIET = {"VERCEL_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1", "CI": "1"}
COPIED = ("inv", "tasks.py", "deploy.yml", "requirements.lock", "checks", "pipeline", "runbooks")
HIDDEN = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_")


class Checkout:
    """A checkout of its own, with a sandbox that stays up; the installed packages are shared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            (folder / name).symlink_to(ROOT / name) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, folder)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(HIDDEN)}
        self.environment["DEPLOY_HOME"] = str(folder)  # else that of the folder from which it is measured

    def __enter__(self) -> "Checkout":
        self._up = subprocess.Popen(
            self.command("sandbox", "--json"), env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert self._up.stdout
        said = json.loads(self._up.stdout.readline())
        self.running = call(said["control"]["url"] + "/", said["control"]["token"])
        return self

    def __exit__(self, *_: object) -> None:
        self._up.send_signal(signal.SIGINT)
        self._up.wait(20)
        self.run("sandbox", "--reset")

    def command(self, *words: str) -> list[str]:
        return [str(self.folder / "inv"), *words]

    def run(self, *words: str) -> None:
        timed(self.command(*words), self.environment)
