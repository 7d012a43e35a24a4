"""Runs one Node process that serves one uploaded function, as the platform runs each in an instance of its own.

Not one per deployment: the launcher that ``vercel build`` writes changes the working directory of its process, and
what Next.js keeps in globals would be shared by functions that never share a process on the platform.
"""

import asyncio
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import Receive, Send

from pipeline.sandbox.nodewire import Died, Left, TimedOut, Wire

HOST = Path(__file__).parent / "node" / "host.mjs"
IDLE_SECONDS = 180.0
LOADING_SECONDS = 30.0
LOOK_SECONDS = 1.0  # how often a host looks whether it is still wanted
LAST_WORDS_SECONDS = 0.5  # what is waited for console output after the answer, when all is well it comes at once
MARK = b"\x1e"
MOST_BYTES = 64_000  # of console output that a request keeps


def node() -> str:
    """Find the path of ``node``; empty when there is none."""
    return shutil.which("node") or ""


@dataclass
class Invocation:
    """A call of a function: what it wrote to the console, and whether it came to its end."""

    text: str = ""
    ended: "Future[None]" = field(default_factory=Future)


class NodeHost:
    """Hosts one function in a process that starts when it is first called, and again when it has ended.

    ``write`` fills a folder with the function's files; ``wanted`` says whether its deployment still exists; ``more``
    are options of ``host.mjs``.
    """

    def __init__(
        self,
        folder: Path,
        write: Callable[[Path], None],
        settings: Mapping[str, object],
        environ: Mapping[str, str],
        wanted: Callable[[], bool],
        more: Mapping[str, object],
    ) -> None:
        self._folder, self._write, self._settings, self._environ = folder, write, settings, environ
        self._wanted, self._more = wanted, more
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port, self._calls, self._next = 0, dict[int, Invocation](), 0
        self._ready: Future[None] = Future()
        self._wire = Wire()
        self.used = time.monotonic()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def busy(self) -> bool:
        return bool(self._calls)

    async def call(
        self,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
        seconds: float,
    ) -> str:
        """Pass a request on and its answer back, piece by piece.

        Gives what the function wrote to the console meanwhile.

        Raises Died, or TimedOut after ``seconds`` of real time: the process is ended then, with all that it does.
        """
        import httpx  # only an app with Node.js functions comes here

        self._next += 1
        number, invocation = self._next, Invocation()
        self._calls[number] = invocation
        # No "connection: close": with it Node cuts off a body that the function does not read, and its answer with it
        sent = [*headers, (b"x-sandbox-request", str(number).encode())]
        try:
            port = await self._ready_port()
            async with asyncio.timeout(seconds):
                await self._wire.answer(port, method, target, sent, receive, send)
            await _last_words(invocation)
        except TimeoutError as error:
            await asyncio.to_thread(self.stop)
            await _last_words(invocation)
            raise TimedOut(f"{invocation.text}Error: Task timed out after {seconds:g} seconds\n") from error
        except Left:
            return invocation.text
        except (httpx.TransportError, Died) as error:
            await _last_words(invocation)
            raise Died(invocation.text + self._epitaph(error)) from error
        finally:
            del self._calls[number]
            self.used = time.monotonic()
        return invocation.text

    def stop(self) -> None:
        """End the process. It may be started again."""
        with self._lock:
            if self._process:
                self._process.kill()
                self._process.wait()

    async def _ready_port(self) -> int:
        """Wait for the port of the process, once the function is loaded or has failed to; loading does not count."""
        port = await asyncio.to_thread(self._start)
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._ready)), LOADING_SECONDS)
        return port

    def _start(self) -> int:
        """Start the process and give its port."""
        with self._lock:
            if self.alive:
                return self._port
            if not self._folder.exists():
                part = self._folder.with_name(self._folder.name + ".part")
                self._write(part)
                part.replace(self._folder)  # whoever is killed while writing leaves no half of a function
            with socket.socket() as listening:  # connections wait in its queue until the process accepts them
                listening.bind(("127.0.0.1", 0))
                listening.listen(64)
                self._port = listening.getsockname()[1]
                options = {
                    "fd": listening.fileno(),
                    "handler": self._settings.get("handler") or self._settings.get("entrypoint"),
                    "helpers": self._settings.get("shouldAddHelpers") is True,
                    "webApi": self._settings.get("useWebApi") is True,
                    **self._more,
                }
                flags = ["--enable-source-maps"] if self._settings.get("shouldAddSourcemapSupport") else []
                flags += ["--experimental-vm-modules", "--no-warnings"] if self._more.get("edge") else []
                self._process = subprocess.Popen(
                    [node(), *flags, str(HOST), str(self._folder), json.dumps(options)],
                    env=dict(self._environ),
                    cwd=self._folder,
                    pass_fds=(listening.fileno(),),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            self._ready = Future()
            threading.Thread(target=self._listen, args=(self._process, self._ready), daemon=True).start()
            return self._port

    def _listen(self, process: "subprocess.Popen[bytes]", ready: "Future[None]") -> None:
        """Read what the process writes until it ends; end it when nobody needs it any more."""
        assert process.stdout
        assert process.stdin
        rest = b""
        while True:
            if select.select([process.stdout], [], [], LOOK_SECONDS)[0]:
                piece = os.read(process.stdout.fileno(), 1 << 16)
                if not piece:
                    break
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._hear(line, ready)
            elif self._useless():
                with self._lock:  # a request that comes now starts another one
                    if self._useless():
                        process.kill()
                        process.wait()
        self._hear(rest, ready)
        process.wait()
        process.stdin.close()
        process.stdout.close()
        _end(ready)
        if process is self._process:
            for invocation in list(self._calls.values()):
                _end(invocation.ended)

    def _useless(self) -> bool:
        idle = not self._calls and time.monotonic() - self.used > IDLE_SECONDS
        return idle or not self._wanted()

    def _hear(self, line: bytes, ready: "Future[None]") -> None:
        """Take a line of the host about one request, or of the process itself, which concerns all there are."""
        if line.startswith(MARK):
            told = json.loads(line[1:])
            concerned = [self._calls[told["id"]]] if told["id"] in self._calls else []
            text = told.get("text", "")
            if told.get("ready"):
                _end(ready)
            if told.get("end"):
                for invocation in concerned:
                    _end(invocation.ended)
            if not told["id"]:
                concerned = list(self._calls.values())
        else:
            concerned, text = list(self._calls.values()), line.decode(errors="replace") + "\n"
        for invocation in concerned:
            if len(invocation.text) < MOST_BYTES:
                invocation.text += text

    def _epitaph(self, error: Exception) -> str:
        if isinstance(error, Died):
            return ""
        process = self._process
        if process is None or process.poll() is None:
            return f"Error: the function cut its connection: {error}\n"
        return f"Error: Node.js process exited with exit status: {process.returncode}\n"


def _end(future: "Future[None]") -> None:
    with suppress(InvalidStateError):  # it ended already, or nobody waits any more
        future.set_result(None)


async def _last_words(invocation: Invocation) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.wrap_future(invocation.ended), LAST_WORDS_SECONDS)
