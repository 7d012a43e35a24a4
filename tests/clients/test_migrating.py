"""Migrations applied to a real Postgres: what is left behind when something, or somebody, stops them."""

import asyncio
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from checks.evidence import Migrations
from pipeline.clients import migrator, prisma
from pipeline.clients.address import address_of
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.clients.sending import Sender
from pipeline.clock import SystemClock
from pipeline.errors import Mistake, Rejected, Unreachable
from pipeline.probes.database import compare
from tests.clients.pooler import pooler
from tests.processes import slowness
from tests.scripted import MovingClock

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDED = ("20260101000000_init", "20260201000000_enrolment")


def one(name: str, sql: str) -> Migration:
    return Migration(name, sql.encode())


def apply(
    url: str, *migrations: Migration, patience: float = 0, lock: float = 0.2, said: list[str] | None = None
) -> tuple[str, ...]:
    limits = LockBudget(lock, patience, 30)
    migrator = Migrator(Postgres(url), limits, MovingClock(), run="r1", tell=(said if said is not None else []).append)
    return asyncio.run(migrator.apply(migrations))


def state(url: str, *migrations: Migration) -> Migrations:
    return compare(migrations, asyncio.run(Postgres(url).history()))


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as db:
        return db.execute(sql.encode()).fetchall()


def test_a_migration_leaves_the_rows_that_prisma_would(database_url: str) -> None:
    first = one("20260401_a", "create table a (id int);\nalter table a add b text;")
    assert apply(database_url, first) == ("20260401_a",)
    assert apply(database_url, first) == (), "a second time there is nothing to do"
    seen = rows(
        database_url,
        "select checksum, applied_steps_count, finished_at is not null, rolled_back_at, logs from _prisma_migrations"
        " where migration_name = '20260401_a'",
    )
    assert seen == [(first.checksum, 1, True, None, None)]


def test_a_failure_in_one_transaction_leaves_nothing_and_needs_no_resolving(database_url: str) -> None:
    bad = one("20260401_a", "create table a (id int);\nselect 1 / 0;")
    with pytest.raises(
        Rejected, match=r"P3018 line 2: select 1 / 0: 22012 division by zero; Postgres rolled all of it"
    ):
        apply(database_url, bad)
    assert rows(database_url, "select to_regclass('a')") == [(None,)]
    after = state(database_url, bad)
    assert (after.pending, after.failed, after.rolled_back) == (("20260401_a",), (), ("20260401_a",))
    assert apply(database_url, one("20260401_a", "create table a (id int)")) == ("20260401_a",)


def test_a_failure_after_a_commit_of_its_own_says_what_stays(database_url: str) -> None:
    bad = one("20260401_a", "begin;\ncreate table a (id int);\ncommit;\nselect 1 / 0;")
    with pytest.raises(Rejected, match="what stands before line 4 is in the database, and nothing after it"):
        apply(database_url, bad)
    (left,) = state(database_url, bad).failed
    assert not left.undone
    assert "before line 4" in left.says
    with pytest.raises(Rejected) as later:
        apply(database_url, one("20260402_b", "select 1"))
    assert later.value.code == "P3009"


def test_a_blocked_migration_steps_aside_names_who_and_tries_again(database_url: str) -> None:
    said: list[str] = []
    migration = one("20260401_a", 'alter table "Lesson" add x int')
    with psycopg.connect(database_url, application_name="nightly report") as other:
        other.execute('select from "Lesson"')
        with pytest.raises(Rejected, match=r"blocked by pid .*nightly report") as blocked:
            apply(database_url, migration, patience=3, lock=0.5 * slowness(), said=said)
        assert blocked.value.code == "55P03"
        assert sum("stepped aside" in line for line in said) >= 2
        other.rollback()
    assert apply(database_url, migration) == ("20260401_a",)


def test_a_reader_never_waits_longer_than_the_lock_timeout(database_url: str) -> None:
    """The migration waits behind a reader, and a second reader behind the migration: until it steps aside."""
    with psycopg.connect(database_url) as other:
        other.execute('select from "Lesson"')

        async def go() -> float:
            limits = LockBudget(0.3, 0, 30)
            migrator = Migrator(Postgres(database_url), limits, SystemClock(), run="r1")
            task = asyncio.ensure_future(migrator.apply([one("20260401_a", 'alter table "Lesson" add x int')]))
            await asyncio.sleep(0.15)
            async with Postgres(database_url).connection("read") as db:
                began = time.perf_counter()
                await db.execute(b'select count(*) from "Lesson"')
                waited = time.perf_counter() - began
            await asyncio.gather(task, return_exceptions=True)
            return waited

        assert asyncio.run(go()) < 2 * slowness()


