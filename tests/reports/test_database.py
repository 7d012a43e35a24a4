"""Neon and Prisma: copies that are none, rows that say nothing, databases without a history, two at once."""

import asyncio
import concurrent.futures
import datetime
import json

import httpx
import psycopg
import pytest

from checks.outcome import Outcome
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.neonshapes import same_place
from pipeline.clients.postgres import Postgres
from pipeline.clock import SystemClock
from pipeline.errors import Refused
from tests.clients.test_migrating import apply, one, state
from tests.reports.answers import answering, said
from tests.stage import InProcess
from tests.whole.test_database import policy, query

APPLIED = "select migration_name from _prisma_migrations where finished_at is not null"


def test_a_copy_with_productions_address_is_none(inside: InProcess) -> None:
    """The address that was given for the new branch was the main branch's: what is tried on it happens there.

    https://github.com/neondatabase/create-branch-action/issues/27
    """
    policy(inside)
    production, applied = inside.settings.secrets["DIRECT_URL"], query(inside, APPLIED)

    def parents(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != "POST" or not request.url.path.endswith("/branches"):
            return None
        body = answer.json()
        uris = [{**uri, "connection_uri": production} for uri in body.get("connection_uris") or ()]
        return said(answer, json.dumps({**body, "connection_uris": uris}).encode())

    answering(inside, parents)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "has the address of the branch that it was copied from" in report.reason
    assert production not in report.reason
    assert query(inside, APPLIED) == applied, "nothing was tried on production"
    assert [branch.name for branch in inside.sandbox.state.neon.branches] == ["main"], "and nothing is left"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("postgresql://u:p@ep-a-1.eu.aws.neon.tech/lms", True),
        ("postgresql://other:pw@ep-a-1-pooler.eu.aws.neon.tech/lms?sslmode=require", True),
        ("postgresql://u:p@ep-a-1.eu.aws.neon.tech/lms2", False),
        ("postgresql://u:p@ep-b-2.eu.aws.neon.tech/lms", False),
        ("postgresql://u:p@ep-a-1.eu.aws.neon.tech:5433/lms", False),
    ],
)
def test_two_addresses_are_one_place_or_two(other: str, same: bool) -> None:
    assert same_place("postgresql://u:p@ep-a-1.eu.aws.neon.tech/lms?sslmode=require", other) is same


def test_a_branch_of_a_run_that_was_cut_off_is_made_anew(inside: InProcess) -> None:
    """A job that is run again asks for a branch of the same name, and Neon says that there is one.

    https://github.com/neondatabase/neon-pkgs/pull/307
    """
    policy(inside)

    async def leave() -> None:
        async with inside.world(inside.release()) as world:
            main, soon = await world.neon.branch(), inside.clock.now() + datetime.timedelta(hours=1)
            await world.neon.create_branch("rehearsal-r1", main.id, soon, compute=False)
            with pytest.raises(Refused, match="409"):
                await world.neon.create_branch("rehearsal-r1", main.id, soon, compute=False)

    asyncio.run(leave())
    outcome, report = inside.deploy(run="r1")
    assert outcome is Outcome.DEPLOYED, report.reason
    assert [branch.name for branch in inside.sandbox.state.neon.branches] == ["main"]


def test_a_project_that_is_full_of_branches_stops_before_production(inside: InProcess) -> None:
    """One branch a preview and none deleted: the plan's number of branches is reached.

    https://github.com/neondatabase/website/pull/2893
    """
    policy(inside)
    inside.sandbox.patch({"neon": {"branch_limit": 1}})
    applied = query(inside, APPLIED)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "branches limit exceeded" in report.reason
    assert query(inside, APPLIED) == applied


def test_the_schema_of_the_live_commit_may_be_a_folder(inside: InProcess) -> None:
    """Prisma reads every file below the folder that holds datasource and migrations.

    https://github.com/prisma/orm/issues/2377
    """

    async def read(path: str) -> dict[str, str]:
        async with inside.world(inside.release()) as world:
            live = await world.vercel.production(world.domain)
            assert live
            return await world.github.files(path, live.commit, ".prisma", without="prisma/migrations")

    one = asyncio.run(read("prisma/schema.prisma"))
    assert one == asyncio.run(read("prisma"))
    assert "model" in one["prisma/schema.prisma"]
    assert asyncio.run(read("prisma/none")) == {}


