"""The incident response playbook: how bad it is, what to do, whom to call, what to write."""

from collections.abc import Mapping

from checks.policy import Contact, ContactsPolicy
from pipeline.config import DeployFile, Policies
from pipeline.documents.pages.words import RUNBOOK, gate_link, known_here, linked, page
from pipeline.handbook.communication import AUDIENCES, CADENCE, ROLES, Audience
from pipeline.handbook.playbook import Clue, Look, Playbook, Remedy, claim
from pipeline.handbook.playbooks import PLAYBOOKS
from pipeline.handbook.severity import SEVERITIES
from pipeline.incidents.review import Review
from pipeline.render.incident import review_markdown
from pipeline.render.markdown import bullets, fence, flow, link, numbered, spell, stop, table

OPENING = """
What to do when users are affected. Read only the part that you need; every part can be followed by somebody who has
never deployed, and with the tool switched off.
"""
FLOW = """
flowchart TD
  alert["Alert triggered: Better Stack, Sentry, or a user"] --> acknowledge
  acknowledge["Acknowledge, look yourself, write one line"]
  acknowledge --> real{"Is it real?"}
  real -- no --> tune["Note the false alarm, tune the alert"]
  real -- yes --> classify["Classification: P0, P1, P2 or P3"]
  classify --> released{"Did a release go out shortly before?"}
  released -- yes --> back["Roll back first"]
  released -- no --> investigate["Investigation: the scenario that fits"]
  back --> well{"Do the questions under Verify say yes?"}
  investigate --> mitigate["Resolution: mitigate, then repair"]
  mitigate --> well
  well -- no --> escalate["Escalate to the next contact"]
  escalate --> investigate
  well -- yes --> over["All-clear to everybody who heard of it"]
  over --> review["Post-incident review"]
"""
TITLES = {one.name: one.title for one in PLAYBOOKS}


def incident_response(file: DeployFile, policies: Policies, prose: Mapping[str, str]) -> str:
    """The whole document."""
    parts = [
        "## You Have Been Paged\n\n" + prose["paged"] if prose.get("paged") else "",
        _severity(),
        _flow(),
        _scenarios(),
        _escalation(policies.contacts),
        _review(),
        "## Tabletop Exercise\n\n" + prose["tabletop"] if prose.get("tabletop") else "",
    ]
    return page("Incident Response", OPENING, "\n\n".join(filter(None, parts)), known_here(file, policies))


def playbook_link(name: str, page: str = "") -> str:
    """A link to the scenario of that name. Raises KeyError when there is none."""
    return link(TITLES[name], page=page)


def _severity() -> str:
    rows = [(f"**{s.heading}**", s.means, s.response, "yes" if s.wakes else "no") for s in SEVERITIES]
    text = [
        "## Severity Classification",
        "Choose by what users feel, not by what broke. In doubt take the graver one; it can be lowered later.",
        table(("severity", "what is true", "response", "wakes somebody"), rows),
    ]
    for one in SEVERITIES:
        text += [f"**{one.name}, for example:**", bullets(one.examples)]
    text.append(f"Readings that are an incident by themselves: {link('Escalation Thresholds', page='monitoring.md')}.")
    return "\n\n".join(text)


def _flow() -> str:
    roles = table(("hat", "does"), [(one.name, one.does) for one in ROLES])
    return "\n\n".join(
        (
            "## Incident Response Flow",
            "Alert Triggered → Classification → Investigation → Resolution → Post-Incident Review.",
            fence(FLOW, "mermaid"),
            "Three hats. Say aloud who wears which; alone at night you wear all three, and the first is the one to"
            " give away.",
            roles,
        )
    )


def _scenarios() -> str:
    rows = [(playbook_link(one.name), one.symptom, one.severity.name) for one in PLAYBOOKS]
    return "\n\n".join(
        (
            "## Common Incident Scenarios",
            "Find the line that fits, follow the link, do what it says from the top. Asking changes nothing, so ask"
            " freely."
            " With the tool a question is `./inv check.NAME --target production`; by hand the link says how.",
            table(("scenario", "you see", "severity"), rows),
            *map(_scenario, PLAYBOOKS),
        )
    )


def _scenario(one: Playbook) -> str:
    told = [f"{audience.title}: {audience.first}" for audience in AUDIENCES if audience.name in one.tell]
    return "\n\n".join(
        (
            f"### {one.title}",
            f"**You see:** {one.symptom}",
            f"**It means:** {one.means}",
            f"**Users:** {one.impact}",
            f"**Severity:** {one.severity.heading}, response {one.severity.response}. {one.unless}",
            f"**With the tool:** `./inv playbook.{one.name} --target production` asks what is below, does its part,"
            " asks you for yours, and writes both down; it goes on where it was interrupted.",
            "**Diagnose.** Ask whether these are true:",
            bullets(map(_clue, one.ask)),
            "Look:",
            *map(_look, one.look),
            "**Mitigate.** From the top, each line that fits, until users are well:",
            numbered(_remedy(remedy) for remedy in one.mitigate),
            "**Verify.** It is over when all of these say yes, twice, five minutes apart:",
            bullets((f"{claim(gate)} {gate_link(gate, RUNBOOK)}" for gate in one.verify), "- [ ]"),
            f"**Communicate.** {link('Templates')}, to the team at once" + (":" if told else " and nobody else."),
            *([bullets(told)] if told else []),
            f"**Escalate.** {_escalate(one)}",
        )
    ).rstrip()


