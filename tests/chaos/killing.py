"""Kills a run as ``kill -9`` does, at a point that can be named and found again, and says what is true afterwards."""

import contextlib
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import httpx

from checks.outcome import Outcome
from pipeline.record.bounded import Store
from pipeline.record.chain import Row
from pipeline.record.ledger import check
from tests.stage import InProcess

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
"""Which points are tried: said by every test that fails. ``CHAOS_SEED=7 ./inv test -k chaos`` tries the same again."""
WHOLE = os.environ.get("CHAOS") == "all"
"""Whether every point is tried instead of some: an hour and a half."""


class Killed(BaseException):
    """The process is gone; nothing of it happens any more, no ``finally`` and no second thought."""


class Life:
    """Counts the points that a run passes, and ends it at one of them."""

    def __init__(self, dies_at: int = 0) -> None:
        self.points: list[str] = []
        self._dies_at = dies_at
        self.dead = False

    def passes(self, point: str) -> None:
        """Raise Killed when this is where it ends, or when it has ended before."""
        if not self.dead:
            self.points.append(point)
            self.dead = len(self.points) == self._dies_at
        if self.dead:
            raise Killed(point)


class Mortal:
    """A store whose process may end right before and right after an event is written."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store, self._life = store, life

    def append(self, row: Row, *, new: bool = False) -> None:
        what = " ".join(filter(None, row[2:4]))
        self._life.passes(f"before writing {what!r}")
        self._store.append(row, new=new)
        self._life.passes(f"after writing {what!r}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@contextlib.contextmanager
def mortal(inside: InProcess, life: Life) -> Iterator[None]:
    """Until the end of the block, events and requests that change something are points of ``life``."""
    store, wire = inside.store, inside.wire
    inside.store = Mortal(store, life)  # type: ignore[assignment]

    def changes(request: httpx.Request) -> str:
        changing = request.method not in ("GET", "HEAD") and "/query" not in request.url.path
        return f"{request.method} {request.url.host}:{request.url.port}{request.url.path}" if changing else ""

    def before(request: httpx.Request) -> None:
        if life.dead:
            raise Killed
        if what := changes(request):
            life.passes(f"before {what}")

    def after(request: httpx.Request, response: httpx.Response) -> None:
        if what := changes(request):
            life.passes(f"after {what}")

    inside.tap(before=before, after=after)
    try:
        yield
    finally:
        inside.store, inside.wire = store, wire


def chosen(points: list[str], many: int, about: str) -> list[int]:
    """The numbers of the points to die at, from 1: all, or ``many`` by the seed, and some where production moves."""
    every = range(1, len(points) + 1)
    if WHOLE:
        return list(every)
    moving = [number for number in every if re.search(r"POST .*/(promote|rollback)/", points[number - 1])]
    drawn = random.Random(f"{SEED} {about}").sample(list(every), min(many, len(points)))
    return sorted({*drawn, *random.Random(f"{SEED} moving {about}").sample(moving, min(2, len(moving)))})


def must_be_right(inside: InProcess, old: str, run: str, said: str) -> None:
    """What has to be true of every run that was killed and then settled, or resumed, to its end."""
    report, serves = inside.report(run), inside.serves()
    made = {path.rpartition("/")[2] for path in inside.asked("POST", "/v10/projects/*/promote/*")}
    assert serves == old or serves in made, f"{said}: production serves {serves}, which nobody asked for"
    assert len(made) <= 1, f"{said}: two deployments were promoted: {made}"
    ends = [event for event in inside.journal(run).events() if event.kind == "run ended"]
    assert len(ends) == 1, f"{said}: {len(ends)} ends"
    right = Outcome.DEPLOYED if serves != old else (Outcome.ROLLED_BACK, Outcome.BLOCKED)
    outcome = next(one for one in Outcome if one.word == report.outcome)
    assert outcome in (right if isinstance(right, tuple) else (right,)), f"{said}: {outcome}, and it serves {serves}"
    assert report.exit_code == outcome.code
    assert not check(inside.store).faults, f"{said}: the chain is broken"
