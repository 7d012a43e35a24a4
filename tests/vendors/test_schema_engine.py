"""Every state a migration history can be in, told by Prisma's own schema engine and by us, before and after."""

import asyncio
import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checks.evidence import Migrations
from pipeline.clients import prisma
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.marks import Mark
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import migrations_in, provider_of
from pipeline.clock import Clock, SystemClock
from pipeline.errors import PipelineError, Rejected
from pipeline.probes.database import compare
from pipeline.sandbox.postgres import Postgres as Server
from tests.scripted import MovingClock

HERE = Path(__file__).resolve().parent.parent / "schemaengine"
LONGEST = 60

pytestmark = [
    pytest.mark.wide,
    pytest.mark.process,
    pytest.mark.skipif(
        not (HERE / "node_modules/@prisma/schema-engine-wasm").is_dir() or not shutil.which("node"),
        reason="Prisma's schema engine is not installed in tests/schemaengine: ./inv test --wide",
    ),
]

A, B, C, D = "20260101_a", "20260102_b", "20260103_c", "20260104_d"
SQL = {
    A: "-- CreateTable\ncreate table a (id int primary key);\n",
    B: "create table b (id int primary key);\nalter table b add a int references a;\n",
    C: "create type c as enum ('x', 'y');\n",
    D: "create index d on b (a);\n",
}
FAILS = "create table f (id int);\nselect 1 / 0;\n"
HALF = "begin;\ncreate table f (id int);\ncommit;\nselect 1 / 0;\n"
ROWS = """select migration_name, checksum, applied_steps_count, finished_at is not null, rolled_back_at is null,
 logs is null from _prisma_migrations order by started_at, migration_name"""


