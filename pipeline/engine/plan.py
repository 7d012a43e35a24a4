"""A pipeline as data: stages of steps and gates. It can be checked, rendered, resumed and run."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, get_type_hints

from checks.evidence import Evidence
from checks.gate import Gate
from checks.own import CommandAnswer
from checks.policy import Policy
from checks.procedure import Procedure, procedure
from pipeline.errors import BrokenPlan

MINUTE = 60

Probe = Callable[..., Awaitable[Any]]


@cache  # the signature of a function does not change
def inputs_of(function: Callable[..., Any]) -> tuple[type, ...]:
    """The evidence and policy types that ``function`` asks for after its world, in order."""
    hints = get_type_hints(function)
    return tuple(hints[name] for name in list(inspect.signature(function).parameters)[1:])


@cache
def gives_of(function: Callable[..., Any]) -> type | None:
    """The evidence type that ``function`` returns, if any."""
    kind = get_type_hints(function).get("return")
    return kind if isinstance(kind, type) and issubclass(kind, Evidence) else None


@dataclass(frozen=True)
class Undo:
    """How a step is taken back: ``act`` gets the step's inputs; it is true when all gates of ``proved_by`` say so.

    ``act`` is safe to repeat. It may return False when it has looked, and there was nothing to take back.
    """

    act: Callable[..., Awaitable[bool | None]]
    proved_by: tuple[Gate, ...]

    @property
    def name(self) -> str:
        return self.act.__name__.replace("_", "-")

    @property
    def title(self) -> str:
        """What the undo restores, from its docstring's first line."""
        return (inspect.getdoc(self.act) or self.name).splitlines()[0]


class Step:
    """An act on the world. Made by ``@step``; safe to repeat; may know how to undo itself."""

    def __init__(
        self, act: Callable[..., Awaitable[Any]], owner: str, moves_production: bool, again: bool = False
    ) -> None:
        self.act, self.again = act, again
        self.name = act.__name__.replace("_", "-")
        self.moves_production = moves_production
        self.procedure: Procedure = procedure(act.__doc__, owner=owner, of=self.name)
        self.undo: Undo | None = None
        self.look: Callable[..., Awaitable[bool]] | None = None

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    @cached_property
    def inputs(self) -> tuple[type, ...]:
        return inputs_of(self.act)

    @cached_property
    def gives(self) -> type | None:
        return gives_of(self.act)

    def undone_by(self, act: Callable[..., Awaitable[bool | None]], *, proved_by: tuple[Gate, ...] = ()) -> None:
        """Declare the undo. It is given the step's inputs, not its result: the step may have died half-way."""
        self.undo = Undo(act, proved_by)

    def seen_by(self, look: Callable[..., Awaitable[bool]]) -> None:
        """Declare how to see whether it happened: for a process that knows only that an earlier one began it.

        ``look`` is given the world, the moment it began, and the step's inputs; True also when that cannot be seen, and
        while it still can happen.
        """
        self.look = look


def step(
    *, owner: str, moves_production: bool = False, again: bool = False
) -> Callable[[Callable[..., Awaitable[Any]]], Step]:
    """Make a step of an async function ``(world, inputs…)`` whose docstring is its runbook entry.

    ``again``: a resumed run does it again, as long as production has not moved.
    """
    return lambda act: Step(act, owner, moves_production, again)


