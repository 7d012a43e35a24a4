"""Passes requests on to the process of a function, over connections that are kept."""

import asyncio
from typing import cast

import httptools
from starlette.types import Receive, Send

KEPT = 32  # idle connections to a process
MOST_WAITING = 1 << 18  # bytes of an answer that nobody has taken yet, before no more are read
REST_SECONDS = 1.0  # what is waited, after the answer, until the rest of the request is sent
NOT_PASSED_ON = {b"connection", b"keep-alive", b"transfer-encoding", b"date"}
NO_BODY = (204, 304)

Headers = list[tuple[bytes, bytes]]


class Died(Exception):
    """Raised when the function threw, or its process ended before the answer did.

    The text is what it wrote to the console.
    """


class TimedOut(Died):
    """Raised when the function did not come to an end in time."""


class Left(Exception):
    """Raised when the visitor went away while sending."""


class Broken(Exception):
    """Raised when a connection to a process ended before the answer did, or holds none."""


class Wire:
    """The connections to one process, kept from request to request as long as the same loop asks."""

    def __init__(self, port: int) -> None:
        self._port, self._idle = port, list[Connection]()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def answer(self, method: str, target: str, headers: Headers, receive: Receive, send: Send) -> None:
        """Pass a request on and its answer back, piece by piece. Raises Died, Left or Broken."""
        names = {name.lower(): value for name, value in headers}
        chunked = b"transfer-encoding" in names and b"content-length" not in names
        head = _head(method, target, headers, chunked)
        connection = await self._connection()
        bodied = chunked or names.get(b"content-length", b"0") != b"0"
        connection.ask(head, method == "HEAD")
        sending = asyncio.ensure_future(connection.send_body(receive, chunked)) if bodied else None
        try:
            status, told = await connection.told()
            if any(name == b"x-sandbox-threw" for name, _ in told):
                raise Died
            kept = [pair for pair in told if pair[0] not in NOT_PASSED_ON]
            await send({"type": "http.response.start", "status": status, "headers": kept})
            more = True
            while more:
                piece, more = await connection.piece()
                await send({"type": "http.response.body", "body": piece, "more_body": more})
            if sending:  # a function may have read a part, and what replaced its stream hides that: not kept
                await asyncio.wait({sending}, timeout=REST_SECONDS)
            else:
                self._keep(connection)
        finally:
            if sending:
                sending.cancel()
            connection.release()

    async def _connection(self) -> "Connection":
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._idle = loop, []
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        try:
            _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        except OSError as error:
            raise Broken(str(error)) from error
        return connection

    def _keep(self, connection: "Connection") -> None:
        if connection.usable and len(self._idle) < KEPT:
            connection.kept = True
            self._idle.append(connection)


def _head(method: str, target: str, headers: Headers, chunked: bool) -> bytes:
    """Write the first lines of a request. Raises Broken when there would be more of them than we know of."""
    lines = [f"{method} {target} HTTP/1.1".encode("latin-1")]
    lines += [name + b": " + value for name, value in headers if name.lower() != b"transfer-encoding"]
    lines += [b"transfer-encoding: chunked"] if chunked else []
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    if " " in target or head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
        raise Broken(f"this is no request: {target!r}")
    return head


class Connection(asyncio.Protocol):
    """One connection to a process: a request at a time, and its answer as it comes in."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._lost: BaseException | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False
        self.ask(b"", False)

    @property
    def usable(self) -> bool:
        """Whether another request may be sent after the one that was answered."""
        return self._lost is None and self._over and self._stays

    def ask(self, head: bytes, bodiless: bool) -> None:
        """Send the first lines of a request; the answer is ``bodiless`` when it is to a HEAD."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._status, self._pieces, self._size = Headers(), 0, list[bytes](), 0
        self._told = self._over = self._stays = self.kept = False
        self._bodiless = bodiless
        if self._transport:
            self._transport.write(head)

    async def send_body(self, receive: Receive, chunked: bool) -> None:
        """Send the body of the request as it comes in; when that fails, no answer is waited for either."""
        try:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Left
                more = message.get("more_body", False)
                await self._write(message.get("body", b""), chunked)
            if chunked:
                self._write_now(b"0\r\n\r\n")
        except (Left, Broken) as error:
            self._lose(error)

    async def told(self) -> tuple[int, Headers]:
        """Wait for the status and the headers, their names in lower case."""
        while not self._told:
            await self._more()
        return self._status, self._headers

    async def piece(self) -> tuple[bytes, bool]:
        """Wait for what comes next of the answer's body, and whether there is more."""
        while not self._pieces and not self._over:
            await self._more()
        found, self._pieces, self._size = b"".join(self._pieces), [], 0
        if self._paused and self._transport:
            self._paused = False
            self._transport.resume_reading()
        return found, not self._over

    def release(self) -> None:
        """Close it, unless it is kept."""
        if not self.kept and self._transport:
            self._lost = self._lost or Broken("it was closed")
            self._transport.abort()

    async def _more(self) -> None:
        if self._lost:
            raise self._lost
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    async def _write(self, body: bytes, chunked: bool) -> None:
        if body:
            self._write_now(b"%x\r\n%b\r\n" % (len(body), body) if chunked else body)
            if self._writable:
                await self._writable

    def _write_now(self, data: bytes) -> None:
        if self._lost:
            raise Broken("it ended while the body was sent")
        assert self._transport
        self._transport.write(data)

    def _lose(self, error: BaseException) -> None:
        self._lost = self._lost or error
        _wake(self._waiting)
        _wake(self._writable)

    # What the loop tells a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop does not descend from it

    def connection_lost(self, exc: Exception | None) -> None:
        if self._told and not exc and _ends_with_connection(self._headers):
            self._over = True
        self._lose(Broken(str(exc or "it ended")))

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lose(Broken(f"this is no answer: {error}"))
        if self._size > MOST_WAITING and self._transport and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._waiting)

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        _wake(self._writable)
        self._writable = None

    # What the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._status, self._stays = self._parser.get_status_code(), self._parser.should_keep_alive()
        self._told = self._status >= 200  # what comes before are not answers yet
        self._over = self._told and (self._bodiless or self._status in NO_BODY)

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        if self._told:
            self._over = True
        else:
            self._headers = []


def _ends_with_connection(headers: Headers) -> bool:
    return not any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)


def _wake(waiting: "asyncio.Future[None] | None") -> None:
    if waiting and not waiting.done():
        waiting.set_result(None)
