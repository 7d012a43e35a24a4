"""Emulates a webhook sink, as a chat channel would be: POST keeps the JSON, GET lists what was kept."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso

MOST = 500


class Notify:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def __call__(self, request: Request) -> Response:
        state = self._core.state
        if request.method == "GET":
            return JSONResponse(state.notices)
        if request.method != "POST":
            return JSONResponse({"error": "POST a message"}, 405)
        try:
            sent = await request.json()
        except ValueError:
            return Response("invalid_payload", 400)
        notice = {"at": iso(self._core.now()), "path": request.url.path, "body": sent}
        state.notices = [*state.notices, notice][-MOST:]
        return Response("ok", 200)
