"""Every exchange ends: servers that send a byte now and then, for ever, too much, or nothing that can be read."""

import asyncio
import contextlib
import gzip
import itertools
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from pipeline.clients.base import Service
from pipeline.clients.exchange import SLOWEST, Unfinished, ample, exchange, json_of, request_of
from pipeline.clients.pages import PageAnswer
from pipeline.clients.upstash import UpstashRedis
from pipeline.clients.visitor import Visitor
from pipeline.clients.walk import Sent
from pipeline.clock import SystemClock
from pipeline.errors import ServiceError, Unreachable, Unreadable
from tests.processes import slowness
from tests.scripted import MovingClock

BRIEF = 0.3
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx-deployment-id: dpl_1\r\ncontent-type: text/html\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx-deployment-id: dpl_1\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def never(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def plainly(body: bytes, *headers: str, status: str = "200 OK") -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers])
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return answer


@contextlib.asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[str]:
    """A server that behaves so whatever it is asked; gives its address."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await behaviour(writer)
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


class Brief(Service):
    within, most = BRIEF, 300_000


def asked(behaviour: Behaviour, *, token: str = "t", **more: Any) -> Any:
    """What a client makes of a service that behaves so, asked once."""

    async def go() -> Any:
        async with serving(behaviour) as url, httpx.AsyncClient() as http:
            service = Brief("vercel", url, http, SystemClock(), {"authorization": f"Bearer {token}"})
            return await service.once("GET", "/v2/user", lambda body: body, **more)

    return asyncio.run(go())


def visited(behaviour: Behaviour, patience: float = BRIEF) -> PageAnswer:
    async def go() -> PageAnswer:
        async with serving(behaviour) as url:
            return await Visitor(httpx.AsyncClient, SystemClock()).get(url, patience)

    return asyncio.run(go())


def test_an_address_is_the_one_that_was_asked_for_and_no_other_that_is_equal_to_it() -> None:
    def asked(**params: Any) -> str:
        return str(request_of(httpx.AsyncClient(), "GET", "http://a.test/p?z=0", params).url)

    for value, text in (
        (1, "1"),
        (True, "true"),
        (1.0, "1.0"),
        (None, ""),
        ("a b&c", "a+b%26c"),
        (False, "false"),
        (0, "0"),
    ):
        assert asked(q=value) == f"http://a.test/p?z=0&q={text}"
    assert asked(q=["a", "b"], more=(1, True)) == "http://a.test/p?z=0&q=a&q=b&more=1&more=true"
    assert asked() == "http://a.test/p?z=0"


def test_pages_that_are_visited_together_share_no_cookies() -> None:
    sent = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie", ""))
        return httpx.Response(200, headers={"set-cookie": "seen=yes; Path=/"})

    async def go() -> None:
        visitor = Visitor(lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)), SystemClock())
        await visitor.get_all(["http://app.example/"] * 3, at_once=1, request=BRIEF, budget=60)

    asyncio.run(go())
    assert sent == ["", "", ""]


@pytest.mark.parametrize("behaviour", [trickle, never])
def test_a_service_whose_answer_does_not_end_is_unreachable_at_the_deadline(behaviour: Behaviour) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"vercel: GET /v2/user: .*did not end within 0\.3 s"):
        asked(behaviour)
    assert time.monotonic() - began < 10 * BRIEF * slowness()


def test_the_deadline_of_one_request_is_the_bound_for_all_of_it() -> None:
    with pytest.raises(Unreachable, match=r"did not end within 0\.1 s"):
        asked(trickle, timeout=0.1)


def test_a_body_has_the_time_that_its_size_needs() -> None:
    request = httpx.Request("POST", "http://a", content=b"x" * 5 * SLOWEST)
    assert ample(request) == 5
    assert ample(httpx.Request("GET", "http://a")) == 0


@pytest.mark.parametrize("behaviour", [trickle, endless])
def test_of_a_page_whose_body_never_ends_it_is_known_who_answered(behaviour: Behaviour) -> None:
    page = visited(behaviour)
    assert (page.status, page.headers["x-deployment-id"]) == (200, "dpl_1")
    assert "did not end within 0.3 s" in page.failure or "larger than 10 MB" in page.failure
    assert not page.unseen


def test_a_page_without_a_status_line_has_no_answer() -> None:
    page = visited(never)
    assert (page.status, page.failure) == (0, "no answer: it did not end within 0.3 s")


def test_an_answer_is_cut_at_its_bound() -> None:
    with pytest.raises(Unreadable, match=r"answered 200, and its body is larger than 0\.3 MB"):
        asked(endless)


def test_a_bomb_counts_by_what_it_unpacks_to_and_is_not_unpacked() -> None:
    bomb = gzip.compress(gzip.compress(b" " * 100_000_000))
    once = gzip.decompress(bomb)
    tracemalloc.start()
    with pytest.raises(Unreadable, match=r"larger than 0\.3 MB"):
        asked(plainly(once, "content-encoding: gzip"))
    with pytest.raises(ServiceError, match="packed as gzip, gzip"):
        asked(plainly(bomb, "content-encoding: gzip, gzip"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_what_is_packed_is_unpacked() -> None:
    assert asked(plainly(gzip.compress(b'{"a": 1}'), "content-encoding: gzip")) == {"a": 1}


ODDITIES = {
    "deep": plainly(b"[" * 100_000),
    "not a number": plainly(b'{"a": NaN}'),
    "beyond numbers": plainly(b'{"a": 1e999}'),
    "many digits": plainly(b'{"a": ' + b"9" * 10_000 + b"}"),
    "no text": plainly(b"\xff\xfe\xfd"),
    "a limit soon": plainly(b"{}", "x-ratelimit-remaining: 0", "x-ratelimit-reset: soon", status="429 Slow"),
    "wait for nothing": plainly(b"{}", "retry-after: nan", status="429 Slow"),
    "wait for ever": plainly(b"{}", "retry-after: 1e999", status="429 Slow"),
    "no charset": plainly(b"hello", "content-type: text/html; charset=hex", status="500 No"),
    "another charset": plainly(b"hello", "content-type: text/html; charset=undefined", status="500 No"),
    "a deep refusal": plainly(b"[" * 100_000, status="500 No"),
    "no bad packing": plainly(b"hello", "content-encoding: gzip"),
    "no HTTP": plainly(b"", status="abc"),
    "a header that is none": plainly(b"{}", "\x00: 1"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_whatever_a_service_answers_is_an_error_of_a_service(oddity: str) -> None:
    with pytest.raises(ServiceError) as caught:
        asked(ODDITIES[oddity])
    assert 0 <= getattr(caught.value, "retry_after", 0) < 1e9


@pytest.mark.parametrize("oddity", ODDITIES)
def test_whatever_a_page_answers_is_an_answer(oddity: str) -> None:
    page = visited(ODDITIES[oddity], patience=5)
    assert page.json == {}
    assert not page.error_page


@pytest.mark.parametrize("place", ["http://127.0.0.1:99999/", "http://[", "http://a..b/", "gopher://x/", "/" + "x" * 9])
def test_a_redirect_to_nowhere_is_a_page_that_failed(place: str) -> None:
    page = visited(plainly(b"", f"location: {place}", status="302 Found"), patience=5)
    assert page.failure


def test_a_token_that_is_not_ascii_is_said_without_the_token() -> None:
    for token in ("geh€im", "geheim\nx"):
        with pytest.raises(ServiceError, match="header") as caught:
            asked(plainly(b"{}"), token=token)
        assert "geh" not in str(caught.value)


def test_half_a_character_is_not_kept() -> None:
    json_of('"\\ud83d\\ude00"').encode()
    json_of(b'"\\ud83d"').encode()


def test_our_own_mistakes_stay_visible() -> None:
    """What the code around an exchange does wrong is no failure of a service."""

    async def go() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: 1 / 0)) as http:  # type: ignore[arg-type, return-value]
            await exchange(http, request_of(http, "GET", "http://a"), within=1)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(go())


def test_who_cancels_is_not_answered_with_a_deadline() -> None:
    async def go() -> None:
        async with serving(never) as url, httpx.AsyncClient() as http:
            async with asyncio.timeout(0.1):
                await exchange(http, request_of(http, "GET", url), within=30)

    with pytest.raises(TimeoutError):
        asyncio.run(go())


def test_redirects_are_followed_and_remembered() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(307, headers={"location": "/there"}, content=b"moved")
        if request.url.path == "/round":
            return httpx.Response(302, headers={"location": "/round"})
        return httpx.Response(200, text="here")

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            with pytest.raises(Unfinished, match="TooManyRedirects"):
                await exchange(http, request_of(http, "GET", "http://a/round"), within=5, follow=True)
            return await exchange(http, request_of(http, "GET", "http://a/"), within=5, follow=True)

    found = asyncio.run(go())
    assert (found.text, [one.status_code for one in found.history]) == ("here", [307])


@pytest.mark.parametrize(
    ("status", "header", "says"),
    [
        (
            "403 Forbidden",
            "x-vercel-mitigated: challenge",
            "Vercel's firewall challenged the request (Security Checkpoint)",
        ),
        (
            "429 Too Many Requests",
            "x-vercel-mitigated: challenge",
            "Vercel's firewall challenged the request (Security",
        ),
        ("403 Forbidden", "x-vercel-mitigated: deny", "Vercel's firewall refused the request (deny)"),
        (
            "403 Forbidden",
            "cf-mitigated: challenge",
            "Cloudflare's firewall challenged the request (Security Checkpoint)",
        ),
    ],
)
def test_a_firewall_teaches_nothing_about_the_site(status: str, header: str, says: str) -> None:
    challenge = plainly(b"We're verifying your browser", header, status=status)
    page = visited(challenge, patience=5)
    assert page.unseen
    assert says in page.failure
    assert not visited(plainly(b"no", status=status), patience=5).unseen
    assert not visited(plainly(b"well", header), patience=5).unseen, "what came through says something"

    async def tried() -> Any:
        visitor = Visitor(httpx.AsyncClient, SystemClock())
        async with serving(challenge) as url, visitor.walk(url, within=5) as walk:
            return (await walk.send(Sent("POST", f"{url}/sign-in", form={"a": "b"}))).page

    page = asyncio.run(tried())
    assert (page.unseen, says in page.failure) == (True, True)


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("</v2/list>", "leads back to /v2/list"),
        ("<https://elsewhere.example/v2/list>", "its next page is elsewhere, at https://elsewhere"),
        ("</v2/list?page={number}>", "goes on after 20 pages"),
    ],
)
def test_a_list_that_does_not_end_is_an_error_and_never_half_of_it(link: str, says: str) -> None:
    numbers = itertools.count(2)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[1], headers={"link": f'{link.format(number=next(numbers))}; rel="next"'})

    async def go() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await Service("github", "http://a", http, SystemClock()).read_all("/v2/list", list)

    with pytest.raises(Unreadable, match=says):
        asyncio.run(go())


def test_a_scan_that_never_ends_is_an_error() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"result": ["7", []]})

    async def go() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await UpstashRedis("http://a", "t", http, SystemClock()).keys("queue:")

    with pytest.raises(Unreadable, match="has not ended"):
        asyncio.run(go())


@pytest.mark.parametrize(("answers_at", "gives", "ended"), [(7.0, "here", 8.0), (None, None, 10.0)])
def test_what_is_waited_for_comes_or_patience_ends(answers_at: float | None, gives: str | None, ended: float) -> None:
    clock = MovingClock()

    async def ask() -> str | None:
        assert clock.seconds <= 10, "nobody asks for ever"
        return "here" if answers_at is not None and clock.seconds >= answers_at else None

    async def go() -> str | None:
        async with httpx.AsyncClient() as http:
            return await Service("vercel", "http://a", http, clock).until(ask, 10, every=4)

    assert asyncio.run(go()) == gives
    assert clock.seconds == ended
