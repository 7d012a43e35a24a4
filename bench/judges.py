"""How often each way of judging errors takes a good release back, and how often it keeps a bad one.

Run: .venv/bin/python -m bench.judges [trials]   (needs scipy: uv pip install --python .venv/bin/python scipy)

Every trial is one release watched for ten minutes, and a day of the same traffic before it. A good release has the
error rate of the day before, or twice that; a bad one ten times it and more, as the policy has it. On the same trials:

ours          checks.statistics.judge on everything since the promotion, asked every 30 s; a no must last for 2 min
fixed         more than ten times the baseline rate, at any look
fixed, >= 5   likewise, and at least five events: the usual repair
Mann-Whitney  Kayenta's judge: errors per minute of the release against those of ten minutes before (98 %, 0.25)
counting 5    Flagger's rule: minutes above ten times the baseline rate are counted, at the fifth it goes back
counting 1    likewise, at the first (Flagger's default)

*false alarm*: a good release is taken back. *miss*: a bad one is kept. *human*: ours says that it saw too little.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy
from scipy import stats

from checks.statistics import Count, Judged, judge

MINUTES, LOOKS_A_MINUTE, LASTS = 10, 2, 4
DAY = 24 * 60
TIMES, CHANCE, LEAST = 10, 0.001, 20


@dataclass(frozen=True)
class Trial:
    """Requests and errors by half-minute of the watch, and of the ten minutes and the day before it."""

    requests: Sequence[int]
    errors: Sequence[int]
    before: Sequence[int]
    """Errors in each of the ten minutes before."""
    day: Count


@dataclass(frozen=True)
class Kind:
    """``a_minute`` requests, of which ``usual`` fail usually and ``now`` in the release."""

    traffic: str
    a_minute: float
    usual: float
    now: float

    @property
    def bad(self) -> bool:
        return self.now >= TIMES * self.usual and self.now > self.usual


def broken(usual: float) -> tuple[float, float]:
    """Every tenth and every third request fails, or more where much fails anyway."""
    return max(12 * usual, 0.1), max(20 * usual, 0.3)


KINDS = tuple(
    Kind(traffic, a_minute, usual, now)
    for traffic, rates, usuals in (
        ("sparse", (1, 3, 10), (0.0, 0.001, 0.005)),
        ("medium", (30, 60), (0.0, 0.001, 0.005)),
        ("dense", (600, 3000), (0.0005, 0.002, 0.01)),
    )
    for a_minute in rates
    for usual in usuals
    for now in sorted({usual, 2 * usual, *((12 * usual,) if traffic == "dense" else ()), *broken(usual)})
)


def draw(kind: Kind, dice: numpy.random.Generator) -> Trial:
    looks = MINUTES * LOOKS_A_MINUTE
    requests = dice.poisson(kind.a_minute / LOOKS_A_MINUTE, looks)
    before = dice.poisson(kind.a_minute * kind.usual, MINUTES)
    day = int(dice.poisson(kind.a_minute * DAY))
    errors = dice.binomial(requests, min(1.0, kind.now))
    return Trial(requests.tolist(), errors.tolist(), before.tolist(), Count(int(dice.binomial(day, kind.usual)), day))


def ours(trial: Trial) -> str:
    bad = 0
    now, told = Count(0, 0), Judged.TOO_LITTLE
    for requests, errors in zip(trial.requests, trial.errors, strict=True):
        now = Count(now.events + errors, now.exposure + requests)
        told = judge(now, trial.day, times=TIMES, chance=CHANCE, least=LEAST)
        bad = bad + 1 if told is Judged.TOO_MANY else 0
        if bad > LASTS:
            return "back"
    return {Judged.TOO_MANY: "back", Judged.TOO_LITTLE: "human", Judged.USUAL: "keep"}[told]


def fixed(least: int) -> Callable[[Trial], str]:
    def decide(trial: Trial) -> str:
        events = requests = 0
        for more, errors in zip(trial.requests, trial.errors, strict=True):
            events, requests = events + errors, requests + more
            if requests and events >= least and events / requests > TIMES * trial.day.rate:
                return "back"
        return "keep"

    return decide


def minutes(values: Sequence[int]) -> list[int]:
    return [sum(values[at : at + LOOKS_A_MINUTE]) for at in range(0, len(values), LOOKS_A_MINUTE)]


def mann_whitney(trial: Trial) -> str:
    """High when the lower end of the 98 % interval of the shift is above a quarter of the shift itself."""
    experiment, control = numpy.array(minutes(trial.errors)), numpy.array(trial.before)
    if (experiment == experiment[0]).all() and (control == experiment[0]).all():
        return "keep"
    shifts = numpy.sort(numpy.subtract.outer(experiment, control).ravel())
    n, m = len(experiment), len(control)
    rank = n * m / 2 - stats.norm.ppf(0.99) * math.sqrt(n * m * (n + m + 1) / 12)
    low = shifts[max(0, math.floor(rank))]
    different = stats.mannwhitneyu(experiment, control, alternative="greater", method="asymptotic").pvalue < 0.01
    return "back" if different and low > 0.25 * abs(float(numpy.median(shifts))) else "keep"


def counting(most: int) -> Callable[[Trial], str]:
    def decide(trial: Trial) -> str:
        both = zip(minutes(trial.requests), minutes(trial.errors), strict=True)
        failed = sum(1 for requests, errors in both if requests and errors / requests > TIMES * trial.day.rate)
        return "back" if failed >= most else "keep"

    return decide


JUDGES: dict[str, Callable[[Trial], str]] = {
    "ours": ours,
    "fixed": fixed(1),
    "fixed, >= 5": fixed(5),
    "Mann-Whitney": mann_whitney,
    "counting 5": counting(5),
    "counting 1": counting(1),
}


def main(trials: int = 2000) -> None:
    dice = numpy.random.default_rng(5)
    said: dict[tuple[str, bool, str], list[str]] = {}
    for kind in KINDS:
        for _ in range(trials):
            trial = draw(kind, dice)
            for name, decide in JUDGES.items():
                said.setdefault((kind.traffic, kind.bad, name), []).append(decide(trial))
    print(f"{trials} trials of each of {len(KINDS)} kinds of release\n")
    print("| traffic | judge | false alarms | misses | sum | left to a human: good, bad |")
    print("| --- | --- | --- | --- | --- | --- |")
    for traffic in ("sparse", "medium", "dense"):
        for name in JUDGES:
            good, bad = said[traffic, False, name], said[traffic, True, name]
            alarm, miss = good.count("back") / len(good), bad.count("keep") / len(bad)
            shares = [f"{some.count('human') / len(some):.1%}" for some in (good, bad)]
            human = ", ".join(shares) if name == "ours" else ""
            print(f"| {traffic} | {name} | {alarm:.2%} | {miss:.2%} | {alarm + miss:.2%} | {human} |")
    speed()


def speed() -> None:
    """Judging 10,000 readings."""
    readings = [(Count(at % 60, 20 + at % 3000), Count(at % 700, 1000 + at * 7)) for at in range(10_000)]
    began = time.perf_counter()
    for now, usual in readings:
        judge(now, usual, times=TIMES, chance=CHANCE, least=LEAST)
    print(f"\n10,000 readings judged in {time.perf_counter() - began:.3f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
