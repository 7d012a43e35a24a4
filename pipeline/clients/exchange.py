"""One request and its whole answer, within a deadline and a size; whatever a server does, it ends in two ways only."""

import asyncio
import json
import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache
from http.cookiejar import CookieJar
from typing import Any

import httpx

DEADLINE = 20.0
LARGEST = 50_000_000  # bytes of an answer, unpacked
SLOWEST = 10_000  # bytes a second: ten uploads at once share a line of 1 Mbit/s
REDIRECTS = 20
LARGEST_REDIRECT = 65_536  # what is read of a redirect's own body, to use its connection again
LARGEST_LINE = 5_000_000
NEVER = 1e8  # seconds
UNPACKS = {"gzip", "x-gzip", "deflate"}
REWRITTEN = {b"content-encoding", b"content-length", b"transfer-encoding"}
ODD = (ValueError, TypeError, AttributeError, LookupError, RecursionError, OverflowError, OSError)
"""What reading odd data raises; a ``UnicodeError`` is a ``ValueError``, a ``KeyError`` a ``LookupError``."""
BROKEN = (
    httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict, zlib.error,
    OSError, ValueError, LookupError, OverflowError, RecursionError,
)  # fmt: skip
"""What httpx and what is below it raise for what a server does: each of them was met."""
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Unfinished(Exception):
    """No whole answer came. ``head``: as far as it came, with its status; None before the status line.

    ``url``: the address that was asked last. ``large``: the answer is larger than anybody wants.
    """

    def __init__(self, says: str, url: str, head: httpx.Response | None = None, *, large: bool = False) -> None:
        super().__init__(says)
        self.says, self.url, self.head, self.large = says, url, head, large


class _TooLarge(ValueError):
    """Raised when a body passes its bound."""


@lru_cache(512)
def parsed(url: str, query: tuple[tuple[str, str | tuple[str, ...]], ...] = ()) -> httpx.URL:
    """The parts of ``url`` and ``query``. The same few are asked again and again, and httpx parses each several times.

    What ``query`` says replaces what ``url`` says of the same name.
    """
    return httpx.URL(url).copy_merge_params(dict(query)) if query else httpx.URL(url)


class NoCookies(CookieJar):
    """Keeps none: what one answer gave must not change the next. A jar, because httpx copies its own kind of one."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass


def request_of(
    http: httpx.AsyncClient, method: str, url: str, params: Mapping[str, Any] | None = None, **more: Any
) -> httpx.Request:
    """Make a request. Raises Unfinished for an address or a header that cannot be sent, without quoting the header."""
    query = tuple(
        (name, tuple(map(_plain, one)) if isinstance(one, list | tuple) else _plain(one))
        for name, one in (params or {}).items()
    )
    try:
        return http.build_request(method, parsed(url, query), **more)
    except UnicodeError as error:
        raise Unfinished("not sent: a header, a token perhaps, has a character that is not ASCII", url) from error
    except httpx.InvalidURL as error:
        raise Unfinished(f"not sent: InvalidURL {error}", url) from error


def _plain(value: Any) -> str:
    """A value as it stands in an address: text, because ``True`` and ``1`` would be the same in a cache."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def ample(request: httpx.Request) -> float:
    """Seconds that sending the body may take, over the deadline of a request without one."""
    size = request.headers.get("content-length", "0")
    return int(size) / SLOWEST if size.isdecimal() else 0.0


async def exchange(
    http: httpx.AsyncClient, request: httpx.Request, *, within: float, most: int = LARGEST, follow: bool = False
) -> httpx.Response:
    """Send ``request`` and give the answer with its body read, after its redirects with ``follow``.

    It takes at most ``within`` seconds of real time. Raises Unfinished, and nothing else that is a server's doing.
    """
    under_way = _Exchange(http, request, most)
    deadline = asyncio.timeout(within)
    try:
        async with deadline:
            return await under_way.ended(follow=follow)
    except BROKEN as error:
        says = under_way.late(within) if deadline.expired() else under_way.broken(error)
        raise Unfinished(says, under_way.url, under_way.head(), large=isinstance(error, _TooLarge)) from error


