"""Who asks the same in the same moment gets the same answer, and nobody gets an old one."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pipeline.clients.base import Service
from pipeline.clients.together import Together
from pipeline.clock import SystemClock
from pipeline.engine.readings import Round
from pipeline.errors import Refused, Unreachable
from pipeline.world.world import World

Ask = Callable[[Service], Awaitable[Any]]


class Counting(httpx.AsyncBaseTransport):
    """Answers the number of requests so far, a moment later; with ``status`` as long as there are some left."""

    def __init__(self, *statuses: int) -> None:
        self.asked, self.cut, self._statuses = list[str](), 0, list(statuses)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        count, status = len(self.asked), self._statuses.pop(0) if self._statuses else 200
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        return httpx.Response(status, json={"count": count})


def count(body: Any) -> int:
    return int(body["count"])


def together(transport: Counting, *asks: Ask, joined: bool = True) -> list[Any]:
    """What each of ``asks`` gives, all at once; errors are given, not raised."""

    async def main() -> list[Any]:
        async with httpx.AsyncClient(transport=transport) as http:
            service, look = Service("svc", "http://svc.test", http, SystemClock()), Together()
            if joined:
                look.join()
            found = await asyncio.gather(*(ask(service) for ask in asks), return_exceptions=True)
            await look.end()
            return found

    return asyncio.run(main())


async def reads(service: Service) -> int:
    return await service.read("/a", count, {"team": "t"})


async def leaves(service: Service) -> int:
    async with asyncio.timeout(0.005):
        return await reads(service)


async def says_it(service: Service) -> str:
    return await service.read("/a", lambda body: f"it is {body['count']}", {"team": "t"})


def test_the_same_at_once_is_asked_once_and_read_by_each_in_its_own_way() -> None:
    transport = Counting()
    assert together(transport, reads, says_it, reads) == [1, "it is 1", 1]
    assert transport.asked == ["GET /a?team=t"]


def test_without_a_round_everybody_asks() -> None:
    transport = Counting()
    assert sorted(together(transport, reads, reads, joined=False)) == [1, 2]


def test_another_path_another_query_and_every_write_are_asked_for_themselves() -> None:
    transport = Counting()

    async def other(service: Service) -> int:
        return await service.read("/a", count, {"team": "u"})

    async def write(service: Service) -> int:
        return await service.once("POST", "/a", count, params={"team": "t"})

    async def hurried(service: Service) -> int:
        return await service.once("GET", "/a", count, params={"team": "t"}, timeout=2)

    assert sorted(together(transport, reads, other, write, write, hurried)) == [1, 2, 3, 4, 5]


def test_who_waits_for_a_change_sees_it() -> None:
    transport = Counting()

    async def waits(service: Service) -> int | None:
        async def third() -> int | None:
            seen = await reads(service)
            return seen if seen == 3 else None

        return await service.until(third, 5, every=0.01)

    assert together(transport, waits, waits) == [3, 3]
    assert len(transport.asked) == 3


def test_a_failure_is_everybodys_and_so_is_the_second_attempt() -> None:
    transport = Counting(500)
    assert together(transport, reads, reads) == [2, 2]
    refused = together(Counting(403), reads, reads)
    assert [type(one) for one in refused] == [Refused, Refused]


def test_whoever_leaves_takes_the_answer_from_nobody() -> None:
    transport = Counting()

    async def comes(service: Service) -> int:
        await asyncio.sleep(0)
        return await reads(service)

    left, came = together(transport, leaves, comes)
    assert (type(left), came) == (TimeoutError, 1)
    assert (len(transport.asked), transport.cut) == (1, 0)


def test_who_comes_after_somebody_has_left_joins_the_same_request() -> None:
    transport = Counting()

    async def comes_later(service: Service) -> int:
        await asyncio.sleep(0.01)
        return await reads(service)

    left, came = together(transport, leaves, comes_later)
    assert (type(left), came, len(transport.asked)) == (TimeoutError, 1, 1)


def test_what_nobody_waits_for_any_more_ends_with_the_round() -> None:
    transport = Counting()

    assert [type(one) for one in together(transport, leaves)] == [TimeoutError]
    assert transport.cut == 1


def test_the_readings_of_a_round_look_together() -> None:
    transport = Counting()

    async def main() -> list[Any]:
        async with httpx.AsyncClient(transport=transport) as http:
            world: Any = SimpleNamespace(vercel=Service("svc", "http://svc.test", http, SystemClock()))

            async def number(world: World) -> int:
                return await reads(world.vercel)  # type: ignore[arg-type]

            async def words(world: World) -> str:
                return await says_it(world.vercel)  # type: ignore[arg-type]

            rounds = []
            for _ in range(2):
                async with Round(world, {}, {int: number, str: words}) as look:
                    rounds.append(await look.all((int, str)))
            return rounds

    assert asyncio.run(main()) == [(1, "it is 1"), (2, "it is 2")]


@pytest.mark.parametrize("joined", [True, False])
def test_a_service_that_cannot_be_asked_is_the_same_error_for_all(joined: bool) -> None:
    class Away(Counting):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.LocalProtocolError("a header")

    found = together(Away(), says_it, joined=joined)
    assert [type(one) for one in found] == [Unreachable]
