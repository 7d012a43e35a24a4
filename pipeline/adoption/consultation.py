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


KEYS = {
    "project": "the project's name on Vercel, or its id: Project → Settings → General",
    "domain": "the production domain, without https://",
    "team": "Vercel → the team → Settings → Team ID",
}
"""What of a target somebody has to fill in, and where it stands."""


def without_unfilled(settings: Settings, config: Config) -> tuple[Settings, tuple[Symptom, ...]]:
    """The settings without what nobody has filled in yet, and a line for each such key: what to paste, and where."""
    target = config.file.targets[settings.name]
    if target.kind == "sandbox":
        return settings, ()
    where = f"targets.{settings.name}"
    said = [line.partition(": ") for line in config.unfilled.get(settings.name, ())]
    examples = {rest.partition(": ")[0]: (place, rest.partition(": ")[2]) for place, _, rest in said}
    found, blank = list[Symptom](), dict[str, str]()
    for key, meant in KEYS.items():
        place, says = examples.get(f"{where}.{key}", ("", ""))
        if not place and (getattr(target, key) or key == "team"):  # a project may be a person's, without a team
            continue
        paste = f"{key}: …   {place or f'deploy.yml, below `{settings.name}:`'}; {meant}"
        found.append(Symptom("deploy.yml", Verdict.BLOCK, f"{where}.{key}", says or "is missing", paste))
        blank[key] = ""
    others = [(key, said) for key, said in examples.items() if key not in {f"{where}.{one}" for one in KEYS}]
    found += [Symptom("deploy.yml", Verdict.BLOCK, key, says, f"{key}: …   {place}") for key, (place, says) in others]
    if blank.keys() & {"project", "team"}:  # one without the other is found nowhere
        blank |= {"project": "", "team": ""}
    return replace(settings, **blank), tuple(found)  # type: ignore[arg-type]


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
    unfilled: tuple[Symptom, ...] = ()
    """Keys of the target that were left out because nobody has filled them in."""

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
