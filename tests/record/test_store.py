"""A journal that is slow, silent, locked, deleted or away: nothing of ours waits for it, and nothing is lost."""

import asyncio
import json
import socket
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from checks import healthy
from checks.outcome import Outcome
from pipeline.config import load
from pipeline.errors import Locked, Mistake, Unreachable
from pipeline.record import bounded as stores
from pipeline.record import schema
from pipeline.record.journal import Journal, Listener, events_of
from pipeline.record.place import place_of
from pipeline.record.postgres import PostgresStore
from pipeline.record.report import report_of
from pipeline.record.spill import Spill, left_over, take_in
from pipeline.record.sqlite import SqliteStore
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from pipeline.render.report import summary_text
from pipeline.session.deploy import settle_run, ship
from pipeline.session.session import Order
from pipeline.world.secrets import SECRETS
from tests.processes import LONGEST
from tests.scripted import Scripted, kinds, runner_for

DEADLINE = 1.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "DEADLINE", DEADLINE)
    monkeypatch.setattr(stores, "QUICK", DEADLINE / 5)


class Relay:
    """Stands between us and a Postgres; when ``silent`` it accepts everything and passes nothing on."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        self._there = (at.hostname or "127.0.0.1", at.port or 5432)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f"{at.hostname}:{at.port}", f"127.0.0.1:{self._server.getsockname()[1]}")
        self.speaks = threading.Event()
        self.speaks.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._server.accept()
            except OSError:
                return
            theirs = socket.create_connection(self._there)
            for one, other in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while got := one.recv(65536):
                self.speaks.wait()
                other.sendall(got)
        except OSError:
            pass
        for end in (one, other):
            end.close()

    def close(self) -> None:
        self.speaks.set()
        self._server.close()


@pytest.fixture
def relay(empty_database_url: str) -> Iterator[Relay]:
    made = Relay(empty_database_url)
    yield made
    made.close()


def journal_on(store: stores.Store, world: Scripted, folder: Path) -> Journal:
    return Journal(store, "r1", world.clock.now, Redactor(["hunter2hunter2"]), spill=Spill(folder, "r1"))


def test_a_connection_that_is_cut_is_made_anew(empty_database_url: str) -> None:
    store = PostgresStore(empty_database_url)
    journal = Journal(store, "r1", Scripted().clock.now, Redactor())
    journal.append("run begins")
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    journal.append("stage begins", "preflight")
    assert kinds(events_of(store, "r1")) == ["run begins", "stage begins preflight"]


def test_a_socket_that_hung_up_is_made_anew_although_psycopg_calls_the_connection_open(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, once, tried = PostgresStore(empty_database_url), PostgresStore._once, list[bool]()

    def hung_up(self: PostgresStore, *asked: Any) -> Any:
        tried.append(self._db.closed)
        if len(tried) == 1:
            raise psycopg.OperationalError("connection socket closed")  # as its wait says when poll() tells of no data
        return once(self, *asked)

    monkeypatch.setattr(PostgresStore, "_once", hung_up)
    assert store.execute("select 1") == [(1,)]
    assert tried == [False, False]
    store.close()


def test_a_postgres_that_falls_silent_is_waited_for_once_and_comes_back(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "REST", LONGEST)
    store = PostgresStore(relay.url)
    relay.speaks.clear()
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(Unreachable, match="no answer within"):
            store.execute("select 1")
    assert time.monotonic() - began < 5 * DEADLINE, "twenty statements together wait no longer than one"
    relay.speaks.set()
    store._rests_until = 0
    assert store.execute("select 1") == [(1,)]
    store.close()


def test_an_event_is_waited_for_once_and_written_once_when_postgres_speaks_again(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "REST", LONGEST)
    store, row = PostgresStore(relay.url), ("r1", "2026", "step done", "x", "{}")
    relay.speaks.clear()
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(Unreachable, match="no answer within"):
            store.append(row)
    assert time.monotonic() - began < 5 * DEADLINE, "twenty events together wait no longer than one"
    relay.speaks.set()
    store._rests_until = 0
    store.append(row)
    assert [event.kind for event in events_of(store, "r1")] == ["step done"]
    store.close()


def test_a_postgres_that_accepts_and_never_answers_is_a_mistake_within_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Mistake, match="journal: cannot use"):
        PostgresStore(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d")


def test_a_statement_that_waits_for_a_lock_has_a_deadline(empty_database_url: str) -> None:
    store = PostgresStore(empty_database_url)
    with psycopg.connect(empty_database_url) as db:
        db.execute("lock table deploy_events in access exclusive mode")
        with pytest.raises(Unreachable):
            Journal(store, "r1", Scripted().clock.now, Redactor()).append("run begins")


def test_a_file_that_another_process_holds_takes_no_good_release_back(tmp_path: Path) -> None:
    world = Scripted()
    folder = tmp_path / ".runs"
    store = open_store("", tmp_path)
    journal = journal_on(store, world, folder)
    other = sqlite3.connect(folder / "journal.db", isolation_level=None, check_same_thread=False)
    world.clock.at[50] = lambda: (other.execute("begin exclusive"), setattr(world, "health", 503))
    world.clock.at[60] = lambda: setattr(world, "health", 200)
    assert asyncio.run(runner_for(world, journal).run()) is Outcome.HELD
    assert world.serves == healthy.STAGED
    said = journal.events()
    assert "the record could not be written" in said[-1].body["reason"]
    held = report_of("r1", said)
    assert "what happened could not be written down" in summary_text(held).splitlines()[1]
    (spill,) = folder.glob("spill-*.jsonl")
    assert spill.name in said[-1].body["reason"]
    assert stat.S_IMODE(spill.stat().st_mode) == 0o600
    other.execute("rollback")


def test_a_lock_that_ends_before_the_run_is_caught_up_with_and_deployed(tmp_path: Path) -> None:
    world = Scripted()
    store = open_store("", tmp_path)
    journal = journal_on(store, world, tmp_path / ".runs")
    other = sqlite3.connect(tmp_path / ".runs/journal.db", isolation_level=None, check_same_thread=False)
    world.clock.at[50] = lambda: (other.execute("begin exclusive"), setattr(world, "health", 503))
    world.clock.at[70] = lambda: (other.execute("rollback"), setattr(world, "health", 200))
    world.clock.at[100] = lambda: setattr(store, "_rests_until", 0)
    assert asyncio.run(runner_for(world, journal).run()) is Outcome.DEPLOYED
    assert kinds(events_of(store, "r1"))[-1] == "run ended"
    assert not list((tmp_path / ".runs").glob("spill-*"))


def test_a_bad_release_goes_back_without_its_journal(tmp_path: Path) -> None:
    world = Scripted()
    journal = journal_on(open_store("", tmp_path), world, tmp_path / ".runs")
    other = sqlite3.connect(tmp_path / ".runs/journal.db", isolation_level=None, check_same_thread=False)
    world.clock.at[50] = lambda: (other.execute("begin exclusive"), setattr(world, "health", 503))
    began = time.monotonic()
    assert asyncio.run(runner_for(world, journal).run()) is Outcome.ROLLED_BACK
    assert time.monotonic() - began < 10 * DEADLINE
    assert world.serves == "dpl_live"


def test_what_cannot_be_written_before_the_promotion_stops_the_run(tmp_path: Path) -> None:
    world = Scripted()
    store = open_store("", tmp_path)
    journal = journal_on(store, world, tmp_path / ".runs")
    store.close()
    assert asyncio.run(runner_for(world, journal).run()) is Outcome.BLOCKED
    assert "move" not in world.calls


def test_a_file_that_is_deleted_under_a_run_is_named_and_the_run_is_not_lost(tmp_path: Path) -> None:
    world = Scripted()
    folder = tmp_path / ".runs"
    journal = journal_on(open_store("", tmp_path), world, folder)

    world.clock.at[300] = lambda: delete(folder)
    outcome = asyncio.run(runner_for(world, journal).run())
    assert outcome is Outcome.HELD
    assert world.serves == healthy.STAGED
    assert "journal.db was deleted or replaced" in journal.events()[-1].body["reason"]
    journal._spill._file = released(journal._spill._file)  # type: ignore[union-attr]
    again = open_store("", tmp_path)
    assert kinds(events_of(again, "r1")) == kinds(journal.events())
    assert not list(folder.glob("spill-*"))


def released(file: int | None) -> None:
    """What the end of the process does."""
    import os

    os.close(file or -1)


def test_a_spill_is_taken_in_in_order_and_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    rows = [["r1", f"2026-11-24T10:00:0{n}", kind, "", "{}"] for n, kind in enumerate(("a b", "c d", "e f"))]
    Journal(store, "r0", Scripted().clock.now, Redactor()).append("run begins")
    store.execute("insert into deploy_events (run, at, kind, subject, body) values (?, ?, ?, ?, ?)", *rows[0])
    text = "".join(json.dumps(row) + "\n" for row in rows) + '["r1", "cut off'
    for _ in range(2):
        (tmp_path / "spill-r1-7.jsonl").write_text(text)
        take_in(store, tmp_path)
    assert kinds(events_of(store, "r1")) == ["a b", "c d", "e f"]
    assert not list(tmp_path.glob("spill-*"))


def delete(folder: Path) -> None:
    for path in folder.glob("journal.db*"):
        path.unlink()


def test_a_resumed_run_keeps_what_its_earlier_processes_had_written(tmp_path: Path) -> None:
    """The file of the journal is deleted under it: with its own events alone it would be no run any more."""
    world, folder = Scripted(), tmp_path / ".runs"
    first = journal_on(open_store("", tmp_path), world, folder)
    first.append("run begins", commit="c" * 40)
    first.append("step begins", "move", exact={"inputs": []})
    spill = Spill(folder, "r1")
    journal = Journal(open_store("", tmp_path), "r1", world.clock.now, Redactor(), spill=spill, earlier=first.events())
    journal.append("stage begins", "watch")
    journal.goes_on = True
    delete(folder)
    journal.append("run ended", outcome="deployed")
    assert not journal.catch_up(), "the file that is open is nobody's"
    spill._file = released(spill._file)
    again = open_store("", tmp_path)
    assert kinds(events_of(again, "r1")) == ["run begins", "step begins move", "stage begins watch", "run ended"]
    assert left_over(folder) == ()


def test_what_comes_back_is_caught_up_with_from_the_runs_first_event_on(tmp_path: Path) -> None:
    world, folder = Scripted(), tmp_path / ".runs"
    first = journal_on(open_store("", tmp_path), world, folder)
    first.append("run begins", commit="c" * 40)
    store = open_store("", tmp_path)
    journal = Journal(store, "r1", world.clock.now, Redactor(), spill=Spill(folder, "r1"), earlier=first.events())
    journal.goes_on = True
    delete(folder)
    journal.append("stage begins", "watch")
    journal._store = open_store("", tmp_path)  # somebody has put an empty one there
    assert journal.catch_up()
    assert kinds(journal.events()) == ["run begins", "stage begins watch"]
    assert not list(folder.glob("*spill-*"))


def test_two_processes_of_a_run_never_share_a_spill(tmp_path: Path) -> None:
    """In a container every process has the same number: the one that is done would remove what the other left."""
    first, second = Spill(tmp_path, "r1"), Spill(tmp_path, "r1")
    first.add([("r1", "2026", "step begins", "move", "{}")])
    first._file = released(first._file)
    second.add([("r1", "2027", "a b", "", "{}")])
    second.remove()
    assert left_over(tmp_path) == (first.path,)


def test_what_a_run_left_beside_the_journal_is_taken_in_before_anything_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal can be read and not written: the promotion that a run made stands only beside it."""
    config = tmp_path / "deploy.yml"
    config.write_text((Path(__file__).parents[2] / "deploy.yml").read_text().replace("team_REPLACE_ME", "team_lms"))
    loaded = load(config)
    store, (name, _) = open_store(place_of(loaded.file.state, tmp_path).address, tmp_path), loaded.target("production")
    for secret in SECRETS:
        monkeypatch.setenv(secret, "x" * 12)
    row = ("r1", "2026-11-24T10:00:00+00:00", "step begins", "promote", "{}")
    left = tmp_path / ".runs/spill-r1-7.jsonl"
    left.write_text(json.dumps(row) + "\n")
    other = sqlite3.connect(tmp_path / ".runs/journal.db", isolation_level=None)
    other.execute("begin immediate")
    show: Callable[..., Listener] = lambda redactor, run: lambda event: None  # noqa: E731
    with pytest.raises(Locked, match=rf"{left}.*--target {name}"):
        ship(loaded, Order(target=name), tmp_path, show)
    with pytest.raises(Locked, match=str(left)):
        settle_run(loaded, name, "", tmp_path, show)
    other.execute("rollback")
    assert events_of(store, "r1") == ()
    take_in(store, tmp_path / ".runs")
    assert kinds(events_of(store, "r1")) == ["step begins promote"]


