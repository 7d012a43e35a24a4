"""Who is told, and who decided otherwise."""

import datetime
from dataclasses import dataclass
from typing import Literal

from checks.policy.base import Policy


@dataclass(frozen=True)
class Contact(Policy):
    """One person or rota on the escalation tree."""

    role: str
    """E.g. ``DevOps lead``."""
    name: str
    """Who it is."""
    reach: str
    """How to reach them at night."""
    after: float = 0
    """Escalate to them when this long has passed without an answer."""


@dataclass(frozen=True)
class ContactsPolicy(Policy):
    """Who is told, in which order."""

    escalation: tuple[Contact, ...] = ()
    """First to last."""
    channel: str = "#incidents"
    """Where an incident is worked on."""
    status_page: str = ""
    """Where users are told."""
    status_page_id: str = ""
    """Its id in Better Stack, so that `incident.notify` can write there; empty: a person writes."""
    status_page_resources: tuple[str, ...] = ()
    """Ids of what that page shows, all of which an incident affects."""


@dataclass(frozen=True)
class IncidentsPolicy(Policy):
    """When an incident is opened by itself, and how soon it is reviewed."""

    opens_on: tuple[Literal["stranded", "rolled back", "held", "blocked"], ...] = ("stranded", "rolled back", "held")
    """How a run must end for an incident to be opened."""
    monitor: Literal["P0", "P1", "P2", "P3", "never"] = "P2"
    """What `monitor.daily` or `monitor.weekly` finds opens one from this severity on."""
    review_within: float = 5 * 86400
    """How soon the review of a P0 or P1 is written."""


@dataclass(frozen=True)
class RunbooksPolicy(Policy):
    """Who has to have read the runbooks, and how long that counts."""

    reviewers: int = 1
    """How many people must have signed each section."""
    by: tuple[str, ...] = ()
    """Who may sign; empty: anybody."""
    expires: float = 180 * 86400
    """How long a signature counts, and a proof."""


@dataclass(frozen=True)
class Waiver(Policy):
    """A dated, signed, expiring decision that one gate's block counts as a warning."""

    gate: str
    """The gate's name, e.g. ``security.no-urgent-alerts``."""
    until: datetime.date
    """Last day on which it counts."""
    by: str
    """Who decided."""
    reason: str
    """Why."""
    subject: str = ""
    """Only findings about this subject; empty means all of the gate's."""
    signature: str = ""
    """Over all of that, by an SSH key that `approval.signers` knows, as `waivers --sign GATE` makes it. Empty: not signed."""

    @property
    def note(self) -> str:
        """What is said beside each finding that it covers."""
        return f"waived by {self.by} until {self.until}: {self.reason}"
