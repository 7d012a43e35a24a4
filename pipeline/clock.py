"""Time, as the runner and the clients see it; and the address of a host."""

import contextlib
import datetime
import re
import time
from typing import Protocol

from pipeline.errors import Mistake

HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?(?::\d{1,5})?")


class Clock(Protocol):
    """Time, as the runner and the clients see it."""

    def now(self) -> datetime.datetime:
        """What the wall clock says; aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that only goes forward."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # a third of the start of a command that does not sleep

        await asyncio.sleep(seconds)


def origin(host: str) -> str:
    """``https://host``, or ``http://host`` when it is a loopback address."""
    return f"{'http' if is_here(re.sub(r':[0-9]*$', '', host)) else 'https'}://{host}"


HERE = re.compile(r"(.+\.)?localhost|\[?::1\]?|127(\.[0-9]{1,3}){3}", re.IGNORECASE)


def is_here(host: str) -> bool:
    """Whether a host, without its port, is this machine; ``127.evil.example`` is not."""
    return HERE.fullmatch(host) is not None


def host_of(text: str, name: str) -> str:
    """Take the host, with its port if any, out of what people paste: an address, a host with a path, in capitals.

    ``name`` is what the text is called in the error. Raises Mistake when there is no host in it.
    """
    pasted = text.strip()
    host = re.split(r"[/?#]", re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", pasted), maxsplit=1)[0].lower()
    with contextlib.suppress(UnicodeError):
        host = host if host.isascii() else host.encode("idna").decode()
    if not HOST.fullmatch(host):
        shown = "the text" if "@" in pasted else repr(text)  # there may be a password in it
        raise Mistake(f"{name}: there is no host name in {shown}; say it like lms.example.com")
    return host.removesuffix(":443").removesuffix(".")
