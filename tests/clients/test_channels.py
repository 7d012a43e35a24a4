"""A message is sent, or it is said that it was not; nobody waits for a server that takes its time for ever."""

import asyncio
import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from pipeline.clients import channels
from pipeline.clients.channels import Channels
from pipeline.clients.slack import bot_of
from pipeline.clock import SystemClock
from pipeline.world.extras import extra_of, said_missing
from tests.processes import slowness

BANNERS = {"never": b"", "trickle": b"2"}
ADDRESSES = (
    "json://user:hunter2hunter2@127.0.0.1:{port}",
    "mailto://user:hunter2hunter2@127.0.0.1:{port}?from=a@b.example",
)


@pytest.fixture(params=BANNERS)
def slow(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server that takes every connection, and says nothing, or a byte now and then, for ever."""
    server, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while not over.wait(0.2):
                connection.sendall(BANNERS[request.param])

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    over.set()
    server.close()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_server_that_never_has_done_with_it_holds_up_nobody(
    slow: int, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is that of the loop with its end: it waits for no thread that still hangs."""
    monkeypatch.setattr(channels, "WITHIN", 1.0)

    async def tell() -> tuple[tuple[str, ...], tuple[str, ...]]:
        async with httpx.AsyncClient() as http:
            told = Channels({"team": address.format(port=slow)}, http, SystemClock())
            return await told.tell("team", "title", "text")

    began = time.monotonic()
    reached, failed = asyncio.run(tell())
    assert time.monotonic() - began < 3 * slowness()
    assert reached == ()
    assert "did not end within 1 s" in failed[0]
    assert "hunter2" not in failed[0]


def test_what_the_library_says_no_to_is_said_as_before() -> None:
    async def tell() -> tuple[tuple[str, ...], tuple[str, ...]]:
        async with httpx.AsyncClient() as http:
            return await Channels({"team": "nobodyknows://x"}, http, SystemClock()).tell("team", "title", "text")

    assert asyncio.run(tell()) == ((), ("nobodyknows: the address is none that Apprise knows",))


@pytest.mark.parametrize(
    ("path", "status", "body", "asked", "takes"),
    [
        ("/services/T0A/B0B/secret", 400, "no_text", "POST /services/T0A/B0B/secret", True),
        ("/services/T0A/B0B/secret", 404, "no_service", "POST /services/T0A/B0B/secret", False),
        ("/services/T0A/B0B/secret", 403, "invalid_token", "POST /services/T0A/B0B/secret", False),
        ("/services/T0A/B0B/secret", 410, "channel_is_archived", "POST /services/T0A/B0B/secret", False),
        ("/services/T0A/B0B/secret", 503, "", "POST /services/T0A/B0B/secret", None),
        ("/api/webhooks/123/secret/slack", 200, "{}", "GET /api/webhooks/123/secret", True),
        ("/api/webhooks/123/secret", 404, '{"code": 10015}', "GET /api/webhooks/123/secret", False),
        ("/webhookb2/a@b/IncomingWebhook/c/d", 400, "", "", None),
    ],
)
def test_an_address_is_asked_whether_it_takes_messages_without_one(
    path: str, status: int, body: str, asked: str, takes: bool | None
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, text=body)

    async def ask() -> tuple[channels.TriedChannel, ...]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await Channels({"team": f"https://chat.example{path}"}, http, SystemClock()).tried()

    (tried,) = asyncio.run(ask())
    assert tried.takes is takes
    assert {f"{one.method} {one.url.path}" for one in seen} == ({asked} if asked else set())
    assert not any(json.loads(one.content or b"{}").get("text") for one in seen)
    assert "secret" not in tried.says


def test_an_address_that_apprise_does_not_know_takes_nothing_and_is_not_sent_to() -> None:
    async def ask() -> tuple[channels.TriedChannel, ...]:
        async with httpx.AsyncClient() as http:
            found = {
                "on call": "nobodyknows://hunter2hunter2 mailto://user:hunter2hunter2@127.0.0.1:9?from=a@b.example"
            }
            return await Channels(found, http, SystemClock()).tried()

    assert [(one.kind, one.takes) for one in asyncio.run(ask())] == [("nobodyknows", False), ("e-mail", None)]


def test_without_apprise_a_webhook_is_told_and_an_address_that_wants_it_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    async def go() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], tuple[channels.TriedChannel, ...]]:
        ok = httpx.MockTransport(lambda request: httpx.Response(200, text="ok"))
        async with httpx.AsyncClient(transport=ok) as http:
            both = "https://chat.example/services/T/B/x mailto://user:hunter2hunter2@127.0.0.1:9?from=a@b.example"
            found = Channels({"team": both}, http, SystemClock())
            return await found.tell("team", "title", "text"), await found.tried()

    (reached, (failed,)), tried = asyncio.run(go())
    assert reached == ("webhook",)
    assert failed == f"e-mail: {channels.ABSENT}"
    assert said_missing(extra_of("apprise"), "apprise").startswith(channels.ABSENT)
    assert [(one.kind, one.takes, one.says) for one in tried][1:] == [("e-mail", False, failed.partition(": ")[2])]


@pytest.mark.parametrize(
    "address",
    [
        "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#deploys",
        "slack://bot@xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/C0123ABCD/%23x?footer=no",
        "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x",
        "mailto://user:password@example.com",
    ],
)
def test_the_address_of_a_bot_is_read_as_apprise_reads_it(address: str) -> None:
    import apprise

    theirs = apprise.Apprise.instantiate(address)
    found = bot_of(address)
    if getattr(theirs, "mode", "") != "bot":
        assert found is None
    else:
        assert found
        assert (found[0], {*found[1]}) == (theirs.access_token, {*theirs.channels})  # type: ignore[union-attr]