class Sides:
    """One database that begins empty, one folder of migrations, and the two who look at them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        folder.mkdir(exist_ok=True)
        self.provider("postgresql")

    def provider(self, name: str) -> None:
        (self.folder / "migration_lock.toml").write_text(f'provider = "{name}"\n')

    def write(self, name: str, sql: str | bytes) -> None:
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "migration.sql").write_bytes(sql if isinstance(sql, bytes) else sql.encode())

    def write_all(self, *names: str) -> None:
        for name in names:
            self.write(name, SQL[name])

    def remove(self, name: str) -> None:
        shutil.rmtree(self.folder / name)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as db:
            found = db.execute(sql.encode())
            return found.fetchall() if found.description else []

    async def engine(self, command: str, *more: str, sends: str = "whole") -> dict[str, Any]:
        words = ["node", str(HERE / "oracle.mjs"), command, self.url, str(self.folder), *more]
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*words, **pipes, env={**os.environ, "PRISMA_SENDS": sends})
        out, err = await asyncio.wait_for(process.communicate(), LONGEST)
        assert process.returncode == 0, err.decode()
        found: dict[str, Any] = json.loads(out)
        return found

    async def engine_deploys(self, sends: str = "whole") -> list[str]:
        found = await self.engine("deploy", sends=sends)
        assert "error" not in found, found
        return list(found["appliedMigrationNames"])

    async def engine_refuses(self) -> dict[str, Any]:
        found = await self.engine("deploy")
        assert "error" in found, found
        return dict(found["error"])

    async def we_see(self) -> Migrations:
        return compare(migrations_in(self.folder), await Postgres(self.url).history(), provider_of(self.folder))

    async def we_apply(self, clock: Clock | None = None) -> list[str]:
        at, limits = Postgres(self.url), LockBudget(lock=1, patience=5, statement=30)
        return list(await Migrator(at, limits, clock or SystemClock(), run="t").apply(migrations_in(self.folder)))

    async def we_refuse(self, clock: Clock | None = None) -> Rejected:
        with pytest.raises(Rejected) as refused:
            await self.we_apply(clock)
        return refused.value

    async def agreed(self) -> Migrations:
        """What we see, after it was compared with everything that the engine says about the same."""
        ours, theirs = await self.we_see(), await self.engine("diagnose")
        assert "error" not in theirs, theirs
        between = theirs["history"] or {}
        assert list(ours.pending) == between.get("unappliedMigrationNames", [])
        assert list(ours.unknown) == between.get("unpersistedMigrationNames", [])
        assert [left.name for left in ours.failed] == theirs["failedMigrationNames"]
        assert list(ours.edited) == theirs["editedMigrationNames"]
        kinds = {
            (False, False): None,
            (True, False): "databaseIsBehind",
            (False, True): "migrationsDirectoryIsBehind",
            (True, True): "historiesDiverge",
        }
        assert kinds[bool(ours.pending), bool(ours.unknown)] == between.get("diagnostic")
        return ours


@pytest.fixture
def sides(postgres: Server, tmp_path: Path) -> Callable[[], Sides]:
    """Another empty database with the same folder, as often as it is called."""
    server = postgres.fresh_database(f"t{uuid.uuid4().hex[:12]}")

    def make() -> Sides:
        name = f"e{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as db:
            db.execute(f"create database {name} template template0".encode())
        return Sides(f"{server.rsplit('/', 1)[0]}/{name}", tmp_path / "migrations")

    return make


@pytest.fixture
def both(sides: Callable[[], Sides]) -> Sides:
    return sides()


async def deployed_by(who: str, both: Sides) -> list[str]:
    return await (both.engine_deploys() if who == "engine" else both.we_apply())


def run(scenario: Any) -> None:
    asyncio.run(scenario)


EITHER = pytest.mark.parametrize("who", ["engine", "we"])


# What a history says


@EITHER
def test_nothing_then_half_then_all(both: Sides, who: str) -> None:
    async def go() -> None:
        assert await both.agreed() == Migrations((), (), (), (), ())
        both.write_all(A, B)
        seen = await both.agreed()
        assert (seen.pending, seen.applied) == ((A, B), ())
        assert await deployed_by(who, both) == [A, B]
        both.write_all(C, D)
        seen = await both.agreed()
        assert (seen.pending, seen.applied, seen.late) == ((C, D), (A, B), ())
        assert await deployed_by(who, both) == [C, D]
        seen = await both.agreed()
        assert (seen.pending, seen.applied) == ((), (A, B, C, D))
        assert (await both.engine_deploys(), await both.we_apply()) == ([], [])

    run(go())


@pytest.mark.parametrize("kept", [1, 3])
def test_fewer_files_than_rows(both: Sides, kept: int) -> None:
    async def go() -> None:
        both.write_all(A, B, C, D)
        await both.engine_deploys()
        for name in (A, B, C, D)[kept:]:
            both.remove(name)
        seen = await both.agreed()
        assert (seen.unknown, seen.pending) == ((A, B, C, D)[kept:], ())
        assert (await both.engine_deploys(), await both.we_apply()) == ([], []), "both deploy without a word"

    run(go())


@EITHER
def test_one_that_is_late_is_applied(both: Sides, who: str) -> None:
    async def go() -> None:
        both.write_all(A, C)
        await deployed_by("we" if who == "engine" else "engine", both)
        both.write_all(B)
        seen = await both.agreed()
        assert (seen.pending, seen.late) == ((B,), (B,))
        assert await deployed_by(who, both) == [B]
        seen = await both.agreed()
        assert (seen.applied, seen.late) == ((A, C, B), ())

    run(go())


def test_two_that_diverged(both: Sides) -> None:
    async def go() -> None:
        both.write_all(A, B, C)
        await both.engine_deploys()
        both.remove(C)
        both.write_all(D)
        seen = await both.agreed()
        assert (seen.pending, seen.unknown, seen.late) == ((D,), (C,), ())
        assert await both.we_apply() == [D]
        assert (await both.agreed()).unknown == (C,)

    run(go())


@EITHER
def test_edited_after_it_was_applied(both: Sides, who: str) -> None:
    async def go() -> None:
        both.write_all(A, B)
        await deployed_by(who, both)
        both.write(A, SQL[A] + "-- a word\n")
        assert (await both.agreed()).edited == (A,)
        assert (await both.engine_deploys(), await both.we_apply()) == ([], []), "neither refuses for that"

    run(go())


UNIX, WINDOWS, MIXED = "select 1;\nselect 2;\n", "select 1;\r\nselect 2;\r\n", "select 1;\r\nselect 2;\n"


@pytest.mark.parametrize(("then", "now"), [(UNIX, WINDOWS), (WINDOWS, UNIX), (MIXED, UNIX), (UNIX, MIXED)])
@EITHER
def test_other_newlines_are_judged_alike(both: Sides, who: str, then: str, now: str) -> None:
    async def go() -> None:
        both.write(A, then)
        await deployed_by(who, both)
        assert (await both.agreed()).edited == ()
        both.write(A, now)
        edited = (await both.agreed()).edited
        assert edited == (() if then != MIXED else (A,))

    run(go())


@pytest.mark.parametrize("script", ["", "\n", "-- nothing yet\n", ";\n"])
def test_a_file_without_statements(sides: Callable[[], Sides], script: str) -> None:
    async def go() -> None:
        theirs, ours = sides(), sides()
        theirs.write(A, script)
        assert (await theirs.engine_deploys(), await ours.we_apply()) == ([A], [A])
        assert theirs.ask(ROWS) == ours.ask(ROWS)
        await theirs.agreed()
        await ours.agreed()

    run(go())


# What a failure leaves, and how it is resolved


def test_the_engines_failure_stops_us_too(both: Sides) -> None:
    async def go() -> None:
        both.write_all(A, C)
        both.write(B, FAILS)
        error = await both.engine_refuses()
        assert "division by zero" in error["message"]
        seen = await both.agreed()
        assert ([left.name for left in seen.failed], seen.applied, seen.pending) == ([B], (A,), (C,))
        (left,) = seen.failed
        ((logs,),) = both.ask(f"select logs from _prisma_migrations where migration_name = '{B}'")
        assert left.says == " ".join(logs.split())[:300]
        assert "division by zero" in left.says
        assert not left.undone
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3009", "P3009")
        await both.agreed()

    run(go())


@EITHER
def test_the_engines_failure_resolved_as_rolled_back(both: Sides, who: str) -> None:
    async def go() -> None:
        both.write(A, FAILS)
        await both.engine_refuses()
        assert await both.engine("rolled-back", A) == {}
        seen = await both.agreed()
        assert (seen.pending, seen.failed, seen.rolled_back) == ((A,), (), (A,))
        both.write(A, SQL[A])
        assert await deployed_by(who, both) == [A]
        seen = await both.agreed()
        assert (seen.applied, seen.pending, seen.rolled_back) == ((A,), (), ())
        assert both.ask("select count(*) from _prisma_migrations") == [(2,)]

    run(go())


def test_the_engines_failure_resolved_as_applied(both: Sides) -> None:
    async def go() -> None:
        both.write(A, FAILS)
        await both.engine_refuses()
        assert await both.engine("applied", A) == {}
        seen = await both.agreed()
        assert (seen.applied, seen.pending, seen.failed) == ((A,), (), ())
        both.write_all(C)
        assert await both.we_apply() == [C]
        assert (await both.engine("applied", A))["error"]["code"] == "P3008"
        await both.agreed()

    run(go())


def test_a_baseline_is_applied_for_us(both: Sides) -> None:
    """Prisma's way to take over a database that was there before."""

    async def go() -> None:
        both.write_all(A, C)
        both.ask(SQL[A])
        assert await both.engine("applied", A) == {}
        seen = await both.agreed()
        assert (seen.unmanaged, seen.applied, seen.pending) == (False, (A,), (C,))
        assert await both.we_apply() == [C]
        assert await both.engine_deploys() == []

    run(go())


