"""One budget for a vendor's limit: all projects with a token share it, a storm slows them and fails nothing."""

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest

from pipeline.clients import pacing
from pipeline.clients.base import Service, nothing
from pipeline.clients.pacing import (
    LONGEST,
    LimitSeen,
    SharedPace,
    bucket_of,
    limit_seen,
    refusal_seen,
    unpaced,
    within,
)
from pipeline.clock import SystemClock
from pipeline.errors import Refused, Unreachable
from pipeline.fleet.budgets import Budgets
from pipeline.fleet.queue import open_queue
from tests.processes import slowness
from tests.scripted import MovingClock

NOW = 1_790_000_000.0


def test_each_vendor_says_in_its_own_words_how_much_is_left() -> None:
    github = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "12", "x-ratelimit-reset": str(NOW + 60)}
    assert limit_seen("b", github, NOW) == LimitSeen("b", 5000, 12, 60)
    sentry = {name.replace("x-", "x-sentry-").replace("ratelimit", "rate-limit"): said for name, said in github.items()}
    assert limit_seen("b", sentry, NOW) == LimitSeen("b", 5000, 12, 60)
    assert not limit_seen("b", {**github, "x-ratelimit-remaining": "2500"}, NOW).tight
    assert limit_seen("b", {**github, "x-ratelimit-remaining": "many"}, NOW) == LimitSeen("b")
    assert refusal_seen("b", 429, 0).closed == 1
    assert refusal_seen("b", 403, 90).closed == 90
    assert not refusal_seen("b", 403, 0).tight
    assert not refusal_seen("b", 503, 90).tight


def test_a_bucket_is_of_one_token_at_one_address_and_does_not_say_it() -> None:
    names = {bucket_of("vercel", base, {"authorization": f"Bearer {token}"}) for base in "ab" for token in ("s1", "s2")}
    assert len(names) == 4
    assert not any("s1" in name for name in names)