def test_the_spill_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    store, spill = SqliteStore(tmp_path / "journal.db"), Spill(tmp_path, "r1")
    spill.add([("r1", "2026", "a b", "", "{}")])
    take_in(store, tmp_path)
    assert events_of(store, "r1") == ()
    assert spill.path.exists()
    assert left_over(tmp_path) == ()


def test_a_disk_that_is_full_for_the_spill_too_takes_nothing_back(tmp_path: Path) -> None:
    world = Scripted()
    store = open_store("", tmp_path)
    (tmp_path / "no folder").write_text("")
    journal = journal_on(store, world, tmp_path / "no folder")
    world.clock.at[300] = store.close
    assert asyncio.run(runner_for(world, journal).run()) is Outcome.HELD
    assert world.serves == healthy.STAGED
    assert "nor could they be kept beside it" in journal.events()[-1].body["reason"]


def test_many_who_open_an_empty_store_at_once_all_get_it(database_url: str, tmp_path: Path) -> None:
    """`create table if not exists` looks first and makes then, so two of them may meet in between."""
    together, failures = threading.Barrier(10), list[Exception]()

    def open_it() -> None:
        together.wait(30)
        try:
            open_store(database_url, tmp_path).close()
        except Exception as error:
            failures.append(error)

    for _ in range(3):
        with psycopg.connect(database_url, autocommit=True) as db:
            db.execute("drop table if exists deploy_events, deploy_locks, deploy_samples")
        threads = [threading.Thread(target=open_it) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_a_listener_that_cannot_write_any_more_stops_nothing(tmp_path: Path) -> None:
    def gone(event: object) -> None:
        raise OSError("the terminal is gone")

    journal = Journal(SqliteStore(tmp_path / "journal.db"), "r1", Scripted().clock.now, Redactor(), [gone])
    journal.append("run begins")
    assert kinds(journal.events()) == ["run begins"]


def opened_beside(url: str, busy: Callable[[psycopg.Connection[Any]], None]) -> None:
    """Open the store in a thread while another connection is in a transaction, in which it does what ``busy`` does."""
    failures: list[BaseException] = []

    def opens() -> None:
        try:
            PostgresStore(url).close()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=opens, daemon=True)
    with psycopg.connect(url) as other:
        other.execute("lock table deploy_events in row exclusive mode")  # as whoever is about to append
        thread.start()
        busy(other)
    thread.join(LONGEST)
    assert not thread.is_alive()
    assert failures == []


