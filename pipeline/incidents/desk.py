"""Writes down what is done about an incident, here and nowhere else: every act is one event of its record."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.policy import Contact, ContactsPolicy
from checks.severity import ORDER
from pipeline.errors import Mistake, ServiceError
from pipeline.handbook.playbooks import PLAYBOOKS, named
from pipeline.incidents.classify import Classified
from pipeline.incidents.drafts import draft
from pipeline.record.incidents import PREFIX, Incident, incident_of, incidents
from pipeline.record.journal import Journal, new_run_id
from pipeline.redact import inert, one_line
from pipeline.session.session import Session, whoami
from pipeline.world.world import World


@dataclass(frozen=True)
class Opening:
    """What is known of an incident when it is opened. ``since`` is ISO 8601; empty is now."""

    what: str
    classified: Classified
    playbook: str = ""
    since: str = ""
    cause: str = ""
    evidence: tuple[str, ...] = ()
    lead: str = ""


class Desk:
    """The desk at which one incident is handled, opened or found. ``by`` signs every event."""

    def __init__(self, session: Session, id: str, by: str = "") -> None:
        self.session, self.id, self.by = session, id, by or whoami()
        self._journal = Journal(session.store, id, session.clock.now, session.redactor)

    @property
    def incident(self) -> Incident:
        return incident_of(self.session.store, self.id)

    def note(self, text: str, evidence: Iterable[str] = ()) -> None:
        self._write("incident noted", text, evidence=list(evidence))

    def classify(self, severity: str, reason: str) -> None:
        """Change the severity of the incident. Raises Mistake for what is no severity."""
        if severity not in ORDER:
            raise Mistake(f"--severity {severity}: is none; there are {', '.join(ORDER)}")
        if not reason:
            raise Mistake(f"--severity {severity}: say why with --reason")
        self._write("incident classified", severity, reason=reason)

    def lead(self, name: str) -> None:
        self._write("incident led", name)

    def begin(self, playbook: str) -> None:
        self._write("playbook begun", playbook)

    def asked(self, stage: str, noes: Mapping[str, str]) -> None:
        """Write down what the clues of a playbook answered. ``noes``: gate → what it said."""
        self._write("playbook asked", stage, no=dict(noes))

    def looked(self, command: str, saw: str) -> None:
        self._write("playbook looked", command, saw=saw)

    def did(self, remedy: str, how: str, says: str, *, worked: bool = True) -> None:
        self._write("playbook did", remedy, how=how, says=says, worked=worked)

    def verified(self, noes: Mapping[str, str]) -> None:
        self._write("playbook verified", "", well=not noes, no=dict(noes))

    def resolve(self, cause: str, works: str) -> None:
        """Resolve the incident. Raises Mistake without a cause, or when nobody has seen the steady state."""
        if not cause:
            raise Mistake("incident.resolve: say the cause in one plain sentence with --cause")
        self._write("incident resolved", cause, works=works)

    def reviewed(self, path: str) -> None:
        self._write("incident reviewed", path)

    def told(self, audience: str, text: str, reached: tuple[str, ...], failed: tuple[str, ...], report: str) -> None:
        self._write("incident told", audience, text=text, reached=list(reached), failed=list(failed), report=report)

    def called(self, contact: Contact) -> None:
        self._write("incident escalated", contact.role, name=contact.name)

    def open(self, opening: Opening) -> None:
        if opening.playbook and not named(opening.playbook):
            raise Mistake(
                f"--playbook {opening.playbook}: is none; there are {', '.join(one.name for one in PLAYBOOKS)}"
            )
        self._write(
            "incident opened",
            opening.what,
            target=self.session.settings.name,
            playbook=opening.playbook,
            severity=opening.classified.severity,
            reason=opening.classified.reason,
            since=opening.since or self.session.clock.now().isoformat(),
            cause=opening.cause,
            evidence=list(opening.evidence),
            lead=opening.lead,
        )

    def _write(self, kind: str, subject: str, **body: Any) -> None:
        self._journal.append(kind, self.session.redactor(subject), by=self.by, **body)


def new(session: Session, opening: Opening, by: str = "") -> Desk:
    """Open an incident and give its desk."""
    desk = Desk(session, PREFIX + new_run_id(session.clock.now()), by)
    desk.open(opening)
    return desk


def desk(session: Session, id: str = "", by: str = "", *, also_resolved: bool = False) -> Desk:
    """Give the desk of the incident of that id, or of the only open one of this target.

    Raises Mistake saying which there are.
    """
    known = incidents(session.store, session.settings.name)
    if id:
        found = [one for one in known if id in (one.id, one.id.removeprefix(PREFIX))]
        if not found:
            raise Mistake(f"incident {id}: there is none on {session.settings.name}; ./inv incident.status lists them")
        if found[0].resolved and not also_resolved:
            raise Mistake(f"incident {id}: is resolved since {found[0].resolved[:16]}; open a new one")
        return Desk(session, found[0].id, by)
    still = [one for one in known if one.open]
    if not still and also_resolved and known:
        return Desk(session, known[0].id, by)
    if len(still) != 1:
        which = "there is no open incident" if not still else "several are open"
        listed = "".join(f"\n  {one.id}  {one.severity}  {one.what}" for one in still)
        more = "; ./inv incident.open begins one" if not still else "; name one with --incident:"
        raise Mistake(f"{which} on {session.settings.name}{more}{listed}")
    return Desk(session, still[0].id, by)


async def tell(
    world: World, desk: Desk, audience: str, said: Mapping[str, str], text: str = "", *, by_hand: bool = False
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Tell an audience, and write down the text, who took it and who did not.

    Raises Mistake for words that are still missing.

    ``by_hand``: somebody has told them already; only write it down.
    """
    incident, now = desk.incident, desk.session.clock.now()
    drafted, missing = draft(incident, audience, now, said, await live_release(world))
    if missing and not text:
        hints = "\n".join(f"  --set {name}=…" for name in missing)
        raise Mistake(f"incident.notify {audience}: these words are missing:\n{hints}\nthe draft so far:\n{drafted}")
    text = text or drafted
    reached, failed, report = await _send(world, desk, audience, text) if not by_hand else (("by hand",), (), "")
    desk.told(audience, text, reached, failed, report)
    return text, reached, failed


