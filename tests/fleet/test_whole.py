"""A fleet of six projects in whole processes: in waves, by two workers, one of which is killed; and one wave back."""

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.clock import SystemClock
from pipeline.fleet.estimating import IN_SANDBOX
from pipeline.fleet.example import write_example
from pipeline.fleet.order import OrderState, latest_orders, state_of
from pipeline.fleet.place import PROGRAM
from pipeline.record.journal import Event, events_of
from pipeline.record.ledger import check
from pipeline.record.lock import Lock
from pipeline.record.store import open_store
from pipeline.sandbox.launch import attach, reset
from pipeline.world.sandbox import open_directly
from tests.processes import LONGEST, slowness

ROOT = Path(__file__).resolve().parents[2]
WELL = ("shop-01", "blog-02", "shop-03", "blog-04", "shop-05")
BROKEN = "blog-06"
BEGIN = "import sys; sys.path[:0] = [sys.argv.pop(1)]; from pipeline.cli.direct import main; main()"
pytestmark = pytest.mark.process


class FleetAtWork:
    """A fleet's folder, and its commands as processes. ``queue``: the URL of its queue."""

    def __init__(self, folder: Path, queue: str) -> None:
        self.folder, self.queue = folder, queue

    def start(self, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-P", "-c", BEGIN, str(ROOT), "--home", str(self.folder), *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words: str) -> tuple[int, str]:
        started = self.start(*words)
        out, err = started.communicate(timeout=LONGEST)
        return started.returncode, out + err

    def home(self, project: str) -> Path:
        return self.folder / "projects" / project

    @property
    def order(self) -> OrderState | None:
        """The newest order, as its record has it now."""
        store = open_store("", self.folder)
        try:
            for order in latest_orders(store, 1):
                return state_of(order, events_of(store, order))
        finally:
            store.close()
        return None

    def events(self, project: str) -> tuple[Event, ...]:
        """What the project's own record says of its run."""
        store, order = open_store("", self.home(project)), self.order
        assert order
        try:
            return events_of(store, order.plan.run_of(project))
        finally:
            store.close()

    def taken_up(self, project: str) -> datetime.datetime:
        """When a worker took the project up for the last time."""
        store, order = open_store("", self.folder), self.order
        assert order
        try:
            events = events_of(store, order.plan.order)
        finally:
            store.close()
        begins = [one.at for one in events if (one.kind, one.subject) == ("project begins", project)]
        return datetime.datetime.fromisoformat(begins[-1])

    def lock_of(self, project: str) -> Any:
        store = open_store("", self.home(project))
        try:
            return Lock(store, "sandbox", "", SystemClock()).held()
        finally:
            store.close()

    def serves(self, project: str) -> str:
        """The deployment that answers on the project's domain, as it says itself."""
        described = json.loads((self.home(project) / ".sandbox/running.json").read_text())
        request = urllib.request.Request(described["urls"]["production"] + "/api/health/db")
        with open_directly(request, 30) as answer:
            return str(answer.headers["x-deployment-id"])

    def jobs(self) -> int:
        with psycopg.connect(self.queue) as db:
            return len(db.execute("select id from procrastinate_jobs").fetchall())


def until(happens: Callable[[], Any]) -> Any:
    """Wait for what ``happens``, and give it."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if found := happens():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.fixture
def fleet(tmp_path: Path, cluster: Path) -> Iterator[FleetAtWork]:
    folder = tmp_path
    write_example(folder, 6)
    file = folder / "fleet.yml"
    text = file.read_text().replace("at_once: 2", "at_once: 3").replace("1s, silent: 5s", "1s, silent: 4s")
    file.write_text(text, encoding="utf-8")
    with attach(folder / ".fleet", timeout=120, program=PROGRAM) as running:
        yield FleetAtWork(folder, running["queue_url"])
    reset(folder / ".fleet")


def test_a_fleet_is_deployed_although_a_worker_is_killed_and_one_wave_of_it_goes_back(fleet: FleetAtWork) -> None:
    """In the last wave: the worker with -9, and with it the run that was just promoting; its other runs live on."""
    before = {name: fleet.serves(name) for name in (*WELL, BROKEN)}
    workers = {one.pid: one for one in (fleet.start("fleet.worker"), fleet.start("fleet.worker"))}
    deploying = fleet.start("fleet.deploy", "--elsewhere", "--json")

    def promoting() -> tuple[str, int] | None:
        order = fleet.order
        for name in ("blog-04", "shop-05") if order and order.waves_begun == 3 else ():
            worker = order.parts[name].worker if order else ""
            kinds = {(event.kind, event.subject) for event in fleet.events(name)}
            if worker and ("step begins", "promote") in kinds and ("run ended", "") not in kinds:
                return name, int(worker.rpartition("-")[2])
        return None

    victim, killed = until(promoting)
    held = fleet.lock_of(victim)
    os.kill(killed, signal.SIGKILL)
    if held:
        os.kill(held.pid, signal.SIGKILL)
    at = datetime.datetime.now(datetime.UTC)
    out, err = deploying.communicate(timeout=LONGEST)
    left = next(one for pid, one in workers.items() if pid != killed)
    left.send_signal(signal.SIGTERM)
    said, _ = left.communicate(timeout=LONGEST)

    assert deploying.returncode == 1, out + err
    told = {one["project"]: one for one in json.loads(out)["projects"]}
    assert {name: one["outcome"] for name, one in told.items()} == {
        **dict.fromkeys(WELL, "deployed"),
        BROKEN: "blocked",
    }
    assert told[victim]["taken_up"] >= 2
    assert (fleet.taken_up(victim) - at).total_seconds() < 30 * slowness()
    assert told[victim]["worker"].endswith(f"-{left.pid}")
    assert (left.returncode, "takes nothing more" in said) == (0, True)
    order = fleet.order
    assert order
    for name, one in ((name, part.end) for name, part in order.parts.items()):
        assert one
        kinds = [event.kind for event in fleet.events(name)]
        assert (kinds.count("run begins"), kinds.count("run ended")) == (1, 1), name
        assert fleet.serves(name) == (before[name] if name == BROKEN else one.staged)
        assert fleet.lock_of(name) is None
    assert fleet.jobs() == 0
    requests_are_counted(order)
    store = open_store("", fleet.folder)
    assert not check(store).faults
    store.close()
    one_wave_goes_back_and_nobody_else(fleet, order)


def requests_are_counted(order: OrderState) -> None:
    """Of every run that went well in one go; what is said of projects that were never deployed is as it is here."""
    whole = [part for part in order.parts.values() if part.times == 1 and part.end and part.end.outcome == "deployed"]
    assert len(whole) >= 3
    for part in whole:
        made = {bucket.rpartition(".")[0]: one.calls for bucket, one in part.calls.items()}
        for service, calls in IN_SANDBOX.items():
            assert 0.75 * calls <= made[service] <= 1.33 * calls + 40 * (slowness() - 1), (service, made)


def one_wave_goes_back_and_nobody_else(fleet: FleetAtWork, order: OrderState) -> None:
    ends = {name: part.end for name, part in order.parts.items()}
    code, said = fleet.run("fleet.rollback", "--wave", "rest")
    assert code == 0, said
    for name, end in ends.items():
        assert end
        back = name in ("blog-04", "shop-05")
        live = fleet.serves(name)
        assert (live == end.before) is back, name
        assert re.search(rf"{name} +rolled back", said) is not None or not back
    code, status = fleet.run("fleet.status", "--json")
    stands = {one["project"]: one["outcome"] for one in json.loads(status)}
    back = dict.fromkeys(("blog-04", "shop-05"), "rolled back")
    assert stands == {**dict.fromkeys(WELL, "deployed"), BROKEN: "blocked", **back}
    all_that_was_moved_since_goes_back(fleet, order)


def all_that_was_moved_since_goes_back(fleet: FleetAtWork, order: OrderState) -> None:
    """Those that a wave has taken back already are not touched again; the order's report says all of it."""
    code, said = fleet.run("fleet.rollback", "--since", "1h", "--json")
    assert code == 0, said
    answered = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert {one["project"] for one in answered["projects"]} == {"shop-01", "blog-02", "shop-03"}
    for name in WELL:
        end = order.parts[name].end
        assert end
        assert fleet.serves(name) == end.before
    code, said = fleet.run("fleet.report", "--order", order.plan.order, "--json")
    told = {one["project"]: one["serves"] for one in json.loads(said)["projects"] if one["taken_back"]}
    assert told == {name: end.before for name in WELL if (end := order.parts[name].end)}
