"""Lists and numbers that a service answers oddly: read to the end, or not looked; never half of it, never a crash."""

import asyncio
import contextlib
import datetime
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from pipeline.clients.analytics import VercelAnalytics
from pipeline.clients.base import PAGES
from pipeline.clients.betterstack import BetterStack
from pipeline.clients.neon import Neon
from pipeline.clients.upstash import SCANNING, UpstashAccount, UpstashRedis
from pipeline.errors import ServiceError, Unreadable
from tests.scripted import MovingClock

NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
Answer = Callable[[httpx.Request], httpx.Response]
Ask = Callable[[httpx.AsyncClient], Awaitable[Any]]


def asked(answer: Answer, ask: Ask) -> Any:
    async def go() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await ask(http)

    return asyncio.run(go())


def neon(http: httpx.AsyncClient) -> Neon:
    return Neon("http://a", "k", "p", http, MovingClock())


def better(http: httpx.AsyncClient) -> BetterStack:
    return BetterStack("http://a", "t", http, MovingClock())


def analytics(http: httpx.AsyncClient) -> VercelAnalytics:
    return VercelAnalytics("http://a", "t", "", "prj", http, MovingClock())


BRANCH = {"id": "br-1", "name": "main", "default": True, "created_at": "2026-11-24T10:00:00Z"}
INCIDENT = {"id": "1", "attributes": {"cause": "x", "started_at": "2026-11-24T10:00:00Z", "resolved_at": None}}
EVENT = {"requestPath": "/"}


def branches(following: str) -> dict[str, Any]:
    return {"branches": [BRANCH], "pagination": {"next": following}}


def incidents(following: str | None) -> dict[str, Any]:
    return {"data": [INCIDENT], "pagination": {"next": following}}


def events(cursor: str | None, more: bool = True) -> dict[str, Any]:
    return {"events": [EVENT], "pagination": {"hasMore": more, "nextCursor": cursor}}


LISTS: dict[str, tuple[Ask, Callable[[int], dict[str, Any]], str]] = {
    "neon leads back": (lambda http: neon(http).branches(), lambda n: branches("same"), "leads back to same"),
    "neon goes in a circle": (lambda http: neon(http).branches(), lambda n: branches("ab"[n % 2]), "leads back to"),
    "neon never ends": (lambda http: neon(http).branches(), lambda n: branches(f"c{n}"), f"after {PAGES} pages"),
    "better stack leads back": (
        lambda http: better(http).incidents(),
        lambda n: incidents("http://a/api/v3/incidents?page=1"),
        "leads to http://a/api/v3/incidents.page=1 after page 1",
    ),
    "better stack leads elsewhere": (
        lambda http: better(http).incidents(),
        lambda n: incidents("http://a/api/v3/something?page=2"),
        "leads to http://a/api/v3/something",
    ),
    "better stack leads nowhere": (
        lambda http: better(http).heartbeats(),
        lambda n: {"data": [], "pagination": {"next": "http://a:port/"}},
        "leads to http://a:port/",
    ),
    "better stack never ends": (
        lambda http: better(http).incidents(),
        lambda n: incidents(f"http://a/api/v3/incidents?page={n + 1}"),
        f"after {PAGES} pages",
    ),
    "analytics leads back": (lambda http: analytics(http).requests(NOW, NOW), lambda n: events("same"), "leads back"),
    "analytics leads nowhere": (
        lambda http: analytics(http).requests(NOW, NOW), lambda n: events(None), "leads nowhere",
    ),
    "analytics never ends": (
        lambda http: analytics(http).requests(NOW, NOW), lambda n: events(f"c{n}"), f"after {PAGES} pages",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_loops_leads_elsewhere_or_never_ends_was_not_read(name: str) -> None:
    ask, page, says = LISTS[name]
    numbers, hosts = itertools.count(1), set[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.add(request.url.host)
        return httpx.Response(200, json=page(next(numbers)))

    with pytest.raises(Unreadable, match=says):
        asked(answer, ask)
    assert hosts == {"a"}, "our token goes nowhere else"
    assert next(numbers) <= PAGES + 1, "and it is asked a bounded number of times"


WHOLE: dict[str, tuple[Ask, Callable[[int], dict[str, Any]]]] = {
    "neon": (lambda http: neon(http).branches(), lambda n: branches("c1" if n == 1 else "")),
    "better stack": (
        lambda http: better(http).incidents(),
        lambda n: incidents("https://uptime.example.com/api/v2/incidents?page=2&per_page=50" if n == 1 else None),
    ),
    "analytics": (lambda http: analytics(http).requests(NOW, NOW), lambda n: events("c1" if n == 1 else None, n == 1)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_list_of_two_pages_is_read_whole(name: str) -> None:
    ask, page = WHOLE[name]
    numbers = itertools.count(1)
    assert len(asked(lambda request: httpx.Response(200, json=page(next(numbers))), ask)) == 2


ODD_ANSWERS = ("many", None, [], {}, [[1]], {"y": 1}, True, 10**400)


@pytest.mark.parametrize("odd", ODD_ANSWERS, ids=lambda odd: repr(odd)[:20])
def test_whatever_upstash_answers_is_a_number_or_an_error_of_upstash(odd: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = {"result": odd} if request.method == "POST" else {"current_storage": odd, "hits": odd, "state": odd}
        return httpx.Response(200, content=json.dumps(body))

    async def everything(http: httpx.AsyncClient) -> None:
        redis = UpstashRedis("http://a", "t", http, MovingClock())
        account = UpstashAccount("http://a", "e", "k", http, MovingClock())
        for doing in (redis.size(), redis.keys("x"), account.usage("id"), account.database_of("http://a")):
            with contextlib.suppress(ServiceError):
                await doing

    asked(answer, everything)


@pytest.mark.parametrize("odd", [[], "x", 7, {"operations": 7}, {"operations": [{}]}, {"operations": ["x"]}])
def test_whatever_neon_answers_to_a_write_is_an_error_of_neon(odd: Any) -> None:
    async def everything(http: httpx.AsyncClient) -> None:
        for doing in (neon(http).restart("ep"), neon(http).delete_branch("br")):
            with pytest.raises(Unreadable):
                await doing

    asked(lambda request: httpx.Response(200, json=odd or [1]), everything)


def test_a_monitor_whose_window_cannot_be_read_is_an_error_of_better_stack() -> None:
    attributes = {"status": "up", "maintenance_from": "1", "maintenance_to": "2", "maintenance_days": 5}
    body = {"data": {"id": "1", "attributes": attributes}}
    with pytest.raises(Unreadable):
        asked(lambda request: httpx.Response(200, json=body), lambda http: better(http).monitor("1"))


def test_a_scan_has_a_longest_time() -> None:
    clock = MovingClock()

    def answer(request: httpx.Request) -> httpx.Response:
        clock.seconds += 2
        return httpx.Response(200, json={"result": ["7", ["a"]]})

    with pytest.raises(Unreadable, match="has not ended after 30 s"):
        asked(answer, lambda http: UpstashRedis("http://a", "t", http, clock).keys("queue:"))
    assert clock.seconds <= SCANNING + 4
