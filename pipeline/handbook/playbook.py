"""What a playbook is made of: a symptom, gates to ask, commands to type, and remedies."""

from dataclasses import dataclass

from checks import health
from checks.gate import Gate
from pipeline.handbook.fitting import Fits
from pipeline.handbook.severity import Severity


@dataclass(frozen=True)
class Clue:
    """A clue is a gate to ask, and what it means when the answer is no."""

    gate: Gate
    no_means: str
    only: tuple[str, ...] = ()
    """A *go to* in ``no_means`` holds only when the answer contains one of these."""


@dataclass(frozen=True)
class Look:
    """A look is a command that changes nothing, and what to see in its answer."""

    command: str
    tells: str


@dataclass(frozen=True)
class Remedy:
    """One act of a playbook. ``tool`` is the same by this project's command line; empty when it has none."""

    when: str
    does: str
    commands: tuple[str, ...] = ()
    tool: str = ""
    fits: Fits | None = None
    """Whether ``when`` is true, as far as the machine can tell; None: only a person can."""
    hand: str = ""
    """Name of the function in ``pipeline.incidents.hands`` that does the remedy; empty: a person does."""


@dataclass(frozen=True)
class Playbook:
    """A playbook answers one alert, from the symptom to the message that it is over."""

    name: str
    title: str
    symptom: str
    """What the alert or the user says."""
    means: str
    impact: str
    severity: Severity
    unless: str
    """When it is another level."""
    ask: tuple[Clue, ...]
    look: tuple[Look, ...]
    mitigate: tuple[Remedy, ...]
    verify: tuple[Gate, ...]
    """It is over when all of these say yes."""
    tell: tuple[str, ...]
    """Audiences, by name, that must hear of it beside the team."""

    @property
    def felt(self) -> str:
        """What users feel, as part of a sentence: the words that they are told when nobody has better ones."""
        first = self.impact.partition(". ")[0].rstrip(".")
        return first[:1].lower() + first[1:]


CLAIMS = {health.is_well_before: "Production's health check answers 200."}
"""Gates whose own title speaks of a deployment, in words that fit an incident."""


def claim(gate: Gate) -> str:
    """What is true when ``gate`` says yes, outside a deployment."""
    return CLAIMS.get(gate, gate.procedure.title)
