"""A fix that goes through a fleet, of which some are broken, while a worker dies; then a wave is taken back.

``python -m bench.fleetstory [PROJECTS] [AT ONCE] [FOLDER]``: writes ``transcript.txt``, the order's page and the
dashboard's pages into FOLDER, and prints the transcript.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.common import INV
from bench.fleet import ENVIRONMENT, below, example_of
from pipeline.fleet.order import latest_orders, state_of
from pipeline.fleet.place import PROGRAM
from pipeline.record.journal import events_of
from pipeline.record.store import open_store
from pipeline.sandbox.launch import attach, reset

LOOKS = 0.5  # seconds between two looks at how far the order is
MOST = 40  # lines of one command that are kept


class Story:
    """What was typed, and what was said then."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.lines, self._began = folder, list[str](), time.monotonic()

    def says(self, line: str) -> None:
        seconds = int(time.monotonic() - self._began)
        self.lines.append(f"[{seconds // 60}:{seconds % 60:02}] {line}")
        print(self.lines[-1], flush=True)

    def types(self, *words: str) -> int:
        """Type a command in the fleet's folder; gives its exit code."""
        self.says(f"$ ./inv {' '.join(words)}")
        done = subprocess.run(
            [INV, *words], cwd=self._folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        said = [line for line in done.stdout.splitlines() if line.strip() and not line.lstrip().startswith("…")]
        cut = [*said[: MOST // 2], f"  ⋮ {len(said) - MOST} lines", *said[-MOST // 2 :]] if len(said) > MOST else said
        for line in [*cut, f"exit {done.returncode}"]:
            self.lines.append(f"       {line}")
            print(self.lines[-1], flush=True)
        return done.returncode


def worker(folder: Path, at_once: int) -> "subprocess.Popen[bytes]":
    words = [INV, "fleet.worker", "--at-once", str(at_once)]
    with (folder / "workers.log").open("ab") as log:
        return subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)


def ended(folder: Path) -> int:
    """How many projects of the newest order have ended."""
    store = open_store("", folder)
    try:
        for order in latest_orders(store, 1):
            state = state_of(order, events_of(store, order))
            return sum(part.end is not None for part in state.parts.values()) if state else 0
        return 0
    finally:
        store.close()


def dies_in_the_middle(story: Story, folder: Path, which: "subprocess.Popen[bytes]", half: int) -> None:
    """Kill a worker, and all that it has started, once ``half`` of the projects have ended."""
    while (done := ended(folder)) < half and which.poll() is None:
        time.sleep(LOOKS)
    pids = [which.pid, *below(which.pid)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    story.says(f"# {done} have ended; a worker is killed (-9) with the {len(pids) - 1} processes that it has started")


def newest(folder: Path) -> tuple[str, str]:
    """The newest order, and the name of its second wave."""
    store = open_store("", folder)
    order = latest_orders(store, 1)[0]
    state = state_of(order, events_of(store, order))
    store.close()
    assert state
    return order, state.plan.waves[1].name


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
                order, wave = newest(folder)
                story.types("fleet.rollback", "--elsewhere", "--wave", wave)
                story.types("fleet.report", "--order", order)
            finally:
                for one in workers:
                    one.terminate()
                for one in workers:
                    one.wait(60)
            story.types("fleet.report", "--order", order, "--html", str(kept.resolve() / "order.html"))
            story.types("fleet.dashboard", "--export", str(kept.resolve() / "pages"))
        text = "\n".join(story.lines).replace(str(kept.resolve()), "OUT").replace(str(folder), "FLEET")
        (kept / "transcript.txt").write_text(re.sub(r"[^\S\n]+\n", "\n", text) + "\n", encoding="utf-8")
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
