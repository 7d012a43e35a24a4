"""Tells GitHub how runs ended; what it could not be told is owed, and said by the next command that can."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from checks.outcome import Outcome
from pipeline.clients.githubdeployments import ReleaseNews, tell
from pipeline.clock import origin
from pipeline.errors import ServiceError, Unreachable
from pipeline.record.journal import Event, Journal, new_run_id
from pipeline.record.report import Report
from pipeline.record.untold import owe, owed, paid
from pipeline.redact import one_line
from pipeline.session.session import Session
from pipeline.steps.announce import PATIENCE, record_deployment, record_promotion
from pipeline.world.world import World

if TYPE_CHECKING:
    from pipeline.clients.github import GitHub

STATES = {
    Outcome.DEPLOYED: "success",
    Outcome.BLOCKED: "failure",
    Outcome.ROLLED_BACK: "failure",
    Outcome.STRANDED: "error",
    Outcome.SUPERSEDED: "inactive",
    Outcome.HELD: "in_progress",
}
"""How a run ended, in GitHub's words: what is held is live, and nobody has judged it."""


async def tell_end(session: Session, world: World, report: Report, events: Iterable[Event], outcome: Outcome) -> None:
    """Tell GitHub how a run ended that was about to move production, unless its announcement did."""
    steps = {(event.kind, event.subject) for event in events}
    began = ("step begins", record_promotion.name) in steps
    announced = outcome is Outcome.DEPLOYED and ("step done", record_deployment.name) in steps
    if began and not announced:
        says = f"run {report.run}: {outcome.word}{f': {report.reason}' if report.reason else ''}"
        await tell_or_owe(session, world.github, _news(session, report, STATES[outcome], says))


async def tell_kept(session: Session, github: "GitHub", report: Report) -> None:
    """Tell GitHub that a person has kept the release of a run that it knows, or still has to know."""
    began = any(line.name == record_promotion.name for stage in report.stages for line in stage.lines)
    if began:
        says = f"run {report.run}: kept by {report.accepted_by}: {report.accepted_because}"
        await tell_or_owe(session, github, _news(session, report, "success", says))


def _news(session: Session, report: Report, state: str, says: str) -> ReleaseNews:
    """Somebody else's words are words only: they leave in one line."""
    settings = session.settings
    where = "preview" if settings.kind == "preview" else "production"
    site, log = origin(settings.domain), report.staged.get("url", "")
    commit = report.staged.get("commit") or report.commit
    return ReleaseNews(report.run, commit, where, state, site, log, session.redactor(one_line(says)))


async def tell_or_owe(session: Session, github: "GitHub", news: ReleaseNews) -> bool:
    """Tell GitHub, or write down that it is still to be told; whether it knows."""
    journal = _journal(session)
    try:
        await _within_patience(github, news)
    except ServiceError as error:
        with contextlib.suppress(ServiceError):
            owe(journal, session.settings.name, news, str(error))
        return False
    with contextlib.suppress(ServiceError):
        if any(one.run == news.run for one in owed(session.store, session.settings.name)):
            paid(journal, news)
    return True


async def tell_what_is_owed(
    session: Session, github: "GitHub", note: Callable[[str], None] = lambda line: None
) -> tuple[int, int]:
    """Tell GitHub what earlier runs could not; how many it knows now, and how many are still owed."""
    waiting: tuple[ReleaseNews, ...] = ()
    with contextlib.suppress(ServiceError):  # no record, no debts: a run that goes back does not wait for either
        waiting = owed(session.store, session.settings.name)
    for told, news in enumerate(waiting):
        try:
            await _within_patience(github, news)
        except ServiceError as error:
            note(f"GitHub does not know yet how run {news.run} stands: {error}")
            return told, len(waiting) - told
        with contextlib.suppress(ServiceError):
            paid(_journal(session), news)
        note(f"GitHub knows now of run {news.run}: {news.state}")
    return len(waiting), 0


async def _within_patience(github: "GitHub", news: ReleaseNews) -> None:
    """Raises ServiceError, also when it takes too long."""
    try:
        async with asyncio.timeout(PATIENCE):
            await tell(github, news)
    except TimeoutError as error:
        raise Unreachable("github", "tell", f"gave no answer within {PATIENCE:g} s") from error


def _journal(session: Session) -> Journal:
    """A journal of its own: a run's events are the run's, and an old run does not become the newest one by it."""
    now = session.clock.now
    return Journal(session.store, f"news-{new_run_id(now())}", now, session.redactor)
