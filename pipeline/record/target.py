"""What was written down about a target and helps to judge it now: its journal, its lock, its waivers, its readings."""

import datetime
from collections.abc import Iterable

from checks.evidence import BadRelease, Bookkeeping, Compared, PastRun, UnreviewedIncident, WeekByWeek
from checks.evidence.approval import EarlierPlan
from checks.policy import Waiver
from checks.statistics import deviation, median
from pipeline.clock import Clock
from pipeline.record.approvals import GivenApproval, given_to
from pipeline.record.bounded import Store
from pipeline.record.incidents import incidents
from pipeline.record.journal import events_of, known_bad, latest_runs
from pipeline.record.lock import Lock
from pipeline.record.plans import plans_of
from pipeline.record.report import report_of
from pipeline.record.samples import ENOUGH, Samples

RUNS = 30
GRAVE = ("P0", "P1")
WEEK = datetime.timedelta(days=7)


class Written:
    """The records of one target, as ``World.records`` wants them. Read each time they are asked for."""

    def __init__(self, store: Store, target: str, clock: Clock, waivers: Iterable[Waiver] = ()) -> None:
        self._store, self._target, self._clock, self._waivers = store, target, clock, tuple(waivers)
        self.samples = Samples(store, target)

    def approvals(self) -> tuple[GivenApproval, ...]:
        """What was given with a key for this target, oldest first."""
        return given_to(self._store, self._target)

    def plans(self, commit: str) -> tuple[EarlierPlan, ...]:
        """The plans of a commit that runs to this target have read, oldest first."""
        return plans_of(self._store, self._target, commit)

    def known_bad(self) -> tuple[BadRelease, ...]:
        """Releases that were taken back because they were bad, oldest first."""
        return known_bad(self._store)

    def knows(self, run: str) -> bool:
        """Whether anything of ``run`` is written down."""
        return bool(self._store.execute("select 1 from deploy_events where run = ? limit 1", run))

    def good_releases(self, metric: str, most: int) -> tuple[float, ...]:
        """A metric's values of the last good releases, newest first."""
        return self.samples.good_releases(metric, most)

    def bookkeeping(self) -> Bookkeeping:
        """Yesterday's runs, the lock, and waivers that are over."""
        now = self._clock.now()
        lock = Lock(self._store, self._target, "", self._clock)
        held, alive = lock.held(), lock.alive()
        at_it = alive.holder if alive else ""
        overdue = (f"{one.gate} until {one.until}" for one in self._waivers if one.until < now.date())
        runs = tuple(self._runs(now - datetime.timedelta(days=1), at_it))
        return Bookkeeping(runs, str(held or ""), tuple(overdue), tuple(self._unreviewed()))

    def _unreviewed(self) -> Iterable[UnreviewedIncident]:
        """The P0 and P1 of this target that are resolved and have no review."""
        for incident in incidents(self._store, self._target):
            if incident.resolved and not incident.reviewed and incident.severity in GRAVE:
                yield UnreviewedIncident(incident.id, incident.severity, incident.resolved)

    def _runs(self, since: datetime.datetime, at_it: str) -> Iterable[PastRun]:
        """The runs of this target that began since then; the one that is at it now has not ended."""
        for run in latest_runs(self._store, RUNS):
            report = report_of(run, events_of(self._store, run))
            if report.target != self._target or run == at_it or not report.began:
                continue
            if datetime.datetime.fromisoformat(report.began) >= since:
                yield PastRun(run, report.outcome, report.reason, report.accepted_by)

    def week_by_week(self) -> WeekByWeek:
        """Compare every kept metric of this week with the week before."""
        now = self._clock.now()
        counts = self.samples.counts(now - 2 * WEEK)
        return WeekByWeek(tuple(_compared(name, self.samples, now, ENOUGH / count) for name, count in counts.items()))


def _compared(name: str, samples: Samples, now: datetime.datetime, share: float) -> Compared:
    weeks = (now - WEEK, now + WEEK), (now - 2 * WEEK, now - WEEK)
    last, before = ([one.value for one in samples.between(name, *week, share)] for week in weeks)
    return Compared(name, median(last), len(last), median(before), len(before), deviation(before))
