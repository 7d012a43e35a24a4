"""The database in a whole run, on the sandbox: what is judged, tried, kept, and what a rollback says about it."""

import asyncio
import dataclasses
import datetime
import json
from pathlib import Path

import psycopg
import pytest

from checks.evidence import Change, LiveSchema, LiveTable, Rehearsal, RestorePoint
from checks.outcome import Outcome
from checks.policy import DatabasePolicy, IntegrityCheck
from checks.schemaback import Point, SinceThen, schema_back
from pipeline.clients.postgres import Postgres
from pipeline.emergency.access import Access, RollbackOrder
from pipeline.emergency.schema import Schema
from pipeline.emergency.schemaback import ask, judge
from pipeline.engine.past import thaw
from pipeline.handbook.troubles import recognised
from pipeline.render.database import answers_text
from pipeline.session.questions import ask_all
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known, Table
from pipeline.sql.prismaschema import models_in
from pipeline.steps.restoring import rehearse_restore
from tests.stage import InProcess

NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


def policy(inside: InProcess, **changes: object) -> None:
    inside.settings = dataclasses.replace(inside.settings, root=inside.folder)
    inside.require(dataclasses.replace(inside.settings.policies[DatabasePolicy], **changes))


def gave(inside: InProcess, step: str, run: str = "r1") -> object:
    """The evidence that a step gave."""
    events = inside.journal(run).events()
    body = next(e.body for e in events if (e.kind, e.subject) == ("step done", step))
    return thaw(body["gives"], {})


def waived(inside: InProcess, gate: str) -> None:
    from checks.policy import Waiver

    waiver = Waiver(gate, datetime.date(2027, 1, 1), "me", "for a test")
    runner = inside.runner
    inside.runner = lambda world, journal, **more: runner(world, journal, waivers=(waiver,), **more)  # type: ignore[method-assign]


def query(inside: InProcess, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(inside.settings.secrets["DIRECT_URL"], autocommit=True) as db:
        return db.execute(sql.encode()).fetchall()


def databases(inside: InProcess) -> set[str]:
    name = inside.settings.secrets["DIRECT_URL"].rpartition("/")[2]
    like = f"select datname from pg_database where datname like '{name}%' or datname like 'inv_rehearsal%'"
    return {str(row[0]) for row in query(inside, like)} - {name}


@pytest.mark.parametrize("neon", [True, False], ids=["a Neon branch", "a dumped copy"])
def test_migrations_are_rehearsed_with_the_live_code_and_nothing_is_left(inside: InProcess, neon: bool) -> None:
    policy(inside, **({} if neon else {"neon_project": ""}))
    deployments = set(inside.sandbox.state.vercel.deployments)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    seen = gave(inside, "rehearse")
    assert isinstance(seen, Rehearsal)
    assert [one.name for one in seen.tried] == ["20260301000000_course_level"]
    assert seen.tried[0].lock == "AccessExclusiveLock"
    assert {one.name for one in seen.journeys} == {"login", "course", "upload"}
    assert seen.says == ""
    assert databases(inside) == set()
    assert len(set(inside.sandbox.state.vercel.deployments) - deployments) == 1, "the preview is gone again"


def test_a_platform_that_ignores_the_copys_address_is_noticed(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"ignores_env": True}})
    outcome, _ = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    seen = gave(inside, "rehearse")
    assert isinstance(seen, Rehearsal)
    assert "did not use the copy" in seen.says
    assert seen.journeys == ()


@pytest.mark.parametrize(
    ("release", "stage", "says"),
    [
        ("drops-column", "preflight", "still uses it"),
        ("locks-table", "preflight", "NOT NULL without a default"),
        ("edited-migration", "preflight", "was edited after it was applied"),
        ("broken-migration", "rehearse", "22012 division by zero; Postgres rolled all of it back"),
    ],
)
def test_a_migration_that_would_hurt_never_reaches_production(
    inside: InProcess, release: str, stage: str, says: str
) -> None:
    before = query(inside, "select migration_name from _prisma_migrations")
    outcome, report = inside.deploy(release)
    assert outcome is Outcome.BLOCKED
    assert report.stages[-1].name == stage
    assert says in report.reason
    assert query(inside, "select migration_name from _prisma_migrations") == before
    assert databases(inside) == set()


