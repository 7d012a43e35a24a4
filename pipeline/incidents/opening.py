"""Opens an incident by itself when a run went wrong or a monitor found something."""

import contextlib
from collections.abc import Callable

from checks.outcome import Outcome, outcome_named
from checks.policy import IncidentsPolicy
from checks.severity import ORDER
from pipeline.errors import PipelineError
from pipeline.handbook.exits import playbook_of
from pipeline.handbook.playbooks import named
from pipeline.incidents.classify import Classified
from pipeline.incidents.desk import Desk, Opening, new
from pipeline.record.incidents import incidents
from pipeline.record.report import Report
from pipeline.session.asking import Checked
from pipeline.session.session import Session

SEVERITIES = {Outcome.STRANDED: "P0", Outcome.HELD: "P1", Outcome.ROLLED_BACK: "P2", Outcome.BLOCKED: "P2"}


def opened_by(note: Callable[[str], None]) -> Callable[[Session, Report], None]:
    """Make the ``after`` of a deploy that opens the incident and notes that it did.

    Nothing of it may spoil how the run ended.
    """

    def after(session: Session, report: Report) -> None:
        with contextlib.suppress(PipelineError):
            found = after_run(session, report)
            if found:
                note(words(found))

    return after


def kept_by(note: Callable[[str], None]) -> Callable[[Session, Report], None]:
    """Make the ``after`` of an acceptance, which closes the incident of the run and notes what became of it."""

    def after(session: Session, report: Report) -> None:
        with contextlib.suppress(PipelineError):
            found = after_accept(session, report)
            if found:
                open_still = found.incident.open
                note(f"incident {found.id} {'knows of it, and stays open' if open_still else 'is resolved'}")

    return after


def words(desk: Desk) -> str:
    """Say in one line which incident was opened, how bad it is, and what to type."""
    incident = desk.incident
    aim = f"./inv playbook.{incident.playbook} --target {desk.session.settings.name}"
    playbook = f"; {aim} walks you through it" if incident.playbook else ""
    return f"incident {incident.id} is open ({incident.severity}: {incident.reason}){playbook}"


def after_run(session: Session, report: Report) -> Desk | None:
    """Open the incident that this run is, or add to the one that it belongs to.

    None when deploy.yml opens none for it.
    """
    if report.outcome not in session.settings.policies[IncidentsPolicy].opens_on or report.pipeline == "preview":
        return None
    evidence = [f"run {report.run}: {report.outcome}: {report.reason}", f"./inv report {report.run}"]
    evidence += [
        f"{line.name}: {found['verdict']}: {found.get('subject', '')} {found.get('says', '')}".strip()
        for stage in report.stages
        if stage.state == "stopped"
        for line in stage.lines
        for found in line.findings
        if found["verdict"] not in ("warn", "pass")
    ]
    evidence += [f"by hand: {command}" for command in report.by_hand]
    outcome = outcome_named(report.outcome)
    assert outcome, "deploy.yml can only name outcomes"
    held = outcome.because(report.held)
    classified = Classified(SEVERITIES[outcome], held.alarm if held else outcome.alarm)
    harm = {
        "stranded": "production may serve a bad release",
        "held": f"the release {report.commit[:12]} is live and unproved",
        "rolled back": f"the release {report.commit[:12]} was taken back",
        "blocked": f"the release {report.commit[:12]} was stopped",
    }[report.outcome]
    opening = Opening(harm, classified, "deployment-failure", report.began, f"run {report.run}", tuple(evidence))
    return _open_or_add(session, opening)


def after_accept(session: Session, report: Report) -> Desk | None:
    """Close the incident that a held run has opened, now that a person has kept its release.

    Where others have seen the trouble as well, it is only noted. None when the run has no open incident.
    """
    run, seen_again = f"run {report.run}", "seen again by "
    for incident in incidents(session.store, session.settings.name):
        if not incident.open or f"./inv report {report.run}" not in incident.evidence:
            continue
        found, by = Desk(session, incident.id, report.accepted_by), report.accepted_by
        found.note(f"{by} has kept the release of {run}: {report.accepted_because}")
        others = [one.what for one in incident.moments if one.what.startswith(seen_again)]
        if incident.cause_run == run and not others:
            cause = f"nobody could say whether the release was well; {by} has looked: {report.accepted_because}"
            found.resolve(cause, "")
        return found
    return None


def after_monitor(session: Session, checked: Checked) -> Desk | None:
    """Open an incident for the findings of a monitoring checklist, or add to the open one.

    None when they are not grave enough.
    """
    limit, severity = session.settings.policies[IncidentsPolicy].monitor, checked.graded.severity
    if limit == "never" or severity not in ORDER or ORDER.index(severity) > ORDER.index(limit):
        return None
    stops = [
        f"{answer.gate.name}: {found.verdict.word}: {found}"
        for line in checked.lines
        for answer in line.answers
        for found in answer.findings
        if found.verdict.stops
    ]
    book = named(checked.playbook)
    opening = Opening(
        book.felt if book else checked.graded.reason,
        Classified(severity, f"{checked.graded.gate}: {checked.graded.reason}"),
        playbook_of(checked.graded.gate),
        checked.at,
        f"monitor.{checked.name}",
        tuple(stops),
    )
    return _open_or_add(session, opening)


def _open_or_add(session: Session, opening: Opening) -> Desk:
    """Open an incident, or add to the open one: a second alarm of the same trouble is evidence of the first."""
    for incident in incidents(session.store, session.settings.name):
        if incident.open and incident.playbook == opening.playbook:
            found = Desk(session, incident.id, opening.cause)
            found.note(f"seen again by {opening.cause}: {opening.classified.reason}", opening.evidence)
            if ORDER.index(opening.classified.severity) < ORDER.index(incident.severity):
                found.classify(opening.classified.severity, opening.classified.reason)
            return found
    return new(session, opening, opening.cause)
