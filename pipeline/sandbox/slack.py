"""Emulates Slack's Web API for a bot: what it refuses is said with 200, and who posts too quickly has to wait."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.state import ChatMessage

A_SECOND, A_MINUTE, UPDATES = 1.0, 60.0, 50
"""A message a second in a channel; so many changes a minute."""
LONGEST, LONGEST_CHANGE = 40_000, 4000
Answer = dict[str, Any]


class No(Exception):
    """Slack's no: its code, which is answered with 200."""


class Wait(Exception):
    """Too many: 429 with the seconds to wait."""


class SlackApi:
    """Serves ``auth.test``, ``chat.postMessage`` and ``chat.update`` below ``/api/``, for the bot of the state."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changes: list[float] = []
        self._methods: dict[str, Callable[[Answer], Answer]] = {
            "auth.test": self._test, "chat.postMessage": self._post, "chat.update": self._update,
        }  # fmt: skip

    async def __call__(self, request: Request) -> Response:
        slack = self._core.state.slack
        try:
            if request.method != "POST":
                raise No("invalid_form_data")
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not token:
                raise No("not_authed")
            if token != slack.token:
                raise No("invalid_auth")
            method = self._methods.get(request.url.path.rpartition("/")[2])
            if method is None:
                raise No("unknown_method")
            try:
                sent = await request.json()
            except ValueError:
                raise No("invalid_json") from None
            if not isinstance(sent, dict):
                raise No("json_not_object")
            return JSONResponse({"ok": True, **method(sent)})
        except No as no:
            return JSONResponse({"ok": False, "error": str(no)})
        except Wait as wait:
            headers = {"retry-after": str(wait)}
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)

    def _test(self, sent: Answer) -> Answer:
        return {"team": "Sandbox", "team_id": "T0SANDBOX", "user": "deployments", "bot_id": "B0SANDBOX"}

    def _post(self, sent: Answer) -> Answer:
        slack, now = self._core.state.slack, self._core.now()
        channel = self._channel(str(sent.get("channel", "")), by_name=True)
        text = self._text(sent, LONGEST)
        last = max((one.at for one in slack.messages if one.channel == channel), default=0.0)
        if now - last < A_SECOND:
            raise Wait(1)
        taken = {one.ts for one in slack.messages}
        ts = next(ts for at in range(1_000_000) if (ts := f"{int(now)}.{at:06d}") not in taken)
        thread = str(sent.get("thread_ts", ""))
        slack.messages = [*slack.messages, ChatMessage(channel, ts, text, now, thread)]
        return {"channel": channel, "ts": ts, "message": {"text": text, "ts": ts}}

    def _update(self, sent: Answer) -> Answer:
        now = self._core.now()
        channel, ts = self._channel(str(sent.get("channel", "")), by_name=False), str(sent.get("ts", ""))
        self._changes = [at for at in self._changes if now - at < A_MINUTE]
        if len(self._changes) >= UPDATES:
            raise Wait(int(A_MINUTE - (now - self._changes[0])) + 1)
        text = self._text(sent, LONGEST_CHANGE)
        message = next((one for one in self._core.state.slack.messages if (one.channel, one.ts) == (channel, ts)), None)
        if message is None:
            raise No("message_not_found")
        self._changes.append(now)
        message.text, message.changes = text, message.changes + 1
        return {"channel": channel, "ts": ts, "text": text}

    def _channel(self, said: str, *, by_name: bool) -> str:
        """The id of a channel that the bot is in. Only posting knows channels by their names."""
        slack = self._core.state.slack
        id = next((id for id, name in slack.channels.items() if by_name and said.lstrip("#") == name), said)
        if id not in slack.channels:
            raise No("channel_not_found")
        if id in slack.archived:
            raise No("is_archived")
        if id in slack.not_in:
            raise No("not_in_channel")
        return id

    @staticmethod
    def _text(sent: Answer, longest: int) -> str:
        text = str(sent.get("text", ""))
        if not text:
            raise No("no_text")
        if len(text) > longest:
            raise No("msg_too_long")
        return text
