"""How badly users feel it, and how fast somebody answers."""

from dataclasses import dataclass

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Severity:
    """One level. ``answer_within`` and ``update_every`` are seconds; None means the next business day."""

    name: str
    word: str
    means: str
    """What is true when this level applies."""
    response: str
    """When somebody starts to work on it, in words."""
    answer_within: float | None
    update_every: float | None
    wakes: bool
    """Whether somebody is woken for it."""
    examples: tuple[str, ...]

    @property
    def heading(self) -> str:
        return f"{self.name} ({self.word})"


P0 = Severity(
    "P0",
    "Critical",
    "Site down, data loss risk, security breach",
    "immediate",
    0,
    30 * MINUTE,
    True,
    (
        "Nobody can open the site, or every page answers 500",
        "Nobody can sign in",
        "Students' work is lost, or may be",
        "Somebody sees data that is not theirs; a secret has leaked",
    ),
)
P1 = Severity(
    "P1",
    "High",
    "Major feature broken, significant user impact",
    "within 1 hour",
    HOUR,
    HOUR,
    True,
    (
        "Uploads fail for everybody",
        "One course or one group of users cannot work",
        "The error rate is ten times its baseline",
        "Seven-day uptime has fallen below its target",
    ),
)
P2 = Severity(
    "P2",
    "Medium",
    "Minor feature issue, workaround available",
    "within 4 hours",
    4 * HOUR,
    4 * HOUR,
    False,
    (
        "Pages are slow, but they work",
        "A few users are rate limited and can try again",
        "A release was blocked or rolled back by itself; users noticed nothing",
    ),
)
P3 = Severity(
    "P3",
    "Low",
    "Cosmetic issue, minimal impact",
    "next business day",
    None,
    None,
    False,
    ("A layout is broken in one browser", "A wrong word on a page", "A noisy warning in the logs"),
)

SEVERITIES = (P0, P1, P2, P3)
