"""Keeps a release that no run could call well: a person decides, and it is recorded who and why."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from checks.outcome import Outcome
from pipeline.config import Config
from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.record.journal import Journal
from pipeline.record.lock import Lock
from pipeline.record.report import Report
from pipeline.session import bulletin
from pipeline.session.news import tell_kept
from pipeline.session.runs import github_of, one_run, vercel_of
from pipeline.session.session import Session, open_session, whoami
from pipeline.session.turn import leading_on

NEEDS = ("VERCEL_TOKEN",)


def accept(
    config: Config,
    root: Path,
    run: str,
    because: str,
    by: str = "",
    after: Callable[[Session, Report], None] = lambda session, report: None,
) -> Report:
    """Keep what ``run`` left live, and tell GitHub so. ``after`` is told once it is written down.

    Raises Mistake when there is nothing to keep, and Locked while it is at it.
    """
    target = one_run(config, root, run).target
    with open_session(config, target, root, NEEDS) as session:
        session.must_be_whole()

        async def ask() -> str:
            async with vercel_of(session) as (vercel, _):
                found = await vercel.production(session.settings.domain)
                return found.id if found else ""

        report = accepted(session, run, because, by or variable("GITHUB_ACTOR") or whoami(), asyncio.run(ask()))
        after(session, report)

        async def tell() -> None:
            async with github_of(session) as github:
                await asyncio.gather(tell_kept(session, github, report), bulletin.tell_kept(session, report.run))

        asyncio.run(tell())
        return report


def accepted(session: Session, run: str, because: str, by: str, live: str) -> Report:
    """Record that ``by`` keeps the release of ``run``; ``live`` is the deployment that production serves now."""
    report = session.report(run)
    _must_be_open(session, report, because, live)
    journal = Journal(session.store, report.run, session.clock.now, session.redactor)
    lock = Lock(session.store, session.settings.name, report.run, session.clock)
    with leading_on(lock):
        lock.take(f"accept {report.run}")
    try:
        _must_be_open(session, session.report(report.run), because, live)  # two who decide at once
        if not report.outcome:
            journal.append("run ended", outcome=Outcome.HELD.word, reason="the run was cut off after it had promoted")
        journal.append("release accepted", by=by, because=because.strip(), deployment=live)
    finally:
        lock.release()
    return session.report(report.run)


def _must_be_open(session: Session, report: Report, because: str, live: str) -> None:
    """Raises Mistake unless the run has left a release that serves now and that nobody has judged."""
    said = f"accept {report.run}"
    if not because.strip():
        raise Mistake(f"{said}: say with --because why it may stay")
    if report.accepted_by:
        raise Mistake(f"{said}: {report.accepted_by} has kept it already: {report.accepted_because}")
    if report.outcome not in ("", Outcome.HELD.word):
        raise Mistake(f"{said}: it ended as {report.outcome}; only a release that was held can be kept")
    if not report.outcome and not session.past(report.run).moved_production:
        raise Mistake(f"{said}: it has moved nothing; ./inv deploy begins a new run")
    ours = report.staged.get("id", "")
    if live != ours:
        raise Mistake(f"{said}: production serves {live or 'nothing'} now, and not {ours or 'a release of that run'}")
