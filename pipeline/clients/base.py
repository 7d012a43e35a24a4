"""What every HTTP client shares: one error boundary, retries for reads, none for writes."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from pipeline import log
from pipeline.clients.exchange import (
    BROKEN,
    DEADLINE,
    LARGEST,
    ODD,
    Unfinished,
    ample,
    exchange,
    json_of,
    lines_of,
    request_of,
    unpacked,
    whole_of,
)
from pipeline.clients.pacing import in_turn
from pipeline.clients.together import shared
from pipeline.clients.waits import LONGEST_WAIT, dated, retry_after, until_when
from pipeline.clock import Clock
from pipeline.errors import Refused, ServiceError, Unreachable, Unreadable, Unset

T = TypeVar("T")
Params = Mapping[str, str | int | float | bool | Sequence[str]]

ATTEMPTS = 4
PAGES = 20
ENDLESS = 1 << 40  # bytes of a stream that is followed
TIMEOUT = httpx.Timeout(20, connect=5)
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class Service:
    """Calls an HTTP API at ``base``. All failures leave as ServiceError; parsing happens inside that boundary too.

    ``within``: seconds of real time that one request may take, from the first byte sent to the last one read.
    ``most``: bytes that its answer may have.
    """

    within, most = DEADLINE, LARGEST

    def __init__(
        self, name: str, base: str, http: httpx.AsyncClient, clock: Clock, headers: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.base = name, base.rstrip("/")
        self._http, self._clock, self._headers = http, clock, dict(headers or {})
        self.ahead: float | None = None
        """Seconds that our clock is ahead of the service's, as its last answer said; None: none has said so."""
        self.unset = ""
        """The secret that it is asked with, when nobody has set it: then nothing is sent."""

    async def read(self, path: str, parse: Callable[[Any], T], params: Params | None = None) -> T:
        """GET ``path``, retried while that can help, and give what ``parse`` makes of the JSON body."""
        return await self.repeatable("GET", path, parse, params=params)

    async def read_all(
        self, path: str, parse: Callable[[Any], list[T]], params: Params | None = None, most: float = math.inf
    ) -> tuple[T, ...]:
        """GET ``path`` and the pages after it, as the ``Link`` header names them, until there are ``most`` items.

        Raises Unreadable when they lead elsewhere, in a circle, or on after PAGES: half of it is not the answer.
        """
        found: list[T] = []
        here, query, passed = path, params, set[str]()
        while here and len(found) < most:
            if here in passed or len(passed) == PAGES:
                says = f"leads back to {here}" if here in passed else f"goes on after {PAGES} pages"
                raise Unreadable(self.name, f"GET {path}", f"its list {says}, so it was not read to its end")
            passed.add(here)
            following = ""

            def note(response: httpx.Response) -> None:
                nonlocal following
                following = self._following(path, response)

            found += await self.repeatable("GET", here, parse, params=query, seen=note)
            here, query = following, None
        return tuple(found)

    def _following(self, path: str, response: httpx.Response) -> str:
        """The path of the next page; empty when there is none. Our token goes nowhere else than to ``base``."""
        link = response.links.get("next", {})
        url = str(link.get("url") or "")
        if not url or link.get("results") == "false":  # Sentry names a next page also when there is none
            return ""
        url = str(response.request.url.join(url))
        if not url.startswith(self.base + "/"):
            raise Unreadable(self.name, f"GET {path}", f"its next page is elsewhere, at {url[:100]}, and was not read")
        return url.removeprefix(self.base)

    async def repeatable(self, method: str, path: str, parse: Callable[[Any], T], **more: Any) -> T:
        """Send a request of which twice is the same as once: it is retried like a read."""
        try:
            return await self.once(method, path, parse, **more)
        except ServiceError as error:
            if not _transient(error):
                raise
            first = error
        log.info("asking again", service=self.name, asked=f"{method} {path}", after=str(first))
        import tenacity  # loaded by the first failure: the emergency path must not wait for it

        await self._clock.sleep(first.retry_after if isinstance(first, Refused) and first.retry_after else 0.25)
        again = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_transient),
            stop=tenacity.stop_after_attempt(ATTEMPTS - 1),
            wait=_wait,
            sleep=self._clock.sleep,
            reraise=True,
        )
        return await again(self.once, method, path, parse, **more)

    async def once(
        self,
        method: str,
        path: str,
        parse: Callable[[Any], T],
        *,
        seen: Callable[[httpx.Response], None] | None = None,
        **more: Any,
    ) -> T:
        """Send one request once, for one answer. Writes go this way: a write that got no answer may have happened."""
        response = await self._answer(method, path, more)
        try:
            if seen:
                seen(response)
            return parse(json_of(response.content) if response.content else None)
        except ODD as error:
            says = f"{type(error).__name__} {str(error)[:200]}"
            says = f"answered {response.status_code} with a body that {says} makes unreadable"
            raise Unreadable(self.name, f"{method} {path}", says) from error

    async def _answer(self, method: str, path: str, more: Mapping[str, Any]) -> httpx.Response:
        """The answer of one request; a reading is shared with whoever in the same round waits for it just now."""
        if method != "GET" or more.keys() - {"params"}:
            return await self.send(method, path, **more)
        asked = tuple((name, str(value)) for name, value in (more.get("params") or {}).items())
        return await shared((self, path, asked), lambda: self.send(method, path, **more))

    @in_turn
    async def send(self, method: str, path: str, *, timeout: float = 0, **more: Any) -> httpx.Response:
        """Give the response of one successful request. Raises Unreachable, Refused, or Unreadable when it is too large.

        ``timeout``: seconds for all of it; 0 for ``within``, and more for a large body.
        """
        asked = f"{method} {path}"
        if self.unset:
            raise Unset(self.name, asked, f"{self.unset} is not set, so it was not asked")
        headers = {**self._headers, "accept-encoding": "gzip", **more.pop("headers", {})}
        if callable(more.get("content")):  # a body that is made anew for each attempt
            more["content"] = more["content"]()
        began = self._clock.monotonic()
        try:
            request = request_of(self._http, method, self.base + path, headers=headers, **more)
            response = await exchange(
                self._http, request, within=timeout or self.within + ample(request), most=self.most
            )
        except Unfinished as error:
            log.warning("no answer", service=self.name, asked=asked, error=error.says)
            raise (Unreadable if error.large else Unreachable)(self.name, asked, error.says) from error
        theirs, now = dated(response.headers), self._clock.now()
        self.ahead = (now - theirs).total_seconds() if theirs else self.ahead
        ms = round((self._clock.monotonic() - began) * 1000)
        log.debug("answered", service=self.name, asked=asked, status=response.status_code, ms=ms)
        if response.is_success:
            return response
        raise self.refusal(asked, response)

    async def lines(
        self,
        path: str,
        parse: Callable[[Any], T],
        params: Params | None = None,
        *,
        quiet: float | None = 2,
        within: float | None = DEADLINE,
    ) -> AsyncIterator[T]:
        """GET a stream of JSON lines and give what ``parse`` makes of each, as it comes.

        It ends by itself, after ``quiet`` seconds without a byte, or after ``within`` seconds; None is for ever.
        """
        asked, response = f"GET {path}", None
        timeout = httpx.Timeout(self.within, connect=5, read=None)
        headers = {**self._headers, "accept-encoding": "gzip"}
        try:
            request = request_of(self._http, "GET", self.base + path, headers=headers, params=params, timeout=timeout)
            async with asyncio.timeout(self.within):
                response = await self._http.send(request, stream=True)
                if not response.is_success:
                    body = b"".join([piece async for piece in unpacked(response, self.most)])
                    raise self.refusal(asked, whole_of(response, body))
            pieces = unpacked(response, ENDLESS if within is None else self.most)
            async for line in lines_of(pieces, quiet, within):
                yield self._line(asked, parse, line)
        except Unfinished as error:
            raise Unreachable(self.name, asked, error.says) from error
        except BROKEN as error:
            says = f"did not begin within {self.within:g} s" if isinstance(error, TimeoutError) else str(error)[:200]
            raise Unreachable(self.name, asked, f"no answer: {type(error).__name__} {says}".rstrip()) from error
        finally:
            if response is not None:
                await response.aclose()

    def _line(self, asked: str, parse: Callable[[Any], T], line: bytes) -> T:
        try:
            return parse(json_of(line))
        except ODD as error:
            raise Unreadable(self.name, asked, f"sent a line that {type(error).__name__} makes unreadable") from error

    async def until(self, ask: Callable[[], Awaitable[T | None]], patience: float, every: float = 2) -> T | None:
        """Give what ``ask`` answers as soon as it answers something.

        None when that takes longer than ``patience`` seconds.
        """
        end = self._clock.monotonic() + patience
        while True:
            found = await ask()
            left = end - self._clock.monotonic()
            if found is not None or left <= 0:
                return found
            await self._clock.sleep(min(every, left))

    def refusal(self, asked: str, response: httpx.Response) -> Refused:
        """Make the error that ``response`` means, with the service's own code and words when it gives any."""
        body: Any = None
        try:
            body = json_of(response.content)
            says, code = said(body)
        except ODD:
            says, code = response.text[:200], ""
        now = dated(response.headers) or self._clock.now()
        wait = retry_after(response.headers, now)
        says = f"{says or response.reason_phrase}{until_when(now, wait)}"
        return Refused(self.name, asked, response.status_code, code, says, body=body, retry_after=wait)


def said(body: Any) -> tuple[str, str]:
    """Find the human words and the machine's code in an error body, in the shapes that our vendors use."""
    if not isinstance(body, Mapping):
        return str(body)[:200], ""
    error = body.get("error") or body.get("errors") or body
    if isinstance(error, Mapping):
        words = error.get("message") or error.get("detail") or error
        return str(words)[:300], str(error.get("code", ""))
    return str(error)[:300], str(body.get("code", ""))


def nothing(body: Any) -> None:
    """Parse an answer whose body does not matter: into None."""


def _transient(error: BaseException) -> bool:
    if isinstance(error, Refused):
        asked_to_wait = 0 < error.retry_after <= LONGEST_WAIT
        return asked_to_wait or (error.status in TRANSIENT and error.retry_after <= LONGEST_WAIT)
    return isinstance(error, Unreachable) and not error.lasting


def _wait(state: Any) -> float:
    error = state.outcome.exception()
    return float(getattr(error, "retry_after", 0) or 0.25 * 2**state.attempt_number)
