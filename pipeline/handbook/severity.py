"""How badly users feel an incident, and how fast somebody answers it."""

from dataclasses import dataclass

from pipeline.handbook.reading import every, read


@dataclass(frozen=True)
class Severity:
    """One severity. ``answer_within`` and ``update_every`` are seconds; None means the next business day."""

    name: str
    word: str
    means: str
    """What is true when this severity applies."""
    response: str
    """When somebody starts to work on an incident of it, in words."""
    answer_within: float | None
    update_every: float | None
    wakes: bool
    """Whether somebody is woken for it."""
    examples: tuple[str, ...]

    @property
    def heading(self) -> str:
        return f"{self.name} ({self.word})"


SEVERITIES = every(Severity, read("severities.yml"), "severities.yml: ")
P0, P1, P2, P3 = SEVERITIES
SEVERITY_NAMED = {severity.name: severity for severity in SEVERITIES}
