"""``invoke bisect``: which production deployment was the first bad one? Asks them at their own addresses."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.clients.vercelshapes import Deployment
from pipeline.errors import Mistake

Judgement = Literal["good", "bad", "skip"]
Judge = Callable[[Deployment], Awaitable[Judgement]]


@dataclass(frozen=True)
class Found:
    """``last_good`` is known good and ``first_bad`` known bad; ``skipped`` between them could not be judged."""

    last_good: Deployment
    first_bad: Deployment
    skipped: tuple[Deployment, ...]
    asked: int


def between(deployments: Sequence[Deployment], good: str, bad: str) -> tuple[Deployment, ...]:
    """From ``good`` to ``bad``, oldest first, READY ones only. Either is an id, an address or a commit. Raises Mistake.

    Without ``good`` it begins with the oldest; without ``bad`` it ends with the newest.
    """
    ready = sorted((one for one in deployments if one.state == "READY"), key=lambda one: one.created)
    if len(ready) < 2:
        raise Mistake("bisect: there are fewer than two production deployments to compare")
    first = _place(ready, "--good", good) if good else 0
    last = _place(ready, "--bad", bad) if bad else len(ready) - 1
    if first >= last:
        raise Mistake(f"bisect: {ready[first].id} (good) is not older than {ready[last].id} (bad)")
    return tuple(ready[first : last + 1])


def _place(ready: Sequence[Deployment], option: str, wanted: str) -> int:
    for index, one in enumerate(ready):
        names = (one.id, one.url, one.url.partition("://")[2])
        if wanted in names or (len(wanted) >= 7 and one.commit.startswith(wanted.lower())):
            return index
    known = ", ".join(one.id for one in ready[-5:])
    raise Mistake(f"{option} {wanted}: is no production deployment that is still there; the newest are {known}")


async def search(line: Sequence[Deployment], judge: Judge) -> Found:
    """Halve ``line`` (oldest first) until a good and a bad one are neighbours, but for the skipped.

    Raises Mistake when its ends are not good and bad: then there is nothing to find.
    """
    asked = 0

    async def ask(deployment: Deployment) -> Judgement:
        nonlocal asked
        asked += 1
        return await judge(deployment)

    if await ask(line[-1]) != "bad":
        raise Mistake(f"bisect: {line[-1].id} is the bad end, but it is not bad; say --bad ID")
    if await ask(line[0]) != "good":
        raise Mistake(f"bisect: {line[0].id} is the good end, but it is not good; say --good ID")
    low, high, skipped = 0, len(line) - 1, set[int]()
    while True:
        open_ones = [index for index in range(low + 1, high) if index not in skipped]
        if not open_ones:
            left_out = tuple(line[index] for index in range(low + 1, high))
            return Found(line[low], line[high], left_out, asked)
        middle = min(open_ones, key=lambda index: abs(index - (low + high) / 2))
        match await ask(line[middle]):
            case "good":
                low = middle
            case "bad":
                high = middle
            case "skip":
                skipped.add(middle)


def most_questions(count: int) -> int:
    """How many deployments have to be asked at most when none is skipped."""
    return 2 + math.ceil(math.log2(max(1, count - 1)))
