"""The four figures of software delivery, of one target and a time: a fold over the reports of its runs."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checks.statistics import median
from pipeline.record.history import TAKEN_BACK, moment, reached_users
from pipeline.record.report import Report

DAY = 86400.0
ENDS_WELL = frozenset({"deployed", "rolled back"})


@dataclass(frozen=True)
class Spread:
    """Some durations in seconds: how many are known, their median, and the longest. All 0 when none is known."""

    known: int = 0
    median: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True)
class Delivery:
    """How a team delivers. Durations are seconds.

    ``releases``: runs that reached users. ``lead``: from the commit to users. ``before``, ``machine`` and ``people``
    are its parts: until the run began, the run's own work, and its waiting for people. ``failed``: releases that were
    taken back, by the run or by hand, or stranded. ``recovery``: from users to that it was put right; ``open``: failed
    releases after which nothing was put right yet.
    """

    days: float
    releases: int
    lead: Spread
    before: Spread
    machine: Spread
    people: Spread
    failed: int
    recovery: Spread
    open: int

    @property
    def a_day(self) -> float:
        return self.releases / self.days if self.days else 0.0

    @property
    def failure_rate(self) -> float:
        return self.failed / self.releases if self.releases else 0.0


def delivery(reports: Iterable[Report], since: datetime.datetime, until: datetime.datetime) -> Delivery:
    """Count what began between ``since`` and ``until``. What was put right later, by whatever run, counts as such."""
    every = sorted((report for report in reports if report.began), key=lambda report: report.began)
    released = [one for one in every if reached_users(one) and _within(one, since, until)]
    by_hand = {one.taken_back: one for one in every if one.pipeline == "rollback" and one.taken_back}
    failed = [one for one in released if one.outcome in TAKEN_BACK or one.staged.get("id") in by_hand]
    righted = [_righted(one, every, by_hand.get(one.staged.get("id", ""))) for one in failed]
    parts = [part for one in released if (part := _parts(one))]
    return Delivery(
        (until - since).total_seconds() / DAY,
        len(released),
        spread([sum(part) for part in parts]),
        spread([before for before, _, _ in parts]),
        spread([machine for _, machine, _ in parts]),
        spread([people for _, _, people in parts]),
        len(failed),
        spread([seconds for seconds in righted if seconds is not None]),
        sum(seconds is None for seconds in righted),
    )


def spread(seconds: Sequence[float]) -> Spread:
    """What is usual among ``seconds``."""
    return Spread(len(seconds), median(seconds), max(seconds)) if seconds else Spread()


def _within(report: Report, since: datetime.datetime, until: datetime.datetime) -> bool:
    began = moment(report.began)
    return began is not None and since <= began < until


def _parts(report: Report) -> tuple[float, float, float] | None:
    """Seconds from the commit until the run began, of the run's work until users had it, and of waiting for people."""
    committed, began, live = moment(report.committed), moment(report.began), moment(report.live_at)
    if committed is None or began is None or live is None:
        return None
    people = min(report.waited_ms / 1000, (live - began).total_seconds())
    return (began - committed).total_seconds(), (live - began).total_seconds() - people, people


def _righted(report: Report, every: Sequence[Report], by_hand: Report | None) -> float | None:
    """Seconds from when users had a bad release until they had a good one; None when nobody has put it right."""
    live = moment(report.live_at or report.began)
    own = report if report.outcome == "rolled back" else by_hand
    if own is None or own.outcome != "rolled back":
        own = next((one for one in every if one.began > report.began and one.outcome in ENDS_WELL), None)
    ended = moment(own.ended) if own else None
    return (ended - live).total_seconds() if ended and live else None
