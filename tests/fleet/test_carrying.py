"""A project's part is begun, gone on with, put back or waited for: what its own record says decides."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.config import load
from pipeline.errors import HandedOver, Locked, Mistake
from pipeline.fleet import carrying
from pipeline.fleet.carrying import Carrier, take_back
from pipeline.fleet.children import answer_of, words_of
from pipeline.fleet.ends import HANDED, LOST, REFUSED, THERE, ProjectEnd
from pipeline.fleet.file import FleetProject
from pipeline.fleet.order import OrderAction, OrderPlan
from pipeline.record.journal import Journal
from pipeline.record.lock import Lock
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from pipeline.session.session import Order
from pipeline.signals import HAND_OVER, HAND_OVER_UNMOVED
from tests.scripted import MovingClock

LEAST = "source: {repository: acme/lms}\ntargets: {sandbox: {kind: sandbox}}\n"
RUN = "order.shop"


class Home:
    """A project's home with a record, and stand-ins for what moves production: they write what they were asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "deploy.yml").write_text(LEAST, encoding="utf-8")
        self.config, self.folder = load(folder / "deploy.yml"), folder
        self.store, self.clock = open_store("", folder), MovingClock()
        self.journal = Journal(self.store, RUN, self.clock.now, Redactor())
        self.asked: list[str] = []
        self.ships: Callable[[Order], None] = lambda order: self.ends("deployed")
        monkeypatch.setattr(carrying, "ship", self._ship)
        monkeypatch.setattr(carrying, "settle_run", self._settle)

    def begins(self) -> None:
        self.journal.append("run begins", pipeline="deploy", target="sandbox", commit="c", by="dana", production="x")

    def ends(self, outcome: str) -> None:
        self.journal.append("run ended", outcome=outcome)

    def _ship(self, config: Any, order: Order, *more: Any) -> None:
        self.asked.append("resume" if order.resume else "begin")
        self.ships(order)

    def _settle(self, config: Any, target: str, run: str, *more: Any) -> None:
        self.asked.append(f"settle {run}")
        self.ends("rolled back")

    def carry(self, wait: float = 10) -> ProjectEnd:
        order = Order("sandbox", run=RUN)
        show: Any = None
        return Carrier(self.config, self.folder, order, show, show, wait, self.clock).carry()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    made = Home(tmp_path, monkeypatch)
    yield made
    made.store.close()


def test_a_run_that_nobody_has_begun_is_begun(home: Home) -> None:
    home.ships = lambda order: (home.begins(), home.ends("deployed"))[-1]
    assert (home.carry().outcome, home.asked) == ("deployed", ["begin"])


def test_a_run_that_has_ended_is_only_told(home: Home) -> None:
    home.begins()
    home.ends("blocked")
    assert (home.carry().outcome, home.asked) == ("blocked", [])


def test_a_run_that_was_cut_off_is_gone_on_with(home: Home) -> None:
    home.begins()
    assert (home.carry().outcome, home.asked) == ("deployed", ["resume"])


def test_a_run_that_cannot_be_gone_on_with_is_put_back(home: Home) -> None:
    def refuses(order: Order) -> None:
        raise Mistake("run order.shop: ships another commit now")

    home.begins()
    home.ships = refuses
    assert (home.carry().outcome, home.asked) == ("rolled back", ["resume", f"settle {RUN}"])


def test_a_run_that_is_alive_elsewhere_is_waited_for_and_not_touched(home: Home) -> None:
    home.begins()
    lock = Lock(home.store, "sandbox", RUN, home.clock, lease=60, pid=0)
    lock.take("somebody is at it")

    def over() -> None:
        home.ends("deployed")
        lock.release()

    home.clock.at[5] = over
    assert (home.carry().outcome, home.asked) == ("deployed", [])


