"""What all projects of a worker read alike: the worker tells each what another one was answered a moment ago."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.clients.sharing import ASKING, FRESH, LOOK
from pipeline.clock import Clock, SystemClock

MOST, LARGEST = 200, 16_384  # readings that are kept; characters of one


class SharedReadings:
    """The readings of one worker, or of one command that looks at many projects."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._known: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._asked: dict[str, float] = {}

    async def answer(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a project is answered that wants a reading, or has one; None when it told one, or asks something else.

        Without a value it is to read for itself: it tells what it was answered, or that it was not.
        """
        now = self._clock.monotonic()
        if "read" in asked:
            self._keep(str(asked["read"]), asked.get("value"), now)
            return None
        if "reading" not in asked:
            return None
        what, number = str(asked["reading"]), asked.get("number")
        if what in self._known and now - self._known[what][0] < FRESH:
            return {"number": number, "value": self._known[what][1]}
        if what in self._asked and now - self._asked[what] < ASKING:
            return {"number": number, "wait": LOOK}
        self._asked[what] = now
        return {"number": number}

    def _keep(self, what: str, value: object, now: float) -> None:
        """Keep a reading that is no longer than it should be; nobody waits for it any more, be it none."""
        self._asked.pop(what, None)
        if isinstance(value, dict) and len(json.dumps(value)) <= LARGEST:
            fresh = {key: one for key, one in self._known.items() if now - one[0] < FRESH}
            self._known = {**dict(list(fresh.items())[-MOST:]), what: (now, value)}
