"""The record as a ledger: no change goes unseen, in either store, with an older tool beside us, and after trimming."""

import datetime
import json
import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.clients.sshsign import Unproved, key_of, sign, signer_of
from pipeline.commands import journal as commands
from pipeline.config import load
from pipeline.errors import Mistake, Unreachable
from pipeline.record import copies, schema
from pipeline.record.bounded import Store
from pipeline.record.chain import link
from pipeline.record.journal import Journal, events_of
from pipeline.record.ledger import check, entries, trim, trimmable
from pipeline.record.postgres import PostgresStore
from pipeline.record.samples import Samples
from pipeline.record.sqlite import SqliteStore
from pipeline.record.store import open_store
from pipeline.redact import Redactor

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy.yml"
NOW = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
Raw = Callable[[str], None]
OLD_INSERT = "insert into deploy_events (run, at, kind, subject, body) values ('old', '2026', 'a b', 'ä', '{}')"


@pytest.fixture(params=["file", "Postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the record is: a path or a URL."""
    if request.param == "file":
        return str(tmp_path / "journal.db")
    return str(request.getfixturevalue("empty_database_url"))


@pytest.fixture
def store(place: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(place, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def raw(place: str) -> Raw:
    """Writes with the rights of whoever owns the record, past its triggers."""

    def write(sql: str) -> None:
        if place.startswith("postgres"):
            with psycopg.connect(place, autocommit=True) as db:
                db.execute("set session_replication_role = replica")
                db.execute(sql.encode())
        else:
            with sqlite3.connect(place) as db:
                for (name,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                    db.execute(f"drop trigger {name}")
                db.execute(sql)

    return write


def journal(store: Store, run: str, at: datetime.datetime = NOW) -> Journal:
    return Journal(store, run, lambda: at, Redactor())


def some(store: Store, run: str = "r1", at: datetime.datetime = NOW, *, ends: bool = True) -> None:
    """A run with an umlaut, a quote, a line break and a character beyond 16 bits in it."""
    record = journal(store, run, at)
    record.append("run begins", target="production")
    record.append("step done", "bäuild 'x'", says="two\nlines 🚀 \\u0000")
    if ends:
        record.append("run ended", outcome="deployed")


def test_both_stores_link_in_the_same_way(store: Store) -> None:
    some(store)
    before = ""
    for entry in entries(store):
        before = link(before, entry.row)
        assert entry.hash == before
    assert (check(store).events, check(store).faults, check(store).head) == (3, (), before)


@pytest.mark.parametrize(
    "sql",
    [
        "update deploy_events set body = '{}' where run = 'r2' and kind = 'step done'",
        "update deploy_events set at = '2020' where run = 'r1' and kind = 'run begins'",
        "delete from deploy_events where run = 'r2' and kind = 'step done'",
        "delete from deploy_events where run = 'r1'",
        "update deploy_events set hash = 'beef' where run = 'r2' and kind = 'run ended'",
        OLD_INSERT,
    ],
)
def test_a_change_past_the_triggers_is_found(store: Store, raw: Raw, sql: str) -> None:
    for run in ("r1", "r2", "r3"):
        some(store, run)
    raw(sql)
    (fault, *_) = check(store).faults
    assert any(run in fault for run in ("r1", "r2", "old"))


def test_the_end_that_is_missing_is_found_by_a_copy(store: Store, raw: Raw, tmp_path: Path) -> None:
    """A chain alone cannot know of it: that is what copies are for."""
    some(store)
    copy = tmp_path / "copy.jsonl"
    copies.write(store, copy, "2026")
    raw("delete from deploy_events where kind = 'run ended'")
    assert check(store).faults == ()
    assert copies.of_both(store, copy) == (2, 0, 1)


@pytest.mark.parametrize("sql", ["update deploy_events set body = '{}'", "delete from deploy_events"])
def test_nobody_changes_it_by_accident(store: Store, sql: str) -> None:
    some(store)
    with pytest.raises(Unreachable, match="append-only"):
        store.execute(sql)
    assert check(store).events == 3


def test_the_table_cannot_be_emptied(empty_database_url: str, tmp_path: Path) -> None:
    store = open_store(empty_database_url, tmp_path)
    some(store)
    with pytest.raises(Unreachable, match="append-only"):
        store.execute("truncate deploy_events")
    store.close()


def as_version_1(place: str) -> None:
    """The record as an older version of this tool has made it, with a history."""
    if place.startswith("postgres"):
        with psycopg.connect(place, autocommit=True) as db:
            db.execute(schema.FIRST.format(serial="bigserial primary key").encode())
            db.execute(OLD_INSERT.encode())
    else:
        with sqlite3.connect(place) as file:
            file.executescript(schema.FIRST.format(serial="integer primary key autoincrement"))
            file.executescript(schema.SQLITE_FIRST)
            file.execute(OLD_INSERT)


def test_an_older_history_is_covered_from_the_upgrade_on(place: str, raw: Raw, tmp_path: Path) -> None:
    as_version_1(place)
    store = open_store(place, tmp_path)
    assert (check(store).events, check(store).faults) == (1, ())
    some(store)
    open_store(place, tmp_path).close()
    assert (check(store).events, check(store).faults) == (4, ())
    raw("update deploy_events set body = '[]' where run = 'old'")
    assert "up to event 1 was changed" in check(store).faults[0]
    store.close()


def test_an_older_tool_writes_beside_us(place: str, tmp_path: Path) -> None:
    """In a database it is in the chain at once, in a file from our next event on."""
    store = open_store(place, tmp_path)
    some(store)
    store.execute(OLD_INSERT)
    found = check(store).faults
    if place.startswith("postgres"):
        assert not found
    else:
        assert "by an older version of this tool" in found[0]
    some(store, "r2")
    assert (check(store).events, check(store).faults) == (7, ())
    store.close()


def test_a_newer_version_is_read_and_written_beside(place: str, tmp_path: Path) -> None:
    store = open_store(place, tmp_path)
    newer = "insert into deploy_schema values (99)" if place.startswith("postgres") else "pragma user_version = 99"
    store.execute(newer)
    other = open_store(place, tmp_path)
    some(other)
    assert check(store).events == 3
    for one in (store, other):
        one.close()


def test_twenty_writers_make_one_chain(place: str, tmp_path: Path) -> None:
    together, failures = threading.Barrier(20), list[Exception]()

    def write(number: int) -> None:
        try:
            store = open_store(place, tmp_path)
            together.wait(30)
            some(store, f"r{number}")
            store.close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store = open_store(place, tmp_path)
    assert (check(store).events, check(store).faults) == (60, ())
    store.close()


def test_the_very_same_event_is_written_once(store: Store) -> None:
    row = ("r1", "2026", "a b", "", "{}")
    for _ in range(2):
        store.append(row)
    assert len(events_of(store, "r1")) == 1


def test_a_copy_goes_into_another_store_with_its_chain(place: str, store: Store, tmp_path: Path) -> None:
    some(store)
    Samples(store, "production").add(NOW, "r1", "abc", [("load", 1.5), ("errors", 0.0)])
    copies.write(store, tmp_path / "copy.jsonl", "2026")
    other = SqliteStore(tmp_path / "other.db")
    copy, new = copies.take_in(other, tmp_path / "copy.jsonl")
    assert (copy.events, copy.readings, new) == (3, 2, 3)
    assert (check(other).head, check(other).faults) == (check(store).head, ())
    for metric in ("load", "errors"):
        theirs, ours = (Samples(one, "production").between(metric, NOW - DAY, NOW + DAY) for one in (other, store))
        assert theirs == ours != []
    assert copies.take_in(other, tmp_path / "copy.jsonl")[1] == 0
    assert Samples(other, "production").counts(NOW - DAY) == {"errors": 1, "load": 1}, "nothing twice"
    other.close()


def test_a_copy_that_was_half_taken_in_is_taken_in_whole_the_second_time_and_keeps_what_was_there(
    store: Store, tmp_path: Path
) -> None:
    some(store)
    Samples(store, "production").add(NOW, "r1", "abc", [("load", 1.5), ("errors", 0.1)])
    copies.write(store, tmp_path / "copy.jsonl", "2026")
    other = SqliteStore(tmp_path / "other.db")
    Samples(other, "production").add(NOW, "r1", "abc", [("load", 1.5)])
    Samples(other, "production").add(NOW, "r9", "abc", [("load", 1.5)])
    for _ in range(2):
        copies.take_in(other, tmp_path / "copy.jsonl")
        assert Samples(other, "production").counts(NOW - DAY) == {"errors": 1, "load": 2}
    copies.take_in(store, tmp_path / "copy.jsonl")
    assert Samples(store, "production").counts(NOW - DAY) == {"errors": 1, "load": 1}
    other.close()


def test_a_copy_is_its_owners_alone_whoever_wrote_there_before(store: Store, tmp_path: Path) -> None:
    some(store)
    path = tmp_path / "copy.jsonl"
    for one in (path, tmp_path / "copy.jsonl.part"):
        one.write_text("", encoding="utf-8")
        one.chmod(0o666)
    copies.write(store, path, "2026")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda lines: [*lines[:2], lines[2].replace("two", "six"), *lines[3:]],
            "of run r1 was changed",
        ),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3: the event before it is missing"),
        (lambda lines: lines[:-1], "its end is missing"),
        (lambda lines: [*lines, lines[1]], "line 6 stands after the end"),
        (lambda lines: [*lines[:4], lines[4].replace('"events":3', '"events":2')], "it says 2 events"),
    ],
)
def test_a_copy_that_was_changed_is_found_out_and_not_taken_in(
    store: Store, tmp_path: Path, spoil: Callable[[list[str]], list[str]], says: str
) -> None:
    some(store)
    path = tmp_path / "copy.jsonl"
    copies.write(store, path, "2026")
    path.write_text("".join(spoil(lines_of(path))), encoding="utf-8")
    assert says in copies.read(path).faults[0]
    other = SqliteStore(tmp_path / "other.db")
    with pytest.raises(Mistake, match="nothing was taken in"):
        copies.take_in(other, path)
    assert check(other).events == 0
    other.close()


CUT = json.dumps({"format": copies.FORMAT})
ODD = json.dumps({"format": copies.FORMAT, "run": "", "seq": 0, "hash": "", "events": 0}) + '\n{"end": 5}\n'


@pytest.mark.parametrize("text", ["", "{}", "[]\n", "no JSON\n", json.dumps({"format": "deploy-journal/9"}), CUT, ODD])
def test_what_is_no_copy_is_a_mistake_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(Mistake, match=r"x\.jsonl"):
        copies.read(tmp_path / "x.jsonl")


def test_a_run_that_is_not_there_leaves_no_file(store: Store, tmp_path: Path) -> None:
    some(store)
    with pytest.raises(Mistake, match="--run r9: there is no such run"):
        copies.write(store, tmp_path / "copy.jsonl", "2026", "r9")
    assert list(tmp_path.glob("copy*")) == []


def test_the_copy_of_one_run_stands_alone(store: Store, tmp_path: Path) -> None:
    for run in ("r1", "r2", "r3"):
        some(store, run)
    copies.write(store, tmp_path / "r2.jsonl", "2026", "r2")
    found = copies.read(tmp_path / "r2.jsonl")
    assert (found.events, found.run, found.faults) == (3, "r2", ())


@pytest.fixture
def key(tmp_path: Path) -> Path:
    if not shutil.which("ssh-keygen"):
        pytest.skip("wants ssh-keygen")
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    public = " ".join((tmp_path / "key.pub").read_text(encoding="utf-8").split()[:2])
    (tmp_path / "signers").write_text(f"ada@example.com {public}\n", encoding="utf-8")
    return path


def test_a_signature_covers_the_copy_the_name_and_the_moment(store: Store, tmp_path: Path, key: Path) -> None:
    some(store)
    path, signers = tmp_path / "copy.jsonl", tmp_path / "signers"

    def signing(digest: str) -> copies.Signed:
        unsigned = copies.Signed("ada@example.com", "2026-11-24", "")
        return copies.Signed(unsigned.by, unsigned.at, sign(key, unsigned.said(digest), copies.NAMESPACE))

    copies.write(store, path, "2026", "r1", signing)
    found = copies.read(path)
    one = found.signed
    assert one is not None
    assert signer_of(one.said(found.digest), one.signature, signers, copies.NAMESPACE).names == ("ada@example.com",)
    assert key_of(one.said(found.digest), one.signature, copies.NAMESPACE).startswith("SHA256:")
    with pytest.raises(Unproved):
        signer_of(one.said(found.digest), one.signature, signers, "git")
    for forged in (copies.Signed("eve", one.at, one.signature), copies.Signed(one.by, "2027", one.signature)):
        assert not key_of(forged.said(found.digest), one.signature, copies.NAMESPACE)
    said: list[str] = []
    assert commands.verify_file(path, said.append, signers=signers)
    assert "ada@example.com, 2026-11-24, with a key" in said[2]
    signers.write_text(signers.read_text(encoding="utf-8").replace("ada@", "bob@"), encoding="utf-8")
    assert not commands.verify_file(path, said.append, signers=signers), "it is somebody else's key"
    path.write_text("".join(lines_of(path)).replace("deployed", "held", 1), encoding="utf-8")
    changed = copies.read(path)
    assert changed.faults
    assert not key_of(one.said(changed.digest), one.signature, copies.NAMESPACE)
    assert not commands.verify_file(path, said.append)


def test_what_is_old_goes_and_the_chain_stays_true(place: str, store: Store, raw: Raw, tmp_path: Path) -> None:
    some(store, "old", NOW - 500 * DAY)
    some(store, "cut", NOW - 450 * DAY, ends=False)
    some(store, "after", NOW - 440 * DAY)
    some(store, "new")
    before = NOW - 400 * DAY
    last = trimmable(store, before)
    assert last is not None
    assert last.row[0] == "old", "a run without an end keeps itself and what came after it"
    head = check(store).head
    assert trim(store, last, before, NOW) == 3
    found = check(store)
    assert (found.events, found.trimmed, found.head, found.faults) == (8, 3, head, ())
    assert events_of(store, "old") == ()
    with pytest.raises(Unreachable, match="append-only"):
        store.execute("delete from deploy_events where run = 'cut'")
    journal(store, "cut", NOW).append("run ended", outcome="held")
    last = trimmable(store, before)
    assert last is None or last.row[0] == "old", "it has a new event now"
    copies.write(store, tmp_path / "copy.jsonl", "2026")
    other = SqliteStore(tmp_path / "other.db")
    copies.take_in(other, tmp_path / "copy.jsonl")
    assert (check(other).head, check(other).trimmed) == (check(store).head, 3)
    other.close()
    raw("delete from deploy_events where run = 'cut' and kind = 'run begins'")
    assert check(store).faults


def test_an_incident_that_nobody_has_resolved_keeps_itself(store: Store) -> None:
    some(store, "old", NOW - 500 * DAY)
    journal(store, "i1", NOW - 450 * DAY).append("incident opened", target="production")
    some(store, "after", NOW - 440 * DAY)
    last = trimmable(store, NOW - 400 * DAY)
    assert last
    assert last.row[0] == "old"
    journal(store, "i1", NOW - 430 * DAY).append("incident resolved", "a cause")
    last = trimmable(store, NOW - 400 * DAY)
    assert last
    assert last.row[0] == "i1"


def test_what_github_is_still_to_be_told_keeps_itself(store: Store) -> None:
    some(store, "old", NOW - 500 * DAY)
    journal(store, "r9-untold", NOW - 450 * DAY).append("github untold", "r9", target="production")
    some(store, "after", NOW - 440 * DAY)
    last = trimmable(store, NOW - 400 * DAY)
    assert last
    assert last.row[0] == "old"
    journal(store, "r9-untold", NOW - 430 * DAY).append("github told", "r9")
    last = trimmable(store, NOW - 400 * DAY)
    assert last
    assert last.row[0] == "r9-untold"


def test_what_is_old_is_told_by_the_stores_clock(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose clock is a year ahead let go of everything."""
    monkeypatch.setenv("JOURNAL_URL", empty_database_url)
    text = EXAMPLE.read_text(encoding="utf-8").replace('state: ""', "state: JOURNAL_URL")
    (tmp_path / "deploy.yml").write_text(text, encoding="utf-8")
    now = datetime.datetime.now(datetime.UTC)
    some(open_store(empty_database_url, tmp_path), at=now - 40 * DAY)
    monkeypatch.setattr(PostgresStore, "now", lambda store: now - 20 * DAY)
    said: list[str] = []
    commands.let_go(load(tmp_path / "deploy.yml"), tmp_path, 30, tmp_path / "kept.jsonl", said.append)
    assert "nothing is older" in said[0]


def test_a_record_that_is_not_what_it_was_is_not_trimmed(store: Store, raw: Raw) -> None:
    some(store, "old", NOW - 500 * DAY)
    some(store)
    last = trimmable(store, NOW - 400 * DAY)
    assert last is not None
    raw("update deploy_events set body = '{}' where run = 'old' and kind = 'step done'")
    with pytest.raises(Mistake, match="nothing was let go of"):
        trim(store, last, NOW - 400 * DAY, NOW)
    assert len(events_of(store, "old")) == 3


def test_the_commands_say_what_is_so(tmp_path: Path) -> None:
    said: list[str] = []
    config = load(EXAMPLE)
    some(open_store("", tmp_path))
    assert commands.verify(config, tmp_path, said.append)
    assert said[0].startswith("WHOLE: 3 events")
    commands.export(config, tmp_path, tmp_path / "all.jsonl", said.append)
    assert commands.verify(config, tmp_path, said.append, against=str(tmp_path / "all.jsonl"))
    assert commands.verify_file(tmp_path / "all.jsonl", said.append)
    assert not commands.verify_file(tmp_path / "all.jsonl", said.append, signers=tmp_path / "signers"), "nobody signed"
    other = tmp_path / "other"
    commands.take_in(config, other, tmp_path / "all.jsonl", said.append)
    assert "3 events, 3 of them new here" in said[-2]
    assert not commands.verify(config, tmp_path / "empty", said.append, against=str(tmp_path / "all.jsonl"))
    with pytest.raises(Mistake, match="--days 3: is less than 30"):
        commands.let_go(config, tmp_path, 3, tmp_path / "gone.jsonl", said.append)
    with pytest.raises(Mistake, match="is there already"):
        commands.let_go(config, tmp_path, 400, tmp_path / "all.jsonl", said.append)
    with pytest.raises(Mistake, match="neither a file nor a variable"):
        commands.verify(config, tmp_path, said.append, against=str(tmp_path / "nowhere"))


def test_what_is_let_go_of_stands_in_the_copy(tmp_path: Path) -> None:
    said: list[str] = []
    config = load(EXAMPLE)
    store = open_store("", tmp_path)
    now = datetime.datetime.now(datetime.UTC)
    some(store, "old", now - 500 * DAY)
    some(store, "new", now)
    commands.let_go(config, tmp_path, 400, tmp_path / "copy.jsonl", said.append)
    assert said[-1].startswith("3 events up to event 3 (old")
    assert copies.read(tmp_path / "copy.jsonl").events == 6
    assert commands.verify(config, tmp_path, said.append)
    commands.let_go(config, tmp_path, 400, tmp_path / "copy2.jsonl", said.append)
    assert "nothing was done" in said[-1]