def test_prismas_lock_is_respected_and_its_holder_named(database_url: str) -> None:
    with psycopg.connect(database_url, application_name="prisma in CI", autocommit=True) as other:
        other.execute(b"select pg_advisory_lock(72707369)")
        with pytest.raises(Rejected, match=r"held by pid .*prisma in CI") as held:
            apply(database_url, one("20260401_a", "select 1"))
    assert held.value.code == "P1002"


def test_who_waits_for_the_lock_as_prisma_does_is_let_go_before_an_index_is_built(database_url: str) -> None:
    """Such a wait has a snapshot: CONCURRENTLY would wait for it, and it for us, and Postgres would end one of them."""
    said: list[str] = []

    async def prisma_waits() -> None:
        async with Postgres(database_url).connection("wait", name="prisma in CI") as db:
            await db.execute(b"set statement_timeout = 2500")
            await db.execute(b"select pg_advisory_lock(72707369)")

    async def go() -> None:
        files = [
            one("20260401_a", "select pg_sleep(1)"),
            one("20260402_b", 'create index concurrently i on "Lesson" (title)'),
        ]
        migrator = Migrator(Postgres(database_url), LockBudget(0.2, 0, 30), SystemClock(), run="r1", tell=said.append)
        applying = asyncio.ensure_future(migrator.apply(files))
        await asyncio.sleep(0.5)
        waited = (await asyncio.gather(prisma_waits(), return_exceptions=True))[0]
        assert isinstance(waited, Rejected)
        assert waited.code == "57014", "it gave up, and was not ended by a deadlock"
        assert await applying == ("20260401_a", "20260402_b")

    asyncio.run(go())
    assert any("prisma in CI" in line and "gives up the wait" in line for line in said)


def test_a_build_that_postgres_ended_for_a_deadlock_is_tried_again(database_url: str) -> None:
    said: list[str] = []

    async def go() -> None:
        async with Postgres(database_url).connection("hold", name="stubborn") as db, asyncio.timeout(60):
            migrator = Migrator(
                Postgres(database_url), LockBudget(0.2, 60, 30), SystemClock(), run="r1", tell=said.append
            )
            await db.execute(b'begin; lock table "Lesson" in row exclusive mode')
            file = one("20260401_a", 'create index concurrently i on "Lesson" (title)')
            applying = asyncio.ensure_future(migrator.apply([file]))
            while not rows(database_url, "select from pg_locks where locktype = 'virtualxid' and not granted"):
                await asyncio.sleep(0.05)
            locking = asyncio.ensure_future(db.execute(b'lock table "Lesson" in share update exclusive mode'))
            await asyncio.gather(locking, return_exceptions=True)
            await db.execute(b"rollback")
            assert await applying == ("20260401_a",)

    asyncio.run(go())
    assert rows(database_url, "select count(*) from pg_index where not indisvalid") == [(0,)]


