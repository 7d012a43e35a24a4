"""What an event costs a store, and what must be so of it all the same: one statement, in order, others beside us."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.errors import Mistake, Unreachable
from pipeline.record import schema
from pipeline.record.ledger import anchors, check, entries
from pipeline.record.postgres import APPEND, PostgresStore
from pipeline.record.repeated import OFTEN, Repeated
from pipeline.record.sqlite import SqliteStore
from pipeline.record.store import open_store
from tests.processes import LONGEST

OF_VERSION_2 = """
create or replace trigger deploy_events_link before insert on deploy_events
    for each row execute function deploy_events_link();
create or replace function deploy_append(a_run text, an_at text, a_kind text, a_subject text, a_body text) returns void
language plpgsql as $$
begin
    if not exists (select 1 from deploy_events
                   where run = a_run and at = an_at and kind = a_kind and subject = a_subject and body = a_body) then
        insert into deploy_events (run, at, kind, subject, body) values (a_run, an_at, a_kind, a_subject, a_body);
    end if;
end $$;
"""


def event(number: int, body: str = "{}") -> tuple[str, str, str, str, str]:
    return "r1", f"2026-11-24T10:00:{number:09}", "step done", "bäuild 🚀", body


@pytest.fixture
def store(empty_database_url: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(empty_database_url)
    yield opened
    opened.close()


def test_an_event_is_one_statement_in_a_file_when_nobody_else_writes(tmp_path: Path) -> None:
    store, other = SqliteStore(tmp_path / "journal.db"), SqliteStore(tmp_path / "journal.db")
    said: list[str] = []
    store.append(event(0))
    store._db.set_trace_callback(said.append)
    store.append(event(1))
    assert [one.split()[0] for one in said] == ["insert"]
    other.append(event(2))
    store.append(event(3))
    store.append(event(3))
    assert [entry.row for entry in entries(store)] == [event(number) for number in range(4)]
    assert check(store).faults == ()


def test_only_what_was_not_just_made_is_looked_for_in_a_file(tmp_path: Path) -> None:
    store, other = SqliteStore(tmp_path / "journal.db"), SqliteStore(tmp_path / "journal.db")
    said: list[str] = []
    store.append(event(0), new=True)
    store._db.set_trace_callback(said.append)
    store.append(event(1), new=True)
    assert len(said) == 1
    assert "not exists" not in said[0]
    for number in (0, 1, 2):  # a copy that is taken in, of which some is there
        store.append(event(number))
    other.append(event(3), new=True)
    store.append(event(3), new=True)  # its answer was lost, and it is asked again
    store.append(event(4), new=True)
    assert [entry.row for entry in entries(store)] == [event(number) for number in range(5)]
    assert check(store).faults == ()


def test_an_event_is_planned_once_when_there_are_many(store: PostgresStore) -> None:
    asked = "select statement, generic_plans + custom_plans from pg_prepared_statements"
    for number in range(OFTEN - 1):
        store.append(event(number))
    assert store.execute(asked) == []
    for number in range(OFTEN - 1, OFTEN + 5):
        store.append(event(number))
    assert store.execute(asked) == [("select deploy_append($1, $2, $3, $4, $5)", 6)]
    store.execute("deallocate all")  # a pooler gives us another connection
    for number in range(OFTEN + 5, OFTEN + 9):
        store.append(event(number))
    assert store.execute(asked) == []
    assert (check(store).events, check(store).faults) == (OFTEN + 9, ())


def test_a_statement_that_the_connection_knows_already_is_not_prepared_again(store: PostgresStore) -> None:
    for number in range(OFTEN):
        store.append(event(number))
    store._appends = Repeated(store._db, APPEND)  # another process, to which a pooler gives the same connection
    for number in range(OFTEN, 2 * OFTEN + 3):
        store.append(event(number))
    assert store.execute("select generic_plans + custom_plans from pg_prepared_statements") == [(1 + 4,)]
    assert (check(store).events, check(store).faults) == (2 * OFTEN + 3, ())


def test_an_event_is_one_round_trip_to_postgres(store: PostgresStore, tmp_path: Path) -> None:
    with (tmp_path / "trace").open("w+") as trace:
        store._db.pgconn.trace(trace.fileno())
        store.append(event(0))
        store._db.pgconn.untrace()
        trace.seek(0)
        sent = [line.strip().split("\t")[3] for line in trace if line.split("\t")[1] == "F"]
    assert sent == ["Parse", "Bind", "Describe", "Execute", "Sync"]
    assert [entry.row for entry in entries(store)] == [event(0)]


def test_a_store_of_the_second_version_is_gone_on_with_and_its_tools_beside_us(
    empty_database_url: str, tmp_path: Path
) -> None:
    first = PostgresStore(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        db.execute(OF_VERSION_2.encode())
        db.execute(b"update deploy_schema set version = 2")
        older = "select deploy_append('r1', %s, 'step done', 'x', '{}')"
        db.execute(older.encode(), ("2026-11-24T10",))
        newer = open_store(empty_database_url, tmp_path)
        newer.append(event(1))
        first.append(event(2))  # it was open all the time
        db.execute(older.encode(), ("2026-11-24T11",))
        db.execute(
            b"insert into deploy_events (run, at, kind, subject, body) values ('r1', '2026-11-24T12', 'a b', '', '')"
        )
        assert (check(newer).events, check(newer).faults, anchors(newer)) == (5, (), ())
        ((patience,),) = db.execute(b"select proconfig from pg_proc where proname = 'deploy_append'").fetchall()
        assert "lock_timeout=4s" in patience
    for one in (first, newer):
        one.close()


def test_older_tools_that_write_at_the_same_time_are_in_one_chain(
    store: PostgresStore, empty_database_url: str
) -> None:
    """The trigger links what comes in past ``deploy_append``."""
    rows = "select 'old' || {0}, '2026', 'step done', n::text, '{{}}' from generate_series(1, 3) n"

    def write(number: int) -> None:
        with psycopg.connect(empty_database_url, autocommit=True) as db:
            for _ in range(15):
                db.execute(f"insert into deploy_events (run, at, kind, subject, body) {rows.format(number)}".encode())

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for number in range(15):
        store.append(event(number))
    for thread in threads:
        thread.join(LONGEST)
    assert (check(store).events, check(store).faults) == (5 * 15 * 3 + 15, ())


def test_a_file_of_the_second_version_is_gone_on_with(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "journal.db")
    first.append(event(0))
    first._db.execute("create index deploy_events_at on deploy_events (run, at)")
    first._db.execute("pragma user_version = 2")
    newer = SqliteStore(tmp_path / "journal.db")
    newer.append(event(1))
    first.append(event(2))
    assert (check(newer).events, check(newer).faults, anchors(newer)) == (3, (), ())
    assert newer._version() == schema.VERSION
    assert newer.execute("select 1 from sqlite_master where name = 'deploy_events_at'") == []


def test_who_appends_locks_the_table_and_then_the_chain(store: PostgresStore, empty_database_url: str) -> None:
    """In the other order, who makes the tables newer and who appends would wait for one another."""
    waiting = """
        select count(*) from pg_locks where relation = 'deploy_events'::regclass and mode = 'RowExclusiveLock'
        and granted and pid in (select pid from pg_locks where locktype = 'advisory' and not granted)
    """
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute(f"select pg_advisory_lock({schema.CHAINING})".encode())
        thread = threading.Thread(target=store.append, args=(event(0),), daemon=True)
        thread.start()
        until = time.monotonic() + LONGEST
        while thread.is_alive() and not _waits(other) and time.monotonic() < until:
            time.sleep(0.01)
        assert other.execute(waiting.encode()).fetchall() == [(1,)]
        other.execute(f"select pg_advisory_unlock({schema.CHAINING})".encode())
        thread.join(LONGEST)
    assert check(store).events == 1


def _waits(db: psycopg.Connection[tuple[int]]) -> bool:
    return db.execute(b"select 1 from pg_locks where locktype = 'advisory' and not granted").fetchall() != []


def test_whether_an_event_is_there_is_asked_of_its_moment_however_short_the_table_was_when_that_was_planned(
    store: PostgresStore, empty_database_url: str
) -> None:
    """A plan is kept: one that reads the table, or all of that kind, costs each event the more the longer it is."""
    for number in range(50):
        store.append(("r1", "2026", f"kind {number}", "x", "{}"))
    store.execute("analyze deploy_events")
    other, before = PostgresStore(empty_database_url), looked_at(store)
    for number in range(30):
        other.append(event(number))
    after = looked_at(other)
    assert {name: after[name] - before[name] for name in after} == {"events": 0, "events_by_kind": 0, "events_at": 30}
    other.close()


def looked_at(store: PostgresStore) -> dict[str, int]:
    """How often the table was read, and how often two of its indexes, by all so far."""
    store.execute("select pg_stat_force_next_flush()")
    found = {}
    for name in ("events", "events_by_kind", "events_at"):
        ((found[name],),) = store.execute(f"select pg_stat_get_numscans('deploy_{name}'::regclass)")
    return found


def test_two_threads_of_a_process_do_not_take_each_others_answers(store: PostgresStore) -> None:
    found: list[object] = []
    asks: Callable[[], None] = lambda: found.extend(store.execute("select 7 from pg_sleep(0.3)"))  # noqa: E731
    threads = [
        threading.Thread(target=asks),
        *(threading.Thread(target=store.append, args=(event(n),)) for n in range(9)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST)
    assert (found, check(store).events, check(store).faults) == ([(7,)], 9, ())


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_database_whose_statements_do_not_see_what_they_waited_for_is_refused(
    level: str, empty_database_url: str, tmp_path: Path
) -> None:
    """Two who appended at once followed the same event, and the record was said to have been changed."""
    name = empty_database_url.rpartition("/")[2]
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        db.execute(f"alter database \"{name}\" set default_transaction_isolation = '{level}'".encode())
    with pytest.raises(Mistake, match=f"makes every transaction `{level}`"):
        open_store(empty_database_url, tmp_path)


def test_a_text_that_postgres_cannot_hold_is_refused_and_not_cut_off(store: PostgresStore) -> None:
    with pytest.raises(Unreachable, match="NUL"):
        store.append(("r1", "2026", "step done", "a\0b", "{}"))
    store.append(event(0))
    assert check(store).events == 1


def test_an_event_that_is_larger_than_a_socket_takes_at_once_is_written_whole(store: PostgresStore) -> None:
    large = "ü" * 5_000_000
    store.append(event(0, large))
    assert [entry.row[4] == large for entry in entries(store)] == [True]
    assert check(store).faults == ()
