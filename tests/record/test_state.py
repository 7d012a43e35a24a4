"""What is remembered: the journal, the lock, the report, and that no secret is in any of them."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks import healthy
from checks.evidence import Evidence, ProductionBefore
from pipeline import log
from pipeline.clock import SystemClock
from pipeline.engine.past import freeze, thaw
from pipeline.errors import Locked, Mistake, Unreachable
from pipeline.record import lock as locks
from pipeline.record.bounded import Store
from pipeline.record.journal import Journal, events_of, latest_runs, unfinished_runs
from pipeline.record.lock import Lock
from pipeline.record.postgres import PostgresStore
from pipeline.record.report import report_of
from pipeline.record.sqlite import SqliteStore
from pipeline.record.store import open_store
from pipeline.redact import MASK, Redactor
from pipeline.session.ownership import is_ours
from tests.scripted import MovingClock


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The same tests for both: same schema, same behaviour. The tests' clock is the database's, too."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "journal.db")
    request.getfixturevalue("monkeypatch").setattr(PostgresStore, "now", lambda store: None)
    return open_store(request.getfixturevalue("empty_database_url"), tmp_path)


def test_events_come_back_as_they_were(store: Store) -> None:
    clock = MovingClock()
    journal = Journal(store, "r1", clock.now, Redactor())
    journal.append("step begins", "promote", inputs=[{"a": (1, 2)}], when=clock.now())
    (event,) = events_of(store, "r1")
    assert event.body == {"inputs": [{"a": [1, 2]}], "when": clock.now().isoformat()}
    assert latest_runs(store, 5) == (), "what has not begun as a run is none"


def test_the_journal_is_append_only(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    Journal(store, "r1", MovingClock().now, Redactor()).append("run begins")
    for sql in ("delete from deploy_events", "update deploy_events set body = ''"):
        with pytest.raises(Unreachable, match="append-only"):
            store.execute(sql)


@pytest.mark.parametrize("value", healthy.EVIDENCE, ids=lambda value: type(value).__name__)
def test_every_evidence_survives_the_journal(value: Evidence) -> None:
    assert thaw(freeze(value), {}) == value


def test_one_holder_at_a_time(store: Store) -> None:
    clock = MovingClock()
    Lock(store, "production", "run-a", clock, pid=0).take("deploy aaa")
    with pytest.raises(Locked, match="run-a"):
        Lock(store, "production", "run-b", clock, pid=0).take("deploy bbb")
    Lock(store, "sandbox", "run-b", clock, pid=0).take("another target is free")


def test_a_lapsed_lease_is_taken_over_and_the_old_holder_notices(store: Store) -> None:
    clock = MovingClock()
    old, new = Lock(store, "t", "old", clock, lease=60, pid=0), Lock(store, "t", "new", clock, lease=60, pid=0)
    old.take("x")
    clock.seconds = 59
    with pytest.raises(Locked):
        new.take("y")
    clock.seconds = 61
    new.take("y")
    assert old.renew() is False
    assert new.renew() is True


def test_a_renewed_lease_is_kept(store: Store) -> None:
    clock = MovingClock()
    lock = Lock(store, "t", "a", clock, lease=60, pid=0)
    lock.take("x")
    clock.seconds = 50
    assert lock.renew()
    clock.seconds = 100
    with pytest.raises(Locked):
        Lock(store, "t", "b", clock, pid=0).take("y")


def test_a_dead_process_of_this_machine_does_not_block(store: Store) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    clock = MovingClock()
    Lock(store, "t", "dead", clock, pid=dead.pid).take("x")
    Lock(store, "t", "next", clock, pid=os.getpid()).take("y")


def test_a_persons_lock_is_never_broken(store: Store) -> None:
    clock = MovingClock()
    Lock(store, "t", "dana@laptop", clock, lease=60).take("incident", by_hand=True)
    clock.seconds = 10_000
    with pytest.raises(Locked, match="by a person"):
        Lock(store, "t", "run", clock).take("deploy")


def test_release_gives_back_only_ones_own(store: Store) -> None:
    clock = MovingClock()
    Lock(store, "t", "a", clock, pid=0).take("x")
    Lock(store, "t", "b", clock, pid=0).release()
    held = Lock(store, "t", "b", clock).held()
    assert held is not None
    assert held.holder == "a"


def test_a_folder_that_cannot_be_written_is_a_clear_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Mistake, match="journal: cannot use"):
        SqliteStore(tmp_path / "file" / "journal.db")


SECRET = "s3cr&t/påss word"


@pytest.mark.parametrize(
    "text",
    [SECRET, f"x{SECRET}y", "s3cr%26t%2Fp%C3%A5ss%20word", "s3cr%26t%2Fp%C3%A5ss+word", "s3cr&t/p\\u00e5ss word"],
)
def test_a_secret_is_masked_however_it_is_quoted(text: str) -> None:
    assert "ss" not in Redactor([SECRET])(text).replace("***", "")


def test_a_password_inside_a_url_is_a_secret_of_its_own() -> None:
    redact = Redactor(["postgresql://app:hunter2hunter2@db.example.com/lms"])
    assert redact("password authentication failed: hunter2hunter2") == f"password authentication failed: {MASK}"


def test_secrets_never_reach_the_journal(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    journal = Journal(store, "r", MovingClock().now, Redactor([SECRET]))
    journal.append("step failed", "x", error=f"401 for {SECRET}", deep={"list": [SECRET, {SECRET: 1}]})
    store.close()
    assert SECRET.encode() not in (tmp_path / "journal.db").read_bytes()


def test_what_has_to_come_back_is_kept_as_it_was_even_when_a_secret_is_a_common_word(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    journal = Journal(store, "r", MovingClock().now, Redactor(["live", "example"]))
    before = ProductionBefore("dpl_live", "https://lms-live.example.com", "lms.example.com")
    journal.append("step done", "note", says="live on example", exact={"gives": freeze(before)})
    (event,) = events_of(store, "r")
    assert thaw(event.body["gives"], {}) == before
    assert event.body["says"] == "*** on ***"


def test_logs_are_redacted_and_off_unless_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("", Redactor([SECRET]))
    log.warning("no answer", error=SECRET)
    assert capsys.readouterr().err == ""
    log.configure("info", Redactor([SECRET]))
    try:
        log.debug("too much detail")
        log.warning("no answer", error=f"401 for {SECRET}")
    finally:
        log.configure("", Redactor())
    said = capsys.readouterr().err
    assert "no answer" in said
    assert "401 for ***" in said
    assert "detail" not in said


def test_a_run_that_was_cut_off_has_no_outcome(store: Store) -> None:
    journal = Journal(store, "r", lambda: datetime.datetime.now(datetime.UTC), Redactor())
    journal.append("run begins", pipeline="deploy", target="t", commit="c", by="me", production="https://x", release={})
    journal.append("stage begins", "preflight")
    report = report_of("r", events_of(store, "r"))
    assert report.outcome == ""
    assert report.exit_code is None
    assert report.stages[0].state == "running"


def begun(store: Store, run: str, kind: str = "run begins") -> Journal:
    journal = Journal(store, run, MovingClock().now, Redactor())
    journal.append(kind, target="production", pipeline="deploy", commit="", by="", production="")
    return journal


def test_a_run_is_known_by_how_it_began_and_not_by_its_name(store: Store) -> None:
    begun(store, "monitor-hotfix").append("run ended", outcome="deployed")
    begun(store, "drill-friday")
    begun(store, "20261128-000000-ab12", "drill begins")
    begun(store, "r9", "incident opened")
    assert latest_runs(store, 5) == ("drill-friday", "monitor-hotfix")
    assert unfinished_runs(store) == ("drill-friday",)


def test_the_newest_run_is_the_one_with_the_newest_event(store: Store) -> None:
    first, second = begun(store, "first"), begun(store, "second")
    assert unfinished_runs(store) == ("second", "first")
    first.append("run ended", outcome="rolled back")
    assert latest_runs(store, 5) == ("first", "second")
    assert latest_runs(store, 1) == ("first",)
    assert unfinished_runs(store) == ("second",)
    second.append("run ended", outcome="deployed")
    assert unfinished_runs(store) == ()


def test_who_gives_back_a_lock_gives_back_only_its_own(store: Store) -> None:
    clock = MovingClock()
    Lock(store, "t", "run-b", clock).take("deploy")
    for other in ("run-a", "run-c"):
        Lock(store, "t", other, clock).release()
    held = Lock(store, "t", "", clock).held()
    assert held is not None
    assert held.holder == "run-b"


def test_a_lock_is_alive_until_its_lease_is_over(store: Store) -> None:
    clock = MovingClock()
    Lock(store, "t", "run-b", clock, lease=60).take("deploy")
    assert Lock(store, "t", "", clock).alive() is not None
    clock.seconds += 61
    assert Lock(store, "t", "", clock).alive() is None
    assert Lock(store, "t", "", clock).held() is not None


def test_a_persons_lock_outlives_the_command_that_took_it(store: Store) -> None:
    clock = MovingClock()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    Lock(store, "t", "dana@laptop", clock, lease=60, pid=ended.pid).take("incident", by_hand=True)
    clock.seconds += 61
    assert Lock(store, "t", "", clock).alive() is not None
    Lock(store, "u", "run-b", clock, lease=600, pid=ended.pid).take("deploy")
    assert Lock(store, "u", "", clock).alive() is None


def test_who_resumes_a_run_takes_the_lock_from_the_process_that_slept(store: Store) -> None:
    clock = MovingClock()
    slept, resumed = Lock(store, "t", "r1", clock, pid=0), Lock(store, "t", "r1", clock, pid=0)
    journal = begun(store, "r1")
    slept.take("deploy")
    assert is_ours(slept, journal)
    clock.seconds = 100
    resumed.take("deploy")
    assert not is_ours(slept, journal), "the name is the same, the process is not"
    slept.release()
    assert is_ours(resumed, journal)
    begun(store, "r1", "stage begins")
    resumed.release()
    assert not is_ours(slept, journal), "it is finished, and by somebody else"


def test_a_lock_that_a_person_took_away_or_a_store_that_is_away_does_not_end_a_run(tmp_path: Path) -> None:
    store, clock = SqliteStore(tmp_path / "journal.db"), MovingClock()
    lock, journal = Lock(store, "t", "r1", clock), begun(store, "r1")
    lock.take("deploy")
    Lock(store, "t", "r1", clock).release()
    assert is_ours(lock, journal)
    assert lock.held() is not None
    store.close()
    assert is_ours(lock, journal)


def test_the_databases_clock_decides_when_a_lease_is_over(empty_database_url: str, tmp_path: Path) -> None:
    """A colleague's laptop is two minutes ahead, or behind: neither takes a lock that lives, nor keeps one for ever."""
    store, ahead, behind = open_store(empty_database_url, tmp_path), MovingClock(), MovingClock()
    ahead.seconds, behind.seconds = 400 * 86400, -400 * 86400
    Lock(store, "t", "run-a", behind, lease=60, pid=0).take("deploy")
    with pytest.raises(Locked, match="run-a"):
        Lock(store, "t", "run-b", ahead, lease=60).take("deploy")
    assert Lock(store, "t", "", ahead).alive() is not None
    lapsed = Lock(store, "u", "run-a", ahead, lease=-1, pid=0)
    lapsed.take("deploy")
    assert Lock(store, "u", "", behind).alive() is None
    Lock(store, "u", "run-b", behind, lease=60).take("deploy")
    assert lapsed.renew() is False


