"""The queue on a real Postgres: one job a project, the dead are found, the urgent are first; and orders on it."""

import asyncio
import contextlib
import dataclasses
import datetime
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import exceptions, utils
from procrastinate.manager import JobManager

from pipeline.commands.fleetorders import conclude
from pipeline.commands.fleetsigned import go_on
from pipeline.errors import Locked, Lost, Mistake, Unreachable
from pipeline.fleet import caring, conducting, working
from pipeline.fleet import queue as queueing
from pipeline.fleet.caring import Hearing
from pipeline.fleet.deciding import AskGate, Decision, HoldWave
from pipeline.fleet.ends import LOST, REFUSED, ProjectEnd
from pipeline.fleet.file import FleetWorkers, load_fleet
from pipeline.fleet.freezing import FREEZE, FleetFreeze, freeze
from pipeline.fleet.order import OrderState, Where
from pipeline.fleet.ordering import (
    SeenThrough,
    agreed,
    close_what_is_open,
    deploy_plan,
    give,
    must_not_be_frozen,
    order_state,
    rollback_plan,
    see_through,
    standing,
    stop,
    work,
)
from pipeline.fleet.place import Fleet
from pipeline.fleet.queue import QUEUES, FleetJob, FleetQueue, open_queue
from pipeline.fleet.signing import SignedWord
from pipeline.record.journal import Event
from pipeline.record.place import Place
from pipeline.record.store import open_store
from pipeline.signals import restored

WELL = ProjectEnd("deployed", staged="dpl_new", before="dpl_old")
BEATS = FleetWorkers(heartbeat=0.2, silent=30)


def asked(url: str, act: Callable[[FleetQueue], Awaitable[Any]]) -> Any:
    """What ``act`` gives with the open queue."""

    async def go() -> Any:
        async with open_queue(url) as queue:
            return await act(queue)

    return asyncio.run(go())


async def worked(queue: FleetQueue, act: Callable[[FleetJob], Awaitable[None]], at_once: int, jobs: int) -> None:
    """Do so many jobs, and stop."""
    done = asyncio.Semaphore(0)

    async def do(job: FleetJob) -> None:
        await act(job)
        done.release()

    working = asyncio.ensure_future(queue.work(do, "w", [""], at_once, BEATS))
    for _ in range(jobs):
        await asyncio.wait_for(done.acquire(), 60)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


def test_a_project_waits_once_in_the_queue_and_is_done_by_one_at_a_time(empty_database_url: str) -> None:
    under_way: list[str] = []
    most: list[int] = []

    async def act(job: FleetJob) -> None:
        under_way.append(job.project)
        most.append(under_way.count("a"))
        await asyncio.sleep(0.05)
        under_way.remove(job.project)

    async def go(queue: FleetQueue) -> None:
        for order in ("o1", "o1", "o2", "o3"):
            await queue.put(FleetJob(order, "a"))
        await queue.put(FleetJob("o1", "b"))
        assert await queue.known("o1") == {"a", "b"}
        await worked(queue, act, at_once=4, jobs=4)
        assert await queue.known("o1") == frozenset()

    asked(empty_database_url, go)
    assert (len(most), max(most)) == (4, 1)


def test_a_rollback_is_taken_before_everything_that_waits(empty_database_url: str) -> None:
    taken: list[str] = []

    async def act(job: FleetJob) -> None:
        taken.append(job.project)

    async def go(queue: FleetQueue) -> None:
        for name in "abc":
            await queue.put(FleetJob("o", name))
        await queue.put(FleetJob("p", "z", urgent=True))
        await worked(queue, act, at_once=1, jobs=4)

    asked(empty_database_url, go)
    assert "".join(taken) == "zabc"


def test_the_jobs_of_a_worker_that_is_silent_are_given_back_and_nobody_elses(empty_database_url: str) -> None:
    async def go(queue: FleetQueue) -> None:
        jobs = queue._jobs
        for name in "ab":
            await queue.put(FleetJob("o", name))
        dead, living = await jobs.register_worker(), await jobs.register_worker()
        for worker in (dead, living):
            assert await jobs.fetch_job([QUEUES], worker)
        with psycopg.connect(empty_database_url) as db:
            silent = "update procrastinate_workers set last_heartbeat = now() - interval '20 s' where id = %s"
            db.execute(silent, (dead,))
        assert await queue.give_back(silent=15) == ("a",)
        assert await queue.give_back(silent=15) == ()
        assert await queue.known("o") == {"a", "b"}

    asked(empty_database_url, go)


