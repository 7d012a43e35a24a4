"""Tells a chat channel (Slack-style incoming webhook) what happened."""

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.redact import chat


class Webhook(Service):
    """An incoming webhook; an empty ``url`` means that nobody wants to be told, and is silently fine.

    The URL itself is the secret, so errors name it only as ``webhook``.
    """

    def __init__(self, url: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("webhook", url, http, clock)

    async def tell(self, text: str) -> None:
        """Send a message to the webhook. POST {"text": …}"""
        if self.base:
            await self.send("POST", "", json={"text": _slack(text)})


def _slack(text: str) -> str:
    """The text as Slack wants it: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return chat(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
