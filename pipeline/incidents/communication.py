"""Who is told what, when, and in which words."""

from dataclasses import dataclass

from pipeline.incidents.severity import P0, P1, P2, P3, Severity


@dataclass(frozen=True)
class Audience:
    """Some people, where they are told, and the words. ``[brackets]`` are filled in by whoever writes."""

    name: str
    title: str
    where: str
    who_writes: str
    first: str
    """When they first hear of it."""
    template: str


@dataclass(frozen=True)
class Notice:
    """When who is told about an incident of one severity."""

    severity: Severity
    team: str
    stakeholders: str
    users: str


@dataclass(frozen=True)
class Role:
    """A hat that one person wears during an incident; small teams wear several."""

    name: str
    does: str


ROLES = (
    Role("Incident lead", "Decides. Does not type. Whoever was paged, until somebody takes over by saying so"),
    Role("Fixer", "Follows the playbook, says each command before running it"),
    Role("Writer", "Tells users and stakeholders on time, and keeps the timeline"),
)

AUDIENCES = (
    Audience(
        "team",
        "The team",
        "the incident channel",
        "whoever was paged",
        "at once",
        "INCIDENT [P0/P1/P2]: [what users cannot do], since [time, UTC].\n"
        "Lead: [name]. Playbook: [which one]. Last release: [commit, time].\n"
        "Doing now: [one thing]. Next word here at [time].",
    ),
    Audience(
        "stakeholders",
        "Stakeholders",
        "direct message or call, then the incident channel",
        "the incident lead or the writer",
        "P0 within 15 minutes, P1 within 1 hour",
        "Since [time] [what users cannot do]. It affects [who, how many].\n"
        "We are [rolling back / repairing / waiting for the vendor] and expect to know more at [time].\n"
        "You need not do anything. / We need you to [decide, tell somebody].",
    ),
    Audience(
        "users",
        "Users",
        "the status page",
        "the writer",
        "P0 within 15 minutes, P1 within 1 hour",
        "We are looking into a problem: [what does not work, in their words].\n"
        "Work that you have saved is safe. / We do not know yet whether saved work is affected.\n"
        "We will write again at [time].",
    ),
    Audience(
        "data protection",
        "Data protection officer",
        "a call, then a written note",
        "the incident lead",
        "as soon as personal data may be affected; the law counts from then",
        "On [date, time, UTC] we learnt that [what happened].\n"
        "It may affect [which data] of [how many people]. We have [closed it / not closed it yet].\n"
        "Evidence is kept at [where]. Please tell us whom we must inform, and by when.",
    ),
    Audience(
        "everybody",
        "Everybody who heard of it: it is over",
        "wherever they heard of it",
        "the writer",
        "when the playbook's last questions all say yes",
        "It is over since [time]: [what works again].\n"
        "The cause was [one plain sentence]. [What users should do, if anything.]\n"
        "We will say by [date] what we change so that it does not come back.",
    ),
    Audience(
        "release",
        "The team, after a rollback",
        "the team's channel",
        "whoever rolled back",
        "when production is proved to be well",
        "Rolled back [commit] at [time], because [what the gate said].\n"
        "Production serves [deployment, commit] again; migrations stay: [names or none].\n"
        "Production is pinned: nothing new goes live until somebody promotes. Do not deploy before [name] says so.",
    ),
)

CADENCE = (
    Notice(P0, "at once, then every 30 minutes", "within 15 minutes, then hourly",
        "within 15 minutes, then every 30 minutes"),
    Notice(P1, "at once, then every hour", "within 1 hour, then every 2 hours", "within 1 hour when they notice it"),
    Notice(P2, "when work starts and when it is done", "in the daily summary", "only when they ask"),
    Notice(P3, "in the issue", "not at all", "not at all"),
)  # fmt: skip
