"""The readings of a run as a page shows them: few enough points to draw, beside what is usual and what is allowed."""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks.statistics import median
from pipeline.handbook.limits import ReadingLimit
from pipeline.record.samples import Sample

DRAWN = 60
"""Slices of time of a chart, of each of which the lowest and the highest reading are drawn: no peak is lost."""
NEAR = 2.0
"""A limit further away than so many times the highest reading is said and not drawn: it would flatten the rest."""

Point = tuple[float, float]
"""Seconds since the run began, and a value."""


@dataclass(frozen=True)
class ReadingSeries:
    """One metric of a run. ``good``: its median in each of the last good releases, newest first."""

    metric: str
    points: tuple[Point, ...]
    values: int
    low: float
    middle: float
    high: float
    good: tuple[float, ...] = ()
    limit: ReadingLimit | None = None

    @property
    def usual(self) -> float | None:
        return median(self.good) if self.good else None

    @property
    def passed(self) -> bool:
        """Whether it ever went past its limit."""
        return self.limit is not None and (self.limit.passed_by(self.high) or self.limit.passed_by(self.low))

    @property
    def draws_limit(self) -> bool:
        """Whether the limit is near enough to be in the picture."""
        if self.limit is None:
            return False
        reach = max(abs(self.high), abs(self.usual or 0))
        return abs(self.limit.value) <= NEAR * reach if not self.limit.least else self.low >= self.limit.value / NEAR


def readings(
    samples: Mapping[str, Sequence[Sample]],
    began: datetime.datetime,
    good: Mapping[str, Sequence[float]],
    limits: Mapping[str, ReadingLimit],
) -> tuple[ReadingSeries, ...]:
    """Every metric of a run: those past their limit first, then those read most often, then by name."""
    found = [
        _reading(metric, some, began, tuple(good.get(metric, ())), limits.get(metric))
        for metric, some in samples.items()
        if some
    ]
    return tuple(sorted(found, key=lambda one: (not one.passed, -min(one.values, 2), one.metric)))


def _reading(
    metric: str,
    samples: Sequence[Sample],
    began: datetime.datetime,
    good: tuple[float, ...],
    limit: ReadingLimit | None,
) -> ReadingSeries:
    values = [one.value for one in samples]
    points = drawn([((one.at - began).total_seconds(), one.value) for one in samples])
    return ReadingSeries(metric, points, len(values), min(values), median(values), max(values), good, limit)


def drawn(points: Sequence[Point], most: int = DRAWN) -> tuple[Point, ...]:
    """``points``, or of more than twice ``most`` of them the lowest and the highest of each slice of time."""
    if len(points) <= 2 * most:
        return tuple(points)
    size = math.ceil(len(points) / most)
    kept: list[Point] = []
    for start in range(0, len(points), size):
        some = points[start : start + size]
        ends = {min(some, key=lambda point: point[1]), max(some, key=lambda point: point[1])}
        kept += sorted(ends)
    return tuple(kept)


def number(value: float) -> str:
    """A value with as many digits as a reader needs: ``1,240``, ``41.5``, ``0.0123``."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"
