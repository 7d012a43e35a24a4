"""Reads what middleware answers: go on, look elsewhere, tell the functions something, or an answer of its own.

The headers are those by which Next.js and ``@vercel/functions`` speak to the platform (``x-middleware-…``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from starlette.types import Message, Receive, Scope, Send

from pipeline.sandbox.routing import Walk

OVERRIDES, OVERRIDDEN = "x-middleware-override-headers", "x-middleware-request-"
FRESH_COOKIES = "x-middleware-set-cookie"
NOT_FOR_VISITORS = ("x-middleware-", "content-length", "transfer-encoding", "connection", "date", "keep-alive")


@dataclass(frozen=True)
class Answered:
    """What a function answered, kept instead of sent. ``headers`` are as they came, names in lower case."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((value for one, value in self.headers if one == name), "")

    async def send(self, send: Send) -> None:
        """Send it after all."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Keeping:
    """A ``send`` that keeps an answer."""

    def __init__(self) -> None:
        self._status, self._headers, self._body = 0, tuple[tuple[str, str], ...](), bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            pairs: Iterable[tuple[bytes, bytes]] = message.get("headers", ())
            self._headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs)
        self._body.extend(message.get("body", b""))

    @property
    def answered(self) -> Answered:
        return Answered(self._status, self._headers, bytes(self._body))


class Body:
    """A request's body that is read once and can be received again and again."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._messages = receive, list[Message]()

    def again(self) -> Receive:
        """Give a ``receive`` that begins with the first piece, and keeps what it reads."""
        place = 0

        async def receive() -> Message:
            nonlocal place
            if place == len(self._messages):
                message = await self._receive()
                if message["type"] != "http.request":
                    return message
                self._messages.append(message)
            place += 1
            return self._messages[place - 1]

        return receive

    async def rest(self) -> Message:
        """Receive what was kept, and then what comes, which nobody reads again."""
        return self._messages.pop(0) if self._messages else await self._receive()


async def nothing() -> Message:
    """A ``receive`` of a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


def asked_with(scope: Scope, walk: Walk) -> Scope:
    """The scope of the request as middleware is to see it: where the routes have led it so far."""
    path = walk.path if walk.path.startswith("/") else f"/{walk.path}"
    changed = {"headers": scope_headers(walk)} if walk.changed else {}
    return {**scope, "path": path, "raw_path": path.encode(), "query_string": walk.query.encode("latin-1"), **changed}


def scope_headers(walk: Walk) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in walk.asked.headers.items()]


def follow(walk: Walk, answered: Answered) -> Answered | None:
    """Change the walk as the middleware wants it; gives its answer when that is the end of the request."""
    mine = tuple(
        (name, _to_ours(walk, value) if name == "location" else value)
        for name, value in answered.headers
        if not name.startswith(NOT_FOR_VISITORS)
    )
    rewritten = answered.header("x-middleware-rewrite")
    if not rewritten and not answered.header("x-middleware-next"):
        return Answered(answered.status, (*walk.headers.items(), *mine), answered.body)
    for name, value in mine:
        if name == "set-cookie":
            walk.cookies.append(value)
        elif name not in ("content-type", "content-encoding"):
            walk.headers[name] = value
    names = [name.strip().lower() for name in answered.header(OVERRIDES).split(",") if name.strip()]
    if names:
        given = dict(answered.headers)
        walk.send_on({name: given[OVERRIDDEN + name] for name in names if OVERRIDDEN + name in given})
    if fresh := answered.header(FRESH_COOKIES):  # what comes after can read them at once
        walk.send_on({**walk.asked.headers, FRESH_COOKIES: fresh})
    if rewritten:
        _rewrite(walk, rewritten)
    return None


def _to_ours(walk: Walk, where: str) -> str:
    """An address as the visitor knows it."""
    host, target = walk.asked.headers.get("host", ""), urlsplit(where)
    return target._replace(netloc=host).geturl() if target.netloc == _by_next(host) else where


def _by_next(host: str) -> str:
    """The host as Next.js writes it: 127.0.0.1 has another name there, for which a visitor has no cookies."""
    return f"localhost:{host.rpartition(':')[2]}"


def _rewrite(walk: Walk, where: str) -> None:
    host = walk.asked.headers.get("host", "")
    target = urlsplit(urljoin(f"http://{host}{walk.path}", where))
    ours = target.netloc in (host, _by_next(host))
    walk.path, walk.query = (target.path or "/") if ours else where, target.query
