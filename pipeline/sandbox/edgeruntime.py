"""Finds or installs the runtime of edge functions: ``@edge-runtime/vm``, as the lock file in ``edge`` pins it.

It is installed when a deployment first has an edge function that is asked, under the sandbox's home; a checkout in
which it was installed beside the lock file needs nothing.
"""

import shutil
import subprocess
import threading
from pathlib import Path

from pipeline.sandbox import children

LOCKED = Path(__file__).parent / "edge"
PACKAGE = Path("node_modules") / "@edge-runtime" / "vm"
STAMP = Path("node_modules") / ".installed.json"
LONGEST_INSTALL = 120.0
TAIL = 300


class EdgeRuntime:
    """The runtime, installed in the folder ``home`` unless it stands beside its lock file."""

    def __init__(self, home: Path) -> None:
        self._home, self._lock = home, threading.Lock()

    @property
    def package(self) -> Path | None:
        """The folder of the package as it was locked; None when it is not installed."""
        wanted = (LOCKED / "package-lock.json").read_bytes()
        for place in (LOCKED, self._home):
            stamp = place / STAMP
            if stamp.is_file() and stamp.read_bytes() == wanted:
                return place / PACKAGE
        return None

    def missing(self) -> str:
        """Say why there is none, after trying to install it; empty when there is one."""
        with self._lock:
            return "" if self.package else self._install()

    def _install(self) -> str:
        npm = shutil.which("npm")
        if npm is None:
            return "there is no `npm` on PATH to install @edge-runtime/vm with"
        self._home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(LOCKED / name, self._home / name)
        words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(
                words,
                cwd=self._home,
                env=children.environment("HTTPS_PROXY", "NODE_EXTRA_CA_CERTS"),
                capture_output=True,
                text=True,
                timeout=LONGEST_INSTALL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"`npm ci` in {self._home} has not ended in {LONGEST_INSTALL:g} s"
        if done.returncode:
            return f"`npm ci` in {self._home} ended with {done.returncode}: {done.stderr.strip()[-TAIL:]}"
        shutil.copyfile(LOCKED / "package-lock.json", self._home / STAMP)
        return ""
