"""Who is told what, when, and in which words."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.handbook.reading import every, made, read
from pipeline.handbook.severity import SEVERITY_NAMED, Severity

FILE = "messages.yml"
_TEXT = read(FILE)
FIELDS: Mapping[str, str] = made(Mapping[str, str], _TEXT["fields"], f"{FILE}: fields")
"""What may stand in a template → the hint that is shown where nobody has filled it in."""


@dataclass(frozen=True)
class Audience:
    """People who hear of an incident, where they are told, and the words. ``{names}`` are those of FIELDS."""

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
    """When an audience is told: ``first`` after the opening and then ``every`` so many seconds; None is never."""

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


ROLES = every(Role, _TEXT["roles"], f"{FILE}: roles")
AUDIENCES = every(Audience, _TEXT["audiences"], f"{FILE}: audiences")
BY_NAME = {audience.name: audience for audience in AUDIENCES}
CADENCE = every(Notice, _TEXT["cadence"], f"{FILE}: cadence", {Severity: SEVERITY_NAMED})
