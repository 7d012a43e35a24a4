"""What the journal says a run has already done: read once, at the start of a resumed or settled run."""

import contextlib
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks import evidence as known_evidence
from checks.evidence import Evidence
from pipeline.engine.plan import Pipeline, Step
from pipeline.errors import Mistake
from pipeline.record.journal import Event, plain
from pipeline.world.world import World


@dataclass
class Past:
    """A fold over the events of one run. ``begun`` are the steps to undo, oldest first, with their inputs.

    ``unread``: step → why what its undo needs cannot be read. ``ungiven``: step → why what it gave cannot be. Another
    version of this tool wrote it.
    """

    settled: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    given: dict[type, Any] = field(default_factory=dict)
    begun: list[tuple[Step, tuple[Any, ...]]] = field(default_factory=list)
    outcome: str = ""
    unread: dict[str, str] = field(default_factory=dict)
    ungiven: dict[str, str] = field(default_factory=dict)
    hoped: dict[str, datetime.datetime] = field(default_factory=dict)
    """step → when it was begun, for those of which the end is not known."""

    @property
    def moved_production(self) -> bool:
        return any(step.moves_production for step, _ in self.begun)

    def begin(self, step: Step, inputs: tuple[Any, ...]) -> None:
        """Note that ``step`` begins, with these inputs; each step is undone once, however often it began."""
        self.begun = [act for act in self.begun if act[0] is not step] + [(step, inputs)]

    async def forget_what_never_was(self, world: World) -> tuple[Step, ...]:
        """Drop from ``begun`` what an earlier process began and, as the world says, never did; gives those steps."""
        never = []
        for step, inputs in self.begun:
            began = self.hoped.get(step.name)
            if step.moves_production and step.look and began and not await step.look(world, began, *inputs):
                never.append(step)
        self.begun = [act for act in self.begun if act[0] not in never]
        return tuple(never)

    def must_be_read(self, run: str, target: str, *needed: Mapping[str, str]) -> None:
        """Raises Mistake when something of ``needed`` (what could not be read) is there."""
        for step, why in (item for unread in needed for item in unread.items()):
            raise Mistake(
                f"run {run}: what the journal says of {step} cannot be read ({why}): another version of this tool "
                f"wrote it. ./inv rollback --target {target}   goes back without the journal; "
                f"./inv settle --target {target} --run {run}   of the version that wrote it goes back from it"
            )


def freeze(value: Any) -> Mapping[str, Any]:
    """An evidence or policy value as the journal keeps it: its type's name and its fields."""
    return {"type": type(value).__name__, "value": plain(value)}


def thaw(frozen: Mapping[str, Any], policies: Mapping[type, Any]) -> Any:
    """Make the value of ``frozen`` again; a policy comes from today's configuration, never from the journal."""
    for kind, policy in policies.items():
        if kind.__name__ == frozen["type"]:
            return policy
    from pydantic import TypeAdapter  # a tenth of a second that only a resumed run pays

    kind = getattr(known_evidence, str(frozen["type"]))
    assert issubclass(kind, Evidence)
    return TypeAdapter(kind).validate_python(frozen["value"])


def recall(events: Iterable[Event], pipeline: Pipeline, policies: Mapping[type, Any]) -> Past:
    """Fold ``events``; nodes that the pipeline no longer has are left out, by name and never by position."""
    past, steps = Past(), {step.name: step for step in pipeline.steps}
    for event in events:
        step = steps.get(event.subject)
        if event.kind == "stage settled":
            past.settled.add(event.subject)
        elif event.kind == "step begins" and step:
            past.begin(step, _inputs(step, event, policies, past.unread) if step.undo else ())
            past.hoped[step.name] = _moment(event.at)
        elif event.kind == "step done" and step:
            past.done.add(step.name)
            past.hoped.pop(step.name, None)
            _give(past, step, event, policies)
        elif event.kind == "undo done":
            past.begun = [act for act in past.begun if act[0].name != event.subject]
            past.unread.pop(event.subject, None)
        elif event.kind == "run ended":
            past.outcome = event.body.get("outcome", "")
    return past


ILLEGIBLE = (ValueError, KeyError, TypeError, AttributeError, AssertionError)  # pydantic's errors are ValueErrors


def _inputs(step: Step, event: Event, policies: Mapping[type, Any], unread: dict[str, str]) -> tuple[Any, ...]:
    """What the undo of ``step`` will be given; nothing, and why in ``unread``, when that cannot be read."""
    unread.pop(step.name, None)
    try:
        inputs = tuple(thaw(item, policies) for item in event.body["inputs"])
        if tuple(map(type, inputs)) == step.inputs:
            return inputs
        unread[step.name] = "it was given something else then"
    except ILLEGIBLE as error:
        unread[step.name] = _briefly(error)
    return ()


def _moment(text: str) -> datetime.datetime:
    """The time of an event; long ago when it cannot be read."""
    with contextlib.suppress(*ILLEGIBLE):
        return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    return datetime.datetime.fromtimestamp(0, datetime.UTC)


def _give(past: Past, step: Step, event: Event, policies: Mapping[type, Any]) -> None:
    past.ungiven.pop(step.name, None)
    try:
        if event.body.get("gives"):
            value = thaw(event.body["gives"], policies)
            past.given[type(value)] = value
    except ILLEGIBLE as error:
        past.ungiven[step.name] = _briefly(error)


def _briefly(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
