"""``invoke follow``: a run that goes on elsewhere, shown here until it ends."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from checks.outcome import Outcome
from pipeline.clock import SystemClock
from pipeline.config import Config
from pipeline.errors import Lost
from pipeline.record.journal import Listener
from pipeline.record.report import Report
from pipeline.redact import Redactor
from pipeline.session.following import follow
from pipeline.session.runs import one_run, store_of


def follow_run(config: Config, root: Path, run: str, show: Callable[[Redactor, str], Listener]) -> Report:
    """Show ``run`` as it goes on; its report when it has ended.

    Raises Mistake when there is none, and Lost for one that has no end and nobody at it.
    """
    found = one_run(config, root, run)
    store = store_of(config, root)
    try:
        report = asyncio.run(follow(store, found.run, show(Redactor(), found.run), SystemClock()))
    finally:
        store.close()
    if not report.outcome:
        raise Lost(
            f"run {report.run} has no end, and nobody is at it any more: "
            f"./inv report {report.run}   shows what it did and how to go on",
            moved=bool(report.live_at),
            code=Outcome.STRANDED.code if report.live_at else 1,
        )
    return report
