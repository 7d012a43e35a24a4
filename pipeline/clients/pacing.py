"""How often a vendor may be asked, shared by all who have one token: a project of a fleet asks its worker for a turn.

A vendor says in its answers how much is left (``x-ratelimit-*``, ``x-sentry-rate-limit-*``), or until when nothing is.
While more than half is left the worker is not asked; then it is, on the line that the project's process has to it.
Without a worker, or when it does not answer, everything goes as if there were no limit but the vendor's own.
"""

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.clock import Clock
from pipeline.environment import variable
from pipeline.errors import Refused

if TYPE_CHECKING:
    import httpx

LINE = "FLEET_LINE"
"""The variable that tells a process of a fleet the number of its line."""
FIRST = "FLEET_FIRST"
"""Set for emergencies, which wait for nobody."""
KINDS = ("x-ratelimit", "x-sentry-rate-limit")
TOO_MANY, FORBIDDEN = 429, 403  # GitHub says 403, and until when
SHORTEST, LONGEST = 1.0, 900.0  # seconds to wait when a vendor refuses without saying until when; and at most in all
ANSWERS, DEAF = 5.0, 60.0  # seconds in which the worker answers, and for which one that does not is let alone
A_WINDOW = 3600.0  # seconds until a limit is whole again, when that is not said; and at most


@dataclass(frozen=True)
class LimitSeen:
    """What an answer says of a token's limit. ``resets`` and ``closed``: seconds from now; 0 for not said."""

    bucket: str
    most: int = 0
    left: int = 0
    resets: float = 0
    closed: float = 0

    @property
    def tight(self) -> bool:
        """Whether those who share the token have to take turns."""
        return self.closed > 0 or 2 * self.left < self.most


@dataclass
class CallsMade:
    """Requests that a process has sent with one token to one service, again after a refusal included.

    ``most``: that the vendor allows in ``window`` seconds, as its answers said; 0 when none has.
    """

    calls: int = 0
    most: int = 0
    window: float = 0

    def saw(self, seen: LimitSeen) -> None:
        """Keep what an answer said of the limit; the longest time until it is whole again is nearest to the window."""
        self.most, self.window = max(self.most, seen.most), max(self.window, seen.resets)


def bucket_of(service: str, base: str, headers: Mapping[str, str]) -> str:
    """What all requests with one token to one service have in common; the token cannot be read from it."""
    token = headers.get("authorization", "")
    return f"{service}.{hashlib.sha256(f'{base} {token}'.encode()).hexdigest()[:16]}"


def refusal_seen(bucket: str, status: int, wait: float) -> LimitSeen:
    """What a refusal says, which asks for ``wait`` seconds; nothing when it has another reason."""
    asked_too_often = status == TOO_MANY or (status == FORBIDDEN and wait > 0)
    return LimitSeen(bucket, closed=max(wait, SHORTEST) if asked_too_often else 0)


def limit_seen(bucket: str, headers: Mapping[str, str], now: float) -> LimitSeen:
    """What an answer says is left. ``now``: the vendor's time, in seconds since 1970."""
    for kind in KINDS:
        with contextlib.suppress(ValueError):
            most, left = int(headers.get(f"{kind}-limit", "")), int(headers.get(f"{kind}-remaining", ""))
            resets = float(headers.get(f"{kind}-reset", now + A_WINDOW)) - now
            if most > 0 and left >= 0:
                return LimitSeen(bucket, most, left, min(max(resets, SHORTEST), A_WINDOW))
    return LimitSeen(bucket)


class Asker(Protocol):
    """A client of a service, as far as it is known here."""

    name: str
    base: str
    ahead: float | None
    _headers: dict[str, str]
    _clock: Clock


