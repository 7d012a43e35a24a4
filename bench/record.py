"""The record when it is long: commands on 100,000 events and 1,000,000 readings against an empty one; events against
plain inserts; fifty who want one lock.

Run: .venv/bin/python -m bench.record [times]
"""

import contextlib
import datetime
import itertools
import json
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from bench.common import Checkout, medians, timed
from pipeline.clock import SystemClock
from pipeline.errors import Locked
from pipeline.record.chain import START, link
from pipeline.record.journal import Journal
from pipeline.record.ledger import check
from pipeline.record.lock import Lock
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from pipeline.sandbox.postgres import DURABLE, Postgres

EVENTS, READINGS, METRICS, RUN = 100_000, 1_000_000, 40, 60
COMMANDS = ("history", "status --target sandbox", "report latest", "monitor.baseline --target sandbox")


def long(path: Path, events: int, readings: int) -> None:
    """A record with runs of ``RUN`` events each, every twenty minutes, and readings over two weeks."""
    open_store(str(path), path.parent).close()
    now, before = datetime.datetime.now(datetime.UTC), START

    def rows() -> Iterator[tuple[str, ...]]:
        nonlocal before
        for number in range(events):
            run, step = divmod(number, RUN)
            at = now - datetime.timedelta(minutes=20 * (events // RUN - run)) + datetime.timedelta(seconds=step)
            kind = "run begins" if step == 0 else "run ended" if step == RUN - 1 else "step done"
            body = {
                "target": "sandbox", "pipeline": "deploy", "commit": f"{run:040x}", "by": "ada", "production": "http://x",
                "outcome": "deployed", "reason": "", "gives": None, "text": "x" * 150,
            }  # fmt: skip
            row = (f"r{run:06d}", at.isoformat(), kind, f"step-{step}", json.dumps(body))
            before = link(before, row)
            yield (*row, before)

    def samples() -> Iterator[tuple[Any, ...]]:
        for number in range(readings):
            at = now - datetime.timedelta(seconds=14 * 86400 * (1 - number / readings))
            moment = at.isoformat(timespec="milliseconds")
            yield moment, "sandbox", f"r{number // 1000:06d}", "", f"metric.{number % METRICS}", random.random()

    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executemany(
            "insert into deploy_events (run, at, kind, subject, body, hash) values (?, ?, ?, ?, ?, ?)", rows()
        )
        columns = "at, target, run, release, metric, value"
        db.executemany(f"insert into deploy_samples ({columns}) values (?, ?, ?, ?, ?, ?)", samples())
        db.commit()


def preflight(checkout: Checkout) -> float:
    """Seconds from the command to the end of the preflight of a deploy, which is then interrupted."""
    began = time.perf_counter()
    words = checkout.command("deploy", "--target", "sandbox")
    with subprocess.Popen(words, env=checkout.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        over = any(line.startswith("build") for line in process.stdout)
        took = time.perf_counter() - began
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert over, f"the preflight was not passed; exit {process.returncode}"
    return took


def commands(folder: Path, times: int) -> None:
    print(f"commands with {EVENTS:,} events and {READINGS:,} readings, and with one run; whole processes, in turns")
    with Checkout(folder / "empty") as empty, Checkout(folder / "full") as full:
        for checkout, events, readings in ((empty, RUN, 0), (full, EVENTS, READINGS)):
            path = checkout.folder / ".runs/journal.db"
            for one in path.parent.glob("journal.db*"):
                one.unlink()
            long(path, events, readings)
        for words in COMMANDS:
            print(f" {words}")

            def took(checkout: Checkout, words: str = words) -> Callable[[], float]:
                return lambda: timed(checkout.command(*words.split()), checkout.environment)

            found = medians(times, {"with one run": took(empty), "long": took(full)})
            print(f"  ratio {found['long'] / found['with one run']:.2f} (wanted: at most 1.5)")
        print(" deploy, until its preflight is over")
        found = medians(times, {"with one run": lambda: preflight(empty), "long": lambda: preflight(full)})
        print(f"  ratio {found['long'] / found['with one run']:.2f} (wanted: at most 1.5)")
        store = open_store("", full.folder)
        began = time.perf_counter()
        seen = check(store)
        assert seen.events >= EVENTS, seen
        assert not seen.faults, seen
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        took_ = time.perf_counter() - began
        print(f"  verify {seen.events:,} events: {took_:.2f} s (wanted: under 1 s a 100,000), this process {peak} MB")


def cost(name: str, ours: Callable[[int], Any], plain: Callable[[int], Any], times: int) -> None:
    """The time of one event, one of each in turn: a disk that others use is ten times slower a second later."""
    many = 200 * times
    print(f"an event in {name}, median of {many}; each is on the disk before the next begins")
    seen: dict[str, list[float]] = {"journal": [], "plain insert": []}
    for number in range(many):
        for what, act in (("journal", ours), ("plain insert", plain)):
            began = time.perf_counter()
            act(number)
            seen[what].append((time.perf_counter() - began) * 1000)
    one, other = (statistics.median(values) for values in seen.values())
    print(f"  journal {one:.3f} ms, plain insert {other:.3f} ms, ratio {one / other:.2f} (wanted: at most 1.3)")


SECRETS = [f"hunter{number}-{'x' * number}!" for number in range(20)]
BODY: dict[str, Any] = {"gives": None, "says": "x" * 150}
INSERT = "insert into plain (run, at, kind, subject, body) values ({0}, {0}, {0}, {0}, {0})"
TABLE = "create table if not exists plain (seq {}, run text, at text, kind text, subject text, body text)"


def events(folder: Path, url: str, times: int) -> None:
    def journal(state: str) -> Callable[[int], None]:
        made = Journal(open_store(state, folder), "r1", SystemClock().now, Redactor(SECRETS))
        return lambda number: made.append("step done", f"step-{number}", exact=BODY, says="x" * 20)

    file = sqlite3.connect(folder / "plain.db", isolation_level=None)
    file.execute("pragma journal_mode=wal")
    file.execute("pragma synchronous=full")
    file.execute(TABLE.format("integer primary key"))
    row = ("r1", "2026-11-28T10:00:00+00:00", "step done", "x", json.dumps(BODY))
    cost(
        "SQLite", journal(str(folder / "ours.db")), lambda number: file.execute(INSERT.format("?"), row) and None, times
    )
    with psycopg.connect(url, autocommit=True) as db:
        for setting in DURABLE:
            assert db.execute(f"show {setting}".encode()).fetchall() == [("on",)]
        db.execute(TABLE.format("bigserial primary key").encode())
        statement = INSERT.format("%s").encode()
        cost("Postgres", journal(url), lambda number: db.execute(statement, row), times)


def contend(url: str, number: int, seconds: float, seen: "multiprocessing.Queue[tuple[float, float, int]]") -> None:
    """Take the lock whenever it is free, for a moment; every seventh time the process is killed while it has it."""
    with tempfile.TemporaryDirectory() as folder:
        store, until = open_store(url, Path(folder)), time.time() + seconds
        lock = Lock(store, "bench", f"r{number}-{os.getpid()}", SystemClock())
        while time.time() < until:
            try:
                lock.take("contends")
            except Locked:
                time.sleep(random.uniform(0.005, 0.03))
                continue
            began = time.time()
            time.sleep(0.01)
            killed = random.random() < 1 / 7
            seen.put((began, time.time(), int(killed)))
            if killed:
                time.sleep(0.1)  # what was put is on its way
                os._exit(9)
            lock.release()


def contenders(url: str, seconds: float = 30, many: int = 50) -> None:
    print(f"{many} who want one lock for {seconds:g} s on Postgres; one in seven who have it is killed")
    context = multiprocessing.get_context("spawn")
    seen: multiprocessing.Queue[tuple[float, float, int]] = context.Queue()
    until = time.time() + seconds
    running: list[Any] = []
    number, found = 0, []
    while time.time() < until:
        running = [one for one in running if one.is_alive()]
        while len(running) < many and time.time() < until - 3:
            number += 1
            one = context.Process(target=contend, args=(url, number, max(until - time.time(), 0), seen))
            one.start()
            running.append(one)
        while not seen.empty():
            found.append(seen.get())
        time.sleep(0.05)
    for one in running:
        one.join(10)
    while not seen.empty():
        found.append(seen.get())
    found.sort()
    twice = sum(1 for one, other in itertools.pairwise(found) if other[0] < one[1] and not one[2])
    after = [other[0] - one[1] for one, other in itertools.pairwise(found) if one[2]]
    print(f"  taken {len(found)} times by {number} processes, {len(after)} killed with it; two at once: {twice}")
    if after:
        print(f"  a dead one's lock was taken over after {statistics.median(after):.2f} s, {max(after):.2f} s at most")


def main(times: int = 5) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands(folder, times)
        server = Postgres(folder / "postgres", durable=True)
        server.start()
        try:
            events(folder, server.fresh_database("bench_events"), times)
            contenders(server.fresh_database("bench_locks"))
        finally:
            server.destroy()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
