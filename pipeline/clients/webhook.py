"""Tells a chat channel (Slack-style incoming webhook) what happened, and asks whether it would take that."""

import re

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.errors import Refused
from pipeline.redact import chat

SLACK = re.compile(r"/services/T\w+/B\w+/[^/]+")
DISCORD = re.compile(r"/api/(v\d+/)?webhooks/\d+/[^/]+")
LARGEST_WORD = 1_000_000  # bytes that a chat may answer
GONE = (401, 403, 404, 410)


class Webhook(Service):
    """An incoming webhook; an empty ``url`` means that nobody wants to be told, and is silently fine.

    The URL itself is the secret, so errors name it only as ``webhook``.
    """

    most = LARGEST_WORD

    def __init__(self, url: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("webhook", url, http, clock)

    async def tell(self, text: str) -> None:
        """Send a message to the webhook. POST {"text": …}"""
        if self.base:
            await self.send("POST", "", json={"text": for_slack(text)})

    async def would_take(self) -> tuple[bool | None, str]:
        """Ask whether a message would be taken, and leave none: (yes or no, why not). None: its kind cannot be asked.

        Slack looks at the address first and at the text then, and refuses an empty one: POST {"text": ""}. Discord
        shows a webhook to whoever knows its address: GET. Raises Unreachable, or Refused when it may be a moment's.
        """
        path = httpx.URL(self.base).path.removesuffix("/slack")
        slack = SLACK.fullmatch(path) is not None
        if not slack and not DISCORD.fullmatch(path):
            return None, ""
        try:
            if slack:
                await self.send("POST", "", json={"text": ""})
            else:
                await Webhook(self.base.removesuffix("/slack"), self._http, self._clock).send("GET", "")
        except Refused as error:
            if error.status in GONE:
                return False, error.came
            if not (slack and error.status == 400):
                raise
        return True, ""


def for_slack(text: str) -> str:
    """The text as Slack wants it: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return chat(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
