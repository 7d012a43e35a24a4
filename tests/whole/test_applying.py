"""What is around the applying of migrations, on the sandbox: drift, proof, the rehearsal, what a killed run leaves."""

import asyncio
import dataclasses
import datetime
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from checks.evidence import Change, Migrations, PlannedChanges, Production, SchemaDrift
from checks.outcome import Outcome
from checks.policy import DatabasePolicy, SmokePolicy
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration, migrations_in
from pipeline.clock import SystemClock
from pipeline.emergency.access import _read
from pipeline.emergency.schemaback import ask, judge
from pipeline.engine.past import thaw
from pipeline.errors import Rejected, Unreachable
from pipeline.probes.database import compare, schema_drift
from pipeline.steps.database import migrate
from pipeline.steps.made import RUN
from pipeline.steps.rehearsal import rehearse
from pipeline.steps.relief import restart_compute
from pipeline.steps.restore import RestorePlan, carry_out, plan_restore, point_named
from pipeline.steps.restoring import rehearse_restore
from pipeline.world.world import World
from tests.stage import InProcess

KEPT = "keep-restore-point"
FILES = {
    "20260301000000_a_schema": 'create schema billing;\ncreate table billing."Invoice" (id int primary key, n int);',
    "20260302000000_indexes": 'create index concurrently "Invoice_n_idx" on billing."Invoice" (n);\n'
    "create type billing.paid as enum ('no');\nalter type billing.paid add value 'yes';\n"
    "alter table billing.\"Invoice\" add paid billing.paid default 'yes';",
}


