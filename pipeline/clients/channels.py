"""Tells people what happened: by a Slack-style webhook or bot, or through Apprise by e-mail, Teams, PagerDuty, …."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.slack import API, Slack, bot_of
from pipeline.clients.webhook import Webhook
from pipeline.clock import Clock
from pipeline.errors import Absent, ServiceError, Unreachable
from pipeline.redact import chat, one_line

WITHIN = 20.0  # seconds; Apprise has a bound for each byte, and none for all of them
UNKNOWN = "the address is none that Apprise knows"
ABSENT = "apprise: not installed; type   pip install 'deploy-runbook[production]'   where this tool is"


@dataclass(frozen=True)
class TriedChannel:
    """Whether an address of ``audience`` would take a message: ``takes`` is None when that cannot be known."""

    audience: str
    kind: str
    takes: bool | None
    says: str = ""


class Channels:
    """Sends messages to the addresses of an audience, which are separated by blanks.

    An address is a secret: errors name it only by its kind.

    What begins with ``https://`` (``http://`` on this machine) is a Slack-style incoming webhook; anything else is an
    address of Apprise, e.g. ``mailtos://user:password@example.com?to=team@example.com``. Of those ``slack://TOKEN/#room``
    with a bot's token is a board: its messages can be changed. ``slack``: the address of Slack's API.
    """

    def __init__(self, addresses: Mapping[str, str], http: httpx.AsyncClient, clock: Clock, slack: str = API) -> None:
        self._addresses = {name: text.split() for name, text in addresses.items() if text.split()}
        self._http, self._clock, self._slack = http, clock, slack

    def has(self, audience: str) -> bool:
        """Whether the channels have an address for this audience."""
        return audience in self._addresses

    def boards(self, audience: str) -> tuple[tuple[Slack, str], ...]:
        """The bots of an audience, each with a channel: where a message is changed later."""
        found = filter(None, map(bot_of, self._addresses.get(audience, ())))
        return tuple((self._bot(token), channel) for token, channels in found for channel in channels)

    async def tell(self, audience: str, title: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Send a message on every channel at once; gives the kinds that took it and those that did not, with why."""
        return await self._tell(self._addresses.get(audience, []), title, text)

    async def tell_for_good(self, audience: str, title: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As ``tell``, but only where a message stays as it is: on no board."""
        return await self._tell([one for one in self._addresses.get(audience, []) if not bot_of(one)], title, text)

    async def _tell(self, addresses: Sequence[str], title: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        said = await asyncio.gather(*(self._by(one, title, text) for one in addresses), return_exceptions=True)
        reached, failed = [], []
        for address, result in zip(addresses, said, strict=True):
            if isinstance(result, ServiceError):
                failed.append(f"{_kind(address)}: {result.came}")
            elif isinstance(result, BaseException):
                raise result
            else:
                reached.append(_kind(address))
        return tuple(reached), tuple(failed)

    async def tried(self) -> tuple[TriedChannel, ...]:
        """Ask every address at once whether it would take a message; none is left there. Never raises ServiceError."""
        asked = [(audience, one) for audience, addresses in self._addresses.items() for one in addresses]
        return tuple(await asyncio.gather(*(self._try(audience, address) for audience, address in asked)))

    async def _try(self, audience: str, address: str) -> TriedChannel:
        kind = _kind(address)
        try:
            if kind == "webhook":
                return TriedChannel(audience, kind, *await Webhook(address, self._http, self._clock).would_take())
            if bot := bot_of(address):
                return TriedChannel(audience, kind, *await self._bot(bot[0]).would_take())
            made: list[Any] = []
            await _within(WITHIN, kind, lambda: made.append(_sender(address)))
        except Absent as error:
            return TriedChannel(audience, kind, False, error.came)
        except ServiceError as error:
            return TriedChannel(audience, kind, None, error.came)
        return TriedChannel(audience, kind, None) if made[0] else TriedChannel(audience, kind, False, UNKNOWN)

    async def _by(self, address: str, title: str, text: str) -> None:
        if _kind(address) == "webhook":
            await Webhook(address, self._http, self._clock).tell(text)
        elif bot := bot_of(address):
            for channel in bot[1]:
                await self._bot(bot[0]).post(channel, f"{title}: {text}" if title else text)
        else:
            await _within(WITHIN, _kind(address), lambda: _apprise(address, chat(one_line(title)), chat(text)))

    def _bot(self, token: str) -> Slack:
        return Slack(token, self._http, self._clock, self._slack)


async def _within(seconds: float, kind: str, send: Callable[[], None]) -> None:
    """Do ``send`` in a thread of its own. Raises what it raises, or Unreachable: then it is left to itself.

    The thread is a daemon: neither the loop nor the process waits for it at its end.
    """
    loop = asyncio.get_running_loop()
    sent: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if not sent.done():
            sent.set_exception(error) if error else sent.set_result(None)

    def work() -> None:
        error: BaseException | None = None
        try:
            send()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=work, daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await sent
    except TimeoutError as error:
        raise Unreachable(kind, "tell", f"it did not end within {seconds:g} s, and may still arrive") from error


def _kind(address: str) -> str:
    scheme = address.partition("://")[0].lower()
    return "webhook" if scheme in ("http", "https") else "e-mail" if scheme.startswith("mailto") else scheme


def _apprise(address: str, title: str, text: str) -> None:
    """Send a message through Apprise, loaded by the first one: that is slow.

    Raises Unreachable when it was not taken.
    """
    sender = _sender(address)
    if not sender:
        raise Unreachable(_kind(address), "tell", UNKNOWN)
    if not sender.notify(body=text, title=title, body_format="text"):
        raise Unreachable(_kind(address), "tell", "was not taken")


def _sender(address: str) -> Any:
    """Read an address as Apprise does; nothing is sent. None when it knows no such address.

    Raises Absent when Apprise is not installed.
    """
    import logging

    try:
        import apprise
    except ModuleNotFoundError as error:
        raise Absent(_kind(address), "tell", ABSENT) from error

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its log has the address in it
    sender = apprise.Apprise()
    return sender if sender.add(address) else None
