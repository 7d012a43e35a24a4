"""Every number that was read, kept beside the journal: what is usual can be said only of what was written down."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from checks.evidence import Evidence
from checks.statistics import median
from pipeline.errors import ServiceError
from pipeline.record.store import Store


@dataclass(frozen=True)
class Sample:
    """One number that a probe read. ``release``: the commit that was live or shipped, or empty; ``run``: who read."""

    at: datetime.datetime
    metric: str
    value: float
    release: str
    run: str


class Samples:
    """The numbers that were read of one target."""

    def __init__(self, store: Store, target: str) -> None:
        self._store, self._target = store, target

    def add(self, moment: datetime.datetime, run: str, release: str, numbers: Sequence[tuple[str, float]]) -> None:
        """Keep ``numbers``, pairs of metric and value."""
        if not numbers:
            return
        rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(numbers))
        when = moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
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

    def since(self, moment: datetime.datetime, metric: str = "") -> list[Sample]:
        """The samples since then, oldest first; of one ``metric`` or of all."""
        sql = "select at, metric, value, release, run from deploy_samples where target = ? and at >= ?"
        values = [self._target, moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")]
        if metric:
            sql, values = f"{sql} and metric = ?", [*values, metric]
        return [_sample(row) for row in self._store.execute(f"{sql} order by seq", *values)]

    def good_releases(self, metric: str, most: int, but: str = "") -> tuple[float, ...]:
        """The median of ``metric`` in each of the last ``most`` runs that ended well, newest first; not in ``but``."""
        ended = self._store.execute("select run from deploy_events where kind = 'run ended' and body like ?", WELL)
        good = {run for (run,) in ended} - {but}
        sql = "select run, value from deploy_samples where target = ? and metric = ? order by seq desc"
        found: dict[str, list[float]] = {}
        for run, value in self._store.execute(sql, self._target, metric):
            if run in good:
                if run not in found and len(found) == most:
                    break
                found.setdefault(run, []).append(float(value))
        return tuple(median(values) for values in found.values())


WELL = '%"outcome": "deployed"%'


def _sample(row: Iterable[object]) -> Sample:
    at, metric, value, release, run = row
    return Sample(datetime.datetime.fromisoformat(str(at)), str(metric), float(str(value)), str(release), str(run))
