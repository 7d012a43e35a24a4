"""``invoke deploy``: what is read from its options, and what is opened when it has ended."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from pipeline.config.document import seconds
from pipeline.documents import todo
from pipeline.errors import Mistake, PipelineError
from pipeline.incidents.opening import opened_by
from pipeline.record.report import Report
from pipeline.session.session import Session


def seconds_of(option: str, text: str) -> float:
    """``15m`` in seconds; 0 for nothing. Raises Mistake."""
    try:
        return seconds(text) if text else 0.0
    except ValueError as error:
        raise Mistake(f"{option} {error}") from error


def after_deploy(root: Path, note: Callable[[str], None]) -> Callable[[Session, Report], None]:
    """Make the ``after`` of a deploy: opens the incident that it was, and an action when the glass was broken."""
    incident = opened_by(note)

    def after(session: Session, report: Report) -> None:
        incident(session, report)
        if report.outcome and session.absent:
            note(session.absent)
        if report.glass and report.outcome:
            with contextlib.suppress(PipelineError):
                for action in todo.add(root, report.run, [("", owed(report))], session.clock.now().date()):
                    note(f"action {action.id} is open: {action.what}; ./inv runbooks.done {action.id} closes it")

    return after


def owed(report: Report) -> str:
    """What somebody has to do after a run whose glass was broken."""
    return (
        f"look at what {report.glass_by} went past in run {report.run} ({report.glass}), "
        "have it reviewed and approved now, and mend what stood in the way"
    )
