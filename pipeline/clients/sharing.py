"""A reading that all projects of a fleet would have alike: one of them asks, its worker tells the others.

Only for what nobody has a secret for, what is the same for whoever asks, and what may be FRESH seconds old. Without a
worker, or when it does not answer, everybody asks for himself.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pipeline.clients.pacing import pace
from pipeline.clock import Clock

FRESH = 15.0  # seconds for which a reading counts
ASKING = 10.0  # seconds for which the others wait for the one that asks
LOOK = 0.2  # seconds between two looks whether he has been answered

T = TypeVar("T")
Plain = Mapping[str, Any]


async def alike(
    what: str,
    clock: Clock,
    read: Callable[[], Awaitable[T]],
    plain: Callable[[T], Plain],
    thaw: Callable[[Plain], T],
) -> T:
    """What ``read`` gives, or what it gave another project less than FRESH seconds ago. Raises what ``read`` raises.

    ``what``: the address that is read; ``plain`` and ``thaw``: its value as JSON, and back.
    """
    shared = pace()
    if shared is None:
        return await read()
    until = clock.monotonic() + ASKING
    while True:
        said = shared.asked({"reading": what})
        if isinstance(known := said.get("value"), dict):
            try:
                return thaw(known)
            except (KeyError, TypeError, ValueError):
                return await read()
        if not said.get("wait") or clock.monotonic() >= until:
            break
        await clock.sleep(LOOK)
    value: Plain | None = None
    try:
        found = await read()
        value = plain(found)
        return found
    finally:
        shared.say({"read": what, "value": value})
