"""An incident on the terminal, and its review as Markdown."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any, Protocol

from pipeline.handbook.playbooks import named
from pipeline.incidents.review import Review, Update, between, spelt
from pipeline.record.incidents import Incident
from pipeline.redact import markdown, one_line
from pipeline.render.markdown import numbered, table

MOMENTS = 12


class Board(Protocol):
    """The desk of an incident says what is due next, and whom to call; see ``pipeline.incidents.desk``."""

    @property
    def now(self) -> datetime.datetime: ...

    def due(self, incident: Incident) -> list[tuple[str, datetime.datetime, float, bool]]: ...

    def call(self, incident: Incident) -> str: ...


def incident_text(incident: Incident, board: Board) -> str:
    """The state of an incident, for everybody in the room: what, how bad, who, who hears when, what was done."""
    playbook = named(incident.playbook)
    state = "OPEN"
    if incident.resolved:
        state = f"RESOLVED {incident.resolved[11:16]} UTC"
    elif incident.recovered:
        state = f"well since {incident.recovered[11:16]} UTC"
    follow = f"./inv playbook.{playbook.name}" if playbook else "none yet: ./inv playbook.site-down and nine more"
    ended = f"for {between(incident.since, incident.resolved)}" if incident.resolved else ""
    lines = [
        f"{incident.id}   {incident.severity}   {state}",
        f"  what      {one_line(incident.what)}",
        f"  because   {one_line(incident.reason)}",
        f"  since     {incident.since[11:16]} UTC, {ended or f'{between(incident.since, board.now.isoformat())} ago'}",
        f"  lead      {incident.lead or 'nobody yet: ./inv incident.note --lead NAME'}",
        f"  playbook  {follow}",
    ]
    if incident.cause_run:
        lines.append(f"  opened    by {incident.cause_run}")
    lines += [f"  evidence  {one_line(text)}" for text in incident.evidence[:6]]
    lines += [_word(*word) for word in board.due(incident)]
    call = board.call(incident)
    if call:
        lines.append(f"  CALL      {call}   (./inv incident.escalate)")
    lines.append("  timeline")
    left_out = len(incident.moments) - MOMENTS
    if left_out > 0:
        lines.append(f"    … {left_out} earlier")
    lines += [f"    {moment.at[11:19]}  {one_line(moment.what)}" for moment in incident.moments[-MOMENTS:]]
    return "\n".join(lines)


def _word(audience: str, when: datetime.datetime, late: float, first: bool) -> str:
    kind = "first word" if first else "next word"
    said = f"LATE by {spelt(late)}" if late > 0 else f"at {when:%H:%M} UTC, in {spelt(-late)}"
    return f"  {'TELL' if late > 0 else 'tell'}      {audience}: {kind} {said}   (./inv incident.notify '{audience}')"


def list_text(every: Sequence[Incident]) -> str:
    """The latest incidents, a line each."""
    if not every:
        return "no incident was ever opened here; ./inv incident.open --what '…' opens one"
    lines = ["no incident is open; the latest:"]
    for incident in every[:20]:
        state = "resolved" if incident.resolved else "open"
        review = (
            f", review in {incident.reviewed}" if incident.reviewed else ", no review yet" if incident.resolved else ""
        )
        lines.append(f"  {incident.id}  {incident.severity}  {state}{review}  {one_line(incident.what)}")
    return "\n".join(lines)


def _as_words(review: Review) -> Review:
    """The review, what others wrote in it as mere words; the brackets of the empty form are ours."""
    blank, filled = Review(), vars(review)
    return dataclasses.replace(
        review, **{name: _cleaned(value) for name, value in filled.items() if value != getattr(blank, name)}
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, Update):
        return Update(markdown(value.where), markdown(value.what))
    return markdown(value) if isinstance(value, str) else tuple(map(_cleaned, value))


def review_markdown(review: Review) -> str:
    """The template of a post-incident review, filled in as far as ``review`` goes."""
    review = _as_words(review)
    evidence = "\n".join(f"* {text}" for text in review.evidence)
    rows = [(what, "", "", "") for what in review.measures]
    return (
        "\n\n".join(
            filter(
                None,
                (
                    f"# Review: {review.title}",
                    f"Severity: {review.severity}   Lead: {review.lead}   Present: {review.present}\n"
                    f"Users affected: {review.affected}   Duration: {review.duration}\n"
                    f"Time to notice: {review.to_notice}   Time to decide: {review.to_decide}   "
                    f"Time to first word to users: {review.to_first_word}   Time to recover: {review.to_recover}",
                    "## Incident Timeline (UTC)",
                    table(("time", "what happened", "how we know"), review.timeline),
                    "## Root Cause Analysis",
                    f"What broke, in one sentence: {review.cause}\n"
                    "Why did that happen? (ask five times, stop where you can change something)\n"
                    "Why was it not caught before? (which gate would have seen it)\n"
                    "What made it worse, what made it better:",
                    f"Evidence:\n\n{evidence}" if evidence else "",
                    "## Resolution Steps Taken",
                    numbered(review.steps),
                    "## Preventive Measures",
                    table(("measure", "owner", "by when", "done"), rows),
                    "## Runbook Updates Needed",
                    table(
                        ("page and line", "what was unclear or wrong"),
                        [(update.where, update.what) for update in review.updates],
                    ),
                ),
            )
        )
        + "\n"
    )
