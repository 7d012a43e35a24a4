"""A fleet whose workers and whose queue are disturbed the whole time, against the same left alone.

``python -m bench.fleetchaos [PROJECTS] scale``: two workers against one, each with two projects at once, undisturbed.
``python -m bench.fleetchaos [PROJECTS] [kill|stop|drain|away|storm] [EVERY]``: two workers, and every EVERY seconds one
is killed with -9 and with it all that it has started (``kill``), stands still with all of that for longer than it may
be silent (``stop``), or is told to end (``drain``); or the queue's Postgres is ended and begins again (``away``); or
every vendor of every project answers each request with 429 for a while (``storm``).
``python -m bench.fleetchaos [PROJECTS] back [EVERY]``: a rollback of all that was moved, with such storms of EVERY
seconds each, 5 s apart, the first a second after it was ordered, against one without.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from bench.common import INV, control
from bench.fleet import ENVIRONMENT, below, newest_order
from pipeline.fleet.example import write_example
from pipeline.fleet.order import OrderState, latest_orders, state_of
from pipeline.fleet.place import PROGRAM
from pipeline.record.journal import events_of
from pipeline.record.ledger import check
from pipeline.record.store import open_store
from pipeline.sandbox.launch import attach, reset

AT_ONCE, WATCH = 4, "8s"
BEATS = "heartbeat: 1s, silent: 4s, grace: 2s"
STORMED = ("vercel", "github", "sentry", "neon")
STANDS = 8.0  # seconds that a worker stands still: twice as long as it may be silent
APART, FIRST = 5.0, 1.0  # seconds between two storms, and before the first
LOCKS = "select count(*) from deploy_locks"


class Workers:
    """Workers, as processes, two of them usually; whoever was killed is replaced at once."""

    def __init__(self, folder: Path, count: int = 2) -> None:
        self._folder = folder
        self.alive = [self._start() for _ in range(count)]
        self.ending: list[subprocess.Popen[bytes]] = []

    def _start(self) -> "subprocess.Popen[bytes]":
        words = [INV, "fleet.worker", "--home", str(self._folder), "--at-once", str(AT_ONCE // 2)]
        with (self._folder / "workers.log").open("ab") as log:
            return subprocess.Popen(words, cwd=self._folder, env=ENVIRONMENT, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill one of them with everything below it, as a machine does that is gone."""
        number = random.randrange(2)
        self._signal(number, signal.SIGKILL)
        self.alive[number].wait()
        self.alive[number] = self._start()

    def drain(self) -> None:
        """Tell one of them to end; another one has been started before."""
        number = random.randrange(2)
        told, self.alive[number] = self.alive[number], self._start()
        told.terminate()
        self.ending.append(told)

    def stop(self) -> None:
        """Let one of them, with everything below it, stand still."""
        number = random.randrange(2)
        stood = self._signal(number, signal.SIGSTOP)
        time.sleep(STANDS)
        for pid in stood:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _signal(self, number: int, sign: signal.Signals) -> list[int]:
        pids = [self.alive[number].pid, *below(self.alive[number].pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        return pids

    def end(self) -> None:
        for one in self.alive:
            one.terminate()
        for one in (*self.alive, *self.ending):
            one.wait(60)


def storm_over(folder: Path, seconds: float = STANDS) -> Callable[[], None]:
    """Has every vendor of every project refuse everybody for a while, and say for how long."""

    def act() -> None:
        worlds = [world_of(home) for home in (folder / "projects").iterdir()]
        for world in worlds:
            for vendor in STORMED:
                control(world, "POST", "/faults", {"fault": f"{vendor} answer status=429 retry_after=3"})
        time.sleep(seconds)
        for world in worlds:
            control(world, "DELETE", "/faults")

    return act


def world_of(home: Path) -> dict[str, Any]:
    """How the sandbox of a project describes itself, with its tokens."""
    running = json.loads((home / ".sandbox/running.json").read_text())
    return {**running, "tokens": json.loads((home / ".sandbox/state.json").read_text())["tokens"]}


def queue_away(url: str) -> Callable[[], None]:
    """Ends every connection to the queue, as its server does that begins again, and takes none for a while."""

    def act() -> None:
        base, _, name = url.rpartition("/")
        with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
            admin.execute(f"alter database {name} allow_connections false")
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
            time.sleep(STANDS)
            admin.execute(f"alter database {name} allow_connections true")

    return act


@contextlib.contextmanager
def fresh(projects: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A new fleet to be disturbed, as long as the context lasts: its folder, and how its queue describes itself."""
    folder = Path(tempfile.mkdtemp(prefix="fleet"))
    write_example(folder, projects)
    adapt(folder)
    try:
        with attach(folder / ".fleet", timeout=60 + 5 * projects, program=PROGRAM) as running:
            yield folder, running
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)


def must_be_right(folder: Path, wrong: list[str]) -> None:
    """Raises SystemExit with what is wrong, after what the workers said last."""
    if wrong:
        print((folder / "workers.log").read_text()[-3000:])
        raise SystemExit("\n".join(wrong))


def deployed(projects: int, what: str, every: float, *, workers_started: int = 2) -> tuple[float, int]:
    """Deploy a fresh fleet, disturbed; the wall seconds, and how often that was. Raises SystemExit if it went wrong."""
    with fresh(projects) as (folder, running):
        workers = Workers(folder, workers_started)
        acts = {
            "kill": workers.kill,
            "stop": workers.stop,
            "drain": workers.drain,
            "away": queue_away(running["queue_url"]),
            "storm": storm_over(folder),
        }
        try:
            began = time.perf_counter()
            with disturbed(acts.get(what), every) as times:
                done = typed(folder, "fleet.deploy")
            took = time.perf_counter() - began
        finally:
            workers.end()
        wrong = [f"exit {done.returncode}: {done.stderr}"]
        must_be_right(folder, wrongs(folder, running["queue_url"], what) if done.returncode == 1 else wrong)
        return took, len(times)


def typed(folder: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """A command in the fleet's folder, to its end; the work is done by workers."""
    words = [INV, command, "--elsewhere", "--json", "--home", str(folder)]
    return subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def taken_back(projects: int, storm: float) -> tuple[float, int]:
    """Deploy a fresh fleet, then take it back, in storms of so many seconds; the seconds of that, and how many storms.

    Raises SystemExit if it went wrong.
    """
    with fresh(projects) as (folder, _):
        workers = Workers(folder)
        try:
            made = typed(folder, "fleet.deploy")
            began = time.perf_counter()
            with disturbed(storm_over(folder, storm) if storm else None, APART, first=FIRST) as times:
                done = typed(folder, "fleet.rollback")
                took = time.perf_counter() - began
        finally:
            workers.end()
        wrong = [] if (made.returncode, done.returncode) == (1, 0) else [f"{done.returncode}: {done.stderr}"]
        must_be_right(folder, wrong + wrong_back(folder))
        return took, len(times)


def wrong_back(folder: Path) -> list[str]:
    """What is not as it has to be after a way back: each project that was moved went back, and once."""
    state, found = newest_order(folder), list[str]()
    assert state
    print(f"  {Counter(part.end.outcome if part.end else 'no end' for part in state.parts.values())}")
    for name, part in state.parts.items():
        world = world_of(folder / "projects" / name)
        asked: list[dict[str, Any]] = control(world, "GET", "/requests?service=vercel&limit=500")["vercel"]
        back = [one for one in asked if one["method"] == "POST" and "/rollback/" in one["path"] and one["status"] < 300]
        if len(back) != 1 or part.times != 1:
            found.append(f"{name}: {len(back)} rollbacks, taken up {part.times} times: {part.end}")
    return found


def adapt(folder: Path) -> None:
    """A watch that is long enough to be disturbed in, and workers that are soon found to be dead."""
    file = folder / "fleet.yml"
    text = file.read_text().replace("at_once: 2", f"at_once: {AT_ONCE}").replace("heartbeat: 1s, silent: 5s", BEATS)
    file.write_text(text, encoding="utf-8")
    for home in (folder / "projects").iterdir():
        said = (home / "deploy.yml").read_text().replace("watch: {during: 1s", f"watch: {{during: {WATCH}")
        (home / "deploy.yml").write_text(said, encoding="utf-8")


@contextlib.contextmanager
def disturbed(act: Callable[[], None] | None, every: float, first: float = 0) -> Iterator[list[float]]:
    """Meanwhile ``act`` every so many seconds, at first after ``first``, if that is said; when it did."""
    over, times = threading.Event(), list[float]()

    def go() -> None:
        while act and not over.wait(every if times else first or every):
            times.append(time.perf_counter())
            act()

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join()


def wrongs(folder: Path, queue: str, what: str) -> list[str]:
    """What is not as it has to be after an order, a line each: by the vendors, the locks, the records, the queue."""
    store = open_store("", folder)
    order = latest_orders(store, 1)[0]
    state = state_of(order, events_of(store, order))
    found = [] if not check(store).faults else ["the chain of the fleet's record is broken"]
    found += [] if store.execute(LOCKS) == [(0,)] else ["the order's lock is left"]
    store.close()
    assert state
    taken = sum(part.times for part in state.parts.values()) - len(state.parts)
    print(f"  {Counter(part.end.outcome if part.end else 'no end' for part in state.parts.values())}, {taken} taken up")
    bad = {name for name in state.parts if "broken" in line_of(folder, name)}
    for name, part in state.parts.items():
        # held: who stood still in its watch has seen too few requests to say that the release is well
        wanted = ("blocked", "rolled back") if name in bad else ("deployed", *(["held"] if what == "stop" else []))
        if part.end is None or part.end.outcome not in wanted:
            found.append(f"{name}: {part.end}")
        found += [f"{name}: {line}" for line in of_project(folder / "projects" / name, state, name)]
    with psycopg.connect(queue) as db:
        (left,) = db.execute("select count(*) from procrastinate_jobs").fetchall()[0]
    return found + ([f"{left} jobs are left in the queue"] if left else [])


def line_of(folder: Path, name: str) -> str:
    """The line of a project in fleet.yml."""
    return next(line for line in (folder / "fleet.yml").read_text().splitlines() if line.startswith(f"  {name}:"))


def of_project(home: Path, state: OrderState, name: str) -> Iterator[str]:
    """What is wrong with one project, as its emulator of Vercel, its lock and its own record say."""
    asked: list[dict[str, Any]] = control(world_of(home), "GET", "/requests?service=vercel&limit=500")["vercel"]
    promoted = Counter(
        one["path"].rpartition("/")[2]
        for one in asked
        if one["method"] == "POST" and "/promote/" in one["path"] and one["status"] < 300
    )
    if len(promoted) > 1 or max(promoted.values(), default=0) > 1:
        yield f"promoted twice: {dict(promoted)}"
    store = open_store("", home)
    try:
        if store.execute(LOCKS) != [(0,)]:
            yield "a lock is left"
        kinds = Counter(event.kind for event in events_of(store, state.plan.run_of(name)))
        if (kinds["run begins"], kinds["run ended"]) != (1, 1):
            yield f"{kinds['run begins']} begins and {kinds['run ended']} ends"
        if check(store).faults:
            yield "the chain of its record is broken"
    finally:
        store.close()


def main() -> None:
    projects, what, every = (*sys.argv[1:], *("12", "kill", "20")[len(sys.argv) - 1 :])
    if what == "scale":
        two, _ = deployed(int(projects), "", 0)
        one, _ = deployed(int(projects), "", 0, workers_started=1)
        print(f"{projects} projects, a watch of {WATCH}: two workers ÷ one, {AT_ONCE // 2} projects at once each")
        print(f"  {two:.1f} s ÷ {one:.1f} s = {two / one:.2f}   (wanted: 0.6, where there are cores for it)")
        return
    if what == "back":
        alone, _ = taken_back(int(projects), 0)
        took, times = taken_back(int(projects), float(every))
        print(f"{projects} projects, two workers, {AT_ONCE} at once: all that was moved is taken back")
        print(f"  in {times} storms of {every} s: {took:.1f} s ÷ {alone:.1f} s without = {took / alone:.2f}")
        beyond = took - FIRST - times * float(every) - (times - 1) * APART
        if beyond > 0:
            print(f"  after the last storm: {beyond:.1f} s ÷ {alone:.1f} s = {beyond / alone:.2f}")
        else:
            print("  before the last storm was over")
        return
    print(f"{projects} projects, two workers, a watch of {WATCH}, {AT_ONCE} at once")
    alone, _ = deployed(int(projects), "", 0)
    print(f"  undisturbed                 {alone:6.1f} s")
    took, times = deployed(int(projects), what, float(every))
    print(f"  {what}, {times} times{'':15} {took:6.1f} s ÷ {alone:.1f} s = {took / alone:.2f}   (wanted: 1.5)")


if __name__ == "__main__":
    main()
