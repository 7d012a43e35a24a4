"""A fix that goes through a fleet, of which some are broken, while a worker dies; then a wave is taken back.

``python -m bench.fleetstory [PROJECTS] [AT ONCE] [FOLDER]``: writes ``transcript.txt``, the order's page and the
dashboard's pages into FOLDER, and prints the transcript.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.common import INV
from bench.fleet import ENVIRONMENT, below, example_of, newest_order
from pipeline.fleet.place import PROGRAM
from pipeline.sandbox.launch import attach, reset

LOOKS = 0.5  # seconds between two looks at how far the order is
ALIKE = 6  # lines of the same kind that are kept
ALIKE_IN = re.compile(r"✓ .* (deployed|rolled back) |(?=(/pages/runs/))")


class Story:
    """What was typed, and what was said then."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.lines, self._began = folder, list[str](), time.monotonic()

    def says(self, line: str) -> None:
        seconds = int(time.monotonic() - self._began)
        self.lines.append(f"[{seconds // 60}:{seconds % 60:02}] {line}")
        print(self.lines[-1], flush=True)

    def types(self, *words: str) -> None:
        """Type a command in the fleet's folder, and keep what it says when it does."""
        self.says(f"$ ./inv {' '.join(words)}")
        doing = subprocess.Popen(
            [INV, *words],
            cwd=self._folder,
            env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert doing.stdout
        for line in doing.stdout:
            if line.strip() and (not line.lstrip().startswith("…") or "taken up" in line):
                self.says(f"  {line.rstrip()}")
        self.says(f"  exit {doing.wait()}")


def shortened(lines: list[str]) -> Iterator[str]:
    """The lines, with no more than ALIKE of the same kind one after the other."""
    for _, group in itertools.groupby(lines, kind_of):
        alike = list(group)
        if len(alike) > ALIKE:
            alike[ALIKE - 2 : -1] = [f"           ⋮ {len(alike) - ALIKE + 1} more"]
        yield from alike


def kind_of(line: str) -> str:
    found = ALIKE_IN.search(line)
    return found.group(found.lastindex or 0) if found else line


def worker(folder: Path, at_once: int) -> "subprocess.Popen[bytes]":
    words = [INV, "fleet.worker", "--at-once", str(at_once)]
    with (folder / "workers.log").open("ab") as log:
        return subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)


def ended(folder: Path) -> int:
    """How many projects of the newest order have ended."""
    state = newest_order(folder)
    return sum(part.end is not None for part in state.parts.values()) if state else 0


def dies_in_the_middle(story: Story, folder: Path, which: "subprocess.Popen[bytes]", half: int) -> None:
    """Kill a worker, and all that it has started, once ``half`` of the projects have ended."""
    while (done := ended(folder)) < half and which.poll() is None:
        time.sleep(LOOKS)
    pids = [which.pid, *below(which.pid)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    story.says(f"# {done} have ended; a worker is killed (-9), and with it all that it has started")


def main() -> None:
    projects, at_once, *out = (*sys.argv[1:], *("200", "8")[len(sys.argv) - 1 :])
    folder = example_of(int(projects), int(at_once))
    kept = Path(out[0]) if out else Path("fleet-story")
    kept.mkdir(parents=True, exist_ok=True)
    story = Story(folder)
    try:
        with attach(folder / ".fleet", timeout=60 + 5 * int(projects), program=PROGRAM):
            workers = [worker(folder, int(at_once) // 2) for _ in range(2)]
            try:
                killer = threading.Thread(
                    target=dies_in_the_middle, args=(story, folder, workers[0], int(projects) // 2)
                )
                killer.start()
                story.types("fleet.deploy", "--elsewhere")
                killer.join()
                story.types("fleet.report")
                state = newest_order(folder)
                assert state
                order, wave = state.plan.order, state.plan.waves[1].name
                story.types("fleet.rollback", "--elsewhere", "--wave", wave)
                story.types("fleet.report", "--order", order)
            finally:
                for one in workers:
                    one.terminate()
                for one in workers:
                    one.wait(60)
            story.types("fleet.report", "--order", order, "--html", str(kept.resolve() / "order.html"))
            story.types("fleet.dashboard", "--export", str(kept.resolve() / "pages"))
        text = (
            "\n".join(shortened(story.lines))
            .replace(str(kept.resolve()), "OUT")
            .replace(str(folder), "FLEET")
            .replace(str(INV), "./inv")
        )
        (kept / "transcript.txt").write_text(re.sub(r"[^\S\n]+\n", "\n", text) + "\n", encoding="utf-8")
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
