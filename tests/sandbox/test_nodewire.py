"""The connections to the process of a function, against a socket that answers what it is told to."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pipeline.sandbox.nodewire import Broken, Died, Left, Wire

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOST = (b"host", b"x")


class Visitor:
    """Sends a body in pieces, and keeps what it is answered."""

    def __init__(self, *body: bytes, leaves: bool = False) -> None:
        self._body, self._leaves = list(body), leaves
        self.status, self.headers, self.body = 0, dict[bytes, bytes](), b""

    async def receive(self) -> dict[str, object]:
        if not self._body and self._leaves:
            return {"type": "http.disconnect"}
        body = self._body.pop(0) if self._body else b""
        return {"type": "http.request", "body": body, "more_body": bool(self._body) or self._leaves}

    async def send(self, message) -> None:
        self.status = message.get("status", self.status)
        self.headers |= dict(message.get("headers", ()))
        self.body += message.get("body", b"")


def asked(peer: Peer, *asks: tuple[str, Visitor, tuple[tuple[bytes, bytes], ...]]) -> int:
    """Ask a process that behaves like ``peer``, one after another; how many connections were made."""
    made = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        try:
            await peer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def all_of_them() -> None:
        server = await asyncio.start_server(count, "127.0.0.1", 0)
        wire = Wire(server.sockets[0].getsockname()[1])
        try:
            for said, visitor, headers in asks:
                method, _, target = said.partition(" ")
                await asyncio.wait_for(wire.answer(method, target, [HOST, *headers], visitor.receive, visitor.send), 20)
        finally:
            server.close()

    asyncio.run(all_of_them())
    return made


def answering(*answers: bytes, then_ends: bool = False) -> Peer:
    """Answers each request that has no body with the next of ``answers``."""
    left = list(answers)

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(left.pop(0))
            if then_ends:
                return
        await reader.read()

    return peer


WORDS = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\n\r\nhello"
PIECES = b"HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


def test_a_connection_is_kept_for_the_next_request() -> None:
    first, second, third = Visitor(), Visitor(), Visitor()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"  # of a body that a HEAD is not sent
    peer = answering(WORDS, head, PIECES)
    assert asked(peer, ("GET /a", first, ()), ("HEAD /a", second, ()), ("GET /b", third, ())) == 1
    assert (first.status, first.body, first.headers) == (200, b"hello", {b"content-length": b"5", b"x-a": b"1"})
    assert (second.status, second.body) == (200, b"")
    assert (third.status, third.body, third.headers) == (201, b"hello", {})


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\nX-No: 1\r\n\r\n" + WORDS,
        b"HTTP/1.1 103 Early Hints\r\nX-No: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello",
    ],
)
def test_what_comes_before_an_answer_is_none_and_one_without_a_length_ends_with_the_connection(answer: bytes) -> None:
    visitor = Visitor()
    asked(answering(answer, then_ends=True), ("GET /", visitor, ()))
    assert (visitor.status, visitor.body, b"x-no" in visitor.headers) == (200, b"hello", False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", Broken),
        (WORDS[:-1], Broken),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", Broken),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Broken),
        (b"HTTP/1.1 500 No\r\nX-Sandbox-Threw: 1\r\nContent-Length: 0\r\n\r\n", Died),
    ],
)
def test_half_an_answer_is_none(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        asked(answering(answer, then_ends=True), ("GET /", Visitor(), ()))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the body of a chunked request while that is still coming in."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while size := await reader.readuntil(b"\r\n"):
        piece = await reader.readexactly(int(size, 16) + 2)
        writer.write(size + piece)
        await writer.drain()
        if piece == b"\r\n":
            return


def test_a_body_of_any_size_is_echoed_while_it_is_sent() -> None:
    visitor = Visitor(*[bytes([number]) * 1_000_000 for number in range(12)])
    asked(echo, ("POST /", visitor, ((b"transfer-encoding", b"chunked"),)))
    assert len(visitor.body) == 12_000_000
    assert visitor.body[::1_000_000] == bytes(range(12))


def test_who_leaves_while_sending_has_left() -> None:
    with pytest.raises(Left):
        asked(echo, ("POST /", Visitor(b"half", leaves=True), ((b"content-length", b"8"),)))


@pytest.mark.parametrize("target", ["/ HTTP/1.1\r\nx-forged: 1\r\n\r\n", "/a b", "/\n"])
def test_a_target_that_would_be_another_request_is_not_sent(target: str) -> None:
    with pytest.raises(Broken, match="no request"):
        asked(answering(WORDS), (f"GET {target}", Visitor(), ()))


def test_of_an_answer_that_nobody_takes_little_is_held() -> None:
    size, taken = 40_000_000, asyncio.Event()
    written = 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(bytes(1_000_000))
            await writer.drain()
            written += 1_000_000
            await asyncio.sleep(0)

    class Slow(Visitor):
        async def send(self, message) -> None:
            if message["type"] == "http.response.start":
                before = -1
                while before != written:  # until no more can be written
                    before = written
                    for _ in range(200):
                        await asyncio.sleep(0)
                assert written < size / 2
                taken.set()
            self.body += message.get("body", b"")[:1]
            self.size = getattr(self, "size", 0) + len(message.get("body", b""))

    visitor = Slow()
    asked(peer, ("GET /", visitor, ()))
    assert (visitor.size, taken.is_set()) == (size, True)