@pytest.mark.parametrize("by", ["branch", "snapshot", "dump"])
def test_before_a_contract_migration_a_restore_point_is_kept(inside: InProcess, by: str) -> None:
    policy(inside, restore_point=by)
    outcome, report = inside.deploy("contract-after")
    assert outcome is Outcome.DEPLOYED, report.reason
    kept = gave(inside, "keep-restore-point")
    assert isinstance(kept, RestorePoint)
    assert (kept.by, kept.name) == (by, "before-r1")
    assert kept.by_hand
    if by == "dump":
        assert Path(kept.id).stat().st_mode & 0o077 == 0, "it holds users' data"


def test_live_code_that_misses_what_was_dropped_stops_before_the_promotion(inside: InProcess) -> None:
    """Somebody waived the gate; the rehearsal still finds it, on the copy."""
    waived(inside, "sql.live-code-survives")
    before = inside.serves()
    outcome, report = inside.deploy("drops-column")
    assert outcome is Outcome.BLOCKED
    assert report.stages[-1].name == "rehearse"
    assert "with the live code on branch rehearsal-r1" in report.reason
    assert inside.serves() == before


def test_a_change_by_hand_is_drift(inside: InProcess) -> None:
    query_free = 'create index by_hand on "Lesson" (title)'
    with psycopg.connect(inside.settings.secrets["DIRECT_URL"], autocommit=True) as db:
        db.execute(query_free.encode())
        db.execute(b'alter table "Lesson" alter column minutes drop not null')
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert 'column "Lesson".minutes' in report.reason
    says = [f["subject"] for line in report.stages[-1].lines for f in line.findings]
    assert "index by_hand" in says, "what is extra is only a warning, but it is said"


def read(inside: InProcess, target_meta: str, folders: tuple[Path, ...]) -> object:
    """What a rollback to a release whose newest migration is ``target_meta`` would be told."""
    asked = ask(inside.settings.secrets["DIRECT_URL"])
    assert asked.done.wait(10)

    async def production() -> object:
        async with inside.world(inside.release()) as world:
            return await world.vercel.production(world.domain)

    live = asyncio.run(production())
    target = dataclasses.replace(live, meta={"deployMigration": target_meta}, commit="a" * 40)  # type: ignore[type-var]
    return judge(asked, target, 1e12, folders, inside.folder / "journal.db", NOW)  # type: ignore[arg-type]


def test_a_rollback_over_additive_migrations_needs_only_the_alias(inside: InProcess) -> None:
    inside.deploy()
    found = read(inside, "20260201000000_enrolment", ())
    assert found.way == "alias only"  # type: ignore[attr-defined]
    assert found.reasons == ("1 additive migration since",)  # type: ignore[attr-defined]


def test_a_rollback_over_a_dropped_column_names_the_restore_point_and_what_it_loses(inside: InProcess) -> None:
    inside.deploy("contract-after")
    found = read(inside, "20260301000000_course_level", ())
    assert found.way == "restore"  # type: ignore[attr-defined]
    assert "drops Enrolment.enrolledAt, which the old release may use" in found.reasons[0]  # type: ignore[attr-defined]
    assert found.point.name == "before-r1"  # type: ignore[attr-defined]


def _contract() -> SinceThen:
    return SinceThen(("20260401_x",), (Change("20260401_x", 3, "drop-column", "contract", "Course", "summary"),))


def test_the_table_of_schema_aware_rollbacks() -> None:
    reads = LiveSchema("a", True, (LiveTable("Course", ("summary",)),))
    point = Point("before-r1", NOW - datetime.timedelta(minutes=12), "restore it")
    cases = {
        "nothing": (SinceThen(()), reads, "alias only"),
        "read by nobody": (_contract(), LiveSchema("a", True), "alias only"),
        "read, with a point": (dataclasses.replace(_contract(), points=(point,)), reads, "restore"),
        "read, without": (_contract(), reads, "fix forward"),
        "nobody knows what it reads": (_contract(), LiveSchema("", False), "fix forward"),
        "nobody knows what it did": (SinceThen(("x",), unread=("x",)), reads, "alias only"),
    }
    assert {name: schema_back(since, seen, NOW).way for name, (since, seen, _) in cases.items()} == {
        name: way for name, (_, _, way) in cases.items()
    }
    assert schema_back(cases["read, with a point"][0], reads, NOW).loses_minutes == pytest.approx(12)
    assert schema_back(cases["nobody knows what it did"][0], reads, NOW).remarks == ("x: nobody can tell what it did",)


