"""Runs one Node process that serves one uploaded function, as the platform runs each in an instance of its own.

Not one per deployment: the launcher that ``vercel build`` writes changes the working directory of its process, and
what Next.js keeps in globals would be shared by functions that never share a process on the platform. Edge functions
do share one there, and here: each has a context of its own.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Receive, Send

from pipeline.sandbox.nodeprocess import NodeProcess
from pipeline.sandbox.nodewire import Broken, Died, Headers, Left, TimedOut

IDLE_SECONDS = 180.0
LOOK_SECONDS = 1.0  # how often a host looks whether it is still wanted
LAST_WORDS_SECONDS = 0.5  # what is waited for console output after the answer, when all is well it comes at once
MARK = b"\x1e"
MOST_BYTES = 64_000  # of console output that a request keeps


@dataclass
class Invocation:
    """A call of a function: what it wrote to the console, and whether it came to its end."""

    ended: "asyncio.Future[None]"
    text: str = ""

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    async def last_words(self) -> None:
        """Wait for what it still has to say, but not for long."""
        if not self.ended.done():
            later = self.ended.get_loop().call_later(LAST_WORDS_SECONDS, self.end)
            await self.ended
            later.cancel()


@dataclass(frozen=True)
class Program:
    """What a host runs: ``write`` fills ``folder`` with its files, ``options`` are those of ``host.mjs``."""

    folder: Path
    write: Callable[[Path], None]
    options: Mapping[str, object]
    flags: tuple[str, ...]
    environ: Mapping[str, str]


class NodeHost:
    """Hosts a program in a process that starts when it is first called, and again when it has ended.

    ``wanted`` says whether its deployment still exists, ``spare`` whether a process that rests may end.
    """

    def __init__(
        self, program: Program, wanted: Callable[[], bool], spare: Callable[["NodeHost"], bool] = lambda host: False
    ) -> None:
        self._program, self._wanted, self._spare = program, wanted, spare
        self._lock = threading.Lock()
        self._process: NodeProcess | None = None
        self._calls, self._next = dict[int, Invocation](), 0
        self._unended = set[int]()  # also what goes on after the answer (`waitUntil`)
        self._looking: asyncio.TimerHandle | None = None
        self.used = time.monotonic()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.alive

    @property
    def busy(self) -> bool:
        return bool(self._calls)

    @property
    def resting(self) -> float:
        """Seconds since it had anything to do, also after an answer; 0 while it has, or when there is no process."""
        return 0.0 if self._unended or self._calls or not self.alive else time.monotonic() - self.used

    async def call(
        self, method: str, target: str, headers: Headers, receive: Receive, send: Send, seconds: float
    ) -> str:
        """Pass a request on and its answer back, piece by piece.

        Gives what the function wrote to the console meanwhile.

        Raises Died, or TimedOut after ``seconds`` of real time: the process is ended then, with all that it does.
        """
        self._next += 1
        number, invocation = self._next, Invocation(asyncio.get_running_loop().create_future())
        self._calls[number] = invocation
        self._unended.add(number)
        # No "connection: close": with it Node cuts off a body that the function does not read, and its answer with it
        sent = [*headers, (b"x-sandbox-request", b"%d" % number)]
        try:
            process = await self._listening()  # loading does not count
            async with asyncio.timeout(seconds):
                await process.wire.answer(method, target, sent, receive, send)
            await invocation.last_words()
        except TimeoutError as error:
            self.stop()
            raise TimedOut(f"{invocation.text}Error: Task timed out after {seconds:g} seconds\n") from error
        except Left:
            return invocation.text
        except (Broken, Died) as error:
            self._unended.discard(number)
            await invocation.last_words()
            raise Died(invocation.text + self._epitaph(error)) from error
        finally:
            del self._calls[number]
            self.used = time.monotonic()
        return invocation.text

    def stop(self) -> None:
        """End the process. It may be started again."""
        if self._process:
            self._process.end()
            self._end_calls()

    async def _listening(self) -> NodeProcess:
        """The process, started when there is none, once it has loaded the program or has failed to."""
        process = self._process
        if process is None or not process.alive:
            if process:
                process.end()
            process = await asyncio.to_thread(self._start)
        if process.listen():
            self._look()
        await process.ready()
        return process

    def _start(self) -> NodeProcess:
        with self._lock:
            if self._process is None or not self._process.alive:
                program = self._program
                if not program.folder.exists():
                    part = program.folder.with_name(program.folder.name + ".part")
                    program.write(part)
                    part.replace(program.folder)  # whoever is killed while writing leaves no half of a function
                self._process = NodeProcess(
                    program.folder, program.options, program.flags, program.environ, self._hear, self._end_calls
                )
            return self._process

    def _look(self) -> None:
        """End the process when nobody needs it any more, and look again later when somebody does."""
        if self._looking:
            self._looking.cancel()
        if not self.alive:
            return
        if self._useless():
            self.stop()
        else:
            self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _useless(self) -> bool:
        idle = not self._calls and time.monotonic() - self.used > IDLE_SECONDS
        return idle or not self._wanted() or self._spare(self)

    def _hear(self, line: bytes) -> None:
        """Take a line of the host about one request, or of the process itself, which concerns all there are."""
        concerned, text = list(self._calls.values()), line.decode(errors="replace") + "\n"
        if line.startswith(MARK):
            told = json.loads(line[1:])
            text = told.get("text", "")
            if told.get("ready") and self._process:
                self._process.loaded()
            if told["id"]:
                concerned = [self._calls[told["id"]]] if told["id"] in self._calls else []
            if told.get("end"):
                self._unended.discard(told["id"])
                self.used = time.monotonic()
                for invocation in concerned:
                    invocation.end()
        for invocation in concerned:
            if len(invocation.text) < MOST_BYTES:
                invocation.text += text

    def _end_calls(self) -> None:
        self._unended.clear()
        for invocation in self._calls.values():
            invocation.end()

    def _epitaph(self, error: Exception) -> str:
        if isinstance(error, Died):
            return ""
        status = self._process.status if self._process else None
        if status is None:
            return f"Error: the function cut its connection: {error}\n"
        return f"Error: Node.js process exited with exit status: {status}\n"
