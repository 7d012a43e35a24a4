"""Serves a sandbox from a thread of this process, on real ports, by whatever clock it was made with."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import uvicorn

from pipeline.sandbox.ports import Ports
from pipeline.sandbox.sandbox import Sandbox
from pipeline.sandbox.server import bind

T = TypeVar("T")


class Beside:
    """Serves a sandbox in a thread of its own. ``change`` acts on it there, so nobody is in it twice at once."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self._sockets = bind(home)
        sandbox.served_on(Ports(tuple(socket.getsockname()[1] for socket in self._sockets)))
        self._up: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def change(self, act: Callable[[Sandbox], T]) -> T:
        """Call ``act`` with the sandbox in its thread and give what it returns or raises; what it changed is saved."""
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def there() -> None:
            try:
                result = act(self.sandbox)
                self.sandbox.save()
            except Exception as error:  # it is raised where it was asked for
                done.set_exception(error)
            else:
                done.set_result(result)

        self._up.result().call_soon_threadsafe(there)
        return done.result()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = _Server(
            uvicorn.Config(
                self.sandbox,
                log_level="critical",
                lifespan="off",
                access_log=False,
                server_header=False,
                date_header=False,
            )
        )
        serving = asyncio.create_task(server.serve(self._sockets))
        while not server.started and not serving.done():
            await asyncio.sleep(0.002)
        self._up.set_result(asyncio.get_running_loop())
        await self._over.wait()
        server.should_exit = server.force_exit = True
        await serving

    def __enter__(self) -> "Beside":
        self._thread.start()
        self._up.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._up.result().call_soon_threadsafe(self._over.set)
        self._thread.join()
        for socket in self._sockets:
            socket.close()
        self.sandbox.discard()
        self.sandbox.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever started the thread."""
        yield
