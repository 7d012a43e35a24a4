"""Folds the journal's events into incidents. Nothing about an incident is kept anywhere else."""

import datetime
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.record.bounded import Store
from pipeline.record.journal import Event, events_of

PREFIX = "incident-"


@dataclass(frozen=True)
class IncidentEvent:
    """A line of the incident's timeline. ``at`` is ISO 8601, UTC."""

    at: str
    what: str
    by: str = ""


@dataclass(frozen=True)
class Told:
    """A message that an audience was told. ``reached`` and ``failed`` name ways, never addresses."""

    audience: str
    at: str
    text: str
    by: str
    reached: tuple[str, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Called:
    """A contact whom the incident was escalated to."""

    role: str
    name: str
    at: str


@dataclass(frozen=True)
class Done:
    """A remedy that was tried. ``how``: ``the tool`` or ``a person``."""

    remedy: str
    at: str
    how: str
    worked: bool
    says: str


@dataclass(frozen=True)
class Incident:
    """An incident, as far as it is written down. Times are ISO 8601; empty when it has not come to that yet."""

    id: str
    target: str = ""
    what: str = ""
    """What users cannot do."""
    playbook: str = ""
    severity: str = ""
    reason: str = ""
    """Why it has that severity."""
    since: str = ""
    """The first harm that is known of."""
    opened: str = ""
    by: str = ""
    lead: str = ""
    cause_run: str = ""
    """The run or the monitoring that opened it; empty when a person did."""
    evidence: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    called: tuple[Called, ...] = ()
    done: tuple[Done, ...] = ()
    report: str = ""
    """Id of its report on the status page."""
    well: tuple[str, ...] = ()
    """When all last questions said yes; emptied by a no."""
    ill_again: str = ""
    walked: tuple[str, ...] = ()
    """Playbooks that were begun, in order."""
    looked: frozenset[str] = frozenset()
    """Commands that somebody has looked at."""
    resolved: str = ""
    cause: str = ""
    works: str = ""
    reviewed: str = ""
    """Where the review is."""
    moments: tuple[IncidentEvent, ...] = field(default=())

    @property
    def open(self) -> bool:
        return bool(self.opened) and not self.resolved

    @property
    def recovered(self) -> str:
        """The time at which production was first seen to be well and stayed so; empty when it is not well."""
        return self.well[0] if self.well else ""

    def last_told(self, audience: str) -> str:
        """The time at which an audience last heard; empty when never."""
        return next((one.at for one in reversed(self.told) if one.audience == audience and one.reached), "")


Body = Mapping[str, Any]
Fold = Callable[[Incident, Event], tuple[Incident, str]]


def _opened(incident: Incident, event: Event) -> tuple[Incident, str]:
    body = event.body
    made = replace(
        incident,
        target=body["target"],
        what=event.subject,
        playbook=body["playbook"],
        severity=body["severity"],
        reason=body["reason"],
        since=body["since"],
        opened=event.at,
        by=body["by"],
        lead=body["lead"],
        cause_run=body["cause"],
        evidence=tuple(body["evidence"]),
    )
    return made, f"opened as {body['severity']} ({body['reason']}): {event.subject}"


def _noted(incident: Incident, event: Event) -> tuple[Incident, str]:
    return replace(incident, evidence=(*incident.evidence, *event.body.get("evidence", ()))), event.subject


def _classified(incident: Incident, event: Event) -> tuple[Incident, str]:
    return (
        replace(incident, severity=event.subject, reason=event.body["reason"]),
        f"is now {event.subject}: {event.body['reason']}",
    )


def _led(incident: Incident, event: Event) -> tuple[Incident, str]:
    return replace(incident, lead=event.subject), f"{event.subject} leads"


def _escalated(incident: Incident, event: Event) -> tuple[Incident, str]:
    called = Called(event.subject, event.body["name"], event.at)
    return replace(incident, called=(*incident.called, called)), f"escalated to {called.role}: {called.name}"


def _told(incident: Incident, event: Event) -> tuple[Incident, str]:
    body = event.body
    told = Told(event.subject, event.at, body["text"], body["by"], tuple(body["reached"]), tuple(body["failed"]))
    how = f"by {', '.join(told.reached)}" if told.reached else f"could not be told ({'; '.join(told.failed)})"
    first = told.text.splitlines()[0] if told.text else ""
    return replace(
        incident, told=(*incident.told, told), report=body.get("report") or incident.report
    ), f"{told.audience} {how}: {first}"


def _begun(incident: Incident, event: Event) -> tuple[Incident, str]:
    return replace(
        incident, walked=(*incident.walked, event.subject), playbook=event.subject
    ), f"playbook {event.subject} begun"


def _asked(incident: Incident, event: Event) -> tuple[Incident, str]:
    noes = event.body["no"]
    return incident, f"asked {event.subject}: " + (
        "; ".join(f"{gate}: {says}" for gate, says in noes.items()) or "all yes"
    )


def _looked(incident: Incident, event: Event) -> tuple[Incident, str]:
    saw = event.body["saw"]
    return replace(
        incident, looked=incident.looked | {event.subject}
    ), f"{event.subject.splitlines()[0]} → {saw or 'nothing noted'}"


def _did(incident: Incident, event: Event) -> tuple[Incident, str]:
    body = event.body
    done = Done(event.subject, event.at, body["how"], body["worked"], body["says"])
    worked = "" if done.worked else ", and it failed"
    return replace(
        incident, done=(*incident.done, done)
    ), f"{done.how} did “{done.remedy}”{worked}: {done.says}".rstrip(": ")


def _verified(incident: Incident, event: Event) -> tuple[Incident, str]:
    if event.body["well"]:
        return replace(incident, well=(*incident.well, event.at)), "steady state: all questions say yes"
    says = "; ".join(f"{gate}: {text}" for gate, text in event.body["no"].items())
    again = event.at if incident.well else incident.ill_again
    return replace(incident, well=(), ill_again=again), f"not well yet: {says}"


def _resolved(incident: Incident, event: Event) -> tuple[Incident, str]:
    body = event.body
    made = replace(incident, resolved=event.at, cause=event.subject, works=body["works"])
    return made, f"resolved: {event.subject}"


def _reviewed(incident: Incident, event: Event) -> tuple[Incident, str]:
    return replace(incident, reviewed=event.subject), f"review written to {event.subject}"


FOLDS: Mapping[str, Fold] = {
    "incident opened": _opened,
    "incident noted": _noted,
    "incident classified": _classified,
    "incident led": _led,
    "incident escalated": _escalated,
    "incident told": _told,
    "playbook begun": _begun,
    "playbook asked": _asked,
    "playbook looked": _looked,
    "playbook did": _did,
    "playbook verified": _verified,
    "incident resolved": _resolved,
    "incident reviewed": _reviewed,
}


def fold(id: str, events: Iterable[Event]) -> Incident:
    """Fold ``events``, oldest first, into the incident they tell of.

    An event of a kind that nobody knows here is passed over.
    """
    incident, moments = Incident(id), list[IncidentEvent]()
    for event in events:
        if event.kind in FOLDS:
            incident, words = FOLDS[event.kind](incident, event)
            moments.append(IncidentEvent(event.at, words, str(event.body.get("by", ""))))
    return replace(incident, moments=tuple(moments))


def incident_of(store: Store, id: str) -> Incident:
    """Read the incident of that id; one that was never opened when there is none."""
    return fold(id, events_of(store, id))


def incidents(store: Store, target: str = "", limit: int = 100) -> tuple[Incident, ...]:
    """Read all incidents, the newest first; of one target when it is named."""
    rows = store.execute(
        "select run from deploy_events where kind = 'incident opened' order by seq desc limit ?", limit
    )
    found = (incident_of(store, row[0]) for row in rows)
    return tuple(one for one in found if target in ("", one.target))


def whole_timeline(incident: Incident, store: Store) -> tuple[IncidentEvent, ...]:
    """Merge the incident's events with those of runs and monitoring of its target, from the first harm to the end."""
    until = incident.resolved or "9999"
    rows = store.execute(
        "select run, at, kind, subject, body from deploy_events"
        " where kind in ('run begins', 'run ended', 'incident named') and at >= ? and at <= ? order by seq",
        _back(incident.since or incident.opened, 600),
        until,
    )
    runs = {row[0]: json.loads(row[4]).get("target") for row in rows if row[2] == "run begins"}
    found = [*incident.moments]
    for run, moment, kind, subject, text in rows:
        body = json.loads(text)
        if kind == "incident named":
            found.append(
                IncidentEvent(moment, f"{run.split('-2')[0]} named a {body['severity']}: {subject}: {body['reason']}")
            )
        elif runs.get(run, incident.target) == incident.target:
            says = (
                f"run {run} ({body['pipeline']} of {body['commit'][:12] or 'nothing'}) begins"
                if kind == "run begins"
                else f"run {run} ends: {body['outcome']}" + (f", {body['reason']}" if body.get("reason") else "")
            )
            found.append(IncidentEvent(moment, says, str(body.get("by", ""))))
    return tuple(sorted(found, key=lambda one: one.at))


def _back(text: str, seconds: float) -> str:
    return (datetime.datetime.fromisoformat(text) - datetime.timedelta(seconds=seconds)).isoformat()
