"""Slack's Web API with a bot's token: a message that can be changed later, and a thread below it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx

from pipeline.clients.base import Service
from pipeline.clients.webhook import LARGEST_WORD, for_slack
from pipeline.clock import Clock
from pipeline.errors import Refused

API = "https://slack.com/api"
BOT = re.compile(r"slack://(?:[^/@]*@)?(xox[abp]-[\w-]+)(?:/([^?]*))?(?:\?.*)?", re.IGNORECASE)
"""Apprise's address of a bot: ``slack://TOKEN/#channel``."""
LONGEST = 3000
"""Characters of a message; Slack changes none into one that has more than 4,000."""
INERT = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
"""What keeps others' words words: `chat.update` calls people by their names unless it is told not to."""
LASTING = frozenset(
    """account_inactive cant_update_message channel_not_found edit_window_closed invalid_auth is_archived
    message_not_found missing_scope not_allowed_token_type not_authed not_in_channel restricted_action token_expired
    token_revoked""".split()  # noqa: SIM905
)
"""Slack's errors that asking again does not help."""


@dataclass(frozen=True)
class Posted:
    """A message that Slack has taken: ``channel`` is its id, ``ts`` its name within that."""

    channel: str
    ts: str


def bot_of(address: str) -> tuple[str, tuple[str, ...]] | None:
    """The token and the channels of ``address`` when it is a bot's, as Apprise reads it; None for any other."""
    found = BOT.fullmatch(address)
    if not found:
        return None
    channels = tuple(part for part in unquote(found[2] or "").split("/") if part)
    return found[1], channels or ("#general",)


class Slack(Service):
    """A bot of one workspace. It needs the scope ``chat:write``, and to be in the channel.

    Slack says no with 200 and ``"ok": false``, but for a limit: that is 429 with ``Retry-After``. A no raises Refused.
    """

    most = LARGEST_WORD

    def __init__(self, token: str, http: httpx.AsyncClient, clock: Clock, base: str = API) -> None:
        super().__init__("slack", base, http, clock, {"authorization": f"Bearer {token}"})

    async def post(self, channel: str, text: str, thread: str = "") -> Posted:
        """Post a message, below the one with the ``ts`` ``thread`` when that is said. POST /chat.postMessage"""
        more = {"thread_ts": thread} if thread else {}
        body = await self._ask("chat.postMessage", {"channel": channel, "text": _text(text), **INERT, **more})
        return Posted(str(body["channel"]), str(body["ts"]))

    async def update(self, posted: Posted, text: str) -> None:
        """Change a message that this bot has posted; a channel's name will not do. POST /chat.update"""
        await self._ask("chat.update", {"channel": posted.channel, "ts": posted.ts, "text": _text(text), **INERT})

    async def would_take(self) -> tuple[bool, str]:
        """Ask whether the token is valid, and post nothing: (yes or no, why not). POST /auth.test"""
        try:
            await self._ask("auth.test", {})
        except Refused as error:
            if error.code not in LASTING:
                raise
            return False, error.came
        return True, ""

    async def _ask(self, method: str, sent: dict[str, Any]) -> dict[str, Any]:
        def parse(body: Any) -> dict[str, Any]:
            return {str(key): value for key, value in body.items()}

        body = await self.once("POST", f"/{method}", parse, json=sent)
        if body.get("ok") is not True:
            code = str(body.get("error", ""))
            raise Refused("slack", f"POST /{method}", 200, code, code or "not ok", body=body)
        return body


def lasting(error: Refused) -> bool:
    """Whether Slack's no is about the token, the channel or the message, and not about the moment."""
    return error.code in LASTING or error.lasting


def _text(text: str) -> str:
    said = for_slack(text)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