def with_world(inside: InProcess, act: Callable[[World], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        async with inside.world(inside.release()) as world:
            return await act(world)

    return asyncio.run(go())


def changed(inside: InProcess, sql: str) -> None:
    with psycopg.connect(inside.settings.secrets["DIRECT_URL"], autocommit=True) as db:
        for one in sql.split(";"):
            db.execute(one.encode())


def files(folder: Path, **more: str) -> None:
    for name, sql in {**FILES, **more}.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "migration.sql").write_text(sql)


async def applied(world: World) -> Migrations:
    url = world.database.address.url
    migrator = Migrator(Postgres(url), LockBudget(1, 5, 30), SystemClock(), run="r1")
    await migrator.apply(migrations_in(world.migrations))
    return compare(migrations_in(world.migrations), await world.database.history())


def test_drift_is_seen_in_every_schema_that_the_migrations_made(inside: InProcess) -> None:
    async def drift(world: World) -> tuple[SchemaDrift, SchemaDrift]:
        files(world.migrations)
        seen = await applied(world)
        changed(inside, "create schema somebody_elses; create table somebody_elses.t (id int)")
        before = await schema_drift(world, seen)
        changed(inside, 'drop index billing."Invoice_n_idx"; alter table billing."Invoice" drop column n')
        return before, await schema_drift(world, seen)

    before, after = with_world(inside, drift)
    assert before == SchemaDrift(), "what wants no transaction is replayed, too"
    assert set(after.missing) == {'index billing."Invoice_n_idx"', 'column billing."Invoice".n'}


@pytest.mark.parametrize("how", ["rolled back", "not there"])
def test_with_prismas_engine_the_database_is_the_proof_and_not_the_exit_code(inside: InProcess, how: str) -> None:
    policy = dataclasses.replace(inside.settings.policies[DatabasePolicy], engine="prisma")

    class Open:
        async def deploy(self, command: str, folder: Path, url: str, note: object) -> None:
            """As Prisma with a file that has BEGIN and no COMMIT: its row is written, and taken back at the end."""
            if how == "rolled back":
                row = "insert into _prisma_migrations (id, checksum, migration_name) values ('x', 'y', '20260401_a')"
                changed(inside, row)

    async def go(world: World) -> object:
        world = dataclasses.replace(world, prisma=Open())  # type: ignore[arg-type]
        return await migrate.act(world, policy, Migrations(("20260401_a",), (), (), (), ()))

    with pytest.raises(Rejected, match=r"the command ended well, but the database does not have it .* 20260401_a"):
        with_world(inside, go)


def test_a_killed_rehearsal_is_cleared_away_by_the_next_run(inside: InProcess) -> None:
    """Also by one that migrates nothing; the preview goes with the branch that it used."""

    async def leave(world: World) -> str:
        parent = await world.neon.branch()
        expires = world.clock.now() + datetime.timedelta(hours=1)
        await world.neon.create_branch("rehearsal-killed", parent.id, expires)
        await world.neon.create_branch("before-killed", parent.id, expires, compute=False)
        live = await world.vercel.production(world.domain)
        assert live
        asked = {"deploymentId": live.id, "target": None, "meta": {RUN: "rehearsal-killed"}, "name": "x"}
        made = await world.vercel.create({**asked, "project": world.vercel.project_id}, prebuilt=False)
        return made.id

    inside.deploy()
    preview = with_world(inside, leave)
    assert inside.deploy(run="r2")[0] is Outcome.DEPLOYED
    names = {branch.name for branch in inside.sandbox.state.neon.branches}
    assert "rehearsal-killed" not in names
    assert "before-killed" in names, "a restore point is nobody's left-over"
    assert preview not in inside.sandbox.state.vercel.deployments


def test_what_an_earlier_rehearsal_left_never_stops_a_run(inside: InProcess) -> None:
    inside.deploy()
    inside.before_step("rehearse", lambda: inside.sandbox.inject("neon answer status=500"))
    inside.at_stage("safeguard", inside.sandbox.faults.clear)
    assert inside.deploy(run="r2")[0] is Outcome.DEPLOYED


@pytest.mark.parametrize("what", ["a plan", "a rehearsal"])
def test_a_copy_of_a_snapshot_that_nobody_deleted_expires(inside: InProcess, what: str) -> None:
    def cut(request: Any) -> None:
        if request.method == "DELETE":
            raise httpx.ReadError("the machine is gone", request=request)

    async def go(world: World) -> None:
        policy, (newest, *_) = inside.settings.policies[DatabasePolicy], await world.neon.snapshots()
        if what == "a plan":
            await plan_restore(world, policy, await point_named(world, policy, newest.name))
        else:
            await rehearse_restore(world, policy)

    inside.tap(before=cut)
    with_world(inside, go)
    (left,) = [one for one in inside.sandbox.state.neon.branches if one.name != "main"]
    assert 0 < left.expires - inside.clock.now().timestamp() <= 3600


def test_the_compute_of_the_branch_that_production_uses_is_restarted(inside: InProcess) -> None:
    async def go(world: World) -> str:
        parent = await world.neon.branch()
        expires = world.clock.now() + datetime.timedelta(hours=1)
        other = await world.neon.create_branch("live", parent.id, expires)
        policy = dataclasses.replace(inside.settings.policies[DatabasePolicy], neon_branch="live")
        computes = {one.branch: one.id for one in await world.neon.computes()}
        assert await restart_compute(world, policy) == f"restarted {computes[other.id]}"
        whole = dataclasses.replace(policy, neon_branch="")
        return await restart_compute(world, whole)

    assert with_world(inside, go) == f"restarted {inside.sandbox.state.neon.endpoint}"


def test_an_index_is_rehearsed_beside_a_long_query(inside: InProcess) -> None:
    """It waits for the query, with a lock budget that is shorter: what a build that is cut off would not survive."""
    policy = dataclasses.replace(inside.settings.policies[DatabasePolicy], neon_project="", lock_timeout=0.5)

    async def go(world: World) -> Any:
        files(world.migrations, **{"20260303_i": 'create index concurrently late on "Lesson" (title)'})
        seen = compare(migrations_in(world.migrations), await world.database.history())
        planned = PlannedChanges((Change("x", 1, "drop-column", "contract"),))
        live = await world.vercel.production(world.domain)
        smoke = inside.settings.policies[SmokePolicy]
        assert live is not None
        return await rehearse.act(world, policy, smoke, seen, planned, Production(live.id, "", ""))

    seen = with_world(inside, go)
    assert seen.failure == ""
    assert max(one.ms for one in seen.tried if one.name.endswith(("indexes", "_i"))) > 300


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_the_rollback_reads_the_paths_of_deploy_yml(inside: InProcess, tmp_path: Path) -> None:
    """A team that keeps its migrations elsewhere, and the schema in a folder of files."""
    sql, name = b"create table unheard_of (id int);", "20260401_a"
    (tmp_path / "db/changes" / name).mkdir(parents=True)
    (tmp_path / "db/changes" / name / "migration.sql").write_bytes(sql)
    (tmp_path / "db/models").mkdir()
    (tmp_path / "db/models/user.prisma").write_text("model User {\n  id String @id\n}\n")
    (tmp_path / "db/models/course.prisma").write_text("model Course {\n  id String @id\n}\n")
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -qm x"):
        subprocess.run(["git", *words.split()], cwd=tmp_path, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True)
    deploy = tmp_path / "deploy.yml"
    deploy.write_text("database: {migrations: ./db/changes/, schema: db/models}\ntargets: {sandbox: {kind: sandbox}}\n")

    async def production(world: World) -> Any:
        migrator = Migrator(world.database, LockBudget(1, 5, 30), SystemClock(), run="r1")
        await migrator.apply([*migrations_in(world.migrations), Migration(name, sql)])
        return await world.vercel.production(world.domain)

    live = dataclasses.replace(with_world(inside, production), meta={"deployMigration": "20260301000000_x"})
    target = dataclasses.replace(live, commit=head.stdout.strip())
    asked = ask(inside.settings.secrets["DIRECT_URL"])
    assert asked.done.wait(10)
    paths = {"migrations": "db/changes", "schema": "db/models"}
    found = judge(asked, target, 1e12, (tmp_path,), tmp_path / "none.db", **paths)
    assert (found.way, found.reasons) == ("alias only", ("1 additive migration since",))
    usual = judge(asked, target, 1e12, (tmp_path,), tmp_path / "none.db")
    assert usual.remarks == (f"{name}: nobody can tell what it did",)
    assert _read(deploy, all_of_it=False).paths({}) == paths
    assert _read(deploy, all_of_it=False).paths({"database": {"schema": "other.prisma"}})["schema"] == "other.prisma"


def rows(inside: InProcess, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(inside.settings.secrets["DIRECT_URL"], autocommit=True) as db:
        return db.execute(sql.encode()).fetchall()


STATE = """select (select count(*) from "Lesson"), (select count(*) from "Enrolment"),
 (select count(*) from information_schema.columns where table_schema = 'public'),
 (select count(*) from pg_indexes where schemaname = 'public'), to_regclass('after_it') is null,
 (select count(*) from _prisma_migrations), to_regproc('made_since') is null"""


@pytest.mark.parametrize("by", ["branch", "snapshot", "dump"])
def test_a_restore_is_carried_out_and_can_be_undone(inside: InProcess, by: str) -> None:
    policy = dataclasses.replace(inside.settings.policies[DatabasePolicy], restore_point=by)
    inside.settings = dataclasses.replace(inside.settings, root=inside.folder)
    inside.require(policy)
    before = rows(inside, STATE)
    inside.deploy("contract-after")
    body = next(
        event.body for event in inside.journal("r1").events() if (event.kind, event.subject) == ("step done", KEPT)
    )
    point = thaw(body["gives"], {})
    changed(inside, 'create table after_it (id int); delete from "Lesson" where id = (select min(id) from "Lesson")')
    changed(inside, "create function made_since() returns after_it language sql as 'select null::after_it'")
    changed(inside, "insert into after_it values (1), (2)")
    damaged = rows(inside, STATE)
    assert damaged != before

    async def go(world: World) -> tuple[RestorePlan, Any]:
        plan = await plan_restore(world, policy, point)
        assert rows(inside, STATE) == damaged, "a plan changes nothing"
        return plan, await carry_out(world, policy, plan)

    plan, kept = with_world(inside, go)
    assert plan.unknown == ""
    counted = {one.table: (one.restored, one.now) for one in plan.tables}
    assert counted["Lesson"] == (9, 8)
    assert counted["after_it"] == (-1, 2)
    assert (plan.unknown, plan.back >= 1, plan.lost >= 2) == ("", True, True)
    after = rows(inside, STATE)
    assert (after[0][0], after[0][4], after[0][6]) == (9, True, True), "what was made since is gone"
    assert kept.name == plan.keep

    async def undo(world: World) -> None:
        found = await point_named(world, policy, kept.name)
        await carry_out(world, policy, await plan_restore(world, policy, found))

    inside.clock.at.clear()
    with_world(inside, lambda world: world.clock.sleep(61))
    with_world(inside, undo)
    assert rows(inside, STATE) == damaged, "the undo of the undo"
    branches = {branch.name for branch in inside.sandbox.state.neon.branches}
    assert not [name for name in branches if name.startswith("look-at")]


def test_a_restore_that_fails_changes_nothing(inside: InProcess) -> None:
    """One transaction: also when the dump does not fit."""

    async def go(world: World) -> None:
        tools = await world.postgres_tools.find((await world.database.facts()).version)
        dump = inside.folder / "small.dump"
        changed(inside, 'create collation odd from "C"; create table uses_it (a text collate odd)')
        await world.postgres_tools.dump(tools, world.database.address, dump)
        before = rows(inside, STATE)
        with pytest.raises(Unreachable, match="psql"):
            await world.postgres_tools.replace(tools, dump, world.database)
        assert rows(inside, STATE) == before

    with_world(inside, go)


def test_what_extensions_own_and_other_schemas_are_put_back(inside: InProcess) -> None:
    async def go(world: World) -> None:
        tools = await world.postgres_tools.find((await world.database.facts()).version)
        dump = inside.folder / "whole.dump"
        changed(inside, "create schema billing; create table billing.t (id int); insert into billing.t values (1)")
        changed(inside, "create type mood as enum ('a'); create table public.m (m mood, n serial)")
        changed(
            inside, "create view public.v as select * from public.m; create domain public.d as int check (value > 0)"
        )
        await world.postgres_tools.dump(tools, world.database.address, dump)
        definitions = await world.database.definitions(("billing",))
        changed(inside, "drop schema billing cascade; drop type mood cascade; create table public.extra (d public.d)")
        await world.postgres_tools.replace(tools, dump, world.database)
        assert await world.database.definitions(("billing",)) == definitions
        assert rows(inside, "select count(*) from billing.t") == [(1,)]

    with_world(inside, go)
