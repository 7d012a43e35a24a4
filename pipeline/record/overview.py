"""Everything that is written down, in short and up to date: the reports of all runs without their details, incidents,

drills. Each look reads only what is new.
"""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.record.bounded import COLUMNS, Store
from pipeline.record.incidents import FOLDS, Incident, fold
from pipeline.record.journal import Event
from pipeline.record.report import MOVES, Report, report_of

PAGE = 50_000
"""Events that are looked through at a time: a statement has a deadline."""
OF_RUNS = (
    "run begins", "run ended", "release accepted", "waiting for people ends", "superseded", "going back", "holding",
)  # fmt: skip
ACTS = ("build", "note-production", *MOVES)
"""Steps of which the short report needs what they were given and gave."""
OF_DRILLS = ("drill begins", "drill ended")


@dataclass(frozen=True)
class PastDrill:
    """A drill that was played. ``ended`` is empty when it was cut off, or goes on."""

    name: str
    by: str
    began: str
    ended: str = ""


@dataclass(frozen=True)
class Serving:
    """What production of a target serves, as the record knows it. ``deployment`` is empty when nobody can say.

    ``since`` is ISO 8601; ``says`` is how it came to that.
    """

    target: str
    deployment: str
    commit: str
    since: str
    run: str
    says: str


class Overview:
    """Folds the events that tell how runs, incidents and drills went, and keeps them. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store, self._turn = store, threading.Lock()
        self._last, self._events = 0, dict[str, list[Event]]()
        self._reports, self._incidents, self._drills = (
            dict[str, Report](),
            dict[str, Incident](),
            dict[str, PastDrill](),
        )
        self._sorted: tuple[Report, ...] = ()
        self.changes = 0
        """How often something was new; what was made of the overview is good until it grows."""

    def refresh(self) -> int:
        """Read what is new; the number of the newest event of the whole record. Raises ServiceError."""
        with self._turn:
            newest = int(self._store.execute("select coalesce(max(seq), 0) from deploy_events")[0][0])
            touched: dict[str, None] = {}
            while self._last < newest:
                upto = min(self._last + PAGE, newest)
                touched |= dict.fromkeys(self._take(upto))
                self._last = upto
            if touched:
                self._fold(touched)
            return newest

    @property
    def reports(self) -> tuple[Report, ...]:
        """All runs, the one that began last first, each with its beginning, its moves and its end."""
        return self._sorted

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """All incidents, the newest first."""
        return tuple(sorted(self._incidents.values(), key=lambda one: one.opened, reverse=True))

    @property
    def drills(self) -> tuple[PastDrill, ...]:
        """All drills, the newest first."""
        return tuple(sorted(self._drills.values(), key=lambda one: one.began, reverse=True))

    def _take(self, upto: int) -> list[str]:
        """Keep what tells something of the events up to the number ``upto``; the run of each, oldest first."""
        kinds, acts = (*OF_RUNS, *OF_DRILLS, *FOLDS), ("step begins", "step done")
        sql = (
            f"select {COLUMNS} from deploy_events where seq > ? and seq <= ? and (kind in ({_marks(kinds)})"
            f" or (kind in ({_marks(acts)}) and subject in ({_marks(ACTS)}))) order by seq"
        )
        rows = self._store.execute(sql, self._last, upto, *kinds, *acts, *ACTS)
        for run, at, kind, subject, body in rows:
            self._events.setdefault(run, []).append(Event(run, at, kind, subject, json.loads(body)))
        return [str(row[0]) for row in rows]

    def _fold(self, touched: Iterable[str]) -> None:
        for run in touched:
            events = self._events[run]
            first = events[0].kind
            if first == "run begins":
                self._reports[run] = report_of(run, events)
            elif first in OF_DRILLS:
                self._drills[run] = _drill(events)
            elif any(event.kind == "incident opened" for event in events):
                self._incidents[run] = fold(run, events)
        self._sorted = tuple(sorted(self._reports.values(), key=lambda one: one.began)[::-1])
        self.changes += 1


def _marks(names: Iterable[str]) -> str:
    return ", ".join("?" for _ in names)


def _drill(events: list[Event]) -> PastDrill:
    ended = next((event.at for event in events if event.kind == "drill ended"), "")
    return PastDrill(events[0].subject, str(events[0].body.get("by", "")), events[0].at, ended)


def serving(reports: Iterable[Report], target: str) -> Serving | None:
    """What ``target`` serves, from the reports of its runs, newest first; None when none of them moved anything."""
    for report in reports:
        if report.target == target and (found := _moved(report)):
            return found
    return None


def _moved(report: Report) -> Serving | None:
    """Where production was when a run ended; None when that run did not move it."""
    new, old = report.staged.get("id", ""), report.before.get("id", "")

    def at(deployment: str, commit: str, since: str, says: str) -> Serving:
        return Serving(report.target, deployment, commit, since, report.run, says)

    if report.pipeline == "rollback":
        how = "went back by hand" if report.outcome == "rolled back" else "a rollback by hand that is not proved"
        return at("", report.commit, report.ended or report.began, how)
    if report.pipeline == "preview" or not report.live_at:
        return None
    match report.outcome:
        case "rolled back":
            return at(old, report.was_live, report.ended, "went back by itself")
        case "stranded":
            return at("", "", report.ended, "nobody can say: going back is not proved")
        case "superseded":
            return at("", "", report.ended, report.theirs or "somebody else's release")
        case "":
            return at(new, report.commit, report.live_at, "promoted, and not judged yet")
    return at(new, report.commit, report.live_at, report.ended_as)
