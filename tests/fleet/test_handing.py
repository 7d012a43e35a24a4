"""A worker that is told to end hands over what is under way: to another worker, to the queue, or to nobody."""

import datetime
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.fleet.example import write_example
from pipeline.fleet.order import Where
from pipeline.fleet.place import PROGRAM
from pipeline.record.journal import Event, events_of
from pipeline.record.store import open_store
from pipeline.render.fleet import event_line
from pipeline.sandbox.launch import attach, reset
from tests.fleet.test_whole import FleetAtWork, until
from tests.processes import LONGEST, slowness

WATCH = 8
pytestmark = pytest.mark.process


@pytest.fixture
def fleet(tmp_path: Path, cluster: Path) -> Iterator[FleetAtWork]:
    """Two projects, each in a wave of its own, with a watch that is long enough to be left; nobody is given time."""
    write_example(tmp_path, 2)
    file = tmp_path / "fleet.yml"
    file.write_text(file.read_text().replace("silent: 5s", "silent: 60s, grace: 100ms"), encoding="utf-8")
    for home in (tmp_path / "projects").iterdir():
        said = (home / "deploy.yml").read_text().replace("watch: {during: 1s", f"watch: {{during: {WATCH}s")
        (home / "deploy.yml").write_text(said, encoding="utf-8")
    with attach(tmp_path / ".fleet", timeout=120, program=PROGRAM) as running:
        yield FleetAtWork(tmp_path, running["queue_url"])
    reset(tmp_path / ".fleet")


def kinds(fleet: FleetAtWork, project: str) -> list[tuple[str, str]]:
    return [(event.kind, event.subject) for event in fleet.events(project)] if fleet.order else []


def said_of(fleet: FleetAtWork, kind: str, project: str) -> list[Event]:
    """What the order's record says of that kind of a project."""
    store, order = open_store("", fleet.folder), fleet.order
    assert order
    try:
        events = events_of(store, order.plan.order)
    finally:
        store.close()
    return [one for one in events if (one.kind, one.subject) == (kind, project)]


def at_of(fleet: FleetAtWork, kind: str, project: str) -> list[datetime.datetime]:
    """When it does."""
    return [datetime.datetime.fromisoformat(one.at) for one in said_of(fleet, kind, project)]


def ended(worker: "subprocess.Popen[str]") -> str:
    """Tell a worker to end; what it has said until it did."""
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=LONGEST)
    assert worker.returncode == 0, err
    return out


def test_what_is_under_way_is_left_to_the_queue_then_to_another_worker_and_ends_where_there_is_none(
    fleet: FleetAtWork,
) -> None:
    worker = fleet.start("fleet.worker")
    deploying = fleet.start("fleet.deploy", "--elsewhere", "--json")

    until(lambda: ("run begins", "") in kinds(fleet, "shop-01"))
    said = ended(worker)
    order = fleet.order
    assert order
    assert ("step begins", "promote") not in kinds(fleet, "shop-01"), "production has not moved"
    assert "shop-01: handed over; it waits in the queue: start " in said
    assert (order.parts["shop-01"].where, fleet.jobs()) == (Where.QUEUED, 1)
    assert fleet.lock_of("shop-01") is None
    assert f"for another worker: {order.parts['shop-01'].handed} ended" in fleet.run("fleet.status")[1]
    assert "was handed over, and waits for a worker" in fleet.run("fleet.report")[1]

    workers = {one.pid: one for one in (fleet.start("fleet.worker"), fleet.start("fleet.worker"))}

    def watched_by(project: str) -> int:
        known, order = kinds(fleet, project), fleet.order
        watched = ("stage begins", "watch") in known and ("run ended", "") not in known
        return int(order.parts[project].worker.rpartition("-")[2]) if order and watched else 0

    first = until(lambda: watched_by("shop-01"))
    said = ended(workers.pop(first))
    assert "shop-01: handed over\n" in said
    until(lambda: len(at_of(fleet, "project begins", "shop-01")) == 3)
    left, taken = at_of(fleet, "project handed over", "shop-01")[-1], at_of(fleet, "project begins", "shop-01")[-1]
    assert (taken - left).total_seconds() < 5 * slowness(), "long before anybody counts as silent"
    order = fleet.order
    assert order
    lines = [event_line(one, order.plan) for one in said_of(fleet, "project begins", "shop-01")]
    assert lines[0] == "", "that it begins at all is no news"
    assert [" ".join(line.split()[1:5]) for line in lines[1:]] == ["shop-01 taken up by"] * 2

    second = until(lambda: watched_by("blog-02"))
    said = ended(workers.pop(second))
    assert "blog-02: no other worker takes it; if it has moved production it ends here" in said
    assert "blog-02: deployed" in said
    out, err = deploying.communicate(timeout=LONGEST)
    assert deploying.returncode == 0, out + err

    told = {one["project"]: (one["outcome"], one["taken_up"]) for one in json.loads(out)["projects"]}
    assert told == {"shop-01": ("deployed", 3), "blog-02": ("deployed", 1)}
    assert first != second
    for project in told:
        happened = kinds(fleet, project)
        once = [("run begins", ""), ("step begins", "promote"), ("run ended", "")]
        assert [happened.count(one) for one in once] == [1, 1, 1], project
        assert fleet.lock_of(project) is None
    assert fleet.jobs() == 0


def test_a_second_signal_ends_a_worker_as_one_that_dies_and_its_runs_live_on(fleet: FleetAtWork) -> None:
    file = fleet.folder / "fleet.yml"
    file.write_text(file.read_text().replace("silent: 60s, grace: 100ms", "silent: 4s, grace: 10m"), encoding="utf-8")
    worker = fleet.start("fleet.worker")
    deploying = fleet.start("fleet.deploy", "--elsewhere", "--json", "--select", "project=shop-01")
    until(lambda: ("stage begins", "watch") in kinds(fleet, "shop-01"))
    worker.send_signal(signal.SIGTERM)
    assert worker.stdout
    until(lambda: "takes nothing more" in worker.stdout.readline())
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=LONGEST)
    assert worker.returncode == -signal.SIGTERM
    assert fleet.lock_of("shop-01"), "its run is alive"
    other = fleet.start("fleet.worker")
    out, err = deploying.communicate(timeout=LONGEST)
    assert deploying.returncode == 0, out + err
    ended(other)
    assert [(one["outcome"], one["taken_up"]) for one in json.loads(out)["projects"]] == [("deployed", 2)]
    assert kinds(fleet, "shop-01").count(("run begins", "")) == 1
