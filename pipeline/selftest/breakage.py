"""Declares for each gate how it is made to stop, and which of its own words mend that.

A gate whose words know several ways has a breakage for each that is worth it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from checks.gate import Gate
from pipeline.selftest.hands import Act
from pipeline.selftest.lab import Lab

Kind = Literal["state", "fault", "release", "policy", "journal", "order"]
KINDS: dict[Kind, str] = {
    "state": "a service, the database or the app is really in a bad state",
    "fault": "a service misbehaves in its answers",
    "release": "the release is bad",
    "policy": "deploy.yml asks for something else",
    "journal": "our own records say it",
    "order": "the run was started for something else",
}


@dataclass(frozen=True)
class BreakageMoment:
    """The moment at which a run is broken: right after the journal has an event of ``kind`` about ``subject``."""

    kind: str
    subject: str


def begins(stage: str) -> BreakageMoment:
    """The moment when ``stage`` begins, before its steps act."""
    return BreakageMoment("stage begins", stage)


def before(step: str) -> BreakageMoment:
    """The moment when ``step`` is about to act."""
    return BreakageMoment("step begins", step)


def after(step: str) -> BreakageMoment:
    """The moment when ``step`` has acted, before the stage's gates are asked."""
    return BreakageMoment("step done", step)


GOING_BACK = BreakageMoment("going back", "")
"""When a run has begun to go back."""


def nothing(lab: Lab) -> None:
    """Leave the sandbox as it is."""


def nothing_lacks() -> str:
    """Every machine can do it."""
    return ""


@dataclass(frozen=True)
class Breakage:
    """A breakage says how ``gate`` is made to stop and to pass again.

    ``how``: what is done, as a sentence without its full stop. ``follows``: the very words of the gate's *If it fails*
    that ``cures`` carries out. ``rests``: what has to be there before anything is broken.

    Without ``run`` the gate is asked alone. With it the pipeline of that name runs up to the gate's stage: it is broken
    at ``moment`` (None: before it begins), and the next run must get past the stage. ``back``: the gate proves an undo,
    so the release is a bad one, and the gate is asked with what the run that went back knew.

    ``cannot``: why it cannot be stopped in the sandbox; it then counts as not seen. ``lacks``: what this machine lacks
    to try it, or nothing; then it does not run, which is said, and is no fault of the gate.
    """

    gate: Gate
    kind: Kind
    how: str
    breaks: Act
    follows: str
    cures: Act
    rests: Act = nothing
    run: str = ""
    moment: BreakageMoment | None = None
    back: bool = False
    cannot: str = ""
    lacks: Callable[[], str] = nothing_lacks
