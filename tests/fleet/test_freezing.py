"""Who may freeze a fleet and lift that: signed, and asked again by workers; an old word said again is none."""

import asyncio
import dataclasses
import datetime
from pathlib import Path

import pytest

from pipeline.commands.fleetfreezing import FreezeWish, freeze_fleet, frozen_lines
from pipeline.errors import Mistake
from pipeline.fleet.file import load_fleet
from pipeline.fleet.freezing import FREEZE, FleetFreeze, freeze, freeze_text, freezes, said_after
from pipeline.fleet.order import OrderState, Where
from pipeline.fleet.ordering import order_state
from pipeline.fleet.queue import FleetJob
from pipeline.fleet.signing import FleetPermits
from pipeline.fleet.working import FleetWorker
from pipeline.record.journal import events_of
from tests.fleet.test_signing import YAML, Orders, keys, needs_keys

__all__ = ["keys"]
MAY = YAML.replace("may: {", "may: {freeze: [leads], ", 1)


@pytest.fixture
def orders(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Orders:
    return Orders(tmp_path, keys, MAY, monkeypatch)


def frozen(orders: Orders, name: str, reason: str = "Black Friday", *, lift: bool = False) -> str:
    """What is printed when somebody freezes or lifts with the key of ``name``."""
    said: list[str] = []
    wish = FreezeWish(reason="" if lift else reason, lift=lift, key=orders.key(name))
    freeze_fleet(orders.fleet.root, wish, said.append, said.append)
    return "\n".join(said)


def known(orders: Orders) -> tuple[FleetFreeze | None, tuple[str, ...]]:
    found = freezes(orders.fleet.store, FleetPermits(orders.fleet.root, orders.fleet.file))
    return found.in_force(datetime.datetime.now(datetime.UTC)), found.doubts


@needs_keys
def test_who_is_not_named_neither_freezes_nor_lifts(orders: Orders) -> None:
    with pytest.raises(Mistake, match=r"dana may not freeze this fleet: may\.freeze names leads"):
        frozen(orders, "dana")
    with pytest.raises(Mistake, match="has no such key"):
        frozen(orders, "stranger")
    assert known(orders) == (None, ())
    assert frozen(orders, "lee").startswith("the fleet is frozen by lee: Black Friday")
    with pytest.raises(Mistake, match="dana may not freeze"):
        frozen(orders, "dana", lift=True)
    assert known(orders)[0]
    assert frozen(orders, "lee", lift=True) == "the fleet is not frozen"


@needs_keys
def test_what_nobody_who_may_has_signed_counts_for_nothing_and_is_said(orders: Orders) -> None:
    journal = orders.fleet.journal(FREEZE)
    frozen(orders, "lee")
    found, _ = known(orders)
    assert found
    later = said_after(found, datetime.datetime.now(datetime.UTC))
    for forged in (
        FleetFreeze("lee", lifted=True),
        FleetFreeze("lee", lifted=True, at=later, proof=found.proof),
        dataclasses.replace(found, at=later, until="2026-01-01"),
    ):
        freeze(journal, forged)
        assert known(orders)[0] == found, forged
    assert ["signed by nobody" in line for line in known(orders)[1]] == [True, False, False]
    assert frozen_lines(orders.fleet.root, orders.fleet.file)[0].startswith("the fleet is frozen by lee")


@needs_keys
def test_an_old_lifting_that_is_written_down_again_lifts_nothing(orders: Orders) -> None:
    frozen(orders, "lee")
    frozen(orders, "lee", lift=True)
    lifting = events_of(orders.fleet.store, FREEZE)[-1]
    frozen(orders, "lee", "the second one")
    orders.fleet.journal(FREEZE).append(lifting.kind, exact=lifting.body)
    found, doubts = known(orders)
    assert found
    assert found.reason == "the second one"
    assert "it was said before the one that does" in doubts[0]


@needs_keys
def test_what_was_signed_for_another_fleet_with_the_same_keys_counts_for_nothing(
    orders: Orders, tmp_path_factory: pytest.TempPathFactory, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Orders(tmp_path_factory.mktemp("other"), keys, MAY.replace("acme", "other"), monkeypatch)
    frozen(other, "lee")
    frozen(orders, "lee", "ours")
    frozen(other, "lee", lift=True)
    journal = orders.fleet.journal(FREEZE)
    for event in events_of(other.fleet.store, FREEZE):
        journal.append(event.kind, exact=event.body)
    found, doubts = known(orders)
    assert found
    assert found.reason == "ours"
    assert ["it is of the fleet other, and this one is acme; it has to be said anew" in line for line in doubts] == [
        True,
        True,
    ]
    for event in events_of(other.fleet.store, FREEZE):  # and who writes another name over it
        journal.append(event.kind, exact={**event.body, "fleet": "acme"})
    assert known(orders)[0] == found
    assert "its signature is of something else" in known(orders)[1][-1]


@needs_keys
def test_a_freeze_that_was_signed_without_a_fleet_counts_for_nothing_and_says_why(orders: Orders) -> None:
    old = FleetFreeze("lee", "old", at="2026-01-01T00:00:00.000+00:00")
    text = freeze_text(old).replace("fleet: \n", "")
    permits = FleetPermits(orders.fleet.root, orders.fleet.file)
    _, proof = permits.say(lambda by: text, "lee", Path(orders.key("lee")), "freeze")
    freeze(orders.fleet.journal(FREEZE), dataclasses.replace(old, proof=proof))
    found, doubts = known(orders)
    assert found is None
    assert doubts[0].endswith("does not count: it names no fleet, and this one is acme; it has to be said anew here")


@needs_keys
def test_a_worker_begins_nothing_of_a_frozen_fleet_and_ends_what_was_begun(orders: Orders) -> None:
    state = orders.given("dana")
    frozen(orders, "lee")
    assert worked(orders, state, "shop") is Where.WAITING
    assert orders.carried == []
    orders.fleet.journal(state.plan.order).append("project begins", "shop", worker="dead")
    assert worked(orders, state, "shop") is Where.ENDED
    assert orders.carried == ["shop"]


@needs_keys
def test_a_worker_heeds_no_freeze_that_nobody_has_signed(orders: Orders) -> None:
    state = orders.given("dana")
    freeze(orders.fleet.journal(FREEZE), FleetFreeze("dana", "because I can"))
    assert worked(orders, state, "shop") is Where.ENDED


def worked(orders: Orders, state: OrderState, project: str) -> Where:
    """Where a project is after a worker was given its job."""
    asyncio.run(FleetWorker(orders.fleet).do(FleetJob(state.plan.order, project)))
    return order_state(orders.fleet.store, state.plan.order).parts[project].where


def test_a_clock_that_is_behind_can_lift_all_the_same() -> None:
    now = datetime.datetime(2026, 11, 29, 10, tzinfo=datetime.UTC)
    ahead = FleetFreeze("dana", "x", at="2026-11-29T10:05:00.000+00:00")
    assert said_after(ahead, now) == "2026-11-29T10:05:00.001+00:00"
    assert said_after(None, now) == "2026-11-29T10:00:00.000+00:00"


def test_a_group_says_nothing_of_a_freeze(tmp_path: Path) -> None:
    text = "projects: {a: {home: a, group: g}}\nname: acme\nsigners: keys\ngroups:\n  g: {may: {freeze: [dana]}}\n"
    (tmp_path / "fleet.yml").write_text(text)
    (tmp_path / "keys").write_text("dana ssh-ed25519 AAAA\n")
    with pytest.raises(Mistake, match=r"fleet.yml:5: groups.g.may.freeze: a freeze is of the whole fleet"):
        load_fleet(tmp_path / "fleet.yml")