def test_the_failed_file_is_corrected_but_not_resolved(both: Sides) -> None:
    async def go() -> None:
        both.write(A, FAILS)
        await both.engine_refuses()
        both.write(A, SQL[A])
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3009", "P3009")
        theirs = await both.engine("diagnose")
        seen = await both.we_see()
        assert [left.name for left in seen.failed] == theirs["failedMigrationNames"] == [A]
        assert list(seen.edited) == theirs["editedMigrationNames"]

    run(go())


def test_the_failed_file_is_removed(both: Sides) -> None:
    async def go() -> None:
        both.write_all(A)
        both.write(B, FAILS)
        await both.engine_refuses()
        both.remove(B)
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3009", "P3009")
        theirs, seen = await both.engine("diagnose"), await both.we_see()
        assert [left.name for left in seen.failed] == theirs["failedMigrationNames"] == [B]
        assert list(seen.unknown) == (theirs["history"] or {}).get("unpersistedMigrationNames", [])

    run(go())


def test_our_failure_in_one_transaction_is_rolled_back_for_the_engine(both: Sides) -> None:
    async def go() -> None:
        both.write_all(A)
        both.write(B, FAILS)
        assert (await both.we_refuse()).code == "P3018"
        assert both.ask("select to_regclass('f')") == [(None,)]
        seen = await both.agreed()
        assert (seen.pending, seen.failed, seen.rolled_back) == ((B,), (), (B,))
        assert "division by zero" in (await both.engine_refuses())["message"]
        assert await both.engine("rolled-back", B) == {}
        both.write_all(B)
        assert await both.engine_deploys() == [B]
        assert (await both.agreed()).pending == ()

    run(go())


