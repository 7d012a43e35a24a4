"""What is around the applying of migrations, on the sandbox: drift, proof, the rehearsal, what a killed run leaves."""

import asyncio
import dataclasses
import datetime
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checks.evidence import Change, Migrations, PlannedChanges, Production, SchemaDrift
from checks.policy import DatabasePolicy, SmokePolicy
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration, migrations_in
from pipeline.clock import SystemClock
from pipeline.emergency.access import _read
from pipeline.emergency.schemaback import ask, judge
from pipeline.errors import Rejected
from pipeline.probes.database import compare, schema_drift
from pipeline.steps.database import migrate
from pipeline.steps.rehearsal import rehearse
from pipeline.steps.relief import restart_compute
from pipeline.world.world import World
from tests.stage import InProcess

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
    async def leave(world: World) -> None:
        parent = await world.neon.branch()
        expires = world.clock.now() + datetime.timedelta(hours=1)
        await world.neon.create_branch("rehearsal-killed", parent.id, expires)
        await world.neon.create_branch("before-killed", parent.id, expires, compute=False)

    with_world(inside, leave)
    inside.deploy()
    names = {branch.name for branch in inside.sandbox.state.neon.branches}
    assert "rehearsal-killed" not in names
    assert "before-killed" in names, "a restore point is nobody's left-over"


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
    assert _read(deploy).paths({}) == paths
    assert _read(deploy).paths({"database": {"schema": "other.prisma"}})["schema"] == "other.prisma"
