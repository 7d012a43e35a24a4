"""Who is told what, when, and in which words."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.handbook.severity import HOUR, MINUTE, P0, P1, P2, P3, Severity

FIELDS = {
    "severity": "P0/P1/P2",
    "what": "what users cannot do",
    "since": "time, UTC",
    "lead": "name",
    "playbook": "which one",
    "release": "commit, time",
    "doing": "what you are doing: rolling back, repairing, waiting for the vendor",
    "next": "time of the next word",
    "affects": "what it means for whom, for how many",
    "need": "You need not do anything. / We need you to …",
    "saved": "Work that you have saved is safe. / We do not know yet whether saved work is affected.",
    "closed": "closed it / not closed it yet",
    "data": "which data of how many people",
    "evidence": "where it is kept",
    "over": "time, UTC",
    "works": "what works again",
    "cause": "one plain sentence",
    "todo": "what users should do, if anything",
    "by": "date",
    "commit": "commit",
    "time": "time",
    "gate": "what the gate said",
    "serves": "deployment, commit",
    "migrations": "names or none",
    "name": "name",
}
"""What may stand in a template → the hint that is shown where nobody has filled it in."""


@dataclass(frozen=True)
class Audience:
    """Some people, where they are told, and the words. ``{names}`` are those of FIELDS."""

    name: str
    title: str
    where: str
    who_writes: str
    first: str
    """When they first hear of it."""
    template: str

    @property
    def form(self) -> str:
        """The template as a person fills it in: with hints in brackets."""
        return self.template.format_map({name: f"[{hint}]" for name, hint in FIELDS.items()})


@dataclass(frozen=True)
class Rhythm:
    """When somebody is told: ``first`` after the opening and then ``every`` so many seconds; None is never."""

    first: float | None
    every: float | None
    words: str
    """The same for people, with what no timer can know."""


@dataclass(frozen=True)
class Notice:
    """When who is told about an incident of one severity. ``rhythms``: audience → its rhythm."""

    severity: Severity
    rhythms: Mapping[str, Rhythm]

    @property
    def team(self) -> str:
        return self.rhythms["team"].words

    @property
    def stakeholders(self) -> str:
        return self.rhythms["stakeholders"].words

    @property
    def users(self) -> str:
        return self.rhythms["users"].words


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
        "INCIDENT {severity}: {what}, since {since}.\n"
        "Lead: {lead}. Playbook: {playbook}. Last release: {release}.\n"
        "Doing now: {doing}. Next word here at {next}.",
    ),
    Audience(
        "stakeholders",
        "Stakeholders",
        "direct message or call, then the incident channel",
        "the incident lead or the writer",
        "P0 within 15 minutes, P1 within 1 hour",
        "Since {since}: {what}. For users: {affects}.\n"
        "What we are doing: {doing}. We expect to know more at {next}.\n"
        "{need}",
    ),
    Audience(
        "users",
        "Users",
        "the status page",
        "the writer",
        "P0 within 15 minutes, P1 within 1 hour",
        "We are looking into a problem: {what}.\n"
        "{saved}\n"
        "We will write again at {next}.",
    ),
    Audience(
        "data protection",
        "Data protection officer",
        "a call, then a written note",
        "the incident lead",
        "as soon as personal data may be affected; the law counts from then",
        "At {since} we learnt: {what}.\n"
        "It may affect {data}. We have {closed}.\n"
        "Evidence is kept at {evidence}. Please tell us whom we must inform, and by when.",
    ),
    Audience(
        "everybody",
        "Everybody who heard of it: it is over",
        "wherever they heard of it",
        "the writer",
        "when the playbook's last questions all say yes",
        "It is over since {over}: {works}.\n"
        "The cause: {cause} {todo}\n"
        "We will say by {by} what we change so that it does not come back.",
    ),
    Audience(
        "release",
        "The team, after a rollback",
        "the team's channel",
        "whoever rolled back",
        "when production is proved to be well",
        "Rolled back {commit} at {time}, because {gate}.\n"
        "Production serves {serves} again; migrations stay: {migrations}.\n"
        "Production is pinned: nothing new goes live until somebody promotes. Do not deploy before {name} says so.",
    ),
)  # fmt: skip
BY_NAME = {one.name: one for one in AUDIENCES}

CADENCE = (
    Notice(P0, {
        "team": Rhythm(0, 30 * MINUTE, "at once, then every 30 minutes"),
        "stakeholders": Rhythm(15 * MINUTE, HOUR, "within 15 minutes, then hourly"),
        "users": Rhythm(15 * MINUTE, 30 * MINUTE, "within 15 minutes, then every 30 minutes"),
        "data protection": Rhythm(HOUR, None, "as soon as personal data may be affected"),
    }),
    Notice(P1, {
        "team": Rhythm(0, HOUR, "at once, then every hour"),
        "stakeholders": Rhythm(HOUR, 2 * HOUR, "within 1 hour, then every 2 hours"),
        "users": Rhythm(HOUR, None, "within 1 hour when they notice it"),
        "data protection": Rhythm(HOUR, None, "as soon as personal data may be affected"),
    }),
    Notice(P2, {
        "team": Rhythm(0, None, "when work starts and when it is done"),
        "stakeholders": Rhythm(None, None, "in the daily summary"),
        "users": Rhythm(None, None, "only when they ask"),
    }),
    Notice(P3, {
        "team": Rhythm(None, None, "in the issue"),
        "stakeholders": Rhythm(None, None, "not at all"),
        "users": Rhythm(None, None, "not at all"),
    }),
)  # fmt: skip