def test_our_failure_is_applied_by_the_engine_once_corrected(both: Sides) -> None:
    async def go() -> None:
        both.write(A, FAILS)
        await both.we_refuse()
        assert (await both.agreed()).pending == (A,)
        both.write_all(A)
        assert await both.engine_deploys() == [A]
        kept = both.ask("select finished_at is not null, rolled_back_at is not null from _prisma_migrations order by 1")
        assert kept == [(False, True), (True, False)]
        assert (await both.agreed()).applied == (A,)

    run(go())


def test_our_failure_after_a_commit_is_failed_for_the_engine(both: Sides) -> None:
    async def go() -> None:
        both.write(A, HALF)
        both.write_all(C)
        assert (await both.we_refuse()).code == "P3018"
        assert both.ask("select to_regclass('f') is not null") == [(True,)]
        seen = await both.agreed()
        assert ([left.name for left in seen.failed], seen.pending) == ([A], (C,))
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3009", "P3009")
        assert await both.engine("rolled-back", A) == {}
        assert (await both.agreed()).pending == (A, C)
        both.ask("drop table f")
        both.write(A, HALF.replace("1 / 0", "1"))
        assert await both.we_apply() == [A, C]
        assert (await both.agreed()).pending == ()
        assert await both.engine_deploys() == []

    run(go())


def test_our_failure_after_a_commit_resolved_as_applied(both: Sides) -> None:
    async def go() -> None:
        both.write(A, HALF)
        await both.we_refuse()
        assert await both.engine("applied", A) == {}
        assert (await both.agreed()).applied == (A,)
        assert (await both.we_apply(), await both.engine_deploys()) == ([], [])

    run(go())


@pytest.mark.parametrize("script", [HALF, "begin;\ncreate table f (id int);\nselect 1 / 0;\ncommit;\n"])
def test_the_engines_failure_with_transactions_of_its_own(both: Sides, script: str) -> None:
    async def go() -> None:
        both.write(A, script)
        await both.engine_refuses()
        assert [left.name for left in (await both.agreed()).failed] == [A]
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3009", "P3009")

    run(go())


@EITHER
def test_what_was_rolled_back_and_removed_is_forgotten(both: Sides, who: str) -> None:
    async def go() -> None:
        both.write(A, FAILS)
        if who == "engine":
            await both.engine_refuses()
            await both.engine("rolled-back", A)
        else:
            await both.we_refuse()
        both.remove(A)
        assert await both.agreed() == Migrations((), (), (), (), ())
        both.write_all(C)
        assert await deployed_by(who, both) == [C]
        await both.agreed()

    run(go())


