"""A gate compares what we require (policy) with what we saw (evidence). It is a pure function."""

import enum
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from checks.procedure import Procedure, procedure


class Verdict(enum.IntEnum):
    """What a gate concludes, in order of gravity; the worst finding decides. The last three stop a run."""

    PASS = 0
    WARN = 1
    NOT_YET = 2
    UNKNOWN = 3
    BLOCK = 4

    @property
    def stops(self) -> bool:
        """Whether a run may not go past this verdict."""
        return self >= Verdict.NOT_YET

    @property
    def word(self) -> str:
        """The verdict as it is written everywhere: ``pass``, ``warn``, ``not yet``, ``unknown``, ``block``."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Finding:
    """One thing a gate noticed: ``subject`` ``says`` (a sentence in two halves), and the ``fix`` to type.

    ``shared``: the old deployment fails in the same way at the same time, so going back would not help.
    ``thin``: too little was seen to judge; more time may change that. ``severity``: P0 to P3 when it is an incident.
    ``waits``: seconds for which people are waited for, when nothing else stops the run.
    """

    verdict: Verdict
    subject: str
    says: str
    fix: str = ""
    shared: bool = False
    thin: bool = False
    severity: str = ""
    waits: float = 0

    def __str__(self) -> str:
        return f"{self.subject} {self.says}"

    @property
    def holds(self) -> bool:
        """Whether the finding stops a run but is no reason to take a release back: a person decides."""
        return self.shared or self.thin or self.verdict is Verdict.UNKNOWN

    @property
    def plain(self) -> dict[str, str]:
        """The finding as the journal keeps it and renderers take it."""
        said = {"verdict": self.verdict.word, "subject": self.subject, "says": self.says, "fix": self.fix}
        return {**said, "severity": self.severity} if self.severity else said


Findings = Iterator[Finding]


def block(subject: str, says: str, *, fix: str = "", severity: str = "") -> Finding:
    """Find that the answer is no: the gate's verdict is block."""
    return Finding(Verdict.BLOCK, subject, says, fix, severity=severity)


def not_yet(subject: str, says: str, *, fix: str = "", severity: str = "") -> Finding:
    """Find that the gate must be asked again; it is a no when the stage's patience ends."""
    return Finding(Verdict.NOT_YET, subject, says, fix, severity=severity)


def waiting(subject: str, says: str, *, fix: str = "", seconds: float) -> Finding:
    """Find that people have not decided yet: they are waited for so long, and without any time it is a no."""
    return Finding(Verdict.NOT_YET if seconds else Verdict.BLOCK, subject, says, fix, waits=seconds)


def too_little(subject: str, says: str, *, fix: str = "") -> Finding:
    """Find that nobody can say yet: the gate is asked for as long as the stage watches, then a person decides."""
    return Finding(Verdict.NOT_YET, subject, says, fix, thin=True)


def warn(subject: str, says: str, *, fix: str = "", severity: str = "") -> Finding:
    """Find what somebody should read; it stops no run."""
    return Finding(Verdict.WARN, subject, says, fix, severity=severity)


def worst(findings: tuple[Finding, ...]) -> Verdict:
    """The gravest verdict among ``findings``; PASS when there are none."""
    return max((finding.verdict for finding in findings), default=Verdict.PASS)


Change = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True)
class Example:
    """A situation that stops a gate: ``change`` gets the healthy inputs in order and returns the bad ones."""

    situation: str
    change: Change


class Gate:
    """One question of the runbook. Made by ``@gate``; everything about it is derived from the function.

    ``stage``: of a gate of the home's own, the stage that asks it; ours stand in the pipelines. ``place`` is then where
    it is written, e.g. ``gates/legal.py:12``, and ``text`` what the whole file says.
    """

    place = text = ""

    def __init__(self, judge: Callable[..., Findings], owner: str, repeats: bool = False, stage: str = "") -> None:
        self.judge, self.repeats, self.stage = judge, repeats, stage
        self.family = judge.__module__.rpartition(".")[2]
        self.name = f"{self.family}.{judge.__name__.replace('_', '-')}"
        self.procedure: Procedure = procedure(judge.__doc__, owner=owner, of=self.name)
        self.examples: list[Example] = []

    def __repr__(self) -> str:
        return f"<gate {self.name}>"

    @cached_property
    def inputs(self) -> Mapping[str, type]:
        """The policy or evidence type that each parameter of the gate asks for, in order."""
        hints = get_type_hints(self.judge)
        return {name: hints[name] for name in inspect.signature(self.judge).parameters}

    def ask(self, values: Mapping[type, Any]) -> tuple[Finding, ...]:
        """Judge the evidence and give the findings; ``values`` holds an instance for each type in ``inputs``."""
        return tuple(self.judge(*(values[kind] for kind in self.inputs.values())))

    def stops_when(self, situation: str, change: Change) -> None:
        """Declare an example: it is a test, and the runbook prints what the gate really said."""
        self.examples.append(Example(situation, change))

    def ask_example(self, example: Example, healthy: Mapping[type, Any]) -> tuple[Finding, ...]:
        """What the gate says when ``example`` has happened to otherwise ``healthy`` inputs."""
        return tuple(self.judge(*example.change(*(healthy[kind] for kind in self.inputs.values()))))


def gate(*, owner: str, repeats: bool = False, stage: str = "") -> Callable[[Callable[..., Findings]], Gate]:
    """Make a gate of a generator function whose docstring is its runbook entry (see ``procedure``).

    ``repeats``: it may be asked at several stages of a pipeline; the words of the others fit one moment.
    ``stage``: the one that asks it, of a gate in a home's ``gates/``.
    """
    return lambda judge: Gate(judge, owner, repeats, stage)
