"""Emulates a webhook sink, as a chat channel would be: POST keeps the JSON, GET lists what was kept.

Below ``/api/`` is Slack's API, in ``slack.py``.
Below ``/services/`` it is as strict as Slack: an address that is gone is told first, then a message without a text.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.slack import SlackApi

MOST = 500


class Notify:
    def __init__(self, core: Core) -> None:
        self._core, self._slack = core, SlackApi(core)

    async def __call__(self, request: Request) -> Response:
        if request.url.path.startswith("/api/"):
            return await self._slack(request)
        state = self._core.state
        if request.method == "GET":
            return JSONResponse(state.notices)
        if request.method != "POST":
            return JSONResponse({"error": "POST a message"}, 405)
        try:
            sent = await request.json()
        except ValueError:
            return Response("invalid_payload", 400)
        if request.url.path.startswith("/services/"):
            if request.url.path in state.gone_webhooks:
                return PlainTextResponse("no_service", 404)
            if not isinstance(sent, dict) or not (sent.get("text") or sent.get("blocks") or sent.get("attachments")):
                return PlainTextResponse("no_text", 400)
        notice = {"at": iso(self._core.now()), "path": request.url.path, "body": sent}
        state.notices = [*state.notices, notice][-MOST:]
        return Response("ok", 200)