KILLED = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.clients.sending import Sender
from pipeline.clock import SystemClock
made = Migrator(Postgres(sys.argv[2]), LockBudget(1, 1, 30), SystemClock(), run="killed")
print("begins", flush=True)
asyncio.run(made.apply([Migration("20260401_a", sys.argv[3].encode())]))
"""


def killed_at(url: str, sql: str, until: str, script: str = KILLED) -> None:
    """Apply in a process of its own and kill it as soon as ``until`` is true in the database."""
    words = [sys.executable, "-c", script, str(ROOT), url, sql]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        with psycopg.connect(url, autocommit=True) as db:
            while process.poll() is None:  # however long a cold start takes here
                if db.execute(until.encode()).fetchone() == (True,):
                    break
                time.sleep(0.01)
            else:
                pytest.fail(f"never came to {until}")
    finally:
        process.kill()
        process.wait()


SLEEPING = "select exists (select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database())"


@pytest.mark.process
@pytest.mark.parametrize(
    ("sql", "says", "there"),
    [
        ("create table a (id int);\nselect pg_sleep(3);\ncreate table b (id int);", "rolled all of it back", False),
        ("begin;\ncreate table a (id int);\ncommit;\nselect pg_sleep(3);", "before line 4 is in the database", True),
    ],
    ids=["one transaction", "after a commit of its own"],
)
def test_killed_between_two_statements_the_next_run_knows_what_happened(
    database_url: str, sql: str, says: str, there: bool
) -> None:
    killed_at(database_url, sql, SLEEPING)
    migration = one("20260401_a", sql)
    (left,) = state(database_url, migration).failed
    assert says in left.says
    assert left.undone is not there
    again = one("20260401_a", "create table a (id int)")
    if there:
        with pytest.raises(Rejected) as refused:
            asyncio.run(Migrator(Postgres(database_url), LockBudget(1, 1, 30), SystemClock(), run="r2").apply([again]))
        assert refused.value.code == "P3009"
    else:
        done = asyncio.run(
            Migrator(Postgres(database_url), LockBudget(1, 1, 30), SystemClock(), run="r2").apply([again])
        )
        assert done == ("20260401_a",), "what Postgres rolled back is tried again without a word from anybody"
    assert rows(database_url, "select to_regclass('a') is not null") == [(True,)]


@pytest.mark.process
def test_killed_in_the_second_of_three_files_only_that_one_is_begun(database_url: str) -> None:
    """Its row was written with the end of the first, and the third's would have been with its own."""
    files = [one("20260401_a", "create table a ()"), one("20260402_b", "create table b ();\nselect pg_sleep(3);")]
    files.append(one("20260403_c", "create table c ()"))
    several = KILLED.replace('[Migration("20260401_a", sys.argv[3].encode())]', "eval(sys.argv[3])")
    killed_at(database_url, repr(files), SLEEPING, several)
    seen = state(database_url, *files)
    assert seen.pending == ("20260402_b", "20260403_c")
    assert [(left.name, left.undone) for left in seen.failed] == [("20260402_b", True)]
    shorter = [files[0], one("20260402_b", "create table b ()"), files[2]]
    assert asyncio.run(
        Migrator(Postgres(database_url), LockBudget(1, 1, 30), SystemClock(), run="r2").apply(shorter)
    ) == ("20260402_b", "20260403_c")


def test_a_row_that_was_written_ahead_is_of_a_file_that_can_be_sent(database_url: str) -> None:
    files = [one("20260401_a", "create table a ()"), Migration("20260402_b", b"create table b ();\0")]
    with pytest.raises(Rejected, match="NUL"):
        apply(database_url, *files)
    assert rows(database_url, "select migration_name from _prisma_migrations where finished_at is null") == []
    files[1] = one("20260402_b", 'create index concurrently i on "Lesson" (title)')
    assert apply(database_url, *files, one("20260403_c", "create table c ()")) == ("20260402_b", "20260403_c")
    order = (
        "select array_agg(migration_name order by started_at) from _prisma_migrations where migration_name ~ '^202604'"
    )
    assert rows(database_url, order) == [(["20260401_a", "20260402_b", "20260403_c"],)]


def test_an_index_that_is_built_concurrently_is_in_no_transaction_beside_what_is(database_url: str) -> None:
    file = one(
        "20260402_b",
        'create table n (v int);\ncreate index concurrently j on "Lesson" (title);\ninsert into n values (1);',
    )
    assert apply(database_url, file) == ("20260402_b",)
    assert rows(database_url, "select v, to_regclass('j')::text from n") == [(1, "j")]
    begun = one("20260403_c", 'begin;\ncreate index concurrently k on "Lesson" (title);\ncommit;')
    with pytest.raises(Rejected, match=r"25001.*Postgres rolled all of it back"):
        apply(database_url, begun)


def test_an_index_that_could_not_be_built_leaves_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table twice (a int)")
        db.execute("insert into twice values (1), (1)")
    unique = one("20260401_a", "create unique index concurrently u on twice (a)")
    with pytest.raises(
        Rejected, match=r"P3018.*INVALID index public.u that it left was dropped; nothing of it is left"
    ):
        apply(database_url, unique)
    assert rows(database_url, "select to_regclass('u')") == [(None,)]
    assert (state(database_url, unique).failed, state(database_url, unique).pending) == ((), ("20260401_a",))
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("delete from twice")
    assert apply(database_url, unique) == ("20260401_a",)


