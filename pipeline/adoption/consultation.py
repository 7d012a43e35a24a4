"""What each examination is given: the opened world of a target, its settings, and one round of readings."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checks.gate import Gate, Verdict
from pipeline.adoption.symptoms import Symptom, of_findings
from pipeline.clients.address import address_of
from pipeline.clients.tokens import TokenFacts
from pipeline.config import Config
from pipeline.engine.readings import Round
from pipeline.errors import Mistake
from pipeline.world.settings import Settings
from pipeline.world.world import World

SOON = datetime.timedelta(days=14)


def without_malformed(settings: Settings) -> tuple[Settings, dict[str, str]]:
    """The settings without an address that opens no client, and what is wrong with it, without its value."""
    secrets, wrong = dict(settings.secrets), dict[str, str]()
    try:
        address_of(secrets.get("DIRECT_URL", "postgresql://"))
    except Mistake as mistake:
        wrong["DIRECT_URL"] = str(mistake).partition(": ")[2]
        del secrets["DIRECT_URL"]
    return replace(settings, secrets=secrets), wrong


@dataclass(frozen=True)
class Consultation:
    """One look at one target. ``root``: the home, ``folder``: the app, where its packages are."""

    world: World
    settings: Settings
    config: Config
    look: Round
    root: Path
    folder: Path
    malformed: Mapping[str, str] = field(default_factory=dict)
    """Secrets that were left out because nothing can be opened with them, each with what is wrong."""

    @property
    def policies(self) -> Mapping[type, Any]:
        return self.settings.policies

    async def ask(self, service: str, label: str, well: str, gate: Gate) -> tuple[Symptom, ...]:
        """Ask a gate; ``label`` ``well`` is the line when it has nothing to say."""
        findings, _ = await self.look.ask(gate)
        return of_findings(service, label, well, findings)

    def lifetime(self, service: str, name: str, facts: TokenFacts) -> Symptom:
        """The line for a token that was taken: whose it is, and when it ends."""
        whose = f"is valid{f', of {facts.whose}' if facts.whose else ''}"
        if facts.expires is None:
            return Symptom(service, Verdict.PASS, name, f"{whose}; no end is known")
        ends = f"{facts.expires:%Y-%m-%d}"
        if facts.expires - self.world.clock.now() < SOON:
            return Symptom(service, Verdict.WARN, name, f"{whose}, and ends on {ends}", "make the next one now")
        return Symptom(service, Verdict.PASS, name, f"{whose}, until {ends}")
