"""Serves the sandbox from one process on all its ports, and stops when nobody holds it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from pipeline.sandbox.launch import HOLD, greeting
from pipeline.sandbox.ports import SERVICES, SLOTS, Ports
from pipeline.sandbox.postgres import Database, Postgres

COUNT = len(SERVICES) + SLOTS
LOWEST = 12000  # the first port of the first block: well-known servers of developers listen below

BUSY_SECONDS = 0.2  # what requests get to finish in when it stops
KEEP_ALIVE = 30


def run(home: Path, unheld: float) -> None:
    """Serve until the last holder has gone, or ``unheld`` seconds when none comes, or until a signal."""
    postgres = Postgres(home)
    starting = _InBackground(postgres.start)  # it starts while we load the rest and bind
    try:
        from pipeline.sandbox import ownapp
        from pipeline.sandbox.sandbox import Sandbox

        sockets = bind(home)
        demo, own = Database(starting.result()), ownapp.variables(home)
        sandbox = Sandbox(home, demo if own is None else ownapp.database(demo), own=own)
        sandbox.served_on(Ports(tuple(socket.getsockname()[1] for socket in sockets)))
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve(sandbox, sockets, {home: sandbox.description}, unheld))
        finally:
            sandbox.close()
    finally:
        (home / "running.json").unlink(missing_ok=True)
        with contextlib.suppress(Exception):
            starting.result()
        postgres.stop()


async def serve(
    app: Any, sockets: list[socket.socket], homes: Mapping[Path, Callable[[], dict[str, Any]]], unheld: float
) -> None:
    """Serve ``app`` until nobody holds it; meanwhile each of ``homes`` has a file that describes what is there."""
    server = _Server(
        uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the platform believes no visitor who says for whom he asks
            date_header=False,  # the sandbox's own clock is in it
            timeout_keep_alive=KEEP_ALIVE,
            backlog=128,
        )
    )
    holders = Holders(unheld)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, holders.over.set)
    serving = asyncio.create_task(server.serve(sockets))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    await holders.listen()
    for home, description in homes.items():
        announce(home, {**description(), "holder": holders.port})
    waiting = asyncio.create_task(holders.over.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for home in homes:
        (home / "running.json").unlink(missing_ok=True)
    server.should_exit = True
    await asyncio.wait({serving}, timeout=BUSY_SECONDS)
    server.force_exit = True
    await serving
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


class Holders:
    """Counts who holds the server. ``over`` is set when the last has gone, or when nobody came."""

    def __init__(self, unheld: float) -> None:
        self.over, self.port = asyncio.Event(), 0
        self._count, self._unheld = 0, unheld

    async def listen(self) -> None:
        server = await asyncio.start_server(self._held, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        asyncio.get_running_loop().call_later(self._unheld, self._nobody)

    def _nobody(self) -> None:
        if not self._count:
            self.over.set()

    async def _held(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold the server for one connection, from its first byte to its end."""
        try:
            purpose = await reader.read(1)
            if self.over.is_set():  # too late: whoever asks will start another one
                return
            self._count += purpose == HOLD
            try:
                writer.write(greeting(os.getpid()))
                while await reader.read(1024):
                    pass
            finally:
                self._count -= purpose == HOLD
                if purpose == HOLD:
                    self._nobody()
        except OSError:
            pass
        finally:
            writer.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us: uvicorn would raise them again before Postgres is stopped."""
        yield


class _InBackground:
    """Runs a function in a thread, and gives its result or raises what it raised."""

    def __init__(self, function: Any) -> None:
        self._outcome: list[Any] = []
        self._thread = threading.Thread(target=self._run, args=(function,))
        self._thread.start()

    def _run(self, function: Any) -> None:
        try:
            self._outcome += [function(), None]
        except Exception as error:  # it is raised where the result is wanted
            self._outcome += [None, error]

    def result(self) -> str:
        self._thread.join()
        result, error = self._outcome
        if error:
            raise error
        return str(result)


def bind(home: Path) -> list[socket.socket]:
    """Bind a listening socket per service and slot: on the ports of last time, else on a block that is free.

    A port that the system hands out to outgoing connections may be taken while the sandbox is down, so blocks lie
    below that range. Which block a home tries first follows from its path: two homes seldom want the same one.
    """
    file = home / "ports.json"
    try:
        before = [int(port) for port in json.loads(file.read_text())]
    except (OSError, ValueError, TypeError):
        before = []
    if len(before) == COUNT:
        sockets = [_listening(port) or _anywhere() for port in before]
    else:
        sockets = _block(zlib.crc32(str(home).encode())) or [_anywhere() for _ in range(COUNT)]
    new = file.with_suffix(".new")
    new.write_text(json.dumps([listener.getsockname()[1] for listener in sockets]))
    new.replace(file)
    return sockets


def _block(start: int) -> list[socket.socket] | None:
    """Bind COUNT ports in a row below those of outgoing connections, the first try at block ``start``; None if none."""
    blocks = range(LOWEST, _outgoing() - COUNT, COUNT)
    for step in range(min(len(blocks), 50)):
        first = blocks[(start + step) % len(blocks)]
        sockets: list[socket.socket] = []
        for port in range(first, first + COUNT):
            listener = _listening(port)
            if listener is None:
                break
            sockets.append(listener)
        if len(sockets) == COUNT:
            return sockets
        for listener in sockets:
            listener.close()
    return None


def _outgoing() -> int:
    """Read the lowest port that the system gives to an outgoing connection; 32768 where it does not say."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768


def _anywhere() -> socket.socket:
    for _ in range(3):
        if listener := _listening(0):
            return listener
    raise OSError("no port of 127.0.0.1 can be listened on")


def _listening(port: int) -> socket.socket | None:
    # named as TCP: only then asyncio switches Nagle's algorithm off, which costs 40 ms an answer
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()  # two sandboxes that start together may both bind a port, but only one of them can listen
    except OSError:
        listener.close()
        return None
    return listener


def announce(home: Path, description: dict[str, Any]) -> None:
    """Write ``running.json``: whoever reads it can use the sandbox, so it is for its owner only."""
    new = home / "running.new"
    with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(description, file)
    new.replace(home / "running.json")
