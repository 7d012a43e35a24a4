"""How a run can end: the word in the journal, the exit code, and what it means for production. One table for all."""

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """The outcome of a run. ``word`` stands in the journal, ``code`` is the exit code of the command.

    ``means`` says what is true of production now; ``alarm`` is what the incident says that such an outcome opens
    (empty: it opens none), and ``told`` what the team is told, with ``{release}`` and ``{site}`` to be filled in
    (empty: nobody is told).
    """

    DEPLOYED = (0, "deployed", "", "", "")
    BLOCKED = (1, "blocked", "this run moved no traffic", "the release was stopped before users got it", "")
    ROLLED_BACK = (
        3,
        "rolled back",
        "production serves what it served before",
        "the release was taken back by itself",
        "{release} was taken back from {site}: rolled back",
    )
    STRANDED = (
        4,
        "stranded",
        "going back is not proved, production needs a person now",
        "the run is stranded: production may serve a bad release",
        "{release} was taken back from {site}: stranded",
    )
    HELD = (
        5,
        "held",
        "the release stays live: nothing says that going back would help, and a person decides",
        "nobody can say whether the release that is live is well",
        "{release} is live on {site} and nobody can say that it is well: a person decides",
    )

    SUPERSEDED = (
        5,
        "superseded",
        "a newer release of somebody else is live, and was left alone",
        "",
        "{release} was replaced on {site} by a newer release of somebody else",
    )

    def __init__(self, code: int, word: str, means: str, alarm: str, told: str) -> None:
        self.code, self.word, self.means, self.alarm, self.told = code, word, means, alarm, told

    @property
    def headline(self) -> str:
        """The first line of a report: the word in capitals, and what it means."""
        return f"{self.word.upper()}: {self.means}" if self.means else self.word.upper()

    def because(self, why: str) -> "WhyHeld | None":
        """What is true of a run that was held for ``why``, names of HELD; None for other outcomes and reasons."""
        known = [HELD[name] for name in why.split() if name in HELD]
        return WhyHeld(", and ".join(known)) if known and self is Outcome.HELD else None


@dataclass(frozen=True)
class WhyHeld:
    """Why a release that is live stays there. ``is_so`` completes "the release is live, and …"."""

    is_so: str

    @property
    def headline(self) -> str:
        return f"HELD: the release is live, and {self.is_so}; a person decides"

    @property
    def alarm(self) -> str:
        return f"a release is live, and {self.is_so}"

    @property
    def told(self) -> str:
        return f"{{release}} is live on {{site}}, and {self.is_so}; a person decides"


HELD = {
    "unseen": "nobody could look whether it is well",
    "shared": "something is wrong with the old deployment as well, so going back would not help",
    "thin": "too little was seen of it to say whether it is well",
    "unwritten": "what happened could not be written down",
}
"""Why a run was held, as the journal calls it, and what is so then."""


CUT_OFF = "CUT OFF: the run has no end"
"""The headline of a run that has no outcome."""


def outcome_named(word: str) -> Outcome | None:
    """The outcome that the journal calls ``word``; None for a run that has not ended."""
    return next((outcome for outcome in Outcome if outcome.word == word), None)
