"""``invoke incident.…`` and ``invoke playbook.…``: opens the target, carries out one act, prints what is true then."""

import asyncio
import datetime
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from checks.policy import ContactsPolicy
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.handbook.playbooks import PLAYBOOKS, named
from pipeline.incidents.cadence import due
from pipeline.incidents.classify import IMPACTS, classify
from pipeline.incidents.desk import Desk, Opening, contact_due, desk, escalate, new, tell
from pipeline.incidents.drafts import draft
from pipeline.incidents.hands import Hands
from pipeline.incidents.person import Person
from pipeline.incidents.walk import APART, Walk
from pipeline.record.incidents import Incident, incidents
from pipeline.record.journal import plain
from pipeline.render.incident import incident_text, list_text
from pipeline.session.session import NO_SECRET, Session, open_session

Out = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What a person typed about an incident; empty means "not said"."""

    target: str = ""
    incident: str = ""
    by: str = ""
    what: str = ""
    playbook: str = ""
    impact: str = ""
    workaround: bool = False
    since: str = ""
    lead: str = ""
    severity: str = ""
    reason: str = ""
    cause: str = ""
    works: str = ""
    unverified: str = ""
    fields: Sequence[str] = field(default=())


def open_incident(config: Config, said: Said, root: Path, out: Out, *, as_json: bool = False) -> None:
    """Open an incident, with the severity that the rule gives it."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        _show(session, [_opened(session, said).incident], out, as_json=as_json)


def _show(session: Session, chosen: Sequence[Incident], out: Out, *, as_json: bool) -> None:
    """Print what is known of incidents, and who is to hear, for people or as one JSON document."""
    if as_json:
        now = session.clock.now()
        words = {one.id: [plain(word) for word in due(one, now)] for one in chosen}
        out(session.redactor(json.dumps({"incidents": plain(chosen), "due": words}, ensure_ascii=False)))
    for one in () if as_json else chosen:
        out(session.redactor(incident_text(one, _board(session))))


def _opened(session: Session, said: Said) -> Desk:
    book = named(said.playbook)
    if said.playbook and not book:
        raise Mistake(f"--playbook {said.playbook}: is none; there are {', '.join(one.name for one in PLAYBOOKS)}")
    what = said.what or (book.felt if book else "")
    if not what:
        raise Mistake("incident.open: say with --what what users cannot do, or name a --playbook")
    impacts = [one.strip() for one in said.impact.split(",") if one.strip()]
    for one in impacts:
        if one not in IMPACTS:
            raise Mistake(f"--impact {one}: is none; there are {', '.join(IMPACTS)}")
    classified = classify(impacts, None, book, workaround=said.workaround)
    since = _since(said.since, session.clock.now())
    return new(session, Opening(what, classified, said.playbook, since, "", (), said.lead), said.by)


def note_incident(config: Config, said: Said, text: str, root: Path, out: Out, *, as_json: bool = False) -> None:
    """Write a line into the incident's record; change severity or lead when they are named."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        at = desk(session, said.incident, said.by)
        if not (text or said.severity or said.lead):
            raise Mistake('incident.note: say what, e.g. ./inv incident.note "the old deployment answers 500 too"')
        if said.severity:
            at.classify(said.severity, said.reason or text)
        if said.lead:
            at.lead(said.lead)
        if text:
            at.note(text)
        _show(session, [at.incident], out, as_json=as_json)


def escalate_incident(config: Config, said: Said, role: str, root: Path, out: Out, *, as_json: bool = False) -> None:
    """Escalate to the next contact, or to the one with ``role``."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        at = desk(session, said.incident, said.by)
        contact, reached, failed = session.in_world("incident", lambda world: escalate(world, at, role))
        if as_json:
            called = {"reached": list(reached), "failed": list(failed)}
            out(session.redactor(json.dumps({"contact": plain(contact), **called}, ensure_ascii=False)))
            return
        out(f"CALL NOW: {contact.name}, {contact.role}: {contact.reach}")
        out(session.redactor(f"paged by {', '.join(reached)}" if reached else "; ".join(failed) or "no page was sent"))


def notify_audience(
    config: Config,
    said: Said,
    audience: str,
    root: Path,
    out: Out,
    text: str,
    *,
    by_hand: bool,
    only_draft: bool,
    as_json: bool = False,
) -> bool:
    """Tell an audience of the incident, or show the draft. True when somebody was told."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        at = desk(session, said.incident, said.by, also_resolved=True)
        fields = dict(_field(one) for one in said.fields)

        def as_document(words: str, **more: Iterable[str]) -> None:
            about = {name: list(more.get(name, ())) for name in ("reached", "failed", "missing")}
            out(session.redactor(json.dumps({"audience": audience, "words": words, **about}, ensure_ascii=False)))

        if only_draft:
            drafted, missing = draft(at.incident, audience, session.clock.now(), fields)
            if as_json:
                as_document(drafted, missing=missing)
                return True
            out(session.redactor(drafted))
            out("".join(f"\n--set {name}=…  is missing" for name in missing))
            return True
        sent, reached, failed = session.in_world(
            "incident", lambda world: tell(world, at, audience, fields, text, by_hand=by_hand)
        )
        if as_json:
            as_document(sent, reached=reached, failed=failed)
            return bool(reached)
        out(session.redactor(sent))
        out(f"told {audience} by {', '.join(reached)}" if reached else f"NOBODY of {audience} was told")
        for one in failed:
            out(session.redactor(f"not told: {one}"))
        if not reached:
            out(f"send it yourself, then: ./inv incident.notify {audience} --by-hand")
        return bool(reached)


def show_incidents(
    config: Config, said: Said, root: Path, out: Out, *, as_json: bool, watch: bool, check: bool
) -> bool:
    """Print what is known of incidents and who is due to hear. ``watch``: until interrupted. True: a word is late."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        while True:
            late = _status(session, said, out, as_json=as_json)
            if not watch:
                return late and check
            asyncio.run(session.clock.sleep(20))
            if late:
                out("\a")


