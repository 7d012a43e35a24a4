"""Which secrets a part of a pipeline needs, read from the code of its probes and steps; nobody keeps a list."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from checks.gate import Gate
from checks.own import CommandGate
from pipeline.engine.own import TOLD as TOLD_OWN
from pipeline.engine.plan import Pipeline, Probe, Stage, Step, inputs_of
from pipeline.environment import MACHINE
from pipeline.world.secrets import OPENED_WITH

WORLD = "world"
TOLD = "team"
"""The client that any stage may need: the team hears of a run that goes back in it."""
TOLD_OF_MOVES = "github"
"""The client that is told how a run ended once production may have moved."""


def clients_of(function: Callable[..., Any]) -> frozenset[str]:
    """The fields of the World that ``function`` reads, itself or through the functions that it hands the world to."""
    found: set[str] = set()
    seen: set[Any] = set()
    waiting: list[Any] = [function]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            fields, handed_to = _reads(one)
            found |= fields
            waiting += handed_to
    return frozenset(found)


@cache
def _reads(function: Any) -> tuple[frozenset[str], tuple[Any, ...]]:
    """The fields of the world that the text of ``function`` names, and what of ours it names that takes a world."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    fields = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_world(node.value)}
    known = _known(function)
    handed = (_meant(node, known) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute))
    return frozenset(fields), tuple(one for one in handed if one is not None and one is not function)


def _is_world(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == WORLD) or (
        isinstance(node, ast.Attribute) and node.attr in (WORLD, f"_{WORLD}")
    )


def _known(function: Any) -> dict[str, Any]:
    """What the names in the text of ``function`` mean."""
    if not isinstance(function, FunctionType):
        return dict(vars(inspect.getmodule(function)))
    inner = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in inner}}


def _meant(node: ast.Name | ast.Attribute, known: Mapping[str, Any]) -> Any:
    """The function or class of ours that ``node`` names, if it takes a world; None for everything else."""
    if isinstance(node, ast.Name):
        found = known.get(node.id)
    else:
        owner = known.get(node.value.id) if isinstance(node.value, ast.Name) else None
        found = getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
    if isinstance(found, Step):
        found = found.act
    if not isinstance(found, FunctionType | type) or not found.__module__.startswith("pipeline."):
        return None
    return found if WORLD in inspect.signature(found).parameters else None


class Needs:
    """What the parts of pipelines need.

    ``probes`` read the evidence; ``scratch`` is ``database.scratch`` of deploy.yml, ``sent`` the variables
    that its journeys send.
    """

    def __init__(self, probes: Mapping[type, Probe], scratch: str = "", sent: Iterable[str] = ()) -> None:
        self._probes, self._scratch, self._sent = probes, scratch, frozenset(sent)

    def of_stage(self, pipeline: Pipeline, stage: Stage) -> tuple[str, ...]:
        """The secrets for a stage that is a process of its own: its acts and questions, and what going back takes."""
        behind = pipeline.stages[: pipeline.stages.index(stage) + 1]
        undoing = (client for one in behind for step in one.does for client in self._undoing(step))
        moved = (TOLD_OF_MOVES,) if any(one.moves_production for one in behind) else ()
        own = {name for gate in stage.gates if isinstance(gate, CommandGate) for name in gate.environment}
        named = own - {*TOLD_OWN, *MACHINE}
        return tuple(sorted({*named, *self._secrets({TOLD, *moved, *self._going(stage), *undoing})}))

    def of_all(self, pipelines: Iterable[Pipeline]) -> tuple[str, ...]:
        """The secrets for whole pipelines."""
        stages = [(one, stage) for one in pipelines for stage in one.stages]
        needed = {name for one, stage in stages for name in self.of_stage(one, stage)}
        return tuple(sorted(needed))

    def of_undoing(self, pipeline: Pipeline, *then: Callable[..., Any]) -> tuple[str, ...]:
        """The secrets for going back, from wherever a run was cut off, and for what is done ``then``."""
        moves = (TOLD_OF_MOVES,) if any(stage.moves_production for stage in pipeline.stages) else ()
        clearing = (client for act in then for client in clients_of(act))
        undoing = (client for step in pipeline.steps for client in self._undoing(step))
        return self._secrets({TOLD, *moves, *undoing, *clearing})

    def of_gate(self, gate: Gate) -> tuple[str, ...]:
        """The secrets for asking one gate."""
        return self._secrets(self._asking(gate))

    def _going(self, stage: Stage) -> Iterator[str]:
        for step in stage.does:
            yield from clients_of(step.act)
            yield from self._reading(step.inputs)
        for gate in stage.gates:
            yield from self._asking(gate)

    def _undoing(self, step: Step) -> Iterator[str]:
        if step.undo:
            yield from clients_of(step.undo.act)
            for gate in step.undo.proved_by:
                yield from self._asking(gate)

    def _asking(self, gate: Gate) -> Iterator[str]:
        yield from self._reading(gate.inputs.values())

    def _reading(self, kinds: Iterable[type]) -> Iterator[str]:
        for kind in kinds:
            if kind in self._probes:  # else it is a policy, or a step gave it
                yield from clients_of(self._probes[kind])
                yield from self._reading(inputs_of(self._probes[kind]))

    def _secrets(self, clients: Iterable[str]) -> tuple[str, ...]:
        clients = frozenset(clients)
        found = {name for client in clients for name in OPENED_WITH.get(client, ())}
        if self._scratch and "scratch" in clients:
            found.add(self._scratch)
        if "visitor" in clients:
            found |= self._sent
        return tuple(sorted(found))