def test_who_finds_the_tables_made_meanwhile_changes_nothing(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who opened a fresh record at once, of whom one had begun to write, waited for one another."""
    PostgresStore(empty_database_url).close()
    looks: list[bool] = []
    looked = PostgresStore._is_made

    def first_not(store: PostgresStore) -> bool:
        looks.append(looked(store))
        return looks[-1] and len(looks) > 1

    monkeypatch.setattr(PostgresStore, "_is_made", first_not)

    def busy(other: psycopg.Connection[Any]) -> None:
        until = time.monotonic() + LONGEST
        while len(looks) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert looks == [True, True]

    opened_beside(empty_database_url, busy)


def test_an_upgrade_waits_for_who_is_about_to_append_and_not_the_other_way_round(empty_database_url: str) -> None:
    store = PostgresStore(empty_database_url)
    store.execute("delete from deploy_schema")

    def busy(other: psycopg.Connection[Any]) -> None:
        waiting = "select count(*) from pg_locks where relation = 'deploy_events'::regclass and not granted"
        until = time.monotonic() + LONGEST
        while not store.execute(waiting)[0][0] and time.monotonic() < until:
            time.sleep(0.01)
        other.execute("set local lock_timeout = '2s'")
        other.execute(f"select pg_advisory_xact_lock({schema.CHAINING})")

    opened_beside(empty_database_url, busy)
