"""What the dashboard shows, read from the record: at once what is short, beside it what takes a while."""

import datetime
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.report import facts_of
from pipeline.config import Config
from pipeline.documents.reviews import signatures, standing, verified
from pipeline.documents.todo import actions
from pipeline.documents.writing import Sources, every_section
from pipeline.drills.scenario import scenarios
from pipeline.errors import PipelineError
from pipeline.record.dora import Delivery, delivery
from pipeline.record.incidents import Incident
from pipeline.record.journal import events_of
from pipeline.record.lock import Lock
from pipeline.record.overview import Overview, serving
from pipeline.record.place import place_of
from pipeline.record.report import Report, report_of
from pipeline.record.samples import Samples
from pipeline.render import charts
from pipeline.render.dashboard import (
    GRAVE,
    Paths,
    Readiness,
    Shown,
    TargetNow,
    Week,
    baselines_page,
    delivery_page,
    now_page,
    one_run_page,
    readiness_page,
    runs_page,
)
from pipeline.session.baseline import BaselineRow, rows
from pipeline.session.runs import store_of

WEEKS, MONTH = 12, datetime.timedelta(days=30)
A_WEEK = datetime.timedelta(days=7)
STALE = datetime.timedelta(minutes=10)
"""How old the baselines may be before they are computed anew."""


@dataclass
class _Slow:
    """What takes seconds to compute, and when that was."""

    baselines: tuple[tuple[str, tuple[BaselineRow, ...]], ...] = ()
    at: datetime.datetime | None = None
    sections: dict[str, int] | None = None


class RecordBoard:
    """Answers each page of the dashboard. Threads may share it. ``sources``: what the runbooks are written from."""

    def __init__(self, config: Config, root: Path, sources: Callable[[], Sources]) -> None:
        self._config, self._root, self._sources = config, root, sources
        self._store, self._clock = store_of(config, root), SystemClock()
        self._overview, self._slow = Overview(self._store), _Slow()
        self._turn, self._delivered = threading.Lock(), (-1, "", list[tuple[str, Delivery, list[Week]]]())
        self._record = str(place_of(config.file.state, root))
        self._targets = [name for name, target in config.file.targets.items() if target.kind != "preview"]

    def warm(self) -> None:
        """Answer every page once, so that whoever asks first does not wait for templates and the library of charts."""
        charts.warm()
        paths = Paths()
        for answer in (self.now, self.delivery, self.baselines, self.readiness):
            answer(paths)
        self.runs(paths, 1)
        for run in self.newest_runs(1):
            self.run(paths, run)

    def newest(self) -> int:
        """The number of the newest event, after everything up to it was read. Raises ServiceError."""
        return self._overview.refresh()

    def shown(self, paths: Paths) -> Shown:
        return Shown(paths, self._clock.now(), self._record, self.newest(), self._alive())

    def now(self, paths: Paths) -> str:
        shown, reports = self.shown(paths), self._overview.reports
        open_ = [one for one in self._overview.incidents if one.open]
        return now_page(shown, self._now(reports), open_, reports)

    def runs(self, paths: Paths, turned: int) -> str:
        return runs_page(self.shown(paths), self._overview.reports, turned)

    def run(self, paths: Paths, run: str) -> str | None:
        """The page of one run; None when there is none."""
        shown, events = self.shown(paths), events_of(self._store, run)
        if not events or events[0].kind != "run begins":
            return None
        return one_run_page(shown, facts_of(self._config, self._root, self._store, report_of(run, events)))

    def delivery(self, paths: Paths) -> str:
        shown = self.shown(paths)
        return delivery_page(shown, self._delivery(shown.now))

    def baselines(self, paths: Paths) -> str:
        shown, slow = self.shown(paths), self._slow
        if slow.at and shown.now - slow.at > STALE:
            self.compute_aside()
        return baselines_page(shown, slow.baselines, f"{slow.at:%Y-%m-%d %H:%M:%S} UTC" if slow.at else "")

    def readiness(self, paths: Paths) -> str:
        open_actions = tuple(one.line for one in actions(self._root) if not one.done)
        known = tuple(scenarios())
        waiting = tuple(one for one in self._overview.incidents if _waits_for_review(one))
        shown = self.shown(paths)
        ready = Readiness(self._overview.drills, known, waiting, self._slow.sections or {}, open_actions)
        return readiness_page(shown, ready)

    def newest_runs(self, most: int) -> tuple[str, ...]:
        """The ids of the newest runs."""
        self.newest()
        return tuple(report.run for report in self._overview.reports[:most])

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self._overview.reports)

    def compute_aside(self) -> None:
        """Compute in the background what takes a while; one at a time."""
        threading.Thread(target=self.compute, daemon=True).start()

    def compute(self) -> None:
        """Compute baselines and the state of the runbooks, over a connection of its own: nobody waits for it."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._slow.baselines, self._slow.at = self._baselines(), self._clock.now()
            self._slow.sections = self._sections()
        except PipelineError:
            pass  # the next look tries again
        finally:
            self._turn.release()

    def close(self) -> None:
        self._store.close()

    def _baselines(self) -> tuple[tuple[str, tuple[BaselineRow, ...]], ...]:
        store, now = store_of(self._config, self._root), self._clock.now()
        try:
            return tuple(
                (name, rows(Samples(store, name), now, self._config.policies[name].performance.good_releases))
                for name in self._targets
            )
        finally:
            store.close()

    def _sections(self) -> dict[str, int]:
        signed = [one for signature in signatures(self._root) if (one := verified(signature, self._root))]
        policy, today = self._config.file.runbooks, self._clock.now().date()
        return dict(Counter(one.state for one in standing(every_section(self._sources()), signed, policy, today)))

    def _now(self, reports: Sequence[Report]) -> list[TargetNow]:
        return [
            TargetNow(
                name,
                self._config.file.targets[name].domain,
                serving(reports, name),
                str(Lock(self._store, name, "", self._clock).held() or ""),
            )
            for name in self._targets
        ]

    def _alive(self) -> frozenset[str]:
        """Who has the lock of a target now: the runs that go on."""
        held = [Lock(self._store, name, "", self._clock).alive() for name in self._config.file.targets]
        return frozenset(one.holder for one in held if one)

    def _delivery(self, now: datetime.datetime) -> list[tuple[str, Delivery, list[Week]]]:
        """The figures of each target that has releases; computed anew when there is something new, or a new day."""
        state = (self._overview.changes, f"{now:%Y-%m-%d}")
        if self._delivered[:2] != state:
            self._delivered = (*state, [self._of_target(name, now) for name in self._targets])
        return [one for one in self._delivered[2] if one[1].releases or any(week.figures.releases for week in one[2])]

    def _of_target(self, name: str, now: datetime.datetime) -> tuple[str, Delivery, list[Week]]:
        first = now - WEEKS * A_WEEK
        reports = [one for one in _from(self._overview.reports, first) if one.target == name]
        begins = [first + at * A_WEEK for at in range(WEEKS)]
        weeks = [Week(f"{begin:%m-%d}", delivery(_from(reports, begin), begin, begin + A_WEEK)) for begin in begins]
        return name, delivery(_from(reports, now - MONTH), now - MONTH, now), weeks


def _from(reports: Sequence[Report], since: datetime.datetime) -> list[Report]:
    """Those that began since then: what came before neither counts nor puts anything right."""
    text = since.isoformat()
    return [report for report in reports if report.began >= text]


def _waits_for_review(incident: Incident) -> bool:
    return bool(incident.resolved) and not incident.reviewed and incident.severity in GRAVE
