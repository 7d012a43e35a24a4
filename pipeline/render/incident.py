"""An incident on the terminal, and its review as Markdown."""

import datetime
from collections.abc import Sequence
from typing import Protocol

from pipeline.handbook.playbooks import named
from pipeline.incidents.review import Review, between, spelt
from pipeline.record.incidents import Incident
from pipeline.render.markdown import numbered, table

MOMENTS = 12


class Board(Protocol):
    """What is asked beside the incident itself."""

    @property
    def now(self) -> datetime.datetime: ...

    def due(self, one: Incident) -> list[tuple[str, datetime.datetime, float, bool]]: ...

    def call(self, one: Incident) -> str: ...


def incident_text(one: Incident, board: Board) -> str:
    """What everybody in the room has to know: what, how bad, who, who hears when, what was done."""
    book = named(one.playbook)
    state = (
        f"RESOLVED {one.resolved[11:16]} UTC"
        if one.resolved
        else "well since " + one.recovered[11:16] + " UTC"
        if (one.recovered)
        else "OPEN"
    )
    lines = [
        f"{one.id}   {one.severity}   {state}",
        f"  what      {one.what}",
        f"  because   {one.reason}",
        f"  since     {one.since[11:16]} UTC, {between(one.since, board.now.isoformat())} ago"
        if not one.resolved
        else f"  since     {one.since[11:16]} UTC, for {between(one.since, one.resolved)}",
        f"  lead      {one.lead or 'nobody yet: ./inv incident.note --lead NAME'}",
        f"  playbook  {f'./inv playbook.{book.name}' if book else 'none yet: ./inv playbook.site-down and nine more'}",
    ]
    if one.cause_run:
        lines.append(f"  opened    by {one.cause_run}")
    lines += [f"  evidence  {text}" for text in one.evidence[:6]]
    lines += [_word(*word) for word in board.due(one)]
    call = board.call(one)
    if call:
        lines.append(f"  CALL      {call}   (./inv incident.escalate)")
    lines.append("  timeline")
    left_out = len(one.moments) - MOMENTS
    if left_out > 0:
        lines.append(f"    … {left_out} earlier")
    lines += [f"    {moment.at[11:19]}  {moment.what}" for moment in one.moments[-MOMENTS:]]
    return "\n".join(lines)


def _word(audience: str, at: datetime.datetime, late: float, first: bool) -> str:
    kind = "first word" if first else "next word"
    when = f"LATE by {spelt(late)}" if late > 0 else f"at {at:%H:%M} UTC, in {spelt(-late)}"
    return f"  {'TELL' if late > 0 else 'tell'}      {audience}: {kind} {when}   (./inv incident.notify '{audience}')"


def list_text(every: Sequence[Incident]) -> str:
    """The latest ones, a line each."""
    if not every:
        return "no incident was ever opened here; ./inv incident.open --what '…' opens one"
    lines = ["no incident is open; the latest:"]
    for one in every[:20]:
        state = "resolved" if one.resolved else "open"
        review = f", review in {one.reviewed}" if one.reviewed else ", no review yet" if one.resolved else ""
        lines.append(f"  {one.id}  {one.severity}  {state}{review}  {one.what}")
    return "\n".join(lines)


def review_markdown(one: Review) -> str:
    """The template of the story, filled in as far as ``one`` goes."""
    evidence = "\n".join(f"* {text}" for text in one.evidence)
    rows = [(what, "", "", "") for what in one.measures]
    return (
        "\n\n".join(
            filter(
                None,
                (
                    f"# Review: {one.title}",
                    f"Severity: {one.severity}   Lead: {one.lead}   Present: {one.present}\n"
                    f"Users affected: {one.affected}   Duration: {one.duration}\n"
                    f"Time to notice: {one.to_notice}   Time to decide: {one.to_decide}   "
                    f"Time to first word to users: {one.to_first_word}   Time to recover: {one.to_recover}",
                    "## Incident Timeline (UTC)",
                    table(("time", "what happened", "how we know"), one.timeline),
                    "## Root Cause Analysis",
                    f"What broke, in one sentence: {one.cause}\n"
                    "Why did that happen? (ask five times, stop where you can change something)\n"
                    "Why was it not caught before? (which gate would have seen it)\n"
                    "What made it worse, what made it better:",
                    f"Evidence:\n\n{evidence}" if evidence else "",
                    "## Resolution Steps Taken",
                    numbered(one.steps),
                    "## Preventive Measures",
                    table(("measure", "owner", "by when", "done"), rows),
                    "## Runbook Updates Needed",
                    table(("page and line", "what was unclear or wrong"), [(u.where, u.what) for u in one.updates]),
                ),
            )
        )
        + "\n"
    )
