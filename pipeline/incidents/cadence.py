"""Says who is to be told next about an incident, and when."""

import datetime
from dataclasses import dataclass

from pipeline.handbook.communication import CADENCE
from pipeline.handbook.playbooks import named
from pipeline.record.incidents import Incident

RHYTHMS = {notice.severity.name: notice.rhythms for notice in CADENCE}


@dataclass(frozen=True)
class Due:
    """A message that is due to an audience. ``late``: seconds past ``at``, negative when there is time left."""

    audience: str
    at: datetime.datetime
    late: float
    first: bool

    @property
    def overdue(self) -> bool:
        return self.late > 0


def due(incident: Incident, now: datetime.datetime) -> tuple[Due, ...]:
    """List every message that has a time, the most urgent first.

    Audiences that the playbook does not name are not told.
    """
    if not incident.opened:
        return ()
    if incident.resolved:
        heard = {one.audience for one in incident.told if one.reached and one.audience != "everybody"}
        if not heard or incident.last_told("everybody"):
            return ()
        return (_due("everybody", _time(incident.resolved), now, first=True),)
    book = named(incident.playbook)
    audiences = ("team", *(book.tell if book else ("stakeholders", "users")))
    found = []
    for name in audiences:
        rhythm = RHYTHMS[incident.severity].get(name)
        last = incident.last_told(name)
        wait = None if rhythm is None else rhythm.every if last else rhythm.first
        if wait is not None:
            moment = _time(last or incident.opened) + datetime.timedelta(seconds=wait)
            found.append(_due(name, moment, now, first=not last))
    return tuple(sorted(found, key=lambda one: one.at))


def next_word(incident: Incident, audience: str, now: datetime.datetime) -> datetime.datetime:
    """The time at which an audience hears again after a message now."""
    rhythm = RHYTHMS[incident.severity].get(audience) or RHYTHMS[incident.severity]["team"]
    return now + datetime.timedelta(seconds=rhythm.every or rhythm.first or 3600)


def _due(name: str, moment: datetime.datetime, now: datetime.datetime, *, first: bool) -> Due:
    return Due(name, moment, (now - moment).total_seconds(), first)


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