def test_the_engine_was_killed(both: Sides) -> None:
    async def go() -> None:
        both.write(A, "create table f (id int);\nselect pg_sleep(30);\n")
        words = ["node", str(HERE / "oracle.mjs"), "deploy", both.url, str(both.folder)]
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        sleeping = "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        while not both.ask(sleeping):
            await asyncio.sleep(0.05)
        process.kill()
        await process.communicate()
        both.ask(sleeping.replace("pid", "pg_terminate_backend(pid)"))
        seen = await both.agreed()
        assert [(left.name, left.undone) for left in seen.failed] == [(A, False)]
        assert "Prisma's own tool was cut off" in seen.failed[0].says
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3009", "P3009")
        await both.engine("rolled-back", A)
        both.write_all(A)
        assert (await both.agreed()).pending == (A,)
        assert await both.we_apply() == [A]

    run(go())


def test_we_were_killed_inside_the_only_transaction(both: Sides) -> None:
    """Only we can tell that nothing is left of it; for the engine it failed, until our next run clears it away."""

    async def go() -> None:
        await both.engine_deploys()
        both.write_all(A)
        mark = Mark("t", 1, 1, False, 1).text
        both.ask(
            "insert into _prisma_migrations (id, checksum, migration_name, logs)"
            f" values ('{uuid.uuid4()}', '{migrations_in(both.folder)[0].checksum}', '{A}', '{mark}')"
        )
        seen = await both.we_see()
        assert ([(left.name, left.undone) for left in seen.failed], seen.pending) == ([(A, True)], (A,))
        assert (await both.engine("diagnose"))["failedMigrationNames"] == [A]
        assert (await both.engine_refuses())["code"] == "P3009"
        assert await both.we_apply() == [A]
        seen = await both.agreed()
        assert (seen.applied, seen.failed) == ((A,), ())
        assert await both.engine_deploys() == []

    run(go())


def test_a_folder_without_its_file(both: Sides) -> None:
    """P3015 for Prisma: a migration that was not checked in must not be passed over without a word."""

    async def go() -> None:
        both.write_all(A)
        (both.folder / B).mkdir()
        error = await both.engine_refuses()
        assert error["code"] == "P3015"
        with pytest.raises(PipelineError, match=B):
            await both.we_apply()

    run(go())


# What neither begins


def test_tables_without_a_history(both: Sides) -> None:
    async def go() -> None:
        both.write_all(A)
        both.ask("create table older (id int)")
        assert (await both.agreed()).unmanaged
        assert ((await both.we_refuse()).code, (await both.engine_refuses())["code"]) == ("P3005", "P3005")
        assert both.ask("select to_regclass('_prisma_migrations')") == [(None,)]

    run(go())


CONTENTS = {
    "table": "create table x (id int)",
    "view": "create view x as select 1 as one",
    "materialized view": "create materialized view x as select 1 as one",
    "enum": "create type x as enum ('a')",
    "composite type": "create type x as (a int)",
    "domain": "create domain x as int",
    "sequence": "create sequence x",
    "function": "create function x() returns int language sql as 'select 1'",
    "extension": "create extension pg_stat_statements",
    "other schema": "create schema x create table y (id int)",
    "partitioned table": "create table x (id int) partition by range (id)",
    "partition": (
        "create table x (id int) partition by range (id); create table y partition of x for values from (0) to (9)"
    ),
    "unlogged table": "create unlogged table x (id int)",
}


@pytest.mark.parametrize("content", CONTENTS)
def test_what_counts_as_an_empty_database(sides: Callable[[], Sides], content: str) -> None:
    async def go() -> None:
        theirs, ours = sides(), sides()
        ours.write_all(A)
        for one in (theirs, ours):
            one.ask(CONTENTS[content])
        said = await theirs.engine("deploy")
        refused = said.get("error", {}).get("code")
        assert refused in (None, "P3005"), said
        assert (await ours.we_see()).unmanaged == (refused == "P3005"), f"the engine: {said}"
        if refused:
            assert (await ours.we_refuse()).code == "P3005"
        else:
            assert await ours.we_apply() == [A]

    run(go())