class Vendor:
    """A vendor that answers what it is told, and a project that asks it. ``worker``: the other end of its line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, first: bool = False) -> None:
        self.worker, line = socket.socketpair()
        self.worker.setblocking(False)
        self.clock, self.answers, self.asked = MovingClock(), list[httpx.Response](), list[str]()
        self.pace = SharedPace(line, first=first)
        monkeypatch.setattr(pacing, "pace", lambda: self.pace)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        return self.answers.pop(0) if self.answers else httpx.Response(200, json={})

    def ask(self, method: str = "GET") -> None:
        async def go() -> None:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.answer)) as http:
                await Service("vercel", "http://vendor", http, self.clock, {"authorization": "x"}).once(
                    method, "/", nothing
                )

        asyncio.run(go())

    def says(self, *waits: float) -> None:
        """What the worker will answer to the next questions."""
        for number, wait in enumerate(waits, self.pace._number + 1):
            self.worker.sendall(json.dumps({"number": number, "wait": wait}).encode() + b"\n")

    def told(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in self.worker.recv(1 << 16).splitlines()]
        except BlockingIOError:
            return []


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    made = Vendor(monkeypatch)
    yield made
    made.worker.close()


def left(remaining: int) -> httpx.Response:
    headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": str(remaining)}
    return httpx.Response(200, json={}, headers=headers)


def too_often(seconds: int) -> httpx.Response:
    return httpx.Response(429, json={}, headers={"retry-after": str(seconds)})


def test_while_more_than_half_is_left_no_worker_is_asked(vendor: Vendor) -> None:
    vendor.answers = [left(90), left(50)]
    vendor.ask()
    vendor.ask()
    assert vendor.told() == []


def test_when_less_is_left_each_request_waits_for_its_turn_until_there_is_more_again(vendor: Vendor) -> None:
    vendor.answers = [left(49), left(99)]
    vendor.ask()
    assert vendor.told()[0]["seen"]["left"] == 49
    vendor.says(7, 5, 0)
    vendor.ask()
    assert vendor.clock.seconds == 12
    assert [set(one) for one in vendor.told()] == [{"turn", "number"}] * 3
    vendor.ask()
    assert vendor.told() == []


def test_a_write_that_came_too_often_is_sent_again_when_it_may_be_and_everybody_is_told(vendor: Vendor) -> None:
    vendor.answers = [too_often(300), too_often(60)]
    vendor.says(0, 0)
    vendor.ask("POST")
    assert vendor.asked == ["POST"] * 3
    assert vendor.clock.seconds == 360
    assert [one["seen"]["closed"] for one in vendor.told() if "seen" in one] == [300, 60]


def test_a_limit_of_hours_is_a_refusal_and_so_is_one_that_does_not_end(vendor: Vendor) -> None:
    vendor.answers = [too_often(7200)]
    with pytest.raises(Refused):
        vendor.ask()
    vendor.answers = [too_often(100)] * 20
    vendor.says(*[0] * 20)
    with pytest.raises(Refused):
        vendor.ask()
    assert vendor.clock.seconds <= LONGEST


def test_an_emergency_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor(monkeypatch, first=True)
    vendor.answers = [left(1), left(1)]
    vendor.ask()
    vendor.ask()
    assert (vendor.clock.seconds, ["turn" in one for one in vendor.told()]) == (0, [False, False])
    vendor.worker.close()


def test_what_is_waited_for_a_limit_counts_once_against_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor(monkeypatch, first=True)
    monkeypatch.setattr(pacing, "SHORTEST", 0.3)
    clock = SystemClock()

    async def refused(seconds: float) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(vendor.answer)) as http:
            service = Service("vercel", "http://vendor", http, clock, {"authorization": "x"})
            async with within(seconds):
                await asyncio.gather(*(service.once("GET", "/", nothing) for _ in range(3)))
                await clock.sleep(seconds / 2)

    vendor.answers = [too_often(0) for _ in range(3)]
    began = unpaced(clock)
    asyncio.run(refused(0.2))
    assert unpaced(clock) - began < 0.3 + slowness(), "three at once waited 0.3 s, which is not counted"
    assert 0.3 <= vendor.pace.rested < 0.6
    assert vendor.pace.bounds == set()
    vendor.pace.rested = LONGEST  # no deadline is put off for longer than that in all
    vendor.answers = [too_often(0)]
    with pytest.raises(TimeoutError):
        asyncio.run(refused(0.2))
    vendor.worker.close()


def test_a_worker_that_is_gone_holds_nobody_up(vendor: Vendor) -> None:
    vendor.answers = [left(1), too_often(30)]
    vendor.ask()
    vendor.worker.close()
    vendor.ask()
    assert (vendor.asked, vendor.clock.seconds) == (["GET"] * 3, 30)


def test_all_workers_share_what_is_left_and_a_tenth_is_kept_for_emergencies(empty_database_url: str) -> None:
    def later(seconds: int) -> None:
        moved = "update fleet_budgets set resets = resets - %s * interval '1 s', closed = closed - %s * interval '1 s'"
        with psycopg.connect(empty_database_url) as db:
            db.execute(moved, (seconds, seconds))

    async def go() -> None:
        async with open_queue(empty_database_url) as queue, open_queue(empty_database_url) as other:
            one, two = Budgets(queue), Budgets(other)
            assert await one.turn("b") == 0  # nobody has said anything of it
            await one.see(LimitSeen("b", 20, 4, 60))
            assert [await worker.turn("b") for worker in (one, two)] == [0, 0]
            for worker in (one, two):
                assert 50 < await worker.turn("b") <= 61
            later(61)  # a new window
            assert [await worker.turn("b") for worker in (one, two)] == [0, 0]
            await two.see(LimitSeen("b", closed=30))
            for worker in (one, two):
                assert 20 < await worker.turn("b") <= 31
            later(31)
            assert await one.turn("b") == 0
            await one.see(LimitSeen("c", closed=30))  # a vendor that says nothing but until when
            assert 20 < await two.turn("c") <= 31

    asyncio.run(go())


def test_a_rollback_is_served_while_deploys_wait_for_the_same_token(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It uses the last tenth, which they then know; and after a refusal it is sent again before they are."""
    rollback = Vendor(monkeypatch, first=True)
    bucket = bucket_of("vercel", "http://vendor", {"authorization": "x"})

    async def waits(budgets: Budgets) -> list[float]:
        return [float((await budgets.answer({"turn": bucket, "number": n}) or {})["wait"]) for n in range(3)]

    async def heard(budgets: Budgets) -> None:
        for said in rollback.told():
            assert "turn" not in said
            await budgets.answer(said)

    async def go(*answers: httpx.Response) -> list[float]:
        async with open_queue(empty_database_url) as queue:
            budgets = Budgets(queue)
            if not rollback.asked:
                await budgets.see(LimitSeen(bucket, 20, 2, 60))
                assert all(one > 50 for one in await waits(budgets)), "the deploys wait"
            rollback.answers = list(answers)
            await asyncio.to_thread(rollback.ask, "POST")
            await heard(budgets)
            return await waits(budgets)

    def of_twenty(remaining: int) -> httpx.Response:
        return httpx.Response(
            200, json={}, headers={"x-ratelimit-limit": "20", "x-ratelimit-remaining": str(remaining)}
        )

    after = asyncio.run(go(of_twenty(1)))
    assert (rollback.asked, rollback.clock.seconds) == (["POST"], 0), "served at once"
    assert all(one > 50 for one in after)
    after = asyncio.run(go(too_often(7), of_twenty(0)))
    assert (rollback.asked, rollback.clock.seconds) == (["POST"] * 3, 7)
    assert all(one > 7 for one in after), "who waits for a turn asks for it later than the refusal has said"
    rollback.worker.close()


class Counted:
    """Stands in for the queue's database."""

    def __init__(self, *, away: bool = False) -> None:
        self.statements, self.away = 0, away

    async def change(self, sql: str, **values: Any) -> None:
        await self.ask(sql)

    async def ask(self, sql: str, **values: Any) -> Mapping[str, Any]:
        self.statements += 1
        if self.away:
            raise Unreachable("queue", "postgres", "it is away")
        return {"wait": 0.0}


def test_a_turn_is_one_statement_and_what_many_see_at_once_is_written_once() -> None:
    clock, rows = MovingClock(), Counted()
    budgets = Budgets(rows, clock)

    async def go() -> None:
        for number in range(10):
            await budgets.answer({"seen": vars(LimitSeen("b", 100, 40 - number, 60))})
            assert await budgets.answer({"turn": "b", "number": number}) == {"number": number, "wait": 0}

    asyncio.run(go())
    assert rows.statements == 11


def test_a_database_that_is_away_holds_nobody_up() -> None:
    budgets = Budgets(Counted(away=True), MovingClock())
    assert asyncio.run(budgets.answer({"seen": vars(LimitSeen("b", closed=9))})) is None
    assert asyncio.run(budgets.answer({"turn": "b", "number": 1})) == {"number": 1, "wait": 0}
    assert asyncio.run(budgets.answer({"seen": {"what": "is this"}})) is None


def test_a_worker_that_does_not_answer_is_let_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "ANSWERS", 0.05)
    vendor = Vendor(monkeypatch)
    assert [vendor.pace.asked({"reading": "x"}) for _ in range(3)] == [{}, {}, {}]
    assert len(vendor.told()) == 1
    vendor.worker.close()
