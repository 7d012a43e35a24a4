"""One request for all who ask the same of a service in the same moment.

The readings of a round are taken at once, and several need the same list. What is shared is the answer on its way:
who asks once it has come asks anew, so that one who waits for a change sees it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Under = dict[Hashable, "asyncio.Future[Any]"]

_UNDER_WAY: ContextVar[Under | None] = ContextVar("under_way", default=None)


class Together:
    """Those who look at the same moment; ``end`` is for when they have."""

    def __init__(self) -> None:
        self._under_way: Under = {}

    async def end(self) -> None:
        """Cancel what is still under way, which nobody waits for any more."""
        for task in (left := tuple(self._under_way.values())):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def join(self) -> None:
        """From here on, what this task and those that it starts ask belongs to it."""
        _UNDER_WAY.set(self._under_way)


async def shared(key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of ``ask``, or of the same ``key`` if somebody of those who look together waits for it just now.

    Raises what it raised. Whoever is cancelled takes it from nobody else.
    """
    under_way = _UNDER_WAY.get()
    if under_way is None:
        return await ask()
    if key not in under_way:
        task = under_way[key] = asyncio.ensure_future(ask())
        task.add_done_callback(lambda done: _over(under_way, key, done))
    found: T = await asyncio.shield(under_way[key])
    return found


def _over(under_way: Under, key: Hashable, done: "asyncio.Future[Any]") -> None:
    del under_way[key]
    if not done.cancelled():
        done.exception()  # whoever waited for it has it
