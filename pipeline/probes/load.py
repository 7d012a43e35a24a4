"""Many users at once: the declared journeys, again and again, while something else happens to the site."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass

from checks.evidence import Journey
from checks.policy import SmokePolicy
from checks.statistics import percentile
from pipeline.errors import ServiceError
from pipeline.probes.journeys import journeys_at
from pipeline.world.world import World

MOST_FAILURES = 20
LONGEST = 3600.0
"""Seconds that load is put on a site at most."""


@dataclass(frozen=True)
class Second:
    """One second of load. ``at``: seconds since the beginning; ``failed`` of the ``done`` journeys did not go well."""

    at: int
    done: int
    failed: int
    p95_ms: int


@dataclass(frozen=True)
class Load:
    """What became of the journeys of all users, by the second in which each ended, and why some failed."""

    seconds: tuple[Second, ...]
    failures: tuple[Journey, ...] = ()

    @property
    def done(self) -> int:
        return sum(second.done for second in self.seconds)

    @property
    def failed(self) -> int:
        return sum(second.failed for second in self.seconds)


async def load(world: World, site: str, policy: SmokePolicy, users: int, over: asyncio.Event) -> Load:
    """Let ``users`` do the journeys at ``site``, each one round after the other as somebody new, until ``over``."""
    began, ended = world.clock.monotonic(), list[tuple[int, Journey]]()

    async def user() -> None:
        while not over.is_set():
            try:
                found = await journeys_at(world, site, policy)
            except ServiceError as error:
                found = (Journey("it", "the request", f"{error.asked}: {error.came}", 0),)
            at = int(world.clock.monotonic() - began)
            ended.extend((at, journey) for journey in found)
            await world.clock.sleep(0)  # others have their turn, whatever answers at once

    await asyncio.gather(*(user() for _ in range(users)))
    return _curve(ended)


def _curve(ended: list[tuple[int, Journey]]) -> Load:
    failed, took = Counter(at for at, journey in ended if journey.failed_at), defaultdict[int, list[float]](list)
    for at, journey in ended:
        took[at].append(journey.ms)
    seconds = tuple(Second(at, len(ms), failed[at], round(percentile(ms, 95))) for at, ms in sorted(took.items()))
    return Load(seconds, tuple(journey for _, journey in ended if journey.failed_at)[:MOST_FAILURES])
