"""Follows a run that goes on elsewhere, from the record that both share."""

from pipeline.clock import Clock
from pipeline.errors import ServiceError
from pipeline.record.bounded import Store
from pipeline.record.journal import Event, Listener, events_after
from pipeline.record.lock import Lock
from pipeline.record.report import Report, report_of

EVERY = 1.0  # seconds between two looks
LOST_AFTER = 60.0  # seconds without anybody at it, or without the record: the jobs of a run follow each other sooner


def is_at_it(store: Store, report: Report, clock: Clock) -> bool:
    """Whether somebody is at that run now, i.e. has the lock of its target in its name."""
    held = Lock(store, report.target, "", clock).alive()
    return held is not None and held.holder == report.run


async def follow(store: Store, run: str, listener: Listener, clock: Clock) -> Report:
    """Tell ``listener`` every event of ``run``, those of before first, until it ends, or nobody is at it any more.

    Raises ServiceError when the record cannot be read for longer than ``LOST_AFTER``.
    """
    known: list[Event] = []
    last, seen = 0, clock.monotonic()
    while True:
        try:
            new = events_after(store, run, last)
            report = report_of(run, [*known, *(event for _, event in new)])
            if new or is_at_it(store, report, clock):
                seen = clock.monotonic()
        except ServiceError:
            if clock.monotonic() - seen > LOST_AFTER:
                raise
            new, report = [], report_of(run, known)
        for number, event in new:
            last = number
            known.append(event)
            listener(event)
        if report.outcome or clock.monotonic() - seen > LOST_AFTER:
            return report
        await clock.sleep(EVERY)