def _escalate(one: Playbook) -> str:
    when = "At once, for a P0; else when" if one.severity.name == "P0" else "When"
    return f"{when} you have been stuck for 15 minutes: the next of {link('Escalation Procedures')}."


def _clue(one: Clue) -> str:
    return (
        f"**{claim(one.gate)}** {gate_link(one.gate, RUNBOOK)}\n*If not:* {_titles_linked(stop(one.no_means))}\n"
        f"*By hand:* {flow(one.gate.procedure.by_hand)}"
    )


def _look(one: Look) -> str:
    return f"{fence(one.command)}\n\n→ {_titles_linked(stop(one.tells))}"


def _remedy(one: Remedy) -> str:
    width = max(map(len, (one.tool, *one.commands)))
    commands = [f"{one.tool:<{width}}  # with the tool"] if one.tool else []
    commands += [f"{command:<{width}}  # by hand" if one.tool else command for command in one.commands]
    text = f"**{one.when}.** {_titles_linked(stop(one.does))}"
    return text + (f"\n\n{fence(chr(10).join(commands))}" if commands else "")


def _titles_linked(text: str) -> str:
    return linked(text, dict.fromkeys(TITLES.values(), ""))


def _escalation(contacts: ContactsPolicy) -> str:
    people = [
        (
            one.role,
            one.name,
            one.reach,
            f"{spell(one.after)} after the alert, without an answer" if one.after else "first",
        )
        for one in contacts.escalation
    ]
    rows = [(one.severity.name, one.team, one.stakeholders, one.users) for one in CADENCE]
    where = [f"Incident channel: {contacts.channel}"]
    where += [f"Status page: {contacts.status_page}"] if contacts.status_page else []
    return "\n\n".join(
        (
            "## Escalation Procedures",
            "Call the first who is not you. No answer: call the next, and keep calling the one before. For a P0"
            " call the first two at once. `./inv incident.escalate --target production` says who is next, pages them"
            " and writes it down. Escalate also when you have been stuck for 15 minutes. Calling is never wrong.",
            table(("role", "who", "reach", "call when"), people) if people else "No contacts in `deploy.yml` yet.",
            _tree(contacts.escalation),
            bullets(where),
            "### Stakeholder Notification Protocol",
            table(("audience", "where", "who writes", "first word"), [_notice(one) for one in AUDIENCES]),
            "### Communication Cadence",
            "Say when the next word comes, and keep to it even when there is nothing new.",
            table(("severity", "team", "stakeholders", "users"), rows),
            "### Templates",
            "Fill in what is in brackets. Say what users feel; leave out what you only suspect. With the tool:"
            " `./inv incident.notify users --target production` fills in what it knows, sends it, and writes it down;"
            " `./inv incident.status --target production` shows who is to hear next, and when.",
            *(f"**{one.title}**\n\n{fence(one.form, 'text')}" for one in AUDIENCES),
            "From a terminal, by the channel's webhook:",
            fence("curl -sS -X POST -H 'content-type: application/json' -d '{\"text\": \"INCIDENT P0: …\"}' $WEBHOOK"),
        )
    )


def _tree(people: tuple[Contact, ...]) -> str:
    lines = ["flowchart TD", '  alert(["alert"])']
    lines += [f'  contact_{n}["{one.role}<br/>{one.name}"]' for n, one in enumerate(people)]
    before = "alert"
    for n, one in enumerate(people):
        arrow = f'-- "{spell(one.after)} after the alert" -->' if one.after else "-->"
        lines.append(f"  {before} {arrow} contact_{n}")
        before = f"contact_{n}"
    return fence("\n".join(lines), "mermaid") if people else ""


def _notice(one: Audience) -> tuple[str, ...]:
    return one.title, one.where, one.who_writes, one.first


def _review() -> str:
    return "\n\n".join(
        (
            "## Post-Incident Review Template",
            "Within five working days, for every P0 and P1, and for any incident that taught something. It asks what"
            " made the mistake easy, never who made it. `./inv incident.review` writes it from the incident's record,"
            " with what was detected when; without the tool, copy this and keep it with the other reviews."
            " `./inv report $RUN` prints what a run did and when.",
            fence(review_markdown(Review()), "markdown"),
            "Each line under *Runbook Updates Needed* becomes an action in `runbooks/actions.yml`, and"
            " `./inv runbooks --check` stays red until `./inv runbooks.done ID` says that it was made.",
        )
    )