class _Exchange:
    """What is known of one exchange while it is under way."""

    def __init__(self, http: httpx.AsyncClient, request: httpx.Request, most: int) -> None:
        self._http, self._request, self._most = http, request, most
        self._response: httpx.Response | None = None
        self._passed: list[httpx.Response] = []
        self._body = bytearray()

    @property
    def url(self) -> str:
        return str(self._request.url)

    async def ended(self, *, follow: bool) -> httpx.Response:
        while True:
            following = await self._once(follow=follow)
            if following is None:
                return self._whole()
            self._passed.append(self._whole())
            self._request, self._response = following, None
            if len(self._passed) > REDIRECTS:
                raise httpx.TooManyRedirects(f"more than {REDIRECTS} redirects", request=following)

    async def _once(self, *, follow: bool) -> httpx.Request | None:
        """Send the request; gives the one that a redirect asks for."""
        port, self._body = self._request.url.port, bytearray()
        if port is not None and not 0 < port < 65536:
            raise httpx.UnsupportedProtocol(f"there is no port {port}", request=self._request)
        response = await self._http.send(self._request, stream=True, follow_redirects=False)
        try:
            self._response = response
            following = response.next_request if follow else None
            async for piece in unpacked(response, LARGEST_REDIRECT if following else self._most):
                self._body += piece
        except _TooLarge:
            if following is None:
                raise
        finally:
            await response.aclose()
        return following

    def head(self) -> httpx.Response | None:
        return self._whole() if self._response is not None else None

    def _whole(self) -> httpx.Response:
        assert self._response is not None
        return whole_of(self._response, bytes(self._body), self._passed)

    def late(self, within: float) -> str:
        if self._response is None:
            return f"no answer: it did not end within {within:g} s"
        return f"answered {self._response.status_code}, and its body did not end within {within:g} s"

    def broken(self, error: Exception) -> str:
        if isinstance(error, _TooLarge):
            return f"answered {self._response.status_code if self._response else 0}, and {error}"
        if isinstance(error, httpx.LocalProtocolError):  # its text quotes the header, which may be a token
            return "no answer: LocalProtocolError, a header has a character that HTTP does not allow"
        return f"no answer: {type(error).__name__} {error}".rstrip()


def whole_of(response: httpx.Response, body: bytes, passed: Sequence[httpx.Response] = ()) -> httpx.Response:
    """The answer ``response`` with what came of its body, unpacked, and the redirects that it ``passed``."""
    whole = httpx.Response(
        response.status_code,
        headers=[(name, value) for name, value in response.headers.raw if name.lower() not in REWRITTEN],
        content=body,
        request=response.request,
        extensions=response.extensions,
        history=list(passed),
    )
    if not _is_charset(whole.charset_encoding):
        whole.encoding = "utf-8"
    return whole


async def unpacked(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """Give the body piece by piece, at most ``most`` bytes: a bomb is counted, and not unpacked further.

    httpx itself unpacks a piece without a bound, and as often as the header says.
    """
    if response.is_stream_consumed:  # a transport of a test had all of it at once
        yield response.content
        return
    packed = response.headers.get("content-encoding", "identity").strip().lower() or "identity"
    if packed != "identity" and packed not in UNPACKS:
        raise ValueError(f"its body is packed as {packed[:40]}, which was not asked for")
    opener = zlib.decompressobj(wbits=47) if packed in UNPACKS else None  # 47: gzip or zlib, as the body says itself
    came = given = 0
    async for raw in response.aiter_raw():
        came += len(raw)
        piece = raw if opener is None else b"" if opener.eof else opener.decompress(raw, most - given + 1)
        given += len(piece)
        if max(came, given) > most:
            raise _TooLarge(f"its body is larger than {most / 1e6:g} MB")
        if piece:
            yield piece
    if opener and came and not opener.eof:
        raise ValueError("its packed body is cut off")


async def lines_of(pieces: AsyncIterator[bytes], quiet: float | None, within: float | None) -> AsyncIterator[bytes]:
    """Give the lines as they come, until ``quiet`` seconds without a byte or ``within`` in all; None is for ever."""
    loop, rest = asyncio.get_running_loop(), b""
    end = loop.time() + (NEVER if within is None else within)
    while True:
        try:
            async with asyncio.timeout_at(min(end, loop.time() + (NEVER if quiet is None else quiet))):
                rest += await anext(pieces)
        except (StopAsyncIteration, TimeoutError):
            break
        *whole, rest = rest.split(b"\n")
        if len(rest) > LARGEST_LINE:
            raise ValueError(f"a line is larger than {LARGEST_LINE / 1e6:g} MB")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip() and rest.rstrip().endswith(b"}"):  # what was cut off is no line
        yield rest


def _is_charset(name: str | None) -> bool:
    """Whether text can be read in this charset; Python knows some that are no text, such as ``hex``."""
    try:
        b"a".decode(name or "utf-8", "replace")
    except ODD:
        return False
    return True


def json_of(body: bytes | str) -> Any:
    """Read JSON as it is defined: without NaN, infinities and half characters. Raises one of ODD."""
    found = json.loads(body, parse_constant=_no_number, parse_float=_finite)
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
    if SURROGATE.search(raw):  # half of one could be written nowhere
        return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number
