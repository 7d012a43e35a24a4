"""Serves Vercel's API as one handler: who may ask, and where each path is answered."""

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.vercel import life
from pipeline.sandbox.vercel.aliases import Aliases
from pipeline.sandbox.vercel.analytics import Analytics
from pipeline.sandbox.vercel.deployments import Deployments
from pipeline.sandbox.vercel.domains import Domains
from pipeline.sandbox.vercel.files import Files
from pipeline.sandbox.vercel.logs import Logs
from pipeline.sandbox.vercel.moves import Moves
from pipeline.sandbox.vercel.observability import Observability
from pipeline.sandbox.vercel.projects import Projects
from pipeline.sandbox.vercel.rolling import Rolling
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.vercel.variables import Variables
from pipeline.sandbox.vercel.vitals import Vitals
from pipeline.sandbox.web import Problem, Router, bearer


class VercelApi:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(self._missing, self._authorize)
        parts = (
            Projects,
            Domains,
            Variables,
            Files,
            Deployments,
            Aliases,
            Moves,
            Rolling,
            Logs,
            Observability,
            Analytics,
            Vitals,
        )
        for part in parts:
            part(core).routes(self._router)

    async def __call__(self, request: Request) -> Response:
        life.settle(self._core)
        try:
            return await self._router(request)
        except (ValueError, TypeError) as error:
            return problem(400, "bad_request", f"Invalid request: {error}").response()

    def _authorize(self, request: Request) -> None:
        state = self._core.state
        if bearer(request) != state.tokens["vercel"]:
            raise problem(403, "forbidden", "Not authorized", invalidToken=True)
        known = {state.vercel.team, "acme", state.vercel.moved_to} - {""} if not state.vercel.personal else set()
        scope = request.query_params.get("teamId") or request.query_params.get("slug")
        if scope and scope not in known:
            raise problem(403, "forbidden", "Not authorized: Trying to access resource under another scope")

    def _missing(self, request: Request) -> Problem:
        return problem(404, "not_found", f"The path {request.url.path} was not found")
