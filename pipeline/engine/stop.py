"""Why a run does not go on."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.engine.plan import Stage
from pipeline.errors import Overdue

T = TypeVar("T")


@dataclass(frozen=True)
class Stop:
    """Why a run stopped going forward.

    ``holds``: no reason to go back (the old deployment fails alike, too little was seen, or nobody could look); a
    person decides. ``cut``: the run was interrupted, so nothing is known about the release. ``because``: which of
    these, names of HELD.
    """

    reason: str
    holds: bool = False
    cut: bool = False
    because: str = ""


async def within(stage: Stage, until: float, act: Awaitable[T]) -> T:
    """What ``act``, of a step of ``stage``, gives; raises Overdue when it is not over ``until`` then, in loop time."""
    try:
        async with asyncio.timeout_at(until) as limit:
            return await act
    except TimeoutError:
        if not limit.expired():
            raise
        took = (
            f"its steps were not over after {stage.acts:g} s; `pace: {stage.name}: acts:` of the target says how long"
        )
        raise Overdue("stage", stage.name, took) from None
