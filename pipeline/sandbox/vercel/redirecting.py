"""Answers on the project's domain that only redirects, as Vercel's edge does before any deployment is asked."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.vercel.shapes import production_domains


class Redirecting:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def __call__(self, request: Request) -> Response:
        to = production_domains(self._core).get(self._core.ports.host("www"))
        if not to:
            headers = {"x-vercel-error": "DEPLOYMENT_NOT_FOUND"}
            return PlainTextResponse("The deployment could not be found on Vercel.", 404, headers)
        scheme = "http" if to.startswith("127.0.0.1") else "https"
        return Response(None, 308, {"location": str(request.url.replace(scheme=scheme, netloc=to)), "server": "Vercel"})