@pytest.mark.parametrize("provider", ["mysql", "sqlite"])
def test_migrations_for_another_database(both: Sides, provider: str) -> None:
    async def go() -> None:
        both.write_all(A)
        both.provider(provider)
        assert (await both.engine_refuses())["code"] == "P3019"
        assert (await both.engine("diagnose"))["error"]["code"] == "P3019"
        assert (await both.we_see()).provider == provider

    run(go())


def test_the_lock_is_the_same(both: Sides) -> None:
    async def go() -> None:
        both.write_all(A)
        with psycopg.connect(both.url, autocommit=True) as other:
            other.execute(f"select pg_advisory_lock({prisma.LOCK})".encode())
            assert ((await both.we_refuse(MovingClock())).code, (await both.engine_refuses())["code"]) == (
                "P1002",
                "P1002",
            )
        assert (await both.agreed()).pending == (A,)
        assert await both.engine_deploys() == [A]
        for _ in range(50):  # a session that has ended gives its lock back a moment later
            held = both.ask("select count(*) from pg_locks where locktype = 'advisory'")
            if held == [(0,)]:
                break
            await asyncio.sleep(0.1)
        assert held == [(0,)], "nobody keeps it"

    run(go())


# The same files, applied by the one and by the other

KINDS = {
    "plain": "create table a (id int);\n\ncreate index a_id on a (id);\n",
    "without a last newline": "create table a (id int)",
    "dollar quoted": (
        "create function f() returns int language plpgsql as $$ begin perform 1; perform 2; return 3; end; $$;\n"
        "do $do$ begin execute 'create table a (id int); create table b (id int)'; end $do$;\n"
    ),
    "semicolons in strings": "create table a (t text default ';');\ninsert into a values ('a;b'), (E'\\';');\n",
    "its own transaction": "begin;\ncreate table a (id int);\ncommit;\n",
    "its own transactions": "begin;\ncreate table a (id int);\ncommit;\nbegin;\nalter table a add b int;\ncommit;\n",
    "half in a transaction of its own": "create table a (id int);\nbegin;\nalter table a add b int;\ncommit;\n",
    "concurrently": "create index concurrently base_x on base (x);\n",
    "an enum value": "alter type mood add value 'sad';\n",
    "windows newlines": "create table a (id int);\r\nalter table a add b int;\r\n",
    "not ascii": 'create table "Übung" ("größe" text default \'→ naïve ☃\');\n',
    "settings": "set local lock_timeout = '3s';\nset search_path to public;\ncreate table a (id int);\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_file_leaves_the_same(sides: Callable[[], Sides], kind: str) -> None:
    async def go() -> None:
        theirs, ours = sides(), sides()
        ours.write("20250101_base", "create table base (x int);\ncreate type mood as enum ('ok');\n")
        ours.write(A, KINDS[kind])
        assert await theirs.engine_deploys() == ["20250101_base", A]
        assert await ours.we_apply() == ["20250101_base", A]
        assert ours.ask(ROWS) == theirs.ask(ROWS)
        assert [row[2:] for row in ours.ask(ROWS)] == [(1, True, True, True)] * 2
        defined = await Postgres(ours.url).definitions()
        assert defined == await Postgres(theirs.url).definitions()
        assert (await ours.agreed()).applied == (await theirs.agreed()).applied
        assert (await ours.engine_deploys(), await theirs.we_apply()) == ([], [])

    run(go())


def test_the_folders_are_in_the_same_order(sides: Callable[[], Sides]) -> None:
    async def go() -> None:
        theirs, ours = sides(), sides()
        names = ["0_init", "0001_next", "20260301_add_t", "20260301120000_alter_t"]
        for name in reversed(names):
            ours.write(name, f'create table "{name}" ()')
        assert await theirs.engine_deploys() == await ours.we_apply() == names

    run(go())


SINCE_7_4 = {
    "an index beside other statements": "alter table a add b int;\ncreate index concurrently a_b on a (b);\n",
    "two indexes and what uses them": "create index concurrently a_1 on a (id);\ndrop index concurrently a_1;\n"
    "create unique index concurrently a_2 on a (id);\nalter table a add constraint u unique using index a_2;\n",
    "a value that is used": "alter type mood add value 'sad';\ncreate table t (m mood default 'sad');\n",
    "vacuum beside a table": "create table t (id int);\nvacuum a;\n",
    "rows that are checked later": "insert into kid values (9);\nalter table kid add n int;\n",
}


@pytest.mark.parametrize("kind", SINCE_7_4)
def test_what_prisma_applies_since_it_sends_each_statement_is_applied(sides: Callable[[], Sides], kind: str) -> None:
    """Prisma 7.4 sends each by itself (prisma-engines#5767). Before, it refused; we do what is right with either."""

    async def go() -> None:
        before, theirs, ours = sides(), sides(), sides()
        ours.write(
            A,
            "create table a (id int primary key);\ncreate type mood as enum ('ok');\n"
            "create table kid (a int references a deferrable initially deferred);\ninsert into a values (9);\n",
        )
        ours.write(B, SINCE_7_4[kind])
        await before.engine_refuses()
        assert await theirs.engine_deploys("each") == [A, B]
        assert await ours.we_apply() == [A, B]
        assert await Postgres(ours.url).definitions() == await Postgres(theirs.url).definitions()
        assert ours.ask(ROWS) == theirs.ask(ROWS)

    run(go())


@pytest.mark.parametrize("first", ["engine", "we"])
def test_one_takes_over_from_the_other(both: Sides, first: str) -> None:
    async def go() -> None:
        both.write_all(A, B)
        assert await deployed_by(first, both) == [A, B]
        both.write_all(C, D)
        assert (await both.agreed()).pending == (C, D)
        then = "we" if first == "engine" else "engine"
        assert await deployed_by(then, both) == [C, D]
        assert await deployed_by(first, both) == []
        assert await deployed_by(then, both) == []
        assert [row[2:] for row in both.ask(ROWS)] == [(1, True, True, True)] * 4
        assert (await both.agreed()).applied == (A, B, C, D)

    run(go())


def test_the_history_tables_are_alike(sides: Callable[[], Sides]) -> None:
    async def go() -> None:
        theirs, ours = sides(), sides()
        await theirs.engine_deploys()
        await ours.we_apply()
        sql = """select column_name, data_type, character_maximum_length, is_nullable, column_default, ordinal_position
         from information_schema.columns where table_name = '_prisma_migrations' order by ordinal_position"""
        assert ours.ask(sql) == theirs.ask(sql)
        keys = """select conname, pg_get_constraintdef(oid) from pg_constraint
         where conrelid = '_prisma_migrations'::regclass and contype = 'p'"""
        assert ours.ask(keys) == theirs.ask(keys)

    run(go())


@pytest.mark.parametrize("ahead", [0.0, 0.15, 0.3, 0.45])
def test_both_at_once_apply_each_migration_once(both: Sides, ahead: float) -> None:
    """``ahead``: seconds that the engine is given to start its process before we begin."""

    async def go() -> None:
        names = [f"2026010{number}_m" for number in range(1, 7)]
        for name in names:
            both.write(name, f"create table m{name[7]} (id int);\nselect pg_sleep(0.1);\n")

        async def ours() -> list[str]:
            await asyncio.sleep(ahead)
            return await both.we_apply()

        theirs, mine = await asyncio.gather(both.engine_deploys(), ours())
        assert sorted([*theirs, *mine]) == names
        assert [(row[0], *row[2:]) for row in both.ask(ROWS)] == [(name, 1, True, True, True) for name in names]
        assert (await both.agreed()).applied == tuple(names)

    run(go())
