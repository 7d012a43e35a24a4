"""What the machine can see when a remedy is to be chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FRESH = 2 * 3600


@dataclass(frozen=True)
class Situation:
    """One look at production while an incident is open. What could not be read is as if it were well: a person may know better."""

    no: Mapping[str, str] = field(default_factory=dict)
    """Gate → what it says, of those that do not say yes."""
    released: float | None = None
    """Seconds since what is live was made; None when nobody can tell."""
    went_back: bool = False
    """Whether production was rolled back in this incident already."""
    pinned: bool = False
    locked: bool = False
    cut_off: str = ""
    """The run that was cut off after it had promoted."""
    stranded: bool = False
    failed_migration: str = ""
    restorable: str = ""
    """The newest run that kept a restore point."""
    idle: int = 0
    """Connections that sit idle in a transaction for longer than ten seconds."""
    blockers: int = 0
    """Connections that keep others waiting for longer than a second."""
    crowded: bool = False
    """Nine tenths of the connections are taken, or no more can be had."""
    database_silent: bool = False
    """The app says that it has no database, or the database does not answer us."""

    @property
    def fresh_release(self) -> bool:
        return self.released is not None and self.released < FRESH and not self.went_back

    @property
    def schema_gone(self) -> bool:
        """Whether something that the migrations made is not in the database any more."""
        return "is not in the database" in self.no.get("database.has-not-drifted", "")

    @property
    def vendor_ill(self) -> bool:
        return bool({"services.vercel-is-operational", "services.neon-is-operational"} & self.no.keys())