def test_a_worker_that_waits_says_that_it_lives_with_one_statement_a_heartbeat(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives back the job of a silent one, which it is told of at once: it does not look by itself for a minute."""
    monkeypatch.setattr(queueing, "POLL", 60.0)
    asked_for: list[str] = []

    async def go(queue: FleetQueue) -> None:
        await queue.put(FleetJob("o", "a"))
        assert await queue._jobs.fetch_job([QUEUES], await queue._jobs.register_worker())
        with psycopg.connect(empty_database_url) as db:
            db.execute("update procrastinate_workers set last_heartbeat = now() - interval '20 s'")
        connector, taken = queue._app.connector, asyncio.Event()
        one, every, change = (
            connector.execute_query_one_async,
            connector.execute_query_all_async,
            connector.execute_query_async,
        )

        def counted(way: Any) -> Any:
            async def ask(query: str, **values: Any) -> Any:
                asked_for.append(query)
                return await way(query, **values)

            return ask

        for name, way in {"one": one, "all": every}.items():
            monkeypatch.setattr(connector, f"execute_query_{name}_async", counted(way))
        monkeypatch.setattr(connector, "execute_query_async", counted(change))

        async def act(job: FleetJob) -> None:
            taken.set()

        beats = FleetWorkers(heartbeat=0.02, silent=0.3)
        working = asyncio.ensure_future(queue.work(act, "w", [""], 1, beats))
        await asyncio.wait_for(taken.wait(), 50)
        begun, since = asked_for.count(caring.BEAT), len(asked_for)
        while asked_for.count(caring.BEAT) < begun + 10:
            await asyncio.sleep(0.01)
        waited = asked_for[since:]
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        assert len(waited) <= waited.count(caring.BEAT) + 3, waited  # the job's end, and a look for another one
        assert await queue.known("o") == frozenset()

    asked(empty_database_url, go)


def test_a_worker_of_an_older_version_finishes_what_it_began_and_takes_nothing_new(empty_database_url: str) -> None:
    done: list[str] = []

    async def go(queue: FleetQueue) -> None:
        began = asyncio.Event()

        async def act(job: FleetJob) -> None:
            began.set()
            await asyncio.sleep(0.2)
            done.append(job.project)

        await queue.put(FleetJob("o", "a", version="0.0.9"))
        working = asyncio.ensure_future(queue.work(act, "w", [""], 2, BEATS))
        await asyncio.wait_for(began.wait(), 50)
        await queue.put(FleetJob("o", "b", version="10.0.0"))
        await asyncio.wait_for(working, 50)
        assert (done, queue.outdated) == (["a"], "10.0.0")
        assert await queue.known("o") == {"b"}

    asked(empty_database_url, go)


def test_what_a_worker_leaves_is_taken_by_another_and_nobody_leaves_anything_to_who_drains(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes it is told of it: nobody looks by himself for ten minutes."""
    monkeypatch.setattr(queueing, "POLL", 600.0)
    beats = FleetWorkers(heartbeat=0.1, silent=30)

    async def go(first: FleetQueue) -> None:
        began, leave, taken = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def leaves(job: FleetJob) -> None:
            began.set()
            await leave.wait()
            raise queueing.LeftToOthers(job.project)

        heard: list[str] = []

        async def takes(job: FleetJob) -> None:
            heard.append(job.project)
            if job.project == "a":
                taken.set()

        async def hears(queue: FleetQueue) -> None:
            """Return when the second one takes what it is told of: it listens then, and its first look is over."""
            for number in range(100):
                if len(heard) >= 2:
                    return
                await queue.put(FleetJob("p", f"b{number}"))
                await asyncio.sleep(0.3)

        async def until(others: bool, *asked: FleetQueue) -> None:
            while [await one.others_take("") for one in asked] != [others] * len(asked):
                await asyncio.sleep(0.02)

        await first.put(FleetJob("o", "a"))
        async with open_queue(empty_database_url) as second:
            assert not await first.others_take("")
            one = asyncio.ensure_future(first.work(leaves, "w1", [""], 1, beats))
            await asyncio.wait_for(began.wait(), 50)
            two = asyncio.ensure_future(second.work(takes, "w2", [""], 1, beats))
            await asyncio.wait_for(until(True, first, second), 50)
            await hears(first)
            assert not await first.others_take("shops"), "nobody has the tokens of that group"
            await first.drains()
            await asyncio.wait_for(until(False, second), 50)
            assert await first.others_take("")
            one.cancel()
            leave.set()
            await asyncio.wait_for(taken.wait(), 30)
            two.cancel()
            await asyncio.gather(one, two, return_exceptions=True)
            assert await second.known("o") == frozenset()

    asked(empty_database_url, go)


@pytest.mark.parametrize("ahead", [0, 3600])
def test_what_is_given_back_is_taken_at_once_though_nobody_looks_and_the_clock_of_who_gave_it_is_ahead(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """A worker tells the others with the statement that gives the job back, by the clock of the queue."""
    monkeypatch.setattr(queueing, "POLL", 600.0)
    monkeypatch.setattr(caring.Care, "go", lambda self: asyncio.sleep(600))
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)
    monkeypatch.setattr(utils, "utcnow", lambda: now)

    async def go(queue: FleetQueue) -> None:
        taken = list[str]()
        again = asyncio.Event()

        async def act(job: FleetJob) -> None:
            taken.append(job.project)
            if len(taken) < 4:
                raise queueing.LeftToOthers(job.project)
            again.set()

        await queue.put(FleetJob("o", "a"))
        working = asyncio.ensure_future(queue.work(act, "w", [""], 1, BEATS))
        await asyncio.wait_for(again.wait(), 50)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        assert taken == ["a"] * 4

    asked(empty_database_url, go)


def test_a_queue_that_has_said_that_it_is_empty_is_not_asked_until_there_is_a_job(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job costs what puts it there, takes it, and ends it; and the worker looks now and then."""
    monkeypatch.setattr(queueing, "POLL", 1.0)
    asked_for: list[str] = []

    async def go(queue: FleetQueue) -> None:
        fetch, taken = JobManager.fetch_job, asyncio.Semaphore(0)

        async def counted(manager: Any, queues: Any, worker_id: Any) -> Any:
            asked_for.append("fetch")
            return await fetch(manager, queues, worker_id)

        async def act(job: FleetJob) -> None:
            taken.release()

        monkeypatch.setattr(JobManager, "fetch_job", counted)
        working = asyncio.ensure_future(queue.work(act, "w", [""], 4, FleetWorkers(heartbeat=0.05, silent=30)))
        await asyncio.sleep(1.5)
        for number in range(5):
            await queue.put(FleetJob("o", f"p{number}"))
            await asyncio.wait_for(taken.acquire(), 30)
            await asyncio.sleep(0.1)
        assert 6 <= len(asked_for) <= 8, "once a job, and once at the beginning"
        with psycopg.connect(empty_database_url) as db:  # of this one nobody is told
            db.execute("alter table procrastinate_jobs disable trigger user")
        await queue.put(FleetJob("o", "unheard"))
        await asyncio.wait_for(taken.acquire(), 30)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asked(empty_database_url, go)


def test_a_mistake_of_ours_does_not_make_a_worker_look_dead(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []

    async def go(queue: FleetQueue) -> None:
        ask = queue._app.connector.execute_query_one_async

        async def counted(query: str, **values: Any) -> Any:
            beats.extend([query] if query == caring.BEAT else [])
            row = await ask(query, **values)
            return {"mine": "a bug"} if query == caring.BEAT else row

        monkeypatch.setattr(queue._app.connector, "execute_query_one_async", counted)
        working = asyncio.ensure_future(queue.work(lambda job: asyncio.sleep(0), "w", [""], 1, BEATS))
        while len(beats) < 3:
            await asyncio.sleep(0.02)
        assert not working.done()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asked(empty_database_url, go)


def test_a_job_whose_end_the_queue_did_not_hear_does_not_keep_its_project_locked(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def go(queue: FleetQueue) -> None:
        finish, both = queue._jobs.finish_job, asyncio.Event()

        async def once_away(**said: Any) -> None:
            monkeypatch.setattr(queue._jobs, "finish_job", finish)
            raise exceptions.ConnectorException

        async def act(job: FleetJob) -> None:
            done.append(job.order)
            if {*done} == {"o1", "o2"}:
                both.set()

        monkeypatch.setattr(queue._jobs, "finish_job", once_away)
        await queue.put(FleetJob("o1", "a"))
        await queue.put(FleetJob("o2", "a"))
        working = asyncio.ensure_future(queue.work(act, "w", [""], 2, FleetWorkers(heartbeat=0.05, silent=30)))
        await asyncio.wait_for(both.wait(), 50)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

    asked(empty_database_url, go)
    assert done == ["o1", "o1", "o2"]


def test_a_worker_that_is_told_to_end_while_the_queue_is_away_ends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It connected again then, and nobody told it a second time."""
    begun: list[int] = []

    async def goes_away(queue: FleetQueue, *words: Any) -> None:
        begun.append(1)
        try:
            await asyncio.sleep(0 if len(begun) > 1 else 60)
        except asyncio.CancelledError:
            raise Unreachable("queue", "postgres", "it is away") from None

    async def go() -> None:
        task = asyncio.ensure_future(working.FleetWorker(fleet).work([""], 1))
        while not begun:
            await asyncio.sleep(0.01)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=20)
        assert (done, begun) == ({task}, [1])

    monkeypatch.setattr(FleetQueue, "work", goes_away)
    monkeypatch.setattr(working, "AGAIN", 0.01)
    asyncio.run(go())


def test_versions_are_compared_by_their_numbers() -> None:
    newer = [("0.10.0", "0.9.1"), ("1.0", "0.99.0"), ("0.1.1", "0.1.0")]
    assert all(queueing.is_newer(one, than) and not queueing.is_newer(than, one) for one, than in newer)
    assert not queueing.is_newer("0.1.0", "0.1.0")
    assert not queueing.is_newer("", "0.1.0")


def test_nobody_is_taken_for_dead_by_who_was_away_himself_or_has_just_begun() -> None:
    hearing = Hearing(15, now=100)
    assert [hearing.may_judge(now) for now in (105, 110, 115, 120)] == [False, False, True, True]
    assert [hearing.may_judge(now) for now in (140, 145, 155, 160)] == [False, False, True, True]


def test_a_conductor_that_stood_still_asks_whose_the_order_is_before_it_does_anything(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop's lid: another process has taken the order over since."""
    plan = deploy_plan(fleet.file, fleet.file.projects, "dana")
    give(fleet, plan)

    async def go() -> None:
        async with open_queue(fleet.queue) as queue:
            conductor = conducting.Conductor(fleet, queue, plan.order, lambda event: None, asyncio.Event())
            conductor._lock.take("order")
            conductor._cared -= conducting.LEASE
            with psycopg.connect(fleet.queue) as db:
                db.execute("update deploy_locks set fence = fence + 1 where target = %s", (conducting.ORDERS,))
            await conductor._conduct()

    with pytest.raises(Lost, match="is conducted by somebody else now"):
        asyncio.run(go())
    assert order_state(fleet.store, plan.order).waves_begun == 0


def test_an_order_that_is_under_way_begins_nothing_more_while_the_fleet_is_frozen(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what was in the queue by then. It is lifted once the order has waited a few times."""
    journal, kinds, waited = fleet.journal(FREEZE), list[str](), list[int]()
    wait = conducting.Conductor._wait

    def show(event: Event) -> None:
        kinds.append(event.kind)
        if event.kind == "wave begins" and event.subject == "first":
            freeze(journal, FleetFreeze("dana", "Black Friday"))

    async def waits(conductor: conducting.Conductor, seconds: float) -> None:
        if "order waits" in kinds:
            waited.append(len(ends.began))
        if len(waited) == 3:
            freeze(journal, FleetFreeze("dana", lifted=True))
        await wait(conductor, 0.01)

    ends, puts = Ends(), list[str]()
    put = conducting.Conductor._put

    async def puts_back(conductor: conducting.Conductor, plan: Any, project: str) -> None:
        puts.append(f"{project} {'frozen' if len(waited) in (1, 2) else ''}")
        await put(conductor, plan, project)

    monkeypatch.setattr(conducting.Conductor, "_put", puts_back)
    monkeypatch.setattr(conducting, "CARE", 0.0)
    monkeypatch.setattr(conducting.Conductor, "_wait", waits)
    state = deployed(fleet, ends, monkeypatch, show)
    assert waited[:3] == [0, 0, 0]
    assert kinds.count("order waits") == 1
    assert not [line for line in puts if line.endswith("frozen")], "nobody could begin it"
    assert (state.outcome, sorted(ends.began)) == ("done", sorted(fleet.file.projects))
    freeze(journal, FleetFreeze("dana", "Black Friday"))
    with pytest.raises(Locked, match="frozen by dana: Black Friday"):
        must_not_be_frozen(fleet)


def test_a_worker_listens_to_its_groups_only(empty_database_url: str) -> None:
    async def go(queue: FleetQueue) -> None:
        await queue.put(FleetJob("o", "a", group="shops"))
        await queue.put(FleetJob("o", "b"))
        taken: list[str] = []

        async def act(job: FleetJob) -> None:
            taken.append(job.project)

        await worked(queue, act, at_once=2, jobs=1)
        assert taken == ["b"]
        assert await queue.known("o") == {"a"}

    asked(empty_database_url, go)


def test_a_queue_that_is_away_is_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(queue: FleetQueue) -> None:
        raise AssertionError("it is away")

    monkeypatch.setattr(queueing, "CONNECTED", 1.0)
    with pytest.raises(Unreachable, match=r"^queue: postgres: "):
        asked("postgresql://nobody:secret@127.0.0.1:9/x", nothing)


class Ends:
    """Stands in for the processes of projects: each ends as it is told to, once with each of its ends."""

    def __init__(self, ends: Mapping[str, tuple[ProjectEnd, ...]] | None = None) -> None:
        self.ends = {name: list(found) for name, found in (ends or {}).items()}
        self.under_way: set[str] = set()
        self.began: list[str] = []
        self.most = 0

    async def __call__(
        self, nursery: Any, words: list[str], environment: Mapping[str, str], home: Path, note: Any
    ) -> ProjectEnd:
        name = home.name
        assert name not in self.under_way, "twice at the same time"
        self.began.append(name)
        self.under_way.add(name)
        self.most = max(self.most, len(self.under_way))
        await asyncio.sleep(0.02)
        self.under_way.remove(name)
        left = self.ends.get(name, [])
        return left.pop(0) if left else WELL


@pytest.fixture
def fleet(tmp_path: Path, empty_database_url: str) -> Any:
    """Nine projects; orders and queue are in one shared Postgres."""
    lines = [f"  p{number}: {{home: p{number}}}" for number in range(1, 10)]
    waves = "waves:\n  - {name: first, count: 2}\n  - {name: second}\n"
    (tmp_path / "fleet.yml").write_text("at_once: 3\nbudget: 1\n" + waves + "projects:\n" + "\n".join(lines))
    for number in range(1, 10):
        (tmp_path / f"p{number}").mkdir()
    store = open_store(empty_database_url, tmp_path)
    place = Place(empty_database_url, "JOURNAL_URL")
    yield Fleet(tmp_path, load_fleet(tmp_path / "fleet.yml"), store, place, empty_database_url)
    store.close()


def deployed(fleet: Fleet, ends: Ends, monkeypatch: pytest.MonkeyPatch, show: Any = lambda event: None) -> OrderState:
    monkeypatch.setattr(working, "carry", ends)
    plan = deploy_plan(fleet.file, fleet.file.projects, "dana")
    give(fleet, plan)
    with restored():
        return see_through(fleet, plan.order, show, print, works=True).state


def test_an_order_goes_through_the_shared_queue_wave_by_wave(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends()
    state = deployed(fleet, ends, monkeypatch)
    assert (state.outcome, state.failed(), state.plan.by) == ("done", (), "dana")
    assert sorted(ends.began) == sorted(fleet.file.projects)
    assert set(ends.began[:2]) == {"p1", "p2"}
    assert ends.most <= 3


def test_a_worker_with_another_fleet_yml_ends_and_its_jobs_are_done_by_one_that_has_the_orders(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, notes = Ends(), list[str]()

    async def ends_here(*words: Any) -> ProjectEnd:
        if not ends.began:  # it is begun all the same: end the worker, which would wait for a signal
            signal.raise_signal(signal.SIGTERM)
        return await ends(*words)

    monkeypatch.setattr(working, "carry", ends_here)
    shared = dataclasses.replace(fleet.file, share={"health": {"path": "/other"}})
    plan = deploy_plan(fleet.file, ["p1", "p2"], "dana")
    give(fleet, plan)

    async def put(queue: FleetQueue) -> None:
        for name in plan.projects:
            await queue.put(FleetJob(plan.order, name))

    asked(fleet.queue, put)
    with restored(), pytest.raises(Mistake, match=r"is not what order .* was given with, so this worker takes nothing"):
        work(dataclasses.replace(fleet, file=shared), (), 2, notes.append)
    assert ends.began == []
    assert asked(fleet.queue, lambda queue: queue.known(plan.order)) == {"p1", "p2"}
    monkeypatch.setattr(working, "carry", ends)
    with restored():
        state = see_through(fleet, plan.order, lambda event: None, print, works=True).state
    assert (state.outcome, state.failed(), sorted(ends.began)) == ("done", (), ["p1", "p2"])


def test_the_bound_of_a_group_holds_over_all_workers(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (fleet.root / "fleet.yml").read_text(encoding="utf-8").replace("at_once: 3", "at_once: 6")
    for number in range(1, 7):
        text = text.replace(f"home: p{number}", f"home: p{number}, group: shops")
    (fleet.root / "fleet.yml").write_text(f"{text}\ngroups: {{shops: {{at_once: 2}}}}\n", encoding="utf-8")
    bounded = dataclasses.replace(fleet, file=load_fleet(fleet.root / "fleet.yml"))
    ends, most, shops = Ends(), [], {f"p{number}" for number in range(1, 7)}
    plan = deploy_plan(bounded.file, bounded.file.projects, "dana")
    give(bounded, plan)

    async def carried(nursery: Any, words: list[str], environment: Any, home: Path, note: Any) -> ProjectEnd:
        most.append(len(({*ends.under_way} | {home.name}) & shops))
        return await ends(nursery, words, environment, home, note)

    async def go() -> OrderState:
        async with open_queue(bounded.queue) as queue:
            workers = [working.FleetWorker(bounded) for _ in range(2)]
            tasks = [asyncio.ensure_future(one.work(one.groups, 6)) for one in workers]
            conductor = conducting.Conductor(bounded, queue, plan.order, lambda event: None, asyncio.Event())
            state, _ = await conductor.conduct()
            for task in tasks:
                await working.ended(task)
            return state

    monkeypatch.setattr(working, "carry", carried)
    state = asyncio.run(go())
    assert (state.outcome, state.failed(), sorted(ends.began)) == ("done", (), sorted(bounded.file.projects))
    assert max(most) == 2


def test_a_gate_that_says_no_holds_the_order_until_it_says_yes(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    look = "import pathlib, sys; sys.exit(not pathlib.Path('ready').exists())"
    gate = json.dumps({"command": [sys.executable, "-c", look]})
    text = (fleet.root / "fleet.yml").read_text(encoding="utf-8").replace("name: second", f"name: second, gate: {gate}")
    (fleet.root / "fleet.yml").write_text(text, encoding="utf-8")
    fleet = dataclasses.replace(fleet, file=load_fleet(fleet.root / "fleet.yml"))
    ends, shown = Ends(), list[str]()
    state = deployed(fleet, ends, monkeypatch, lambda event: shown.append(event.kind))
    assert (state.outcome, state.waves_begun, sorted(ends.began)) == ("", 1, ["p1", "p2"])
    assert "says no" in state.held
    assert shown[-2:] == ["gate asked", "gate answered"]
    with pytest.raises(Locked, match=f"--resume {state.plan.order}"):
        close_what_is_open(fleet, anew=False)

    def gone_on() -> SeenThrough:
        go_on(fleet, order_state(fleet.store, state.plan.order), "", "")
        with restored():
            return see_through(fleet, state.plan.order, lambda event: None, print, works=True)

    held = gone_on()
    assert isinstance(held.next, HoldWave)
    assert conclude(held, shown.append, as_json=False) == 5
    assert f"./inv fleet.deploy --resume {state.plan.order}" in shown[-1]
    (fleet.root / "ready").touch()
    done = gone_on().state
    assert (done.outcome, done.failed(), len(ends.began)) == ("done", (), 9)


def test_an_order_that_is_stopped_while_a_gate_is_asked_leaves_no_process(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = "import os, pathlib, time; pathlib.Path('asked').write_text(str(os.getpid())); time.sleep(300)"
    gate = json.dumps({"command": [sys.executable, "-c", sleep]})
    text = (fleet.root / "fleet.yml").read_text(encoding="utf-8").replace("name: first", f"name: first, gate: {gate}")
    (fleet.root / "fleet.yml").write_text(text, encoding="utf-8")
    fleet = dataclasses.replace(fleet, file=load_fleet(fleet.root / "fleet.yml"))
    plan = deploy_plan(fleet.file, fleet.file.projects, "dana")
    give(fleet, plan)

    async def go() -> Decision:
        async with open_queue(fleet.queue) as queue:
            conductor = conducting.Conductor(fleet, queue, plan.order, lambda event: None, asyncio.Event())
            conducted = asyncio.ensure_future(conductor.conduct())
            while not (fleet.root / "asked").exists() or not (fleet.root / "asked").read_text(encoding="utf-8"):
                await asyncio.sleep(0.02)
            conductor.stopped.set()
            decision = (await conducted)[1]
            with pytest.raises(ProcessLookupError):
                os.kill(int((fleet.root / "asked").read_text(encoding="utf-8")), 0)
            return decision

    assert isinstance(asyncio.run(go()), AskGate)


def test_the_rest_is_not_begun_once_the_budget_is_spent(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ProjectEnd("rolled back", "watch: errors")
    ends = Ends({"p3": (bad,), "p4": (bad,)})
    state = deployed(fleet, ends, monkeypatch)
    left = [name for name, part in state.parts.items() if part.where is Where.NOT_BEGUN]
    assert (state.outcome, state.failed()) == ("stopped", ("p3", "p4"))
    assert left
    assert not {*left} & {*ends.began}
    back = rollback_plan(fleet.file, state, state.moved(), "dana")
    assert {"p3", "p4", *left}.isdisjoint(back.projects)
    assert back.back_to["p1"].before == "dpl_old"


def test_a_run_whose_process_dies_is_gone_on_with_and_one_that_is_refused_is_not(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies, refused = ProjectEnd(LOST, "its process ended with -9"), ProjectEnd(REFUSED, "deploy.yml:3: wrong")
    ends = Ends({"p1": (dies, dies), "p2": (refused,)})
    state = deployed(fleet, ends, monkeypatch)
    assert (ends.began.count("p1"), ends.began.count("p2")) == (3, 1)
    assert state.failed() == ("p2",)


def test_a_job_that_the_queue_has_lost_is_put_there_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[str] = []
    put = FleetQueue.put

    async def loses(queue: FleetQueue, job: FleetJob) -> None:
        if job.project == "p5" and not lost:
            lost.append(job.project)
        else:
            await put(queue, job)

    monkeypatch.setattr(FleetQueue, "put", loses)
    monkeypatch.setattr(conducting, "CARE", 0.2)
    state = deployed(fleet, Ends(), monkeypatch)
    assert (lost, state.outcome, state.failed()) == (["p5"], "done", ())


def test_a_project_that_ends_while_the_queue_is_asked_is_not_put_there_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would take that job, once all workers have ended."""
    puts, asked_for = list[str](), list[str]()
    known, put = FleetQueue.known, FleetQueue.put

    class Waits(Ends):
        async def __call__(self, nursery: Any, words: Any, environment: Any, home: Path, note: Any) -> ProjectEnd:
            async with asyncio.timeout(30):
                while len(asked_for) < 2:
                    await asyncio.sleep(0.01)
            return await super().__call__(nursery, words, environment, home, note)

    async def late(queue: FleetQueue, order: str) -> frozenset[str]:
        asked_for.extend(["p1"] if "p1" in puts else [])
        async with asyncio.timeout(30):
            while len(asked_for) > 1 and (
                order_state(fleet.store, order).parts["p1"].end is None or "p1" in await known(queue, order)
            ):
                await asyncio.sleep(0.01)
        return await known(queue, order)

    async def counted(queue: FleetQueue, job: FleetJob) -> None:
        puts.append(job.project)
        await put(queue, job)

    monkeypatch.setattr(FleetQueue, "known", late)
    monkeypatch.setattr(FleetQueue, "put", counted)
    monkeypatch.setattr(conducting, "CARE", 0.0)
    state = deployed(fleet, Waits(), monkeypatch)
    assert (state.outcome, puts.count("p1")) == ("done", 1)


def test_a_signal_begins_nothing_more_and_the_order_is_gone_on_with_later(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(event: Event) -> None:
        if event.kind == "project begins" and event.subject == "p3":
            os.kill(os.getpid(), signal.SIGTERM)

    ends = Ends()
    state = deployed(fleet, ends, monkeypatch, show)
    assert (state.outcome, state.parts["p3"].end) == ("", WELL)
    assert Where.RUNNING not in {part.where for part in state.parts.values()}
    assert len(ends.began) < 9
    with restored():
        state = see_through(fleet, state.plan.order, lambda event: None, print, works=True).state
    assert (state.outcome, sorted(ends.began)) == ("done", sorted(fleet.file.projects))


def test_a_wave_that_asks_for_it_waits_until_somebody_agrees(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    second = dataclasses.replace(fleet.file.waves[1], approval=True)
    fleet = dataclasses.replace(fleet, file=dataclasses.replace(fleet.file, waves=(fleet.file.waves[0], second)))
    ends = Ends()
    state = deployed(fleet, ends, monkeypatch)
    assert (state.outcome, sorted(ends.began)) == ("", ["p1", "p2"])
    agreed(fleet, state.plan.order, "second", SignedWord("dana", ""))
    with restored():
        state = see_through(fleet, state.plan.order, lambda event: None, print, works=True).state
    assert (state.outcome, state.approved) == ("done", {"second": "dana"})


def test_an_order_that_has_not_ended_comes_first_unless_it_is_left(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = deploy_plan(fleet.file, fleet.file.projects, "dana")
    give(fleet, plan)
    with pytest.raises(Locked, match=f"--resume {plan.order}"):
        close_what_is_open(fleet, anew=False)
    fleet.journal(plan.order).append("project begins", "p1", worker="w")
    with pytest.raises(Locked, match="under way still: p1"):
        stop(fleet, order_state(fleet.store, plan.order))
    fleet.journal(plan.order).append("project ended", "p1", **dataclasses.asdict(WELL))
    close_what_is_open(fleet, anew=True)
    assert order_state(fleet.store, "latest").outcome == "stopped"

    ends = Ends()
    monkeypatch.setattr(working, "carry", ends)
    worker = working.FleetWorker(fleet)
    asyncio.run(worker.do(FleetJob(plan.order, "p2")))  # a job of it that was in the queue still
    assert ends.began == []


def test_the_newest_order_that_has_a_project_says_how_it_stands(fleet: Fleet) -> None:
    older, newer = (deploy_plan(fleet.file, names, "dana") for names in (("p1", "p2"), ("p2", "p3")))
    for plan in (older, newer):
        give(fleet, plan)
    states = [order_state(fleet.store, plan.order) for plan in (newer, older)]
    found = {name: state.plan.order for name, state in standing(states, fleet.file.projects).items()}
    assert found == {"p1": older.order, "p2": newer.order, "p3": newer.order}