class SharedPace:
    """Takes turns with the other projects of a fleet. ``line``: to the worker; ``first``: this one waits for nobody."""

    def __init__(self, line: socket.socket, *, first: bool) -> None:
        self._line, self._first = line, first
        self._line.settimeout(ANSWERS)
        self._tight: set[str] = set()
        self._number = 0
        self._made: dict[str, CallsMade] = {}
        self._deaf_until = 0.0
        self._rested_to = 0.0
        self.rested = 0.0
        """Seconds for which this process has waited for vendors' limits, those of requests at the same time once."""
        self.bounds: set[asyncio.Timeout] = set()
        """The deadlines in which these seconds do not count."""

    async def sent(self, asker: Asker, send: Callable[[], Awaitable["httpx.Response"]]) -> "httpx.Response":
        """Send in our turn, and again when it was too often: that did nothing.

        Raises what ``send`` raises, a refusal only when it asks for more than is left of LONGEST seconds.
        """
        clock, bucket = asker._clock, bucket_of(asker.name, asker.base, asker._headers)
        until, made = clock.monotonic() + LONGEST, self._made.setdefault(bucket, CallsMade())
        while True:
            await self.turn(bucket, clock)
            made.calls += 1
            try:
                response = await send()
            except Refused as error:
                seen = refusal_seen(bucket, error.status, error.retry_after)
                self.saw(seen)
                if not seen.closed or clock.monotonic() + seen.closed > until:
                    raise
                await self._rest(clock, seen.closed)
            else:
                seen = limit_seen(bucket, response.headers, clock.now().timestamp() - (asker.ahead or 0))
                made.saw(seen)
                self.saw(seen)
                return response

    async def turn(self, bucket: str, clock: Clock) -> None:
        """Return when a request may be sent."""
        until = clock.monotonic() + LONGEST
        while bucket in self._tight and not self._first and clock.monotonic() < until:
            wait = self._asked(bucket)
            if wait <= 0:
                return
            await self._rest(clock, min(wait, until - clock.monotonic()))

    async def _rest(self, clock: Clock, seconds: float) -> None:
        """Wait; what all deadlines are put off by is LONGEST at most."""
        now = clock.monotonic()
        more = min(max(now + seconds - max(now, self._rested_to), 0.0), LONGEST - self.rested)
        self._rested_to = max(self._rested_to, now + seconds)
        self.rested += more
        for bound in self.bounds:
            if (when := bound.when()) is not None:
                with contextlib.suppress(RuntimeError):  # it is over just now
                    bound.reschedule(when + more)
        await clock.sleep(seconds)

    def saw(self, seen: LimitSeen) -> None:
        """Say what an answer said, if it concerns anybody."""
        if seen.tight:
            self._tight.add(seen.bucket)
            self.say({"seen": asdict(seen)})
        elif seen.most:
            self._tight.discard(seen.bucket)

    def tell(self) -> None:
        """Tell the worker which requests this process has made."""
        self.say({"made": {bucket: asdict(made) for bucket, made in self._made.items()}})

    def _asked(self, bucket: str) -> float:
        """The seconds until it is worth asking again; 0: it is our turn, or nobody answers."""
        said = self.asked({"turn": bucket})
        try:
            return float(said["wait"])
        except (ValueError, KeyError, TypeError):
            self._tight.clear()
            return 0

    def asked(self, what: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the worker answers to a question; empty when nobody does, who is then not asked again for a while."""
        self._number += 1
        if time.monotonic() < self._deaf_until or not self.say({**what, "number": self._number}):
            return {}
        try:
            while True:
                said = json.loads(first_line(self._line))
                if said["number"] == self._number:
                    return dict(said)
        except (OSError, ValueError, KeyError, TypeError):
            self._deaf_until = time.monotonic() + DEAF
            return {}

    def say(self, what: Mapping[str, Any]) -> bool:
        """Tell the worker something; False when it is gone."""
        try:
            self._line.sendall(json.dumps(what).encode() + b"\n")
        except OSError:  # the worker is gone; the vendor's own limit is left
            return False
        return True


def first_line(line: socket.socket) -> bytes:
    """The first line that comes, byte for byte: what comes after it is somebody else's to read.

    Raises OSError when there will be none.
    """
    read = bytearray()
    while not read.endswith(b"\n"):
        piece = line.recv(1)
        if not piece:
            raise OSError("the line is closed")
        read += piece
    return bytes(read)


@functools.cache
def pace_of(pid: int) -> SharedPace | None:
    """The pace of this process, whose number is ``pid``; None outside of a fleet."""
    number = variable(LINE)
    if not number.isdecimal():
        return None
    try:
        return SharedPace(socket.socket(fileno=int(number)), first=bool(variable(FIRST)))
    except OSError:
        return None


def pace() -> SharedPace | None:
    """How this process shares the vendors' limits; None when it shares them with nobody that it knows."""
    return pace_of(os.getpid())


def unpaced(clock: Clock) -> float:
    """The clock without what was waited for a vendor's limit: a patience that is measured by it is with the vendor."""
    shared = pace()
    return clock.monotonic() - (shared.rested if shared else 0.0)


@contextlib.asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """As ``asyncio.timeout``, but what is waited for a vendor's limit does not count."""
    shared = pace()
    async with asyncio.timeout(seconds) as bound:
        if shared:
            shared.bounds.add(bound)
        try:
            yield
        finally:
            if shared:
                shared.bounds.discard(bound)


Send = Callable[..., Awaitable["httpx.Response"]]


def in_turn(send: Send) -> Send:
    """A client's ``send`` that takes turns with the other projects of a fleet, when this is one of them."""

    @functools.wraps(send)
    async def sent(asker: Asker, *words: Any, **more: Any) -> "httpx.Response":
        shared = pace()
        if shared is None:
            return await send(asker, *words, **more)
        return await shared.sent(asker, lambda: send(asker, *words, **more))

    return sent
