"""The incident response page: how bad it is, what to do, whom to call, what to write."""

from collections.abc import Iterable, Mapping

from checks.gate import Gate
from checks.policy import Contact
from pipeline.config import DeployFile, Policies
from pipeline.documents.pages.words import RUNBOOK, document, gate_link, known_here, linked
from pipeline.handbook.communication import AUDIENCES, CADENCE, ROLES
from pipeline.handbook.playbook import Playbook, Remedy, claim
from pipeline.handbook.playbooks import PLAYBOOKS
from pipeline.handbook.severity import SEVERITIES
from pipeline.incidents.review import Review
from pipeline.render.incident import review_markdown
from pipeline.render.markdown import link, spell

TITLES = {playbook.name: playbook.title for playbook in PLAYBOOKS}


def incident_response(file: DeployFile, policies: Policies, prose: Mapping[str, str]) -> str:
    """The whole page, with the hand-written ``prose`` in its places."""
    contacts = policies.contacts
    return document(
        "incident-response",
        known_here(file, policies),
        prose=prose,
        severities=SEVERITIES,
        severity_rows=[
            (f"**{severity.heading}**", severity.means, severity.response, "yes" if severity.wakes else "no")
            for severity in SEVERITIES
        ],
        role_rows=[(role.name, role.does) for role in ROLES],
        playbooks=PLAYBOOKS,
        burning_rows=[_burning(playbook) for playbook in PLAYBOOKS],
        contacts=contacts,
        contact_rows=[_contact_row(contact) for contact in contacts.escalation],
        contact_tree=_contact_tree(contacts.escalation),
        audiences=AUDIENCES,
        audience_rows=[(audience.title, audience.where, audience.who_writes, audience.first) for audience in AUDIENCES],
        cadence_rows=[(notice.severity.name, notice.team, notice.stakeholders, notice.users) for notice in CADENCE],
        review=review_markdown(Review()),
        claim=claim,
        gate_link=_gate_link,
        titles_linked=_titles_linked,
        both_ways=_both_ways,
    )


def playbook_link(name: str, page: str = "") -> str:
    """A link to the section of the playbook with that name. Raises KeyError when there is no such playbook."""
    return link(TITLES[name], page=page)


def _burning(playbook: Playbook) -> tuple[str, ...]:
    """What somebody who was paged needs of a playbook: what is seen, what to type, what is true then, whom to tell."""
    seen = f"**{playbook_link(playbook.name)}** {playbook.severity.name}. {playbook.symptom}"
    walk = f"`./inv playbook.{playbook.name} --target production`"
    return seen, walk, claim(playbook.verify[0]), ", ".join(("team", *playbook.tell))


def _gate_link(gate: Gate) -> str:
    return gate_link(gate, RUNBOOK)


def _titles_linked(text: str) -> str:
    return linked(text, dict.fromkeys(TITLES.values(), ""))


SIDE_BY_SIDE = 90
"""Columns up to which the remarks beside some commands stand below each other."""


def _both_ways(remedy: Remedy) -> str:
    """The commands of a remedy, each with a remark whether it is the tool's when there are both."""
    lengths = [len(command) for command in (remedy.tool, *remedy.commands)]
    width = max(lengths) if max(lengths) <= SIDE_BY_SIDE else 0
    lines = [f"{remedy.tool:<{width}}  # with the tool"] if remedy.tool else []
    lines += [f"{command:<{width}}  # by hand" if remedy.tool else command for command in remedy.commands]
    return "\n".join(lines)


def _contact_row(contact: Contact) -> tuple[str, ...]:
    when = f"{spell(contact.after)} after the alert, without an answer" if contact.after else "first"
    return contact.role, contact.name, contact.reach, when


def _contact_tree(contacts: Iterable[Contact]) -> str:
    """The contacts as a Mermaid chart, in the order in which they are called."""
    boxes, arrows, before = list[str](), list[str](), "alert"
    for number, contact in enumerate(contacts):
        name = f"contact_{number}"
        boxes.append(f'  {name}["{contact.role}<br/>{contact.name}"]')
        arrow = f'-- "{spell(contact.after)} after the alert" -->' if contact.after else "-->"
        arrows.append(f"  {before} {arrow} {name}")
        before = name
    return "\n".join(["flowchart TD", '  alert(["alert"])', *boxes, *arrows])
