"""A proxy that answers as the vendors: it ends TLS with a certificate of its own and asks the sandbox.

A reader's curl, gh and aws go to the vendors' real names; ``HTTPS_PROXY`` and the file of one throw-away authority are
all they need to end up here. A name that nobody emulates is refused: nothing leaves the machine.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path

import trustme

HEAD = 65536
NO_ROUTE = b"HTTP/1.1 502 Not In The Sandbox\r\ncontent-length: 0\r\n\r\n"


class Vendors:
    """``routes``: host → (port on this machine, what is put before each path). An address of this machine is itself."""

    def __init__(self, routes: Mapping[str, tuple[int, str]], folder: Path) -> None:
        self.bundle, self.url = folder / "authority.pem", ""
        self._routes, self._authority = routes, trustme.CA()
        self._authority.cert_pem.write_to_path(str(self.bundle))
        self._doors: dict[str, asyncio.Server] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Vendors":
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._asked, "127.0.0.1", 0), self._loop)
        self.url = f"http://127.0.0.1:{server.result().sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One ``CONNECT host:port``, and what follows it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode().split()
            host, _, port = line[1].rpartition(":")
            route = (int(port), "") if host == "127.0.0.1" else self._routes.get(host.lower())
            if line[0] != "CONNECT" or route is None:
                writer.write(NO_ROUTE)
                return
            door = await self._door(host, *route)
            inside = await asyncio.open_connection("127.0.0.1", door)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _both((reader, writer), inside)

    async def _door(self, host: str, port: int, prefix: str) -> int:
        """The port on which ``host`` answers with TLS; what it hears goes to ``port`` without."""
        key = f"{host}:{port}"
        if key not in self._doors:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)

            async def inward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(OSError), contextlib.closing(writer):
                    plain = await asyncio.open_connection("127.0.0.1", port)
                    await _both((reader, writer), plain, prefix.encode())

            self._doors[key] = await asyncio.start_server(inward, "127.0.0.1", 0, ssl=context)
        return int(self._doors[key].sockets[0].getsockname()[1])


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both(outside: Streams, inside: Streams, prefix: bytes = b"") -> None:
    with contextlib.closing(inside[1]):
        there = asyncio.create_task(_pour(outside[0], inside[1], prefix))
        back = asyncio.create_task(_pour(inside[0], outside[1]))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        if not back.done() and there.done():  # the reader has said all; the answer may still come
            await asyncio.wait({back}, timeout=5)
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter, prefix: bytes = b"") -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(HEAD):
            into.write(piece.replace(b" /", b" " + prefix + b"/", 1) if prefix and piece[:4] == b"GET " else piece)
            await into.drain()
        if into.can_write_eof():
            into.write_eof()
