"""Asks whether this week's readings are like the last week's."""

from dataclasses import replace

from checks.evidence import Compared, WeekByWeek
from checks.gate import Findings, gate, not_yet, warn

FEW = 5
FAR = 3.5  # spreads; beyond this an observation counts as an outlier (Iglewicz and Hoaglin)
MUCH = 0.25
LESS_IS_WORSE = ("percent", "views")
MORE_IS_WORSE_PERCENT = ("limited_percent", "connections_percent")
NEUTRAL = ("storage.objects", "redis.keys")


def direction(metric: str) -> int:
    """The direction in which a metric gets worse: 1 when more is worse, -1 when less is, 0 when neither."""
    if metric in NEUTRAL:
        return 0
    less = any(word in metric for word in LESS_IS_WORSE) and not metric.endswith(MORE_IS_WORSE_PERCENT)
    return -1 if less else 1


def distance(now: float, before: float, spread: float) -> float:
    """How many spreads ``now`` is away from its baseline; a spread of zero counts as a twentieth of the value."""
    return (now - before) / max(spread, abs(before) / 20, 1e-9)


@gate(owner="on-call")
def week_is_usual(seen: WeekByWeek) -> Findings:
    """No reading has moved in the wrong direction since the week before, beyond its usual spread.

    Why: What gets a little worse every week crosses no limit until it is too late to be cheap.

    By hand: `./inv monitor.baseline`, or the table under *Historical Baselines*.

    If it fails: Find the day on which it began (`./inv monitor.baseline --json`) and what was released on it: mend
        that, or live with it; in a week it is what is usual.
    """
    few = [metric.metric for metric in seen.metrics if min(metric.readings, metric.readings_before) < FEW]
    if few or not seen.metrics:
        told = ", ".join(few[:5]) if few else "any metric"
        yield warn("baselines", f"are too short to compare for {told}: run ./inv monitor.daily every day")
    for metric in seen.metrics:
        if metric.metric in few:
            continue
        far = distance(metric.now, metric.before, metric.spread) * direction(metric.metric)
        moved = abs(metric.now - metric.before) >= MUCH * abs(metric.before)
        if far > FAR and moved:
            says = f"has a median of {metric.now:.4g} ({metric.readings} readings), a week ago {metric.before:.4g}"
            yield not_yet(metric.metric, f"{says} ({metric.readings_before}, {far:.1f} spreads away)", severity="P3")


week_is_usual.stops_when(
    "load times have doubled",
    lambda s: (replace(s, metrics=(Compared("load.p95_ms", 900, 12, 420, 14, 40),)),),
)
