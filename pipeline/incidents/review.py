"""Fills the post-incident review: what the record tells, in the template's order.

What only people know stays in brackets.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.record.incidents import Incident, IncidentEvent


@dataclass(frozen=True)
class Update:
    """A change that the runbooks need. ``where``: page or page#section."""

    where: str
    what: str


@dataclass(frozen=True)
class Review:
    """What the post-incident review says. The defaults are the empty form."""

    title: str = "[what users could not do], [date]"
    severity: str = "[P0/P1/P2/P3]"
    lead: str = "[name]"
    present: str = "[names]"
    affected: str = "[who, how many]"
    duration: str = "[first harm to all-clear]"
    to_notice: str = "[ ]"
    to_decide: str = "[ ]"
    to_first_word: str = "[ ]"
    to_recover: str = "[ ]"
    timeline: Sequence[tuple[str, str, str]] = (
        ("[02:10]", "[first harm]", "[monitor, log, journal]"),
        ("[02:12]", "[alert]", ""),
        ("[02:15]", "[first act]", ""),
        ("[02:31]", "[all-clear]", ""),
    )
    cause: str = "[one sentence]"
    evidence: Sequence[str] = ()
    steps: Sequence[str] = ("[what was done, by whom, and whether it helped]",)
    measures: Sequence[str] = ("[a new gate, a limit, a test, an alert]",)
    updates: Sequence[Update] = field(default=(Update("[page and line]", "[what was unclear or wrong]"),))


def review_of(
    incident: Incident, timeline: Sequence[IncidentEvent], measures: Sequence[str] = (), updates: Sequence[Update] = ()
) -> Review:
    """Fill in the review of an incident, as far as its record goes."""
    blank = Review()
    first_word = next(
        (one.at for one in incident.told if one.audience in ("users", "stakeholders") and one.reached), ""
    )
    return Review(
        title=f"{incident.what}, {incident.opened[:10]}",
        severity=f"{incident.severity} ({incident.reason})",
        lead=incident.lead or blank.lead,
        duration=between(incident.since, incident.resolved) or blank.duration,
        to_notice=between(incident.since, incident.opened) or blank.to_notice,
        to_decide=between(incident.opened, incident.done[0].at if incident.done else "") or "nothing was done",
        to_first_word=between(incident.opened, first_word) or "they were not told",
        to_recover=between(incident.since, incident.recovered) or "never seen to be well",
        timeline=[(one.at[11:19], one.what, one.by) for one in timeline],
        cause=incident.cause or blank.cause,
        evidence=incident.evidence,
        steps=[
            f"{one.at[11:16]} {one.remedy} ({one.how}{'' if one.worked else ', failed'}): {one.says}".rstrip(": ")
            for one in incident.done
        ]
        or ["nothing was done"],
        measures=measures or blank.measures,
        updates=updates or blank.updates,
    )


def between(begin: str, end: str) -> str:
    """Spell the time from one ISO 8601 time to another as ``4 min 10 s``; empty when one of them is missing."""
    if not begin or not end:
        return ""
    gone = round((datetime.datetime.fromisoformat(end) - datetime.datetime.fromisoformat(begin)).total_seconds())
    return spelt(max(gone, 0))


def spelt(seconds: float) -> str:
    """Spell a number of seconds as ``45 s``, ``4 min 10 s``, ``2 h 5 min``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    kept = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(kept) or "0 s"
