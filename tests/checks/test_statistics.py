"""The exact test against what it must equal, and against the judges it is to be better than."""

import math
import random
from fractions import Fraction
from math import comb

import pytest

from checks.statistics import (
    Count,
    Judged,
    at_least,
    deviation,
    judge,
    median,
    percentile,
    probability,
)

POLICY = {"times": 10.0, "chance": 0.001, "least": 20}


def exact(now: Count, usual: Count) -> float:
    """The binomial tail in whole fractions."""
    n = now.events + usual.events
    share = Fraction(int(now.exposure), int(now.exposure + usual.exposure))
    return float(sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(now.events, n + 1)))


@pytest.mark.parametrize("now", [Count(0, 30), Count(1, 15), Count(3, 200), Count(9, 10), Count(40, 100)])
@pytest.mark.parametrize("usual", [Count(0, 1425), Count(2, 100), Count(70, 90), Count(5, 100_000)])
def test_the_probability_is_the_binomial_tail(now: Count, usual: Count) -> None:
    assert probability(now, usual) == pytest.approx(exact(now, usual), rel=1e-9, abs=1e-15)


def test_large_counts_are_no_overflow() -> None:
    assert probability(Count(50_000, 1e6), Count(1_000_000, 20e6)) == pytest.approx(0.5, abs=0.01)
    assert probability(Count(100_000, 1e6), Count(1_000_000, 20e6)) < 1e-300


def test_one_error_against_none_is_no_spike_and_three_are() -> None:
    usual = Count(0, 5_000)
    assert judge(Count(1, 60), usual, **POLICY) is Judged.USUAL
    assert judge(Count(3, 60), usual, **POLICY) is Judged.TOO_MANY


def test_what_kayenta_passes_is_seen() -> None:
    """kayenta#426: [0,1,2,1,0,0] and [0,0,5,0,0,9] against zeros."""
    for errors in (4, 14):
        assert judge(Count(errors, 120), Count(0, 2_000), **POLICY) is Judged.TOO_MANY


def test_with_much_traffic_the_ratio_decides() -> None:
    usual = Count(1_000, 1_000_000)
    assert judge(Count(960, 100_000), usual, **POLICY) is Judged.USUAL
    assert judge(Count(1_000, 100_000), usual, **POLICY) is Judged.TOO_MANY


def test_too_little_is_never_usual_but_can_be_too_many() -> None:
    assert judge(Count(0, 5), Count(3, 5_000), **POLICY) is Judged.TOO_LITTLE
    assert judge(Count(5, 5), Count(3, 5_000), **POLICY) is Judged.TOO_MANY
    assert judge(Count(0, 0), Count(3, 5_000), **POLICY) is Judged.TOO_LITTLE
    assert judge(Count(0, 500), Count(0, 0), **POLICY) is Judged.TOO_LITTLE, "no baseline is no good baseline"


def test_the_fewest_that_tell_tell_and_one_less_does_not() -> None:
    usual = Count(30, 20_000)
    few = next(n for n in range(1, 100) if judge(Count(n, 200), usual, **POLICY) is Judged.TOO_MANY)
    assert few > 1
    assert judge(Count(few, 200), usual, **POLICY) is Judged.TOO_MANY
    assert judge(Count(few - 1, 200), usual, **POLICY) is not Judged.TOO_MANY


def test_false_alarms_and_misses_with_little_traffic_are_fewer_than_others() -> None:
    """Forty requests in ten minutes, a day of the same before it; bench/judges.py publishes the whole table."""
    dice = random.Random(11)
    alarms, misses = {"ours": 0, "ratio": 0, "counting": 0}, {"ours": 0, "ratio": 0, "counting": 0}
    trials = 400
    for bad in (False, True):
        for _ in range(trials):
            usual = Count(sum(dice.random() < 0.002 for _ in range(5_760)), 5_760)
            errors = [sum(dice.random() < (0.3 if bad else 0.002) for _ in range(4)) for _ in range(10)]
            total = sum(errors)
            said = {
                "ours": judge(Count(total, 40), usual, **POLICY) is Judged.TOO_MANY,
                "ratio": total / 40 > 10 * usual.rate,
                "counting": sum(one / 4 > 10 * usual.rate for one in errors) >= 1,
            }
            for name, back in said.items():
                alarms[name] += back and not bad
                misses[name] += bad and not back
    wrong = {name: (alarms[name] + misses[name]) / trials for name in alarms}
    assert wrong["ours"] < 0.01
    assert wrong["ratio"] > 2 * wrong["ours"] + 0.02
    assert wrong["counting"] > 2 * wrong["ours"] + 0.02


def test_robust_statistics() -> None:
    values = [10, 11, 12, 13, 900]
    assert median(values) == 12
    assert median([]) == 0
    assert median([1, 2, 3, 10]) == 2.5
    assert deviation(values) == pytest.approx(1.4826)
    assert percentile(range(1, 101), 95) == 95
    assert percentile([], 95) == 0


def test_a_percentile_of_few_values_is_only_sure_when_several_are_high() -> None:
    """One slow visit of twenty says nothing about the 95th percentile; six say that it is slow."""
    assert at_least([100] * 19 + [9_000], 95) == 100
    assert at_least([100] * 14 + [9_000] * 6, 95) == 9_000
    assert at_least([], 95) == -math.inf


def test_the_lower_bound_of_a_percentile_holds_as_often_as_it_says() -> None:
    dice = random.Random(3)
    true_p95 = -math.log(0.05)  # of an exponential distribution
    held = sum(at_least([dice.expovariate(1) for _ in range(40)], 95) <= true_p95 for _ in range(800))
    assert held / 800 >= 0.95
