"""Serves Sentry's API as one handler: who may ask, how often, and where each path is answered."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.sentry.explore import Explore
from pipeline.sandbox.sentry.ingest import INGEST, Ingest
from pipeline.sandbox.sentry.issues import Issues
from pipeline.sandbox.sentry.places import Places
from pipeline.sandbox.sentry.releases import Releases
from pipeline.sandbox.sentry.sessions import Sessions
from pipeline.sandbox.sentry.shapes import missing
from pipeline.sandbox.sentry.uploads import Uploads
from pipeline.sandbox.web import Problem, Router, bearer

LIMIT = 40
CONCURRENT = 25


class SentryApi:
    def __init__(self, core: Core) -> None:
        self._core, self._second, self._asked = core, 0, 0
        self._router = Router(lambda request: missing(), self._authorize)
        for part in (Places, Issues, Explore, Sessions, Releases, Uploads, Ingest):
            part(core).routes(self._router)

    async def __call__(self, request: Request) -> Response:
        try:
            response = await self._router(request)
        except (ValueError, TypeError) as error:
            response = JSONResponse({"detail": str(error)}, 400)
        if not INGEST.match(request.url.path):
            response.headers.update(self._rates())
        return response

    def _authorize(self, request: Request) -> None:
        if INGEST.match(request.url.path):  # events come with a key of their own
            return
        token = bearer(request)
        if token != self._core.state.tokens["sentry"]:
            says = "Invalid token" if token else "Authentication credentials were not provided."
            raise Problem(401, {"detail": says})
        parts = request.url.path.split("/")
        if len(parts) > 4 and parts[4] not in ("", self._core.state.sentry.organization):
            raise missing()

    def _rates(self) -> dict[str, str]:
        """The headers that tell how many requests of this second are left.

        Nobody is refused here: that is what faults are for.
        """
        second = int(self._core.now())
        self._asked = self._asked + 1 if second == self._second else 1
        self._second = second
        said = {"limit": LIMIT, "remaining": max(0, LIMIT - self._asked), "reset": second + 1,
                "concurrentlimit": CONCURRENT, "concurrentremaining": CONCURRENT - 1}  # fmt: skip
        return {f"x-sentry-rate-limit-{name}": str(value) for name, value in said.items()}
