"""A fleet of examples: its wall time against what arithmetic allows, what the queue costs a run, CPU and memory.

``python -m bench.fleet [PROJECTS] [AT ONCE]``; against the same projects through ``xargs -P`` of single commands.
"""

import asyncio
import contextlib
import datetime
import heapq
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from bench.common import INV
from pipeline.fleet.example import write_example
from pipeline.fleet.order import OrderState, latest_orders, state_of
from pipeline.fleet.place import PROGRAM
from pipeline.fleet.queue import open_queue
from pipeline.record.journal import Event, events_of
from pipeline.record.report import report_of
from pipeline.record.store import open_store
from pipeline.sandbox.launch import attach, reset

HIDDEN = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(HIDDEN)}
NAMES = ("wall", "CPU", "memory")
STATEMENTS = (
    "select coalesce(sum(calls), 0) from pg_stat_statements s join pg_database d on d.oid = s.dbid"
    " where d.datname = 'queue' and query ilike '%%procrastinate%%'"
)


class Memory:
    """The most memory that all processes below this one had at once, in MB: what they share counts once for each."""

    def __init__(self) -> None:
        self.most, self._over = 0.0, threading.Event()

    def __enter__(self) -> "Memory":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.most = max(self.most, sum(map(_megabytes, below(os.getpid()))))


def below(pid: int) -> Iterator[int]:
    """The processes that one has started, and those that these have."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    todo = [pid]
    while todo:
        found = todo.pop()
        children = [child for child, parent in parents.items() if parent == found]
        todo += children
        yield from children


def _megabytes(pid: int) -> float:
    """Its proportional share of memory; of the sandbox nothing, which stands for the vendors."""
    with contextlib.suppress(OSError, StopIteration):
        if "pipeline.sandbox" not in Path(f"/proc/{pid}/cmdline").read_text():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


def seconds_between(since: str, until: str) -> float:
    first, second = map(datetime.datetime.fromisoformat, (since, until))
    return (second - first).total_seconds()


def allowed(state: OrderState, took: Mapping[str, float]) -> float:
    """What arithmetic allows: in each wave the runs, as long as they were, on so many slots without a gap."""
    whole = 0.0
    for wave in state.plan.waves:
        slots = [0.0] * state.plan.at_once
        for name in wave.projects:
            heapq.heappush(slots, heapq.heappop(slots) + took[name])
        whole += max(slots)
    return whole


def waits(events: tuple[Event, ...]) -> list[float]:
    """Of each project the seconds from the queue to a worker."""
    at = {(event.kind, event.subject): event.at for event in events}
    return [
        seconds_between(moment, at["project begins", name])
        for (kind, name), moment in at.items()
        if kind == "project queued"
    ]


def runs_in(folder: Path, state: OrderState) -> dict[str, float]:
    """Of each project the seconds that its run took by its own record."""
    took = {}
    for name in state.parts:
        store = open_store("", folder / "projects" / name)
        took[name] = report_of("", events_of(store, state.plan.run_of(name))).ms / 1000
        store.close()
    return took


def newest_order(folder: Path) -> OrderState | None:
    """How the newest order of the fleet in ``folder`` stands; None when there is none yet."""
    store = open_store("", folder)
    try:
        return next((state_of(order, events_of(store, order)) for order in latest_orders(store, 1)), None)
    finally:
        store.close()


def example_of(projects: int, at_once: int) -> Path:
    """A new folder with a fleet of examples, so many of which are under way at the same time."""
    folder = Path(tempfile.mkdtemp(prefix="fleet"))
    write_example(folder, projects)
    file = folder / "fleet.yml"
    file.write_text(file.read_text().replace("at_once: 2", f"at_once: {at_once}"), encoding="utf-8")
    return folder


def used() -> float:
    """CPU seconds of all children that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def measured(words: list[str], folder: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and megabytes of a command with all that it starts."""
    began, before = time.perf_counter(), used()
    with Memory() as memory:
        done = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 123):
        raise SystemExit(f"{words} exited {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began, used() - before, memory.most


def main() -> None:
    projects, at_once = (int(word) for word in (*sys.argv[1:], *("20", "4")[len(sys.argv) - 1 :]))
    folder = example_of(projects, at_once)
    try:
        with attach(folder / ".fleet", timeout=60 + 5 * projects, program=PROGRAM) as running:
            with psycopg.connect(running["queue_url"], autocommit=True) as db:
                db.execute("create extension if not exists pg_stat_statements")
                asyncio.run(made(running["queue_url"]))
                db.execute("select pg_stat_statements_reset()")
                wall, cpu, memory = measured([INV, "fleet.deploy", "--home", str(folder)], folder)
                ((statements,),) = db.execute(STATEMENTS).fetchall()
            store = open_store("", folder)
            order = latest_orders(store, 1)[0]
            events = events_of(store, order)
            state = state_of(order, events)
            store.close()
            assert state
            _say(state, events, runs_in(folder, state), (wall, cpu, memory), int(statements))
            _against_xargs(folder, projects, at_once, (wall, cpu, memory))
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)


async def made(queue: str) -> None:
    """Make the tables of the queue, which is done once in its life."""
    async with open_queue(queue):
        pass


def _say(
    state: OrderState,
    events: tuple[Event, ...],
    took: Mapping[str, float],
    spent: tuple[float, float, float],
    statements: int,
) -> None:
    wall, cpu, memory = spent
    conducted = seconds_between(state.began, state.ended)
    processes = {name: seconds_between(part.began, part.ended) for name, part in state.parts.items()}
    print(f"{len(state.parts)} projects in {len(state.plan.waves)} waves, {state.plan.at_once} at once")
    print(f"  the whole command           {wall:6.1f} s, {cpu:.1f} s of CPU, {memory:.0f} MB at most")
    ideal, exact = allowed(state, processes), allowed(state, took)
    print(
        f"  the order ÷ its processes   {conducted:6.1f} s ÷ {ideal:.1f} s = {conducted / ideal:.2f}   (waves, queue)"
    )
    print(
        f"  the order ÷ its runs        {conducted:6.1f} s ÷ {exact:.1f} s = {conducted / exact:.2f}   (wanted: 1.25)"
    )
    waited = waits(events)
    many = len(state.parts)
    middle, most = statistics.median(waited) * 1000, max(waited) * 1000
    print(f"  queue → worker              {middle:6.1f} ms median, {most:.1f} ms most   (wanted: 50)")
    print(f"  statements of the queue     {statements / many:6.1f} a run   (wanted: 10), idle polls included")
    ends = Counter(part.end.outcome if part.end else "no end" for part in state.parts.values())
    print(f"  how they ended              {', '.join(f'{count} {outcome}' for outcome, count in ends.items())}")


def _against_xargs(folder: Path, projects: int, at_once: int, spent: tuple[float, float, float]) -> None:
    homes = " ".join(str(folder / "projects" / path.name) for path in sorted((folder / "projects").iterdir()))
    line = f"printf '%s\\n' {homes} | xargs -P {at_once} -I HOME {INV} deploy --home HOME --quiet"
    wall, cpu, memory = measured(["sh", "-c", line], folder)
    print(f"{projects} single commands by xargs -P {at_once}, every one of them good")
    print(f"  the whole                   {wall:6.1f} s, {cpu:.1f} s of CPU, {memory:.0f} MB at most")
    ratios = [
        f"{name} {mine / theirs:.2f}" for name, mine, theirs in zip(NAMES, spent, (wall, cpu, memory), strict=True)
    ]
    print(f"  the fleet ÷ xargs           {', '.join(ratios)}")


if __name__ == "__main__":
    main()