@dataclass(frozen=True)
class Stage:
    """Does its steps in order, then asks its gates together until all say yes or patience ends.

    ``patience``: seconds that *not yet* and *unknown* are borne from the first such reading on.
    ``acts``: seconds that all its steps together may take; then they are cut off as Ctrl-C does.
    ``during``: seconds to keep asking after the first yes. ``every``: seconds between two rounds.
    ``may_fail``: what goes wrong here is a warning; the release is already out and well.
    ``again``: a resumed run asks again, as long as production has not moved.
    ``advises``: gates that only report: whatever they say, they stop nothing.
    ``in_a_row``: rounds that must be good, one after the other, before it is settled.
    ``budget``: rounds that may be bad in all, however short each of them is; None is no limit.
    ``rhythm``: evidence type → it is read anew in every so manieth round, instead of in every one.
    ``proofs``: gates each of which alone proves that what the stage moved has arrived.
    """

    name: str
    purpose: str
    does: tuple[Step, ...] = ()
    asks: tuple[Gate, ...] = ()
    advises: tuple[Gate, ...] = ()
    patience: float = 0
    acts: float = 60 * MINUTE
    during: float = 0
    every: float = 2
    may_fail: bool = False
    again: bool = False
    in_a_row: int = 1
    budget: int | None = None
    rhythm: Mapping[type, int] = field(default_factory=dict)
    proofs: tuple[Gate, ...] = ()

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The stage's gates: those that decide, then those that advise."""
        return (*self.asks, *self.advises)

    @property
    def moves_production(self) -> bool:
        return any(step.moves_production for step in self.does)


@dataclass(frozen=True)
class Pipeline:
    """A deployment, a rollback or a checklist as data: stages in order."""

    name: str
    purpose: str
    stages: tuple[Stage, ...]

    @property
    def gates(self) -> tuple[Gate, ...]:
        return tuple(gate for stage in self.stages for gate in stage.gates)

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for stage in self.stages for step in stage.does)

    def with_shadows(self, names: Iterable[str]) -> "Pipeline":
        """This pipeline with the gates of these names only advising. Names of other pipelines change nothing."""
        shadows = frozenset(names)

        def shaded(stage: Stage) -> Stage:
            asks = tuple(gate for gate in stage.asks if gate.name not in shadows)
            return replace(stage, asks=asks, advises=(*stage.advises, *(g for g in stage.asks if g not in asks)))

        return replace(self, stages=tuple(map(shaded, self.stages)))

    def at_pace(self, pace: Mapping[str, Mapping[str, float]]) -> "Pipeline":
        """This pipeline with the patience, acts, during or every of some stages changed."""
        unknown = set(pace) - {stage.name for stage in self.stages}
        if unknown:
            raise BrokenPlan(f"pace: {self.name} has no stage {', '.join(sorted(unknown))}")
        return replace(self, stages=tuple(replace(s, **pace.get(s.name, {})) for s in self.stages))  # type: ignore[arg-type]


def probes_by_type(probes: Iterable[Probe]) -> dict[type, Probe]:
    """Index the probes: evidence type → the one probe that reads it."""
    found: dict[type, Probe] = {}
    for probe in probes:
        kind = gives_of(probe)
        if kind is None or kind in found:
            raise BrokenPlan(f"probe {probe.__name__}: must return an evidence type that no other probe returns")
        found[kind] = probe
    return found


def check(pipeline: Pipeline, probes: Iterable[Probe], policies: Iterable[type]) -> None:
    """Prove that all a node needs comes from a policy, a probe or an earlier step. Raises BrokenPlan."""
    available, readers = {*policies, CommandAnswer}, probes_by_type(probes)

    def need(kind: type, node: str) -> None:
        if kind in available:
            return
        if issubclass(kind, Policy) or kind not in readers:
            raise BrokenPlan(f"{node} needs {kind.__name__}, which nothing before it gives")
        for deeper in inputs_of(readers[kind]):
            need(deeper, f"{node}: {readers[kind].__name__}")

    seen: set[str] = set()
    for stage in pipeline.stages:
        for act in stage.does:
            for kind in act.inputs:
                need(kind, act.name)
            if act.undo:
                missing = set(inputs_of(act.undo.act)) - set(act.inputs)
                if missing:
                    raise BrokenPlan(f"{act.undo.name} needs {missing}, which {act.name} is not given")
            if act.gives:
                available.add(act.gives)
        for gate in stage.gates:
            if gate.name in seen and not gate.repeats:
                raise BrokenPlan(f"{gate.name} appears twice in {pipeline.name}: its words fit one moment")
            seen.add(gate.name)
            for kind in gate.inputs.values():
                need(kind, gate.name)