def test_somebody_elses_lock_is_waited_for_as_long_as_is_said(home: Home) -> None:
    def locked(order: Order) -> None:
        raise Locked("sandbox is locked by dana (by a person)")

    home.ships = locked
    end = home.carry(wait=3)
    assert (end.outcome, "locked by dana" in end.reason) == (REFUSED, True)
    assert home.asked == ["begin"] * 5


def test_what_is_refused_says_why_and_what_has_no_end_is_not_known(home: Home) -> None:
    def refuses(order: Order) -> None:
        raise Mistake("--from out: there is no such folder")

    home.ships = refuses
    assert home.carry() == ProjectEnd(REFUSED, "--from out: there is no such folder")
    home.ships = lambda order: home.begins()
    assert home.carry().outcome == LOST


@pytest.mark.parametrize(
    ("live", "outcome"), [("dpl_old", THERE), ("dpl_theirs", "superseded"), ("dpl_new", "rolled back")]
)
def test_production_goes_back_only_from_what_the_order_put_there(
    live: str, outcome: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[Any] = []

    @contextlib.contextmanager
    def opened(*_: Any) -> Iterator[Any]:
        yield SimpleNamespace(settings=SimpleNamespace(name="sandbox"))

    def rollback_now(order: Any, *_: Any) -> int:
        went.append((order.to, order.target))
        return 0

    monkeypatch.setattr(carrying, "open_session", opened)
    monkeypatch.setattr(carrying, "current_status", lambda session: SimpleNamespace(live=SimpleNamespace(id=live)))
    monkeypatch.setattr("pipeline.emergency.rollback.rollback_now", rollback_now)
    deployed = ProjectEnd("deployed", staged="dpl_new", before="dpl_old")
    end = take_back(home.config, home.folder, home.folder / "deploy.yml", "sandbox", deployed)
    assert end.outcome == outcome
    assert went == ([("dpl_old", "sandbox")] if outcome == "rolled back" else [])


def test_the_command_of_a_project_names_the_run_that_all_workers_know(tmp_path: Path) -> None:
    plan = OrderPlan("o", OrderAction.DEPLOY, (), 1, 0, flags=("--over-rollback",))
    words = words_of(plan, "shop", FleetProject("shop", target="production", ships="out"), tmp_path, 300, 15)
    said = "--target=production --run=o.shop --from=out --lock-wait=300s --lease=15s --over-rollback"
    assert words[words.index("--home") :] == ["--home", str(tmp_path), "fleet.carry", *said.split()]


def test_only_the_last_line_of_a_process_is_its_answer() -> None:
    assert answer_of('npm said something\n{"outcome": "deployed", "staged": "dpl_1"}\n') == ProjectEnd(
        "deployed", staged="dpl_1"
    )
    assert answer_of("") is None
    assert answer_of("error: no\n") is None
    assert answer_of("[1]") is None


def test_a_carrier_that_is_told_to_leaves_its_run_and_begins_no_other(home: Home) -> None:
    def leaves(order: Order) -> None:
        raise HandedOver("run order.shop is left to another worker")

    home.begins()
    home.ships = leaves
    assert home.carry() == ProjectEnd(HANDED, "run order.shop is left to another worker")

    def locked(order: Order) -> None:
        os.kill(os.getpid(), HAND_OVER)
        raise Locked("sandbox is locked by dana (by a person)")

    home.ships = locked
    assert (home.carry().outcome, home.asked) == (HANDED, ["resume", "resume"])


def test_a_run_that_somebody_is_at_is_waited_for_when_there_is_no_other_worker(home: Home) -> None:
    home.begins()
    lock = Lock(home.store, "sandbox", RUN, home.clock, lease=60, pid=0)
    lock.take("somebody is at it")

    def over() -> None:
        home.ends("deployed")
        lock.release()

    home.clock.at[2] = lambda: os.kill(os.getpid(), HAND_OVER_UNMOVED)
    home.clock.at[5] = over
    assert (home.carry().outcome, home.asked) == ("deployed", [])
