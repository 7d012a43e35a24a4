"""What runs on this machine, and how slow it is just now."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
QUIET = 0.03
"""Seconds that a Python takes to start and to end on a machine that does nothing else."""
LONGEST = 600.0
"""Seconds after which something that was to happen counts as never happening; no test is faster for it being less."""


@dataclass(frozen=True)
class Running:
    """One process. ``state`` is the kernel's letter: ``Z`` is over and nobody has asked for its result yet."""

    state: str
    command: str


def running() -> list[Running]:
    """All processes that we may see. From the kernel where it tells, as a bare machine has no ``ps``."""
    if (PROC / "self/cmdline").exists():
        return [one for folder in PROC.glob("[0-9]*") if (one := _of(folder))]
    told = subprocess.run(["ps", "-eww", "-o", "stat=,command="], capture_output=True, text=True, check=True).stdout
    return [Running(state, command) for state, _, command in (line.partition(" ") for line in told.splitlines())]


def _of(folder: Path) -> Running | None:
    try:
        state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        return Running(state, (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    except (OSError, IndexError):  # it ended while we looked
        return None


def state_of(pid: str) -> str:
    """The kernel's letter for a process; empty when there is none."""
    if (PROC / "self/cmdline").exists():
        found = _of(PROC / pid)
        return found.state if found else ""
    return subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout[:1]


def slowness() -> float:
    """How many times slower than a quiet machine this one is now, at least 1: what is to be quick is quick for it."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-S", "-E", "-c", ""], check=True)
    return max(1.0, (time.monotonic() - began) / QUIET)