def test_a_process_of_the_same_number_in_another_container_lives(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers share a host's name, and their first process is always number 1."""
    clock, dead = MovingClock(), subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with monkeypatch.context() as there:
        there.setattr(locks, "machine", lambda: "runner/other")
        Lock(store, "t", "run-a", clock, pid=dead.pid).take("deploy")
    with pytest.raises(Locked, match="by a run on runner,"):
        Lock(store, "t", "run-b", clock).take("deploy")
    with pytest.raises(Locked):
        Lock(store, "t", "run-a", clock, pid=dead.pid).take("the same run, resumed in another container")


def test_a_lock_is_proved_by_a_token_and_not_by_name_and_number(store: Store) -> None:
    clock = MovingClock()
    first, second = Lock(store, "t", "r1", clock), Lock(store, "t", "r1", clock)
    first.take("deploy")
    with pytest.raises(Locked):
        second.take("the same run in the same process, and not the same")
    assert first.renew()


def test_between_two_stages_the_run_keeps_the_lock_and_its_next_process_takes_it(store: Store) -> None:
    clock = MovingClock()
    stage = Lock(store, "t", "r1", clock, lease=60)
    stage.take("deploy")
    with pytest.raises(Locked):
        Lock(store, "t", "r1", clock).take("settle r1")
    assert stage.leave(900)
    clock.seconds = 800
    with pytest.raises(Locked):
        Lock(store, "t", "r2", clock).take("deploy")
    Lock(store, "t", "r1", clock).take("the next stage")
    assert stage.renew() is False


def test_who_was_stopped_while_it_asked_for_its_lock_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop's lid: the deadline of a question that was under way is over when it opens, and the store is well."""
    store, clock = SqliteStore(tmp_path / "journal.db"), MovingClock()
    slept, resumed = Lock(store, "t", "r1", clock, lease=60), Lock(store, "t", "r1", clock, lease=60)
    journal = begun(store, "r1")
    slept.take("deploy")
    assert slept.leave(0)
    resumed.take("deploy")
    asks, now = [], [0.0]

    def renew() -> bool:
        asks.append(now[0])
        if len(asks) == 1:
            now[0] += 100
            raise Unreachable("journal", "update", "no answer within 5 s")
        return Lock.renew(slept)

    monkeypatch.setattr(SystemClock, "monotonic", lambda clock: now[0])
    monkeypatch.setattr(slept, "renew", renew)
    assert not is_ours(slept, journal)
    assert len(asks) == 2