def test_a_database_that_does_not_answer_keeps_no_rollback_waiting(tmp_path: Path) -> None:
    access = Access("x", "http://127.0.0.1:1", "t", "", "p", "d", "/", "postgresql://u:p@10.255.255.1/db")
    said: list[str] = []
    schema = Schema(access, RollbackOrder(), tmp_path, said.append)

    async def go() -> None:
        from pipeline.clients.vercelshapes import Deployment
        from pipeline.emergency.choice import ProductionSeen

        target = Deployment("dpl_1", "https://x", "READY", "", "production", "", 1, (), "", {})
        await schema.allow(ProductionSeen(None, "d", None, (target,)), target)  # type: ignore[arg-type]

    began = datetime.datetime.now(datetime.UTC)
    asyncio.run(go())
    assert (datetime.datetime.now(datetime.UTC) - began).total_seconds() < 4
    assert "could not be read in time" in said[0]


@pytest.mark.parametrize("neon", [True, False], ids=["Neon", "a dump"])
def test_a_restore_is_rehearsed_compared_and_deleted(inside: InProcess, neon: bool) -> None:
    policy(inside, **({} if neon else {"neon_project": ""}))

    async def go() -> object:
        async with inside.world(inside.release()) as world:
            return await rehearse_restore(world, inside.settings.policies[DatabasePolicy])

    seen = asyncio.run(go())
    assert seen.whole  # type: ignore[attr-defined]
    lessons = next(one for one in seen.tables if one.table == "Lesson")  # type: ignore[attr-defined]
    assert (lessons.restored, lessons.now) == (9, 9)
    assert {one for one in databases(inside) if "restore" in one or "_br_" in one} == set()


def test_every_question_is_answered_and_what_is_wrong_is_marked(inside: InProcess) -> None:
    url = inside.settings.secrets["DIRECT_URL"]
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b'alter table "Lesson" add constraint c check (minutes < 5) not valid')
    mine = (
        IntegrityCheck("no course has a title", 'select title from "Course" where length(title) > 0'),
        IntegrityCheck("nobody may write", 'delete from "User"'),
    )
    with psycopg.connect(url) as blocker, psycopg.connect(url) as blocked:
        blocker.execute(b'lock table "Lesson"')
        blocked.execute(b"set statement_timeout = 3000")
        waiting = asyncio.run(_while_blocked(blocked, url, DatabasePolicy(integrity=mine)))
        blocker.rollback()
    named = {one.name: one for one in waiting}
    assert named["Constraints that were never validated"].alarming == (0,)
    assert named["Who blocks whom"].alarming
    assert any("s3cret" in row for one in waiting for cell in one.rows for row in cell) is False
    assert "read-only" in named["nobody may write"].failure
    assert len(named["no course has a title"].alarming) >= 1
    unasked = {one.name for one in waiting if one.failure}
    assert unasked == {"nobody may write", "Bloat", "Table sizes"}, "the size of a locked table cannot be asked"
    text = answers_text(waiting)
    assert "! " in text
    assert "s3cret" not in text


async def _while_blocked(blocked: psycopg.Connection, url: str, policy: DatabasePolicy) -> tuple:  # type: ignore[type-arg]
    """Ask while somebody waits for a lock, with a secret in his query."""
    import contextlib
    import threading

    def wait() -> None:
        with contextlib.suppress(psycopg.Error):
            blocked.execute(b"update \"Lesson\" set title = 's3cret'")

    thread = threading.Thread(target=wait)
    thread.start()
    await asyncio.sleep(0.2)
    found = await ask_all(Postgres(url), policy)
    await asyncio.to_thread(thread.join)
    return found


