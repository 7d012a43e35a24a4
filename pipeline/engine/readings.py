"""One round of looking: each reading is taken once, all of them at the same time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from checks.evidence import Evidence
from checks.gate import Finding, Gate, Verdict
from checks.own import CommandGate
from pipeline.clients.together import Together
from pipeline.engine.own import answered, fenced
from pipeline.engine.plan import Probe, inputs_of
from pipeline.errors import Refused, ServiceError, Unreachable
from pipeline.world.secrets import refused_token
from pipeline.world.world import World

READING = 180.0  # seconds of real time that one reading may take, with all that it rests on


class Round:
    """The readings of one round. Use as ``async with``; what is still being read at the end is cancelled.

    ``seen`` is told each reading when it is there.
    """

    def __init__(
        self,
        world: World,
        known: Mapping[type, Any],
        probes: Mapping[type, Probe],
        seen: Callable[[Any], None] = lambda value: None,
    ) -> None:
        self._world, self._known, self._probes, self._seen = world, known, probes, seen
        self._reading: dict[type, asyncio.Task[Any]] = {}
        self._together = Together()

    async def __aenter__(self) -> "Round":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        await self._together.end()

    async def get(self, kind: type) -> Any:
        """The policy, the evidence a step gave, or this round's reading. Raises what the probe raised."""
        if kind in self._known:
            return self._known[kind]
        if kind not in self._reading:
            self._reading[kind] = asyncio.ensure_future(self._read(kind))
        return await asyncio.shield(self._reading[kind])

    async def _read(self, kind: type) -> Any:
        """Raises what the probe raises; Unreachable when it has not ended after READING."""
        probe, deadline = self._probes[kind], asyncio.timeout(READING)
        self._together.join()
        try:
            async with deadline:
                value = await probe(self._world, *await self.all(inputs_of(probe)))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise Unreachable("reading", probe.__name__, f"it did not end within {READING:g} s") from error
        self._seen(value)
        return value

    async def all(self, kinds: tuple[type, ...]) -> tuple[Any, ...]:
        """Read several kinds at once; values in their order. The first failure is raised, the others go on."""
        return tuple(await asyncio.gather(*(self.get(kind) for kind in kinds)))

    async def brief(self, gate: Gate) -> str:
        """Say in a few words what was seen of what ``gate`` asks for; empty when it could not be read."""
        seen = [kind for kind in gate.inputs.values() if issubclass(kind, Evidence)]
        try:
            return "; ".join(filter(None, (one.brief() for one in await self.all(tuple(seen)))))
        except ServiceError:
            return ""

    async def ask(self, gate: Gate) -> tuple[tuple[Finding, ...], bool]:
        """The gate's findings, and whether asking again cannot help. A service that fails is *unknown*, not a crash."""
        kinds = tuple(gate.inputs.values())
        try:
            if isinstance(gate, CommandGate):
                values: tuple[Any, ...] = (await answered(gate, self._world, self._known),)
            else:
                values = await self.all(kinds)
            given = dict(zip(kinds, values, strict=True))
            return (fenced(gate, given) if gate.stage else gate.ask(given)), False
        except ServiceError as error:
            return (_unread(error),), error.lasting


def _unread(error: ServiceError) -> Finding:
    """Say what could not be read; when the token is refused, once for all that it would have read."""
    if isinstance(error, Refused):
        name, where = refused_token(error.service, error.status)
        if name:
            says = f"is refused by {error.service} (answered {error.status}): it is wrong, expired, or of another scope"
            return Finding(Verdict.UNKNOWN, name, says, fix=f"a new one: {where}")
    return Finding(Verdict.UNKNOWN, error.service, f"could not be read: {error.asked}: {error.came}")
