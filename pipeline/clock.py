"""Time, as the runner and the clients see it; and the address of a host."""

import asyncio
import datetime
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a world is passed around by everything; only ``open_world`` needs to load what is in it
    pass


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
        await asyncio.sleep(seconds)


def origin(host: str) -> str:
    """``https://host``, or ``http://host`` when it is a loopback address."""
    name = host.rsplit(":", 1)[0]
    local = name in ("localhost", "[::1]") or name.startswith("127.") or name.endswith(".localhost")
    return f"{'http' if local else 'https'}://{host}"