def test_a_failed_migration_blocks_with_the_command_for_both_endings(inside: InProcess) -> None:
    """One row without an end stops every later deploy, and nobody knows whether it is to be marked applied or not.

    https://github.com/Savin-Igor/dronelingo/issues/85
    """
    query_free(
        inside,
        "update _prisma_migrations set finished_at = null, logs = 'ERROR: no space left' where id in "
        "(select id from _prisma_migrations order by started_at desc limit 1)",
    )
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "failed (P3009): ERROR: no space left" in report.reason
    (found,) = [f for stage in report.stages for line in stage.lines for f in line.findings if "P3009" in f["says"]]
    assert "migrate resolve --rolled-back" in found["fix"]
    assert "--applied" in found["fix"]


def test_a_failed_migration_whose_row_says_nothing_is_said_to_say_nothing(database_url: str) -> None:
    """P3009 with empty logs: the process was killed, and the message ends after "the following logs:".

    https://github.com/prisma/orm/issues/12856
    """
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(
            "insert into _prisma_migrations (id, checksum, migration_name, started_at, applied_steps_count) "
            "values ('x', 'y', '20260401_killed', now(), 0)"
        )
    (left,) = state(database_url, one("20260401_killed", "select 1")).failed
    assert left.says == "its row says nothing; Prisma's own tool was cut off, or still runs"
    assert not left.undone


def test_a_database_that_was_made_without_prisma_is_no_place_to_migrate(inside: InProcess) -> None:
    """The tables came from `db push` or another tool: P3005, and resolving it blindly marks what was never run.

    https://github.com/umami-software/umami/issues/1300
    """
    query_free(inside, "drop table _prisma_migrations")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "not empty (P3005)" in report.reason


@pytest.mark.parametrize("sql", ["create index concurrently found on", "drop index concurrently"])
def test_an_index_is_built_concurrently_however_long_it_waits_for_others(database_url: str, sql: str) -> None:
    """Building waits for every older transaction; cut off by the lock timeout it left an INVALID index behind.

    https://github.com/prisma/orm/issues/14456
    """
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute('create index there on "Lesson" (title)')
    migration = one("20260401_index", f"{sql} " + ('"Lesson" (title)' if "create" in sql else "there"))
    with psycopg.connect(database_url) as visitor, concurrent.futures.ThreadPoolExecutor() as other:
        visitor.execute('update "Lesson" set title = title')
        applied = other.submit(apply, database_url, migration, lock=0.1)
        with pytest.raises(TimeoutError):
            applied.result(0.6)
        with psycopg.connect(database_url, autocommit=True) as another:
            another.execute('update "Lesson" set minutes = minutes where false')  # nobody waits behind it
        visitor.commit()
        assert applied.result(20) == ("20260401_index",)
    wanted = {"there", "found"} if "create" in sql else set()
    valid = "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indisvalid"
    with psycopg.connect(database_url) as db:
        names = {name for (name,) in db.execute(valid)} & {"there", "found"}
    assert names == wanted


def test_two_who_migrate_at_once_apply_each_file_once(database_url: str) -> None:
    """Several processes deploy at the same time, and those that do not get the lock fail after ten seconds.

    https://github.com/prisma/orm/issues/27636
    """
    made = one("20260401_slow", "create table slow (id int); select pg_sleep(0.5)")

    async def once(run: str) -> tuple[str, ...]:
        return await Migrator(Postgres(database_url), LockBudget(1, 1, 30), SystemClock(), run=run).apply([made])

    async def both() -> list[tuple[str, ...]]:
        return await asyncio.gather(once("a"), once("b"))

    assert sorted(asyncio.run(both())) == [(), ("20260401_slow",)]
    with psycopg.connect(database_url) as db:
        found = db.execute("select count(*) from _prisma_migrations where migration_name = '20260401_slow'").fetchone()
    assert found == (1,)


def query_free(inside: InProcess, sql: str) -> None:
    """Do something to production's database that no release has done."""
    with psycopg.connect(inside.settings.secrets["DIRECT_URL"], autocommit=True) as db:
        db.execute(sql.encode())
