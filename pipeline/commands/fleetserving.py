"""Serves a fleet's pages to this machine and to nobody else, live as those of one project are."""

from collections.abc import Callable
from typing import Any

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pipeline.clock import Clock
from pipeline.commands.fleetboard import FleetBoard
from pipeline.commands.serving import HOSTS, Sealed, changes, unreadable
from pipeline.errors import Mistake, PipelineError
from pipeline.home import OURS, as_typed
from pipeline.redact import of_this_process
from pipeline.render.html import live_policy, live_script


def fleet_application(board: FleetBoard, clock: Clock, typed: str = OURS) -> Starlette:
    """The pages of a fleet as an ASGI application. ``typed``: how a command begins for whoever looks at it."""

    def shows(make: Callable[[Request], str | None]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            try:
                text = make(request)
            except Mistake:
                text = None
            if text is None:
                raise HTTPException(404, "there is no such page")
            shown = as_typed(of_this_process()(text), typed)
            return HTMLResponse(shown, headers={"Content-Security-Policy": live_policy()})

        return answer

    async def events(request: Request) -> Response:
        return EventSourceResponse(changes(board, clock))

    def script(request: Request) -> Response:
        return Response(live_script(), media_type="text/javascript")

    routes = [
        Route("/", shows(lambda request: board.now())),
        Route("/orders", shows(lambda request: board.listing())),
        Route("/orders/{order}", shows(lambda request: board.order(request.path_params["order"]))),
        Route("/runs/{run}", shows(lambda request: board.run(request.path_params["run"]))),
        Route("/events", events),
        Route("/live.js", script),
    ]
    handlers: dict[Any, Any] = {PipelineError: unreadable}
    middleware = [Middleware(Sealed), Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
