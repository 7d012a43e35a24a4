"""Who is told, and who decided otherwise."""

import datetime
from dataclasses import dataclass

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
