"""Starts the sandbox when none is running for a home, and holds it for as long as it is needed.

A holder keeps one connection open. The server stops by itself when nobody holds it any more, so a holder that is
killed lets go as well. Only the standard library is imported: every command waits for this module.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from pipeline.sandbox import children

ROOT = Path(__file__).resolve().parents[2]
STEP = 0.02
LOG_TAIL = 15
PROGRAM = "pipeline.sandbox"
"""The module that serves a sandbox; another one may serve something else that is held in the same way."""
HOLD, LOOK = b"h", b"l"
"""The first byte that a client sends: keep the server up as long as we are connected, or just ask whether it is up."""


class SandboxError(RuntimeError):
    """Raised when the sandbox does not start; the message has the end of its log."""


@contextlib.contextmanager
def attach(home: Path, *, timeout: float = 30, program: str = PROGRAM) -> Iterator[dict[str, Any]]:
    """Give the description of the sandbox under ``home``, which runs at least as long as this context.

    ``program``: the module that is run when there is none. Raises SandboxError when it is not ready within ``timeout``
    seconds.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # its tokens, and what was deployed to it
    description, connection = _held(home, timeout, program)
    with connection:
        yield description


def reset(home: Path, *, timeout: float = 10) -> None:
    """Stop the sandbox under ``home``, whoever holds it, and delete everything it knows."""
    home = home.resolve()
    if not home.exists():
        return
    reset(home / "own", timeout=timeout)  # that of one's own app lies in it
    stop(home, timeout=timeout)
    with locked(home, timeout):
        from pipeline.sandbox.postgres import Postgres  # slow to load, and only needed here

        Postgres(home).destroy()
        shutil.rmtree(home, ignore_errors=True)


def stop(home: Path, *, timeout: float = 10) -> None:
    """Stop the sandbox under ``home`` if one is running, and wait until it has."""
    found = running(home)
    if found is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(found["pid"]), signal.SIGTERM)
    with locked(home, timeout):
        pass


def serving(program: str, about: str, run: Callable[[Path, float], None]) -> int:
    """Be the process that serves the home of the command line, unless another one does; the exit code.

    ``run`` is given the home and the seconds that the first holder is waited for, and returns when it has served.
    """
    import argparse
    import gc

    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--home", type=Path, required=True, help="where everything that is served is kept")
    parser.add_argument("--unheld", type=float, default=30.0, help="seconds to wait for the first holder")
    asked = parser.parse_args()
    home = asked.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        while not try_lock(lock):
            if running(home):  # another one was faster, and is ready
                return 0
            time.sleep(STEP)
        gc.set_threshold(50_000, 20, 20)  # what is loaded is never garbage
        try:
            run(home, asked.unheld)
        except (RuntimeError, OSError) as error:  # of ours, and it says all there is to say
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def running(home: Path) -> dict[str, Any] | None:
    """Read the description of the sandbox that answers under ``home``; None when none does."""
    found = _described(home)
    connection = found and _connected(found, LOOK)
    if not connection:
        return None
    connection.close()
    return found


@contextlib.contextmanager
def locked(home: Path, timeout: float) -> Iterator[TextIO]:
    """Hold the lock of ``home``, which a server holds for its whole life. Raises SandboxError."""
    until = time.monotonic() + timeout
    with (home / "lock").open("a") as file:
        while not try_lock(file):
            if time.monotonic() > until:
                raise SandboxError(f"{home}: the sandbox there does not stop")
            time.sleep(STEP)
        yield file


def try_lock(file: TextIO) -> bool:
    """Take the lock if nobody has it; it is given back when the file is closed, also by the end of the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(home: Path, timeout: float, program: str) -> tuple[dict[str, Any], socket.socket]:
    started: list[subprocess.Popen[bytes]] = []
    pid = 0
    try:
        found, connection = _reached(home, timeout, program, started)
        pid = int(found["pid"])
        return found, connection
    finally:
        for child in started:
            if child.pid != pid:  # another one was faster, or we gave up: ours must not begin to serve later
                child.terminate()


def _reached(
    home: Path, timeout: float, program: str, started: "list[subprocess.Popen[bytes]]"
) -> tuple[dict[str, Any], socket.socket]:
    """Hold the running server; the one we start for it when there is none is added to ``started``."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        found = _described(home)
        connection = _connected(found, HOLD) if found else None
        if found and connection:
            return found, connection
        code = started[-1].poll() if started else 0
        if code:
            raise SandboxError(f"the sandbox does not start (exit {code}); {home / 'sandbox.log'} ends:\n{_tail(home)}")
        if code == 0:  # none was started yet, or it found another one, which has stopped since
            started.append(_start(home, program))
        time.sleep(STEP)
    raise SandboxError(f"the sandbox is not ready after {timeout:g} s; {home / 'sandbox.log'} ends:\n{_tail(home)}")


def _start(home: Path, program: str) -> "subprocess.Popen[bytes]":
    """Start a server in a session of its own: Ctrl-C must not stop it while a deployment has to roll back."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = children.environment(children.READY_MADE, PYTHONPATH=paths, PYTHONUNBUFFERED="1")
    with (home / "sandbox.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", program, "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
    threading.Thread(target=child.wait, daemon=True).start()  # or it stays a zombie until we end
    return child


def _described(home: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((home / "running.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"holder", "pid"} <= found.keys() else None


def _connected(description: dict[str, Any], purpose: bytes) -> socket.socket | None:
    """Connect to the described server, which with HOLD keeps it up; None when it is gone or going."""
    try:
        connection = socket.create_connection(("127.0.0.1", int(description["holder"])), timeout=2)
    except OSError:
        return None
    expected = greeting(int(description["pid"]))
    try:
        connection.sendall(purpose)
        if connection.recv(len(expected), socket.MSG_WAITALL) == expected:
            connection.settimeout(None)
            return connection
    except OSError:
        pass
    connection.close()
    return None


def greeting(pid: int) -> bytes:
    """The words that the server answers as long as it is not stopping."""
    return f"sandbox {pid}\n".encode()


def _tail(home: Path) -> str:
    try:
        lines = (home / "sandbox.log").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_TAIL:])
