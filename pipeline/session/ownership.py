"""Whose a run is: the lease is renewed while it lives, and who lost it touches nothing any more."""

import contextlib

from checks.outcome import Outcome
from pipeline.clock import SystemClock
from pipeline.engine.runner import Runner
from pipeline.errors import Locked, Lost, ServiceError
from pipeline.record.bounded import DEADLINE, Store
from pipeline.record.journal import Journal, events_of
from pipeline.record.lock import Lock
from pipeline.record.report import Report, report_of

LEASE = 60.0  # renewed every third of it
SLEPT = DEADLINE + 2  # seconds: no store is waited for as long, so the process itself stood still


async def keep(lock: Lock, journal: Journal, runner: Runner) -> None:
    """Renew the lease while the run lives; a run that lost its lock must not go on, nor back."""
    while True:
        await SystemClock().sleep(lock.lease / 3)
        if not is_ours(lock, journal):
            runner.interrupt("somebody else took the lock")


def is_ours(lock: Lock, journal: Journal) -> bool:
    """Whether the run is still ours; renews its lease. Only a clear no is one: a store that is away says nothing.

    A lock that is gone is no no either, unless somebody else went on with the run: a person took it away. Who was
    stopped while it asked has not learnt that the store is away, and asks again.
    """
    clock = SystemClock()
    for _ in range(2):
        began = clock.monotonic()
        try:
            if lock.renew():
                return True
            if lock.held() is not None or journal.is_continued():
                return False
            lock.take(f"goes on with {journal.run}")
        except Locked:
            return False
        except ServiceError:
            if clock.monotonic() - began <= SLEPT:
                break
        else:
            break
    return True


def lost_run(store: Store, run: str, lost: Lost) -> Lost:
    """What is said of a run that is somebody else's now, and the exit code that is true of it."""
    report = Report(run)
    with contextlib.suppress(ServiceError):
        report = report_of(run, events_of(store, run))
    code = report.exit_code if report.exit_code is not None else Outcome.HELD.code if lost.moved else 1
    ended = f"it ended as {report.outcome}" if report.outcome else "it has no end yet"
    return Lost(f"{lost}; nothing was touched since; {ended}: ./inv report {run}", moved=lost.moved, code=code)
