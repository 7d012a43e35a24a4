"""One target, ready to be opened: addresses, ids, secrets and policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config.target import Services
from pipeline.world.secrets import OPEN

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Settings:
    """One target, ready to be opened. ``secrets`` by the names in SECRETS and OPTIONAL; never printed."""

    name: str
    kind: str
    project: str
    team: str
    domain: str
    services: Services
    secrets: Mapping[str, str] = field(repr=False)
    policies: Mapping[type, Any] = field(repr=False)
    control: str = ""
    """The sandbox's control address; empty for a real target."""
    root: Path = Path()
    """The home: the folder that ``deploy.yml`` lies in."""
    app: str = ""
    """The app's folder in the home, as deploy.yml says."""
    own: bool = False
    """Whether it is the sandbox of one's own app, and not of the demo app."""
    within: str = ""
    """Where that is in the repository, with a slash behind it; empty at the top."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """The secret values, which the redactor hides."""
        return tuple(value for name, value in self.secrets.items() if name not in OPEN)