def test_errors_are_recognised_by_what_they_say() -> None:
    expected = {
        "postgres: take Prisma's migration lock: P1002 it is held by pid 4": "P1002",
        "postgres: apply 2026_x: P3018 line 3: alter table: 42501 must be owner of table": "42501",
        "postgres: apply 2026_x: P3018 line 3: update: 22012 division by zero": "P3018",
        "postgres: apply after 2026_x: P3009 2026_x failed before": "P3009",
        "postgres: read the migration history: connection failed: connection to server refused": "P1001",
        "could not extend file: No space left on device": "53100",
        "FATAL: sorry, too many clients already": "53300",
        "DIRECT_URL: is a Neon -pooler address": "A `-pooler`",
        "neon: POST /projects/x/branches: answered 422: BRANCHES_LIMIT_EXCEEDED": "BRANCHES_LIMIT_EXCEEDED",
    }
    for text, begins in expected.items():
        assert recognised(text), text
        assert recognised(text)[0].error.startswith(begins), text
    assert recognised("smoke: login fails at sign in: answered 401") == ()


def lint(sql: str, rows: int = 10_000_000, **columns: str) -> list[tuple[str, str, str]]:
    known = Known({"Lesson": Table(rows, columns), "User": Table(rows)}, {"i": "Lesson"})
    return [(one.rule, one.kind, one.lock) for one in changes_of([("m", sql.encode())], known)]


def test_what_statements_do() -> None:
    exclusive = "ACCESS EXCLUSIVE"
    assert lint('alter table "Lesson" add a int') == [("add-column", "expand", exclusive)]
    assert lint('alter table "Lesson" add a int not null') == [("add-required-column", "contract", exclusive)]
    assert lint('alter table "Lesson" add a timestamp default now()') == [("add-column", "expand", exclusive)]
    assert lint('alter table "Lesson" add a uuid default gen_random_uuid()')[0][0] == "add-volatile-column"
    assert lint('create index x on "Lesson" (a)') == [("create-index", "expand", "SHARE")]
    assert lint("create table n (id int primary key); create unique index x on n (id)") == [
        ("create", "expand", ""),
        ("create", "expand", ""),
    ]
    assert lint('alter table "Lesson" alter a type varchar(100)', a="character varying(50)")[0][0] == "widen-type"
    assert lint('alter table "Lesson" alter a type varchar(10)', a="character varying(50)")[0][0] == "change-type"
    assert lint('select 1; create index concurrently x on "Lesson" (a)')[-1][0] == "not-alone"
    assert lint("alter type t add value 'x'; update \"Lesson\" set a = 'x' where id = 1")[-1][0] == "fresh-enum-value"
    assert lint('alter table "User" add a int; update "Lesson" set a = 1')[-1][0] == "long-under-lock"
    assert lint('with gone as (delete from "Lesson" returning 1) select * from gone')[0][:2] == ("delete-all", "data")
    assert lint('do $$ begin drop table "User"; end $$') == [("code", "unknown", "")]
    assert lint("alter tabel x") == [("unparsable", "unknown", "")]
    checked = Known({"Lesson": Table(9, {}, frozenset({"a"}))})
    (one,) = changes_of([("m", b'alter table "Lesson" alter a set not null')], checked)
    assert not one.scans


def test_what_live_code_reads_comes_from_its_schema() -> None:
    text = """
    model User {
      id    String @id
      mail  String @map("email_address")
      posts Post[]
      old   String @ignore
      blob  Unsupported("circle")?
      @@map("users")
    }
    model Post { // one line
      id Int @id
      user User @relation(fields: [userId], references: [id])
      userId String
    }
    model Gone {
      id Int @id
      @@ignore
    }
    """
    found = {one.name: set(one.columns) for one in models_in(text)}
    assert found == {"users": {"id", "email_address"}, "Post": {"id", "userId"}}


def test_a_plan_as_json_has_every_change(inside: InProcess) -> None:
    from pipeline.record.journal import plain

    change = Change("m", 3, "drop-column", "contract", "Course", "summary", "ACCESS EXCLUSIVE", rows=12)
    assert json.loads(json.dumps(plain(change)))["rule"] == "drop-column"
