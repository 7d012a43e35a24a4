"""Carries out the faults around a service's real answer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from pipeline.sandbox.answers import plain_error
from pipeline.sandbox.core import Core
from pipeline.sandbox.faults import APP, Cut, Fault, Faults
from pipeline.sandbox.runtime import Runtime
from pipeline.sandbox.vercelstate import Deployment

Act = Callable[[Receive, Send], Awaitable[None]]
FOREVER = 3600.0
PIECE, HUGE = 65_536, 200_000_000  # bytes


class Misbehaving:
    """Applies faults to the answers of a service. ``served``: there are real connections that can be cut."""

    def __init__(self, core: Core, faults: Faults, runtime: Runtime) -> None:
        self._core, self._faults, self._runtime = core, faults, runtime
        self.served = False

    async def around(
        self, service: str, scope: Scope, receive: Receive, send: Send, act: Act, deployment: Deployment | None
    ) -> None:
        """Answer a request as the faults want it, and truthfully when none concerns it."""
        id, now = deployment.id if deployment else "", self._core.now()
        live = service == "production" or (deployment is not None and id == self._core.state.vercel.production)
        struck = list(self._faults.strike(service, scope["method"], scope["path"], id, live, now))
        self._core.dirty |= any(fault.times for fault in struck)
        waiting = sum(f.ms / 1000 if f.kind == "latency" else f.seconds for f in struck if f.kind in SLOWING)
        if waiting:
            await self._core.sleep(waiting)
        scope["waited"] = sum(fault.seconds for fault in struck if fault.kind == "slow-app")
        scope["clock_off"] = sum(fault.seconds for fault in struck if fault.kind == "clock")
        stopping = [fault for fault in struck if fault.kind not in (*SLOWING, "clock")]
        if stopping and service == "vercel" and stopping[0].kind == "never-finishes":
            scope["never_finishes"] = True
            stopping = []
        if not stopping:
            await act(receive, send)
            return
        if stopping[0].done:
            await act(receive, _nowhere)
        await self._strike(stopping[0], scope, receive, send, service, deployment)

    async def _strike(
        self, fault: Fault, scope: Scope, receive: Receive, send: Send, service: str, deployment: Deployment | None
    ) -> None:
        if fault.kind == "cut":
            await self._cut(send)
            return
        if fault.kind in BODIES:
            await self._stream(BODIES[fault.kind], receive, send)
            return
        if fault.kind == "never-finishes":
            await self._core.sleep(FOREVER)
        response = _response(fault)
        if service in APP and deployment and fault.kind != "challenge":  # which the app never hears of
            says = f"Error: {scope['method']} {scope['path']} failed" if response.status_code >= 500 else ""
            live = service == "production"
            self._runtime.note(scope, deployment, live, response.status_code, 0.01, says)
        await response(scope, receive, send)

    async def _stream(self, body: Callable[[], AsyncIterator[bytes]], receive: Receive, send: Send) -> None:
        """Answer with ``body`` until it ends or the client has gone; in-process, where nobody can go, it is cut."""
        if not self.served:
            raise Cut("the answer did not end")

        async def answer() -> None:
            begun = False
            async for piece in body():
                if not begun:
                    headers = [(b"content-type", b"application/json")]
                    await send({"type": "http.response.start", "status": 200, "headers": headers})
                    begun = True
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await self._core.sleep(0)  # to somebody who has gone it is sent without waiting
            await send({"type": "http.response.body", "body": b""})

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        tasks = [asyncio.ensure_future(answer()), asyncio.ensure_future(gone())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _cut(self, send: Send) -> None:
        """Announce more than is sent: the server then closes the connection in the middle of the answer."""
        if not self.served:
            raise Cut("the connection was cut")
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"', "more_body": True})


async def _never() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def _trickle() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        with contextlib.suppress(TimeoutError):  # in real time: whoever reads has a deadline in real time
            await asyncio.wait_for(asyncio.Event().wait(), 1)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * PIECE


async def _huge() -> AsyncIterator[bytes]:
    for _ in range(HUGE // PIECE):
        yield b" " * PIECE
    yield b"{}"


BODIES = {"never": _never, "trickle": _trickle, "endless": _endless, "huge": _huge}
CHALLENGES = (403, 429)
SLOWING = ("latency", "delay", "slow-app")


def _response(fault: Fault) -> Response:
    if fault.kind == "garbage":
        return Response("<html><body>upstream says hello", 200, media_type="text/html")
    if fault.kind == "never-finishes":
        return plain_error(504, "no answer in time")
    if fault.kind == "failing-route":
        return plain_error(500, "Internal Server Error")
    if fault.kind == "challenge":
        headers = {"server": "Vercel", "x-vercel-mitigated": "challenge"}
        status = fault.status if fault.status in CHALLENGES else CHALLENGES[0]
        return Response("<title>Vercel Security Checkpoint</title>", status, headers, media_type="text/html")
    given = fault.json if fault.json is not None else {"error": {"code": "injected", "message": "injected by a fault"}}
    headers = {"retry-after": f"{fault.retry_after:g}"} if fault.retry_after else {}
    return Response(json.dumps(given), fault.status, headers, media_type="application/json")


async def _nowhere(message: Message) -> None:
    """Drop the answer of a half-done act."""
