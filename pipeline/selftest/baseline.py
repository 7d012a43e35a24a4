"""How the gate of ``checks.baseline`` is made to stop."""

import datetime

from checks import baseline
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import Act, later
from pipeline.selftest.lab import Lab

WEEK = 7 * 86400.0


def _readings(ms: float, *days_ago: float) -> Act:
    """Write down load times that were kept on these days."""

    def act(lab: Lab) -> None:
        for days in days_ago:
            moment = lab.clock.now() - datetime.timedelta(days=days)
            lab.records.samples.add(moment, "monitor-daily", "", [("load.p95_ms", ms)])

    return act


def _two_quiet_weeks(lab: Lab) -> None:
    _readings(400, *range(1, 14))(lab)


def _a_week_later(lab: Lab) -> None:
    """Move the clock by a week in which the cause was mended and somebody looked every day."""
    later(WEEK)(lab)
    _readings(860, *range(1, 7))(lab)


BREAKAGES = (
    Breakage(
        baseline.week_is_usual,
        "journal",
        "load times have doubled since last week",
        _readings(900, *(day / 4 for day in range(1, 24))),
        "mend that, or live with it; in a week it is what is usual",
        _a_week_later,
        rests=_two_quiet_weeks,
    ),
)
