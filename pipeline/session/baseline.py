"""What is usual, from the kept readings: medians and median deviations, by hour and weekday, with how many they are."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from checks.baseline import FAR, FEW, MUCH, direction, distance
from checks.statistics import deviation, median
from pipeline.record.samples import ENOUGH, Sample, Samples

DAY, WEEK = datetime.timedelta(days=1), datetime.timedelta(days=7)
LOOK_BACK = 8 * WEEK


@dataclass(frozen=True)
class Middle:
    """The middle of ``readings`` values, and how far they usually are from it."""

    median: float
    spread: float
    readings: int


@dataclass(frozen=True)
class BaselineRow:
    """One metric: the last day, the same day of the week before, what is usual at these hours of these weekdays, and
    in the last good releases. ``usual_by`` says what could be compared: ``hour of the week``, ``hour of the day`` or
    ``all``. ``says``: usual, worse, better, or too few readings.
    """

    metric: str
    today: Middle
    week_ago: Middle
    usual: Middle
    usual_by: str
    good_releases: Middle
    says: str


def rows(samples: Samples, now: datetime.datetime, releases: int) -> tuple[BaselineRow, ...]:
    """One row a metric, in the order of their names. ``releases``: how many good ones are looked at.

    One metric is in memory at a time, and of very many readings some: there may be a million.
    """
    found, names = [], samples.metrics()
    share = ENOUGH * len(names) / max(samples.total(), 1)
    for name in names:
        before, today = _some(samples, name, now, share)
        if before or today:
            found.append(row(name, today, before, now, samples.good_releases(name, releases)))
    return tuple(found)


def _some(samples: Samples, metric: str, now: datetime.datetime, share: float) -> tuple[list[Sample], list[Sample]]:
    """Readings from before the last day and of it: a ``share`` of all, and more of a metric that is seldom read."""
    while True:
        before = samples.between(metric, now - LOOK_BACK, now - DAY, share)
        today = samples.between(metric, now - DAY, now + DAY, share * WEEK / DAY)
        if share >= 1 or len(before) + len(today) >= ENOUGH / 4:
            return before, today
        share *= 8


def row(
    metric: str, today: Sequence[Sample], before: Sequence[Sample], now: datetime.datetime, good: Sequence[float]
) -> BaselineRow:
    """What the readings of the last day and those ``before`` say of one metric."""
    week_ago = [one for one in before if now - WEEK - DAY <= one.at < now - WEEK + DAY / 24]
    usual, by = usual_of(today, before)
    middle, normal = _middle(today), _middle(usual)
    return BaselineRow(metric, middle, _middle(week_ago), normal, by, _of(good), judged(metric, middle, normal))


def usual_of(today: Sequence[Sample], before: Sequence[Sample]) -> tuple[list[Sample], str]:
    """Those of ``before`` to compare with: the same hours of the same weekdays, when there are enough of them."""
    for name, slot in SLOTS.items():
        slots = {slot(one.at) for one in today}
        alike = [one for one in before if slot(one.at) in slots]
        if len(alike) >= FEW:
            return alike, name
    return list(before), "all"


SLOTS: dict[str, Callable[[datetime.datetime], tuple[int, ...]]] = {
    "hour of the week": lambda at: (at.weekday(), at.hour),
    "hour of the day": lambda at: (at.hour,),
}


def judged(metric: str, now: Middle, usual: Middle) -> str:
    """In one word, or two."""
    if not now.readings or usual.readings < FEW:
        return "too few readings"
    far = distance(now.median, usual.median, usual.spread)
    if abs(far) <= FAR or abs(now.median - usual.median) < MUCH * abs(usual.median):
        return "usual"
    worse = far * direction(metric)
    return "worse" if worse > 0 else "better" if worse < 0 else "different"


def _middle(samples: Sequence[Sample]) -> Middle:
    return _of([one.value for one in samples])


def _of(values: Sequence[float]) -> Middle:
    return Middle(median(values), deviation(values), len(values))
