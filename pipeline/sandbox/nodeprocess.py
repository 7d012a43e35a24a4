"""One Node process as it runs: started on a socket that listens already, heard, ended."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.sandbox import ending
from pipeline.sandbox.nodewire import Wire

HOST = Path(__file__).parent / "node" / "host.mjs"
THRIFT = ("--optimize-for-size", "--max-semi-space-size=8")
"""V8 gives memory back early: a function that was under load keeps 35 MB instead of 115, for a little more time."""
LOADING_SECONDS = 30.0
ENDING_SECONDS = 5.0  # between the end of what a process writes and its own
MOST_READ = 1 << 16

_found = dict[str, str]()


def node() -> str:
    """Find the path of ``node``; empty when there is none."""
    path = os.environ.get("PATH", "")
    if path not in _found:
        found = shutil.which("node")
        if not found:
            return ""
        _found[path] = found  # each request asks
    return _found[path]


class NodeProcess:
    """A process of ``host.mjs``. Each line it writes is told to ``hear``, on whichever loop asks the process.

    ``gone`` is called when it has ended by itself, after its last line.
    """

    def __init__(
        self,
        folder: Path,
        options: Mapping[str, object],
        flags: Sequence[str],
        environ: Mapping[str, str],
        hear: Callable[[bytes], None],
        gone: Callable[[], None],
    ) -> None:
        with socket.socket() as listening:  # connections wait in its queue until the process accepts them
            listening.bind(("127.0.0.1", 0))
            listening.listen(64)
            self.wire = Wire(listening.getsockname()[1])
            self._process = subprocess.Popen(
                [node(), *THRIFT, *flags, str(HOST), str(folder), json.dumps({"fd": listening.fileno(), **options})],
                env=dict(environ),
                cwd=folder,
                pass_fds=(listening.fileno(),),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=ending.group(),
            )
        assert self._process.stdout
        self._hear, self._gone = hear, gone
        self._output, self._rest, self._closed = self._process.stdout.fileno(), b"", False
        os.set_blocking(self._output, False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loaded = False
        self._loading: asyncio.Future[None] | None = None
        self._reaping: asyncio.Task[None] | None = None  # kept, or it could be collected before it has run

    @property
    def alive(self) -> bool:
        return not self._closed and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    def listen(self) -> bool:
        """Hear it on the loop of now, and say whether that is news."""
        loop = asyncio.get_running_loop()
        if loop is self._loop or self._closed:
            return False
        self._leave()
        self._loop, self._loading = loop, loop.create_future()
        loop.add_reader(self._output, self._read)
        return True

    async def ready(self) -> None:
        """Wait until it has loaded what it serves, or failed to. Raises TimeoutError."""
        if self._loading and not self._loaded:
            async with asyncio.timeout(LOADING_SECONDS):
                await asyncio.shield(self._loading)

    def loaded(self) -> None:
        """Let those go on who wait for it to load."""
        self._loaded = True
        if self._loading and not self._loading.done():
            self._loading.set_result(None)

    def end(self) -> None:
        """Kill it and hear its last words."""
        if not self._closed:
            self._process.kill()
            self._process.wait()
            while self._heard():
                pass
            self._close()

    def _read(self) -> None:
        if not self._heard():
            self._leave()
            assert self._loop
            self._reaping = self._loop.create_task(self._reap())

    def _heard(self) -> bool:
        """Tell on what it has written; False when that was all."""
        try:
            piece = os.read(self._output, MOST_READ)
        except BlockingIOError:
            return self.alive
        *lines, self._rest = (self._rest + piece).split(b"\n") if piece else (self._rest, b"")
        for line in lines:
            if piece or line:
                self._hear(line)
        return bool(piece)

    async def _reap(self) -> None:
        """Take note of the end of a process whose output has ended."""
        try:
            await asyncio.to_thread(self._process.wait, ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        if not self._closed:
            self._close()
            self._gone()

    def _close(self) -> None:
        self._leave()
        self._closed = True
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        self.loaded()

    def _leave(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.remove_reader(self._output)
