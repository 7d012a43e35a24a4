"""Serves Better Stack's API as one handler: who may ask, and where each path is answered."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.betterstack.checks import Checks
from pipeline.sandbox.betterstack.heartbeats import BEAT, Heartbeats
from pipeline.sandbox.betterstack.incidents import Incidents
from pipeline.sandbox.betterstack.monitors import Monitors
from pipeline.sandbox.betterstack.pages import Pages
from pipeline.sandbox.betterstack.shapes import missing
from pipeline.sandbox.core import Core
from pipeline.sandbox.web import Problem, Router, bearer


class BetterStackApi:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(lambda request: missing("Resource"), self._authorize)
        checks = Checks(core)
        for part in (Monitors(core, checks), Heartbeats(core, checks), Incidents(core, checks), Pages(core)):
            part.routes(self._router)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._router(request)
        except (ValueError, TypeError) as error:
            return JSONResponse({"errors": str(error)}, 400)

    def _authorize(self, request: Request) -> None:
        if request.url.path.startswith(BEAT):  # whoever knows the address may beat
            return
        if bearer(request) != self._core.state.tokens["betterstack"]:
            raise Problem(
                401, {"errors": "Invalid Team API token. How to find your Team API token: https://betterstack.com/docs"}
            )