def reachable(world: World, desk: Desk, audience: str) -> bool:
    """Whether the machine can tell an audience by itself."""
    page = desk.session.settings.policies[ContactsPolicy].status_page_id
    return world.channels.has(audience) or audience == "everybody" or (audience == "users" and bool(page))


async def _send(world: World, desk: Desk, audience: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Send a message by the channel, and to users by the status page.

    The all-clear goes to everybody who has heard of the incident.
    """
    incident = desk.incident
    heard = {listener.audience for listener in incident.told if listener.reached} - {"everybody", "release"}
    audiences = sorted(heard) if audience == "everybody" else ["team" if audience == "release" else audience]
    reached, failed, report = list[str](), list[str](), ""
    for listener in audiences:
        if listener == "users" and desk.session.settings.policies[ContactsPolicy].status_page_id:
            try:
                report = await _on_the_status_page(world, desk, text, over=audience == "everybody")
                reached.append("the status page")
            except ServiceError as error:
                failed.append(f"the status page: {error.came}")
        took, refused = await world.channels.tell(listener, f"{incident.severity}: {incident.what}", text)
        reached += [f"{kind} ({listener})" for kind in took]
        failed += [f"{listener}: {why}" for why in refused]
        if not took and not refused and listener != "users":
            failed.append(f"{listener}: no address is set")
    return tuple(reached), tuple(failed), report


async def _on_the_status_page(world: World, desk: Desk, text: str, *, over: bool) -> str:
    incident, policy = desk.incident, desk.session.settings.policies[ContactsPolicy]
    page, now = policy.status_page_id, desk.session.clock.now()
    state = "resolved" if over else "downtime" if incident.severity == "P0" else "degraded"
    affected = [{"status_page_resource_id": id, "status": state} for id in policy.status_page_resources]
    if not incident.report:
        return await world.betterstack.open_report(page, one_line(incident.what), inert(text), affected, now)
    await world.betterstack.update_report(page, incident.report, inert(text), affected)
    if over:
        await world.betterstack.end_report(page, incident.report, now)
    return incident.report


async def escalate(world: World, desk: Desk, role: str = "") -> tuple[Contact, tuple[str, ...], tuple[str, ...]]:
    """Call the next contact who was not called yet, or the named one.

    The on-call channel pages them when there is one.
    """
    tree = desk.session.settings.policies[ContactsPolicy].escalation
    if not tree:
        raise Mistake("deploy.yml: contacts.escalation: names nobody")
    called = {one.role for one in desk.incident.called}
    left = [one for one in tree if (one.role == role if role else one.role not in called)]
    if not left and role:
        raise Mistake(f"--role {role}: is none; deploy.yml has {', '.join(one.role for one in tree)}")
    contact = left[0] if left else tree[-1]
    incident = desk.incident
    text = (
        f"{incident.severity} on {incident.target}: {incident.what}. {contact.name} ({contact.role}), please take part."
    )
    reached, failed = await world.channels.tell("on call", f"{incident.severity}: {incident.what}", text)
    desk.called(contact)
    return contact, reached, failed


def contact_due(incident: Incident, tree: Iterable[Contact], now: datetime.datetime) -> Contact | None:
    """Whom to call now by the contact tree, because nobody before them has put an end to the incident."""
    if not incident.open or incident.recovered:
        return None
    called = {one.role for one in incident.called}
    gone = (now - datetime.datetime.fromisoformat(incident.opened)).total_seconds()
    return next((one for one in tree if one.role not in called and gone >= one.after), None)


async def live_release(world: World) -> str:
    """Describe the commit and time of the live release, in words; empty when nobody can say."""
    try:
        deployment = await world.vercel.production(world.domain)
    except ServiceError:
        return ""
    if deployment is None:
        return ""
    made = datetime.datetime.fromtimestamp(deployment.created / 1000, datetime.UTC)
    return f"{deployment.commit[:12] or deployment.id}, {made:%Y-%m-%d %H:%M} UTC"
