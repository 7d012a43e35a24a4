"""Every number that was read, kept beside the journal: what is usual can be said only of what was written down."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from checks.evidence import Evidence
from checks.statistics import median
from pipeline.errors import ServiceError
from pipeline.record.bounded import Store


@dataclass(frozen=True)
class Sample:
    """One number that a probe read."""

    at: datetime.datetime
    metric: str
    value: float


ENOUGH = 500
"""Readings of one metric that tell the middle of all of them."""
RUNS = 500
"""Runs that are looked through for those that ended well and have read a metric."""
LATELY = 10
"""Likewise, when every metric is wanted at once."""
MIXES, RANGE = 2_654_435_761, 2**32
"""Makes numbers in a row fall all over the range (Knuth's multiplicative hash): every 40th may be the same metric's."""


class Samples:
    """The numbers that were read of one target."""

    def __init__(self, store: Store, target: str) -> None:
        self._store, self._target = store, target

    def add(self, moment: datetime.datetime, run: str, release: str, numbers: Sequence[tuple[str, float]]) -> None:
        """Keep ``numbers``, pairs of metric and value."""
        if not numbers:
            return
        rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(numbers))
        when = _text(moment)
        values = [
            item for metric, value in numbers for item in (when, self._target, run, release, metric, float(value))
        ]
        columns = "at, target, run, release, metric, value"
        self._store.execute(f"insert into deploy_samples ({columns}) values {rows}", *values)

    def keeper(self, now: Callable[[], datetime.datetime], run: str, release: str) -> Callable[[Evidence], None]:
        """Make a function that keeps the numbers of an evidence; that they could not be kept stops no run."""

        def keep(seen: Evidence) -> None:
            try:
                self.add(now(), run, release, seen.numbers())
            except ServiceError:
                pass

        return keep

    def counts(self, since: datetime.datetime) -> dict[str, int]:
        """How many readings of each metric there are since then; the metrics in the order of their names."""
        sql = "select metric, count(*) from deploy_samples where target = ? and at >= ? group by metric order by metric"
        return {str(metric): int(count) for metric, count in self._store.execute(sql, self._target, _text(since))}

    def metrics(self) -> tuple[str, ...]:
        """The names of all that was read, in order: a look at the index for each, whatever its readings are."""
        of = "from deploy_samples where target = ?"
        sql = (
            f"with recursive names(name) as (select min(metric) {of} union all"
            f" select (select min(metric) {of} and metric > name) from names where name is not null)"
            " select name from names where name is not null"
        )
        return tuple(str(name) for (name,) in self._store.execute(sql, self._target, self._target))

    def total(self) -> int:
        """How many readings there are, of all targets and metrics."""
        ((count,),) = self._store.execute("select count(*) from deploy_samples")
        return int(count)

    def between(self, metric: str, begin: datetime.datetime, end: datetime.datetime, share: float = 1) -> list[Sample]:
        """The readings of ``metric`` from ``begin`` until before ``end``, oldest first; a ``share``, all over."""
        sql = (
            "select at, metric, value from deploy_samples where target = ? and metric = ? and at >= ? and at < ?"
            f" and (seq * {MIXES}) % {RANGE} < ? order by at"
        )
        rows = self._store.execute(sql, self._target, metric, _text(begin), _text(end), int(min(share, 1) * RANGE))
        return [_sample(row) for row in rows]

    def of_run(self, run: str) -> dict[str, list[Sample]]:
        """All readings of one run, oldest first, by metric; the metrics in the order of their names."""
        sql = "select target, at, metric, value from deploy_samples where run = ? order by metric, at"
        found: dict[str, list[Sample]] = {}
        for target, *row in self._store.execute(sql, run):
            if target == self._target:  # said in the statement, it would lead SQLite to another index
                found.setdefault(str(row[1]), []).append(_sample(row))
        return found

    def good_releases(self, metric: str, most: int, but: str = "") -> tuple[float, ...]:
        """The median of ``metric`` in each of the last ``most`` runs that ended well, newest first; not in ``but``."""
        runs = [run for run in self._good_runs if run != but]
        marks = ", ".join("?" * len(runs))
        sql = f"select run, value from deploy_samples where metric = ? and target = ? and run in ({marks or 'null'})"
        found: dict[str, list[float]] = {}
        for run, value in self._store.execute(sql, metric, self._target, *runs):
            found.setdefault(str(run), []).append(float(value))
        return tuple([median(found[run]) for run in runs if run in found][:most])

    def lately_good(self, most: int, but: str = "") -> dict[str, tuple[float, ...]]:
        """As ``good_releases``, of every metric at once; only the newest ``LATELY`` good runs are looked through."""
        runs = [run for run in self._good_runs if run != but][:LATELY]
        marks = ", ".join("?" * len(runs))
        sql = f"select target, run, metric, value from deploy_samples where run in ({marks or 'null'})"
        found: dict[str, dict[str, list[float]]] = {}
        for target, run, metric, value in self._store.execute(sql, *runs):
            if target == self._target:
                found.setdefault(str(metric), {}).setdefault(str(run), []).append(float(value))
        return {
            metric: tuple([median(by_run[run]) for run in runs if run in by_run][:most])
            for metric, by_run in found.items()
        }

    @cached_property
    def _good_runs(self) -> tuple[str, ...]:
        sql = f"select run from deploy_events where kind = 'run ended' and body like ? order by seq desc limit {RUNS}"
        return tuple(str(run) for (run,) in self._store.execute(sql, WELL))


WELL = '%"outcome": "deployed"%'


def _sample(row: Iterable[object]) -> Sample:
    at, metric, value = row
    return Sample(datetime.datetime.fromisoformat(str(at)), str(metric), float(str(value)))


def _text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