def test_a_reindex_that_is_cut_off_leaves_no_second_index(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table r (a int); create index r_a on r (a)")
    reindex, indexes = (
        one("20260401_a", "reindex index concurrently r_a"),
        "select count(*) from pg_index where indrelid = ",
    )
    with psycopg.connect(database_url) as other:
        other.execute("insert into r values (1)")
        migrator = Migrator(Postgres(database_url), LockBudget(0.2, 0, 0.5), MovingClock(), run="r1")
        with pytest.raises(Rejected, match=r"57014.*INVALID index public.r_a_ccnew"):
            asyncio.run(migrator.apply([reindex]))
        other.rollback()
    assert apply(database_url, reindex) == ("20260401_a",)
    assert rows(database_url, indexes + "'r'::regclass") == [(1,)]


@pytest.mark.parametrize("how", ["concurrently", "concurrently if not exists", "if not exists"])
def test_an_invalid_index_is_dropped_and_built_anew(database_url: str, how: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table t (a int); insert into t values (1), (1)")
        with pytest.raises(psycopg.Error):
            db.execute("create unique index concurrently i on t (a)")
        db.execute("delete from t")
    said: list[str] = []
    assert apply(database_url, one("20260401_a", f"create unique index {how} i on t (a)"), said=said) == ("20260401_a",)
    assert rows(database_url, "select indisvalid from pg_index where indexrelid = 'i'::regclass") == [(True,)]
    assert any("dropped the INVALID index public.i" in line for line in said)


def test_an_index_that_somebody_builds_now_is_not_dropped(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table t (a int); create index i on t (a)")
        db.execute("update pg_index set indisvalid = false where indexrelid = 'i'::regclass")
        with psycopg.connect(database_url) as builder:
            builder.execute("lock table t in share update exclusive mode")
            with pytest.raises(Rejected, match=r"55P03.*is being built by pid \d+"):
                apply(database_url, one("20260401_a", "create index concurrently if not exists i on t (a)"))
            builder.rollback()
        assert rows(database_url, "select to_regclass('i')::text") == [("i",)]


@pytest.mark.process
@pytest.mark.parametrize(
    ("before", "sql", "after"),
    [
        (
            "",
            "create index concurrently i on t (a)",
            "select indisvalid from pg_index where indexrelid = 'i'::regclass",
        ),
        (
            "",
            "create table n (v int);\ncreate index concurrently if not exists i on t (a);\ninsert into n values (1);",
            "select indisvalid and (select count(*) = 1 from n) from pg_index where indexrelid = 'i'::regclass",
        ),
        ("create index i on t (a)", "drop index concurrently i", "select to_regclass('i') is null"),
        (
            "create index i on t (a)",
            "reindex index concurrently i",
            "select count(*) = 1 from pg_index where indrelid = 't'::regclass",
        ),
    ],
    ids=["built", "built beside other statements", "dropped", "built anew"],
)
def test_killed_while_an_index_is_worked_on_the_next_run_goes_on_there(
    database_url: str, before: str, sql: str, after: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(f"create table t (a int); {before}".encode())
    with psycopg.connect(database_url) as other:
        other.execute("insert into t values (1)")
        waits = "exists (select from pg_locks where not granted and locktype in ('virtualxid', 'transactionid'))"
        killed_at(database_url, sql, f"select {waits}")
        ended = "select not exists (select from pg_stat_activity where application_name like '%killed%')"
        with psycopg.connect(database_url, autocommit=True) as db:
            while db.execute(ended.encode()).fetchone() != (True,):
                time.sleep(0.05)
        other.rollback()
    migration = one("20260401_a", sql)
    assert state(database_url, migration).pending == ("20260401_a",), "it is no P3009 that a person must resolve"
    assert apply(database_url, migration) == ("20260401_a",)
    assert rows(database_url, after) == [(True,)]
    assert rows(database_url, "select count(*) from pg_index where not indisvalid") == [(0,)]
    seen = (
        "select count(*), bool_and(finished_at is not null) from _prisma_migrations where migration_name = '20260401_a'"
    )
    assert rows(database_url, seen) == [(1, True)]


def test_dollar_quotes_and_a_lost_search_path_do_no_harm(database_url: str) -> None:
    function = "create function f() returns int language plpgsql as $$ begin; perform 1; return 2; end $$;"
    function = function.replace("begin;", "begin")
    dump = "select pg_catalog.set_config('search_path', '', false); create table public.a (id int);"
    assert apply(database_url, one("20260401_a", function), one("20260402_b", dump)) == ("20260401_a", "20260402_b")


def test_history_edited_unknown_late_and_newlines(database_url: str) -> None:
    source = ROOT / "pipeline/sandbox/app/source/prisma/migrations"
    init, enrolment, _ = prisma.migrations_in(source)
    windows = Migration(init.name, init.sql.replace(b"\n", b"\r\n"))
    seen = state(database_url, windows, Migration(enrolment.name, enrolment.sql + b"-- x"), one("20260102_late", ""))
    assert seen.edited == (enrolment.name,)
    assert (seen.pending, seen.late) == (("20260102_late",), ("20260102_late",))
    assert state(database_url, init).unknown == (enrolment.name,)
    assert state(database_url, init, enrolment).applied == SEEDED


BATCHES = "do $$ begin for i in 1..3 loop update base set v = i where id = i; commit; end loop; end $$;"


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        (BATCHES, "select array_agg(v order by id) = '{1,2,3}' from base"),
        (f"alter table base add w int;\n{BATCHES}\nupdate base set w = v;", "select bool_and(w = v) from base"),
        (
            "create procedure p() language plpgsql as $$ begin update base set v = 7; commit; end $$;\ncall p();",
            "select bool_and(v = 7) from base",
        ),
        (
            "alter type mood add value 'z'; COMMIT;\nalter table base add m mood default 'z';",
            "select bool_and(m = 'z') from base",
        ),
        (
            "alter type mood add value 'z';\nalter table base add m mood default 'z';",
            "select bool_and(m = 'z') from base",
        ),
        ("vacuum base;\nalter table base add w int;", "select count(w) = 0 from base"),
        ("CLUSTER;", "select true"),
        ("discard all;", "select true"),
        ("discard all;\nalter table base add w int;", "select count(w) = 0 from base"),
        (
            "alter table base add w int;\nalter system set log_min_messages = 'warning';",
            "select count(w) = 0 from base",
        ),
        ("reindex schema public;", "select true"),
        ("begin;alter table base add w int;", "select count(w) = 0 from base"),
        (
            "alter table base add w int;commit and chain;update base set w = 1;commit;",
            "select bool_and(w = 1) from base",
        ),
        ("prepare transaction 'nothing';\nalter table base add w int;", "select count(w) = 0 from base"),
    ],
)
def test_what_wants_no_transaction_or_ends_its_own_is_applied(database_url: str, sql: str, left: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table base (id int primary key, v int); insert into base values (1), (2), (3)")
        db.execute("create type mood as enum ('ok')")
    assert apply(database_url, one("20260401_a", sql), one("20260402_b", "create table after ()")) == (
        "20260401_a",
        "20260402_b",
    )
    assert rows(database_url, left) == [(True,)]
    seen = "select bool_and(finished_at is not null), bool_and(logs is null) from _prisma_migrations"
    assert rows(database_url, f"{seen} where migration_name ~ '^202604'") == [(True, True)]
    assert rows(database_url, "select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("alter system reset log_min_messages")


def test_a_batch_that_fails_keeps_the_batches_before_and_says_so(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table base (id int primary key, v int); insert into base values (1), (2), (0)")
    batches = "create table n ();\n\ndo $$ begin update base set v = 9 where id = 1; commit; perform 1 / 0; end $$;"
    with pytest.raises(
        Rejected, match=r"line 3.*22012.*line 3 runs outside of any transaction: look whether it is done"
    ):
        apply(database_url, one("20260401_a", batches))
    assert rows(database_url, "select v, to_regclass('n')::text from base where id = 1") == [(9, "n")]
    (left,) = state(database_url, one("20260401_a", batches)).failed
    assert not left.undone


def test_a_connection_that_was_lost_before_anything_was_run_is_no_success(database_url: str) -> None:
    """There is no row then; it had been taken for one that was cleared away after all was done."""
    migrator = Migrator(Postgres(database_url), LockBudget(1, 1, 30), SystemClock(), run="r1")
    lost = Unreachable("postgres", "apply", "the connection was lost")
    with pytest.raises(Unreachable, match="nothing of it was run"):
        asyncio.run(migrator._after_a_cut(one("20260401_a", "select 1"), "no such row", lost))


@pytest.mark.parametrize(
    "sql",
    [
        "select pg_terminate_backend(pg_backend_pid())",
        "create table a ();\nselect pg_terminate_backend(pg_backend_pid());",
    ],
)
def test_a_backend_that_ends_in_the_middle_leaves_nothing_and_nothing_is_called_applied(
    database_url: str, sql: str
) -> None:
    files = [one("20260401_a", sql), one("20260402_b", "create table b ()")]
    with pytest.raises((Unreachable, Rejected)):
        apply(database_url, *files)
    assert state(database_url, *files).pending == ("20260401_a", "20260402_b")
    assert rows(database_url, "select to_regclass('a'), to_regclass('b')") == [(None, None)]


def test_a_batch_that_is_alone_in_its_file_and_fails_is_not_said_to_be_rolled_back(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create table base (id int primary key, v int); insert into base values (1)")
    batches = one("20260401_a", "do $$ begin update base set v = 9; commit; perform 1 / 0; end $$;")
    with pytest.raises(Rejected, match=r"22012.*look whether it is done"):
        apply(database_url, batches)
    (left,) = state(database_url, batches).failed
    assert not left.undone
    with pytest.raises(Rejected) as later:
        apply(database_url, batches)
    assert later.value.code == "P3009"


def test_a_function_that_tries_what_only_a_statement_may_leaves_nothing(database_url: str) -> None:
    with pytest.raises(Rejected, match=r"Postgres rolled all of it back"):
        apply(database_url, one("20260401_a", "create table n ();\ndo $$ begin execute 'vacuum'; end $$;"))
    assert rows(database_url, "select to_regclass('n')") == [(None,)]


@pytest.mark.parametrize(
    "setting",
    [
        "set search_path = other",
        "select set_config('search_path', 'other', false)",
        "set role nobody_else",
        "set session authorization nobody_else",
        "set default_transaction_read_only = on",
        "set statement_timeout = 1",
        "set standard_conforming_strings = off",
        "set client_encoding = latin1",
    ],
)
@pytest.mark.parametrize("query", ["", "?schema=public"])
def test_what_one_file_sets_does_not_rule_the_next(database_url: str, setting: str, query: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("create schema other")
        if "nobody_else" in setting:
            db.execute("do $$ begin create role nobody_else superuser; exception when others then null; end $$")
    second = one("20260402_b", "create table n (t text default 'ö\\b');\nselect pg_sleep(0.05);")
    apply(database_url + query, one("20260401_a", f"create table m ();\n{setting};"), second)
    here = (
        "select oid = 'public.n'::regclass, pg_get_userbyid(relowner) = current_user from pg_class where relname = 'n'"
    )
    assert rows(database_url, here) == [(True, True)]
    default = "select column_default from information_schema.columns where table_name = 'n'"
    assert rows(database_url, default) == [("'ö\\b'::text",)]


def test_a_schema_that_is_missing_is_made_as_prisma_does(database_url: str) -> None:
    url = database_url + "?schema=pr_123"
    migration = one("20260401_a", "create table a (id int)")
    assert state(url, migration).pending == ("20260401_a",)
    assert apply(url, migration) == ("20260401_a",)
    assert rows(database_url, "select to_regclass('pr_123.a')::text, to_regclass('public.a')") == [("pr_123.a", None)]


def test_a_history_in_public_is_found_by_a_role_whose_path_leads_elsewhere(database_url: str) -> None:
    name, migration = database_url.rpartition("/")[2], one("20260401_a", "create table a (id int)")
    assert apply(database_url, migration) == ("20260401_a",)
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(f"create schema app; alter database {name} set search_path = app".encode())
    assert apply(database_url + "?schema=public", migration) == ()
    assert state(database_url + "?schema=public", migration).pending == ()


def as_role(url: str, sql: str) -> str:
    """The address of the role ``mig``, which may do what ``sql`` grants it."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("do $$ begin create role mig login password 'm'; exception when others then null; end $$")
        db.execute(f"grant usage on schema public to mig; {sql}".encode())
    return f"postgresql://mig:m@{url.rpartition('@')[2]}"


@pytest.mark.parametrize(
    ("grants", "sql", "says"),
    [
        (
            "grant create on schema public to mig; grant select on _prisma_migrations to mig",
            "create table b (id int primary key)",
            r"permission denied for table _prisma_migrations; the role mig lacks INSERT, UPDATE on _prisma_migrations;"
            r" as postgres: GRANT INSERT, UPDATE ON _prisma_migrations TO mig",
        ),
        (
            "grant create on schema public to mig",
            "create table b (id int primary key)",
            r"permission denied for table _prisma_migrations; the role mig lacks SELECT, INSERT, UPDATE",
        ),
        (
            "grant all on _prisma_migrations to mig",
            "create table b (id int primary key)",
            r"permission denied for schema public; the role mig may not create in the schema public: GRANT CREATE ON",
        ),
        (
            "grant all on _prisma_migrations to mig",
            'create index i on "Lesson" (title)',
            r'"Lesson" belongs to postgres, and the role mig is not a member: GRANT postgres TO mig',
        ),
    ],
)
def test_a_missing_privilege_names_the_role_the_table_and_the_grant(
    database_url: str, grants: str, sql: str, says: str
) -> None:
    url = as_role(database_url, grants)
    with pytest.raises(Rejected, match=says) as refused:
        apply(url, one("20260401_a", sql))
    assert "25P02" not in str(refused.value)


@pytest.mark.parametrize("query", ["sslmode=disable", "sslmode=disable&schema=lms"])
def test_a_pooler_whose_name_does_not_say_so_is_found_by_asking(database_url: str, query: str) -> None:
    """It would leave the lock, and our search_path, on a session that somebody else is given next."""
    migration = one("20260401_a", "create table a (id int)")
    with pooler(database_url, sessions=False) as url:
        with pytest.raises(
            Rejected, match=r"a pooler in transaction mode stands in between; migrations need the direct"
        ):
            apply(f"{url}?{query}", migration)
        with psycopg.connect(f"{url}?sslmode=disable", autocommit=True, prepare_threshold=None) as other:
            assert other.execute("show search_path").fetchone() == ('"$user", public',)
    assert rows(database_url, "select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]
    assert state(database_url, migration).pending == ("20260401_a",)


def test_a_proxy_that_gives_each_client_a_session_of_its_own_is_no_pooler(database_url: str) -> None:
    """As Neon's does: only the key that it gives out is its own."""
    with pooler(database_url, sessions=True) as url:
        assert apply(f"{url}?sslmode=disable", one("20260401_a", "create table a (id int)")) == ("20260401_a",)


ORDERED = (
    "_x", "-x", "0_init", "0001_next", "2026030_1", "20260301", "20260301_add_t", "20260301120000_alter_t", "a", "ä",
    "a b", "a_b", "a-b", "a.b", "ab", "aB", "Ab", "AB", "b", "co_op", "co-op", "CO-OP", "coop", "e", "é", "f", "resume",
    "Resume", "résumé", "straße", "strat", "x", "z",
)  # fmt: skip


def test_migrations_are_in_the_order_that_prisma_sorts_their_folders_in(tmp_path: Path) -> None:
    names = ["20260301120000_alter_t", "0001_next", "20260301_add_t", "0_init"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "migration.sql").write_text("select 1")
    assert [one.name for one in prisma.migrations_in(tmp_path)] == [names[3], names[1], names[2], names[0]]
    assert tuple(sorted({*ORDERED}, key=prisma.order)) == ORDERED


def test_a_migration_is_late_in_the_same_order(database_url: str) -> None:
    assert apply(database_url, one("20260301120000_alter_t", "")) == ("20260301120000_alter_t",)
    seen = state(database_url, one("20260301120000_alter_t", ""), one("20260301_add_t", ""), one("20260302_b", ""))
    assert (seen.pending, seen.late) == (("20260301_add_t", "20260302_b"), ("20260301_add_t",))


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_the_order_is_that_of_node(tmp_path: Path) -> None:
    chance = random.Random(7)
    signs = " _-.0123456789abcXYZabcxyzéÉüñß+@#~!"
    names = ["".join(chance.choices(signs, k=chance.randint(1, 9))) for _ in range(2000)]
    script = "console.log(JSON.stringify(JSON.parse(process.argv[1]).sort((a, b) => a.localeCompare(b, 'en'))))"
    said = subprocess.run(["node", "-e", script, json.dumps(names)], capture_output=True, check=True, text=True)
    theirs = json.loads(said.stdout)
    assert [prisma.order(one) for one in theirs] == sorted(map(prisma.order, names))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://u:s3cret@ep-x-pooler.neon.tech/db", "is a Neon -pooler address"),
        ("postgresql://u:s3cret@host/db?pgbouncer=true", "pgbouncer=true"),
        ("mysql://u:s3cret@host/db", "is no Postgres URL"),
        ("postgresql://u:s3cret@host:port/db", "is no Postgres URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_without_its_password(url: str, says: str) -> None:
    with pytest.raises(Mistake, match=says) as error:
        address_of(url)
    assert "s3cret" not in str(error.value)


def test_what_only_prisma_knows_is_taken_out_of_the_address() -> None:
    found = address_of("postgresql://u:p@h/db?schema=lms&connection_limit=5&sslmode=require")
    assert (found.url, found.schema) == ("postgresql://u:p@h/db?sslmode=require", "lms")
    assert found.for_prisma == "postgresql://u:p@h/db?sslmode=require&schema=lms"
    assert address_of("postgresql://u:p@h/db?schema=public").for_prisma == "postgresql://u:p@h/db"


def test_another_schema_is_migrated_and_read(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(b"create schema lms")
    url = database_url + "?schema=lms"
    migration = one("20260401_a", "create table a (id int)")
    assert apply(url, migration) == ("20260401_a",)
    assert rows(database_url, "select to_regclass('lms.a')::text, to_regclass('public.a')") == [("lms.a", None)]
    assert (state(url, migration).applied, set(state(database_url).applied)) == (("20260401_a",), set(SEEDED))


def prisma_says(tmp_path: Path, script: str) -> tuple[str, list[str]]:
    """What ``engine: prisma`` makes of a command that behaves like this; the code it raised, and what it passed on."""
    from pipeline.clients.prismacli import PrismaCommand

    command, said = tmp_path / "prisma", []
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    try:
        asyncio.run(PrismaCommand({}).deploy(str(command), tmp_path, "postgresql://u:p@h/db", said.append))
    except Rejected as error:
        return error.code, [*said, error.came]
    return "", said


def test_the_teams_own_prisma_gets_the_direct_address_and_its_code_is_known(tmp_path: Path) -> None:
    code, said = prisma_says(tmp_path, 'echo "$1 $2 $DIRECT_URL"; echo done')
    assert (code, said[0]) == ("", "migrate deploy postgresql://u:p@h/db")
    failure = 'echo "Error: P3018"; echo "Migration name: 2026_x" >&2; exit 1'
    code, said = prisma_says(tmp_path, failure)
    assert code == "P3018"
    assert "2026_x" in said[-1]
    assert prisma_says(tmp_path, "exit 7")[0] == "P0000"


def unreadable(url: str) -> str:
    """The database reads backslashes as no parser of ours does, so that a file with one is sent as it is."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f'alter database "{url.rpartition("/")[2]}" set standard_conforming_strings = off'.encode())
    return url


def as_a_whole(sql: str) -> Migration:
    return one("20260401_a", f"{sql};\ncomment on table \"Lesson\" is 'a\\tb'")


def test_a_file_that_nobody_can_read_steps_aside_too_and_tries_again(database_url: str) -> None:
    said: list[str] = []
    migration = as_a_whole('create table a (id int); alter table "Lesson" add x int')
    with psycopg.connect(unreadable(database_url), application_name="nightly report") as other:
        other.execute('select from "Lesson"')
        with pytest.raises(Rejected, match=r"blocked by pid .*nightly report.* rolled all of it back") as blocked:
            apply(database_url, migration, patience=3, said=said)
        assert blocked.value.code == "55P03"
        assert sum("stepped aside" in line for line in said) >= 2
        other.rollback()
    assert state(database_url, migration).rolled_back == ("20260401_a",)
    assert apply(database_url, migration) == ("20260401_a",)
    assert rows(database_url, "select obj_description('\"Lesson\"'::regclass)") == [("a\tb",)]
    assert rows(
        database_url, "select logs, finished_at is null from _prisma_migrations where rolled_back_at is null"
    ) == [(None, False)] * (len(SEEDED) + 1)


@pytest.mark.parametrize(
    "sql",
    ["create table a (id int); commit", "rollback; create table a (id int); commit; begin"],
    ids=["its first transaction ended", "the trace was taken back by the file itself"],
)
def test_a_file_that_nobody_can_read_is_not_sent_twice_when_something_of_it_may_be_left(
    database_url: str, sql: str
) -> None:
    migration, said = as_a_whole(f'{sql}; alter table "Lesson" add x int'), list[str]()
    with psycopg.connect(unreadable(database_url)) as other:
        other.execute('select from "Lesson"')
        with pytest.raises(Rejected, match="55P03"):
            apply(database_url, migration, patience=3, said=said)
        other.rollback()
    assert not [line for line in said if "stepped aside" in line]
    assert rows(database_url, "select to_regclass('a') is not null") == [(True,)]
    (left,) = state(database_url, migration).failed
    assert not left.undone


def test_a_file_that_nobody_can_read_and_that_wants_no_transaction_has_none(database_url: str) -> None:
    """Beside the trace Postgres would refuse it: a statement is only alone when it is alone in its message."""
    apply(unreadable(database_url), one("20260331_i", 'create index i on "Lesson" (title)'))
    sql = "drop index concurrently i /* \\ */"
    assert apply(database_url, one("20260401_a", sql)) == ("20260401_a",)
    assert rows(database_url, "select to_regclass('i')") == [(None,)]


def test_a_file_is_read_while_postgres_is_at_work_on_another(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent first, read then: what is read meanwhile costs no time. Nothing is read twice."""
    seen: list[str] = []
    read, send = migrator.parse, Sender.send

    def reading(sql: bytes) -> object:
        seen.append(f"read {sql.decode().split()[2]}")
        return read(sql)

    async def sending(sender: Sender, number: int = 1) -> None:
        seen.append("sent")
        await send(sender, number)
        seen.append("applied")

    monkeypatch.setattr(migrator, "parse", reading)
    monkeypatch.setattr(Sender, "send", sending)
    apply(database_url, *(one(f"2026040{at}_x", f"create table t{at} ()") for at in range(1, 5)))
    ends = ["sent", "applied"]
    assert seen == ["read t2", "read t1", "sent", "read t3", "applied", "sent", "read t4", "applied", *ends, *ends]
    assert rows(database_url, "select count(*) from pg_class where relname ~ '^t[1-4]$'") == [(4,)]
