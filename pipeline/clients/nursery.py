"""Runs commands of ours as children of a process that has imported them once: forked, not started."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clients.command import GRACE, LONGEST_LINE
from pipeline.clock import SystemClock
from pipeline.environment import NODE, OUTSIDE, for_child
from pipeline.errors import Unreachable

ONE = b"."
"""What comes with the three descriptors of a child: an empty message would be the end."""
LONGEST = 24 * 3600.0
LAST = 6  # lines of its stderr that are kept


Answer = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Answers what a child asks on its line; None: it was no question."""


@dataclass
class Child:
    """A forked process, so far. ``code``: its exit code, less than 0 for a signal; None while nobody has said it."""

    pid: int = 0
    code: int | None = None
    printed: str = ""
    complaints: list[str] = field(default_factory=list)
    """The last lines of its stderr."""


class Nursery:
    """Where children are forked; its process is started for the first one, and again when it has died.

    ``command``: how that is started; its standard input is the socket on which it is asked. ``pipeline.cli.nursery`` is
    the other end.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._alive: dict[Path, Child] = {}

    def tell(self, home: Path, sign: signal.Signals) -> None:
        """Send a signal to the child that works in ``home``, and to nobody else; nothing when there is none."""
        child = self._alive.get(home)
        if child and child.pid and child.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, sign)

    def close(self) -> None:
        """Fork nothing more; who is alive lives on."""
        if self._control:
            self._control.close()
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._control = self._process = None

    async def run(
        self,
        words: list[str],
        environment: Mapping[str, str],
        home: Path,
        note: Callable[[str], None],
        answer: Answer,
    ) -> Child:
        """Run a command to its end; lines of its stderr go to ``note``, ``answer``: what it asks. Raises Unreachable.

        ``words``: what is typed, with the command first; ``environment``: all that the child knows. What a nursery dies
        of does not end its children: their codes are unknown then.
        """
        with contextlib.ExitStack() as stack:
            line, out, err = self._forked(stack)
            asked = {"words": words, "environment": dict(environment), "home": str(home)}
            reader, writer = await asyncio.open_connection(sock=line, limit=LONGEST_LINE)
            stack.callback(writer.close)
            child = self._alive[home] = Child()
            stack.callback(self._alive.pop, home, None)
            writer.write(json.dumps(asked).encode() + b"\n")
            try:
                async with asyncio.timeout(LONGEST):
                    printed, _, _ = await asyncio.gather(
                        (await _reader(out, stack)).read(),
                        _noted(await _reader(err, stack), child, note),
                        _followed(reader, writer, child, answer),
                    )
            except (TimeoutError, ValueError, OSError) as error:
                late = f"has not ended in {LONGEST / 3600:.0f} h" if isinstance(error, TimeoutError) else str(error)
                raise Unreachable("fleet", "its process", late) from error
            finally:
                if child.code is None and child.pid and not reader.at_eof():
                    await _end(child.pid)
        child.printed = printed.decode(errors="replace")
        return child

    def _forked(self, stack: contextlib.ExitStack) -> tuple[socket.socket, int, int]:
        """Our ends of a new child's line, stdout and stderr. Raises Unreachable when there cannot be one."""
        ours, line = socket.socketpair()
        (out, theirs_out), (err, theirs_err) = os.pipe(), os.pipe()
        theirs = (line.fileno(), theirs_out, theirs_err)
        try:
            for attempt in range(2):
                try:
                    socket.send_fds(self._asked(), [ONE], theirs)
                    break
                except OSError as error:  # it has died, be it just now
                    self.close()
                    if attempt:
                        says = f"cannot be started: {error.strerror}"
                        raise Unreachable("fleet", "the process of its projects", says) from error
        except BaseException:
            ours.close()
            os.close(out)
            os.close(err)
            raise
        finally:
            line.close()
            os.close(theirs_out)
            os.close(theirs_err)
        return ours, out, err

    def _asked(self) -> socket.socket:
        """The socket of the nursery, whose process runs."""
        if self._control is None or self._process is None or self._process.poll() is not None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    start_new_session=True,
                    env=for_child(*OUTSIDE, *NODE, MALLOC_ARENA_MAX="1"),
                )
            self._control = ours
        return self._control


async def _reader(descriptor: int, stack: contextlib.ExitStack) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    stack.callback(transport.close)
    return reader


async def _noted(stream: asyncio.StreamReader, child: Child, note: Callable[[str], None]) -> None:
    async for raw in stream:
        line = "".join(sign for sign in raw.decode(errors="replace") if sign.isprintable()).strip()
        if line:
            child.complaints = [*child.complaints, line][-LAST:]
            note(line)


async def _followed(line: asyncio.StreamReader, back: asyncio.StreamWriter, child: Child, answer: Answer) -> None:
    """Hear who the child is, what it asks and how it ended; a line that ends without that was a nursery's that died."""
    async for raw in line:
        said = json.loads(raw)
        child.pid = said.get("pid", child.pid)
        if "failed" in said:
            raise OSError(f"cannot be started: {said['failed']}")
        if "ended" in said:
            child.code = int(said["ended"])
            return
        answered = await answer(said)
        if answered is not None:
            back.write(json.dumps(answered).encode() + b"\n")


async def _end(pid: int) -> None:
    """End a process and all that it started: first asked, then made to."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, sign)
            await SystemClock().sleep(GRACE if sign is signal.SIGTERM else 0)
