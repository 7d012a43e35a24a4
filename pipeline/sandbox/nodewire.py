"""Passes requests on to the process of a function, over connections that are kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.types import Receive, Send

if TYPE_CHECKING:
    import httpx

KEPT = 32  # idle connections to a process
NOT_PASSED_ON = {b"connection", b"keep-alive", b"transfer-encoding", b"date"}


class Died(Exception):
    """Raised when the function threw, or its process ended before the answer did.

    The text is what it wrote to the console.
    """


class TimedOut(Died):
    """Raised when the function did not come to an end in time."""


class Left(Exception):
    """Raised when the visitor went away while sending."""


class Wire:
    """The connections to one process, kept from request to request as long as the same loop asks."""

    def __init__(self) -> None:
        self._kept: tuple[asyncio.AbstractEventLoop, httpx.AsyncHTTPTransport] | None = None

    async def answer(
        self, port: int, method: str, target: str, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send
    ) -> None:
        """Pass a request on to the port and its answer back, piece by piece. Raises Died, Left or httpx's errors."""
        import httpx  # only an app with Node.js functions comes here

        async def body() -> AsyncIterator[bytes]:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Left
                more = message.get("more_body", False)
                if message.get("body"):
                    yield message["body"]

        names = {name.lower(): value for name, value in headers}
        bodied = names.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in names
        headers = [(name, value) for name, value in headers if name.lower() != b"transfer-encoding"]
        request = httpx.Request(
            method,
            f"http://127.0.0.1:{port}",
            headers=headers,
            content=body() if bodied else None,
            extensions={"target": target.encode("latin-1")},
        )
        response = await self._connections().handle_async_request(request)
        try:
            if response.headers.get("x-sandbox-threw"):
                raise Died
            kept = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in NOT_PASSED_ON]
            await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
            async for piece in response.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await response.aclose()

    def _connections(self) -> "httpx.AsyncHTTPTransport":
        import httpx

        loop = asyncio.get_running_loop()
        if self._kept is None or self._kept[0] is not loop:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=None)
            self._kept = (loop, httpx.AsyncHTTPTransport(verify=False, limits=limits))
        return self._kept[1]
