"""``incident.…``: from the alarm to the review."""

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, configuration, honest, out

COMMON = {
    "target": "as for deploy",
    "incident": "its id (default: the only open one)",
    "by": "your name (default: your login)",
    "json": "as one JSON document",
}


@task(
    name="open",
    help={
        "target": "as for deploy",
        "by": "your name (default: your login)",
        "what": "what users cannot do, in their words",
        "playbook": "the one that fits, e.g. site-down",
        "impact": "what users feel, by commas: down, data-loss, breach, sign-in, major, many, minor, slow, cosmetic",
        "workaround": "users can do it another way",
        "since": "first harm: 02:10 or 2026-11-23T02:10, UTC (default: now)",
        "lead": "who leads",
        "json": "as one JSON document",
    },
)
def open_(
    c: Context,
    what: str = "",
    playbook: str = "",
    impact: str = "",
    workaround: bool = False,
    since: str = "",
    lead: str = "",
    target: str = "",
    by: str = "",
    json: bool = False,
) -> None:
    """Open an incident: severity by rule, with its reason; who is to hear, and by when."""
    with honest():
        from pipeline.commands.incident import Said, open_incident

        said = Said(
            target, by=by, what=what, playbook=playbook, impact=impact, workaround=workaround, since=since, lead=lead
        )
        open_incident(configuration(), said, ROOT, out, as_json=json)


@task(
    name="note",
    positional=["text"],
    help={
        **COMMON,
        "text": "what happened",
        "severity": "it is now P0, P1, P2 or P3",
        "reason": "why",
        "lead": "who leads from now on",
    },
)
def note(
    c: Context,
    text: str | None = None,  # Invoke takes a word without a flag only where nothing is there yet
    severity: str = "",
    reason: str = "",
    lead: str = "",
    target: str = "",
    incident: str = "",
    by: str = "",
    json: bool = False,
) -> None:
    """Write a line into the record; with --severity or --lead, change those."""
    with honest():
        from pipeline.commands.incident import Said, note_incident

        said = Said(target, incident, by, severity=severity, reason=reason, lead=lead)
        note_incident(configuration(), said, text or "", ROOT, out, as_json=json)


@task(name="escalate", help={**COMMON, "role": "this contact of deploy.yml (default: the next one)"})
def escalate(
    c: Context, role: str = "", target: str = "", incident: str = "", by: str = "", json: bool = False
) -> None:
    """Page the next contact of the tree, and say how to reach them."""
    with honest():
        from pipeline.commands.incident import Said, escalate_incident

        escalate_incident(configuration(), Said(target, incident, by), role, ROOT, out, as_json=json)


@task(
    name="notify",
    positional=["audience"],
    iterable=["set"],
    help={
        **COMMON,
        "audience": "team, stakeholders, users, 'data protection', everybody (it is over) or release",
        "set": "NAME=words for a field of the template; may be given several times",
        "text": "these words instead of the template's",
        "by-hand": "they were told already; only write it down",
        "draft": "show the words and send nothing",
    },
)
def notify(
    c: Context,
    audience: str,
    set: list[str],
    text: str = "",
    by_hand: bool = False,
    draft: bool = False,
    target: str = "",
    incident: str = "",
    by: str = "",
    json: bool = False,
) -> None:
    """Tell an audience, in its template's words; users by the status page. Exit 1 when nobody was told."""
    with honest():
        from pipeline.commands.incident import Said, notify_audience

        said = Said(target, incident, by, fields=tuple(set))
        told = notify_audience(
            configuration(), said, audience, ROOT, out, text, by_hand=by_hand, only_draft=draft, as_json=json
        )
    if not told:
        raise SystemExit(1)


@task(
    name="status",
    help={
        "target": "as for deploy",
        "incident": "its id (default: all open ones)",
        "watch": "again every 20 seconds, with a bell when a word is late",
        "check": "exit 1 when a word is late",
        "json": "as one JSON document",
    },
)
def status(
    c: Context, target: str = "", incident: str = "", watch: bool = False, check: bool = False, json: bool = False
) -> None:
    """What is known, what was done, who is to hear next and when."""
    with honest():
        from pipeline.commands.incident import Said, show_incidents

        late = show_incidents(
            configuration(), Said(target, incident), ROOT, out, as_json=json, watch=watch, check=check
        )
    if late:
        raise SystemExit(1)


@task(
    name="resolve",
    help={
        **COMMON,
        "cause": "one plain sentence",
        "works": "what works again, in users' words",
        "unverified": "how you know that it is over, when no playbook has looked",
    },
)
def resolve(
    c: Context,
    cause: str = "",
    works: str = "",
    unverified: str = "",
    target: str = "",
    incident: str = "",
    by: str = "",
    json: bool = False,
) -> None:
    """Close it, and give the all-clear to everybody who has heard of it."""
    with honest():
        from pipeline.commands.incident import Said, resolve_incident

        said = Said(target, incident, by, cause=cause, works=works, unverified=unverified)
        resolve_incident(configuration(), said, ROOT, out, as_json=json)


@task(
    name="review",
    iterable=["measure", "update"],
    help={
        **COMMON,
        "measure": "something that keeps it from coming back; several times",
        "update": "PAGE.md#section: what has to change in the runbooks; stays red until done; several times",
    },
)
def review(
    c: Context,
    measure: list[str],
    update: list[str],
    target: str = "",
    incident: str = "",
    by: str = "",
    json: bool = False,
) -> None:
    """Write the post-incident review from the record into runbooks/reviews/."""
    with honest():
        from pipeline.commands.incident import Said
        from pipeline.commands.incidentreview import review_incident

        review_incident(configuration(), Said(target, incident, by), ROOT, out, measure, update, as_json=json)


def collection() -> Collection:
    """The tasks about incidents."""
    return Collection(open_, note, escalate, notify, status, resolve, review)