def _status(session: Session, said: Said, out: Out, *, as_json: bool) -> bool:
    every = incidents(session.store, session.settings.name)
    chosen = [incident for incident in every if incident.open]
    if said.incident:
        chosen = [desk(session, said.incident, also_resolved=True).incident]
    now = session.clock.now()
    if not chosen and not as_json:
        out(session.redactor(list_text(every)))
    _show(session, chosen, out, as_json=as_json)
    return any(word.overdue for one in chosen for word in due(one, now))


def resolve_incident(config: Config, said: Said, root: Path, out: Out, *, as_json: bool = False) -> None:
    """Close the incident, once the steady state was seen, or on somebody's word."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        at = desk(session, said.incident, said.by)
        if not at.incident.recovered and not said.unverified:
            book = at.incident.playbook or PLAYBOOKS[0].name
            raise Mistake(
                f"incident.resolve: nobody has seen that production is well; ./inv playbook.{book} looks, or say"
                " --unverified with how you know"
            )
        if said.unverified:
            at.note(f"resolved without having seen the steady state: {said.unverified}")
        at.resolve(said.cause, said.works or "everything works again")
        words = [word.audience for word in due(at.incident, session.clock.now())]
        if words:
            _, reached, failed = session.in_world("incident", lambda world: tell(world, at, "everybody", {}))
            heard = f"all-clear by {', '.join(reached) or 'nobody'}" + "".join(f"; {one}" for one in failed)
            if not as_json:  # there it is a moment of the incident
                out(session.redactor(heard))
        _show(session, [at.incident], out, as_json=as_json)
        if not as_json:
            out(f"next: ./inv incident.review --incident {at.id}")


def follow_playbook(
    config: Config, said: Said, name: str, root: Path, deploy_file: Path, person: Person, apart: float
) -> bool:
    """Walk through the playbook of that name, for the open incident or a new one. Whether it is over."""
    book = named(name)
    assert book
    with open_session(config, said.target, root, NO_SECRET) as session:
        for line in session.unseen:
            person.say(line)
        still = [one for one in incidents(session.store, session.settings.name) if one.open]
        at = desk(session, said.incident, said.by) if said.incident or still else _opened(session, _for(said, name))
        person.say(session.redactor(incident_text(at.incident, _board(session))))
        pace = apart or (1.0 if session.settings.kind == "sandbox" else APART)
        walked = Walk(at, person, Hands(session, config, root, deploy_file, at.by, person), pace)
        well = walked.go(book)
        if well:
            person.say(f"\nIt is over. ./inv incident.resolve --incident {at.id} --cause '…' tells everybody.")
        return well


def _for(said: Said, name: str) -> Said:
    return Said(**{**vars(said), "playbook": said.playbook or name})


def _board(session: Session) -> "IncidentsShown":
    return IncidentsShown(session.clock.now(), session.settings.policies[ContactsPolicy])


@dataclass(frozen=True)
class IncidentsShown:
    """What a renderer needs beside the incident: the time, and who is to be called or told."""

    now: datetime.datetime
    contacts: ContactsPolicy

    def due(self, incident: Incident) -> list[tuple[str, datetime.datetime, float, bool]]:
        return [(word.audience, word.at, word.late, word.first) for word in due(incident, self.now)]

    def call(self, incident: Incident) -> str:
        """The contact who is to be called now; empty when nobody is."""
        contact = contact_due(incident, self.contacts.escalation, self.now)
        return f"{contact.name}, {contact.role}: {contact.reach}" if contact else ""


def _since(text: str, now: datetime.datetime) -> str:
    """``02:10`` is the latest such time, UTC; else ISO 8601. Raises Mistake."""
    if not text:
        return now.isoformat()
    try:
        if len(text) <= 5:
            hour, minute = (int(part) for part in text.split(":"))
            at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return (at if at <= now else at - datetime.timedelta(days=1)).isoformat()
        found = datetime.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).isoformat()
    except ValueError:
        raise Mistake(f"--since {text}: is no time; write 02:10 or 2026-11-23T02:10 (UTC)") from None


def _field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise Mistake(f"--set {text}: write NAME=words")
    return name.strip(), value.strip()
