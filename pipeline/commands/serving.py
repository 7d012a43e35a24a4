"""Serves the dashboard to this machine and to nobody else: pages that are read, and a stream that says when to look."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipeline.clock import Clock
from pipeline.commands.board import RecordBoard
from pipeline.errors import Mistake, PipelineError
from pipeline.home import OURS, as_typed
from pipeline.redact import of_this_process
from pipeline.render.dashboard import Paths
from pipeline.render.html import live_policy, live_script

LOOPBACK = "127.0.0.1"
HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""Names under which this machine is asked; a page of elsewhere that resolves to it sends another (DNS rebinding)."""
EVERY = 1.0  # seconds between two looks whether the record has grown
LIVE = Paths()
Page = Callable[[Request], str | None]
"""Makes a page of what was asked; None where there is nothing to show."""
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Growing(Protocol):
    """Knows the number of the newest event. Raises ServiceError."""

    def newest(self) -> int: ...


def application(board: RecordBoard, clock: Clock, typed: str = OURS) -> Starlette:
    """The dashboard as an ASGI application. ``typed``: how a command begins for whoever looks at it."""
    pages: dict[str, Page] = {
        "/": lambda request: board.now(LIVE),
        "/runs": lambda request: board.runs(LIVE, _number(request)),
        "/runs/{run}": lambda request: board.run(LIVE, request.path_params["run"]),
        "/delivery": lambda request: board.delivery(LIVE),
        "/baselines": lambda request: board.baselines(LIVE),
        "/readiness": lambda request: board.readiness(LIVE),
    }
    return live(pages, board, clock, typed)


def live(pages: Mapping[str, Page], board: Growing, clock: Clock, typed: str) -> Starlette:
    """Serve pages by their paths, and the stream that says when to look again. ``typed``: as of `application`."""

    def shows(make: Page) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            text = make(request)
            if text is None:
                raise HTTPException(404, "there is no such page")
            shown = as_typed(of_this_process()(text), typed)
            return HTMLResponse(shown, headers={"Content-Security-Policy": live_policy()})

        return answer

    async def events(request: Request) -> Response:
        return EventSourceResponse(changes(board, clock))

    def script(request: Request) -> Response:
        return Response(live_script(), media_type="text/javascript")

    routes = [Route(path, shows(make)) for path, make in pages.items()]
    routes += [Route("/events", events), Route("/live.js", script)]
    handlers: dict[Any, Any] = {PipelineError: unreadable}
    middleware = [Middleware(Sealed), Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)


class Sealed:
    """Gives every answer the headers that keep it to this page."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sealed(message: Any) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                more = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *(one for one in more if one[0] not in known)]}
            await send(message)

        await self._app(scope, receive, sealed)


def unreadable(request: Request, error: Exception) -> Response:
    """The answer while the record cannot be read."""
    return PlainTextResponse(of_this_process()(f"the record could not be read: {error}\n"), 503)


def _number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isdecimal() and len(text) < 7 else 1


async def changes(board: Growing, clock: Clock) -> AsyncIterator[dict[str, str]]:
    """The number of the newest event, whenever it is another one."""
    last = -1
    while True:
        try:
            newest = await asyncio.to_thread(board.newest)
        except PipelineError:
            newest = last
        if newest != last:
            last = newest
            yield {"event": "changed", "data": str(newest)}
        await clock.sleep(EVERY)


def bound(port: int) -> socket.socket:
    """A socket that listens on the loopback address of this machine; port 0 takes any that is free. Raises Mistake.

    Who asks before there is anybody to answer waits.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, port))
        made.listen()
    except (OSError, OverflowError) as error:
        made.close()
        raise Mistake(f"dashboard --port {port}: cannot be had: {error}; --port 0 takes one that is free") from error
    return made


def serve(app: Starlette, listener: socket.socket) -> None:
    """Answer until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])
