"""Verdicts that hold with little data: an exact test for counts, and a middle and a spread that one outlier cannot move."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

SPREAD = 1.4826  # a normal distribution's standard deviation is this many median absolute deviations


@dataclass(frozen=True)
class Count:
    """``events`` seen while ``exposure`` passed: requests, page views or minutes, the same unit on both sides."""

    events: int
    exposure: float

    @property
    def rate(self) -> float:
        """The events per unit of exposure; 0 without exposure."""
        return self.events / self.exposure if self.exposure > 0 else 0.0


class Judged(Enum):
    """What the judge says of a count beside its baseline."""

    USUAL = "usual"
    TOO_MANY = "too many"
    TOO_LITTLE = "too little to tell"


def judge(now: Count, usual: Count, *, times: float, chance: float, least: float) -> Judged:
    """Judge whether ``now`` is at least ``times`` the usual rate, and no coincidence.

    TOO_MANY when both hold: the rate is that high, give or take the counting error of its own events (their square
    root), and a release like the ones before would give so many events with a probability below ``chance``. Never
    USUAL below an exposure of ``least``: too little was seen for that.
    """
    if now.exposure <= 0 or usual.exposure <= 0:
        return Judged.TOO_LITTLE
    high = now.events > 0 and now.events + math.sqrt(now.events) >= times * usual.rate * now.exposure
    if high and probability(now, usual) < chance:
        return Judged.TOO_MANY
    return Judged.TOO_LITTLE if now.exposure < least else Judged.USUAL


def probability(now: Count, usual: Count) -> float:
    """The probability of at least ``now.events`` when nothing has changed.

    The exact conditional test of two Poisson rates.

    Given all events of both spans, those of now are binomial with now's share of the exposure. It needs no minimum of
    events and takes a baseline of zero as what it is: little, not nothing.
    """
    share = now.exposure / (now.exposure + usual.exposure)
    return _at_least(now.events, now.events + usual.events, share)


def by_chance(events: int, of: int, share: float) -> float:
    """The probability of at least ``events`` among ``of`` when each comes with the probability ``share``: exact."""
    return _at_least(events, of, share)


def _at_least(k: int, n: int, p: float) -> float:
    """The probability P(X ≥ k) of a binomial X, summed from its largest term outwards."""
    if k <= 0:
        return 1.0
    if k > n or p <= 0:
        return 0.0
    if p >= 1:
        return 1.0
    if k <= n * p:  # the other tail is the smaller one
        return 1.0 - _sum(k - 1, n, p, -1)
    return _sum(k, n, p, 1)


def _sum(k: int, n: int, p: float, step: int) -> float:
    """Sum the terms at ``k``, ``k + step``, … until they no longer count."""
    term = math.exp(
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
    )
    total, odds = 0.0, p / (1 - p)
    while 0 <= k <= n and term > 1e-17 * total:
        total += term
        term *= (n - k) / (k + 1) * odds if step > 0 else k / (n - k + 1) / odds
        k += step
    return min(1.0, total)


def median(values: Sequence[float]) -> float:
    """The middle value of ``values``; 0 when there are none."""
    ordered, half = sorted(values), len(values) // 2
    if not ordered:
        return 0.0
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def deviation(values: Sequence[float]) -> float:
    """The median absolute deviation of values, scaled so that it reads like a standard deviation."""
    middle = median(values)
    return SPREAD * median([abs(value - middle) for value in values])


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile of values by nearest rank; 0 when there are none."""
    ordered = sorted(values)
    return float(ordered[max(0, math.ceil(percent * len(ordered) / 100) - 1)]) if ordered else 0.0


def at_least(values: Sequence[float], percent: float, *, sure: float = 0.95) -> float:
    """The value that the percentile of all visitors is above with probability ``sure``, judged from these few.

    An order statistic, so no shape is assumed. Minus infinite when there are too few values to say.
    """
    ordered, share = sorted(values), percent / 100
    for rank in range(math.ceil(share * len(ordered)), 0, -1):
        if _at_least(rank, len(ordered), share) >= sure:
            return float(ordered[rank - 1])
    return -math.inf
