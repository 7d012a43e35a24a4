"""Reads faults, ways for a service to misbehave, from a line: ``SERVICE KIND [key=value …] [METHOD] [PATH]``.

    vercel half-done POST */promote/*
    vercel answer status=500 times=2 POST /v13/deployments
    app failing-route /api/health/db where=production after=3
    github cut
    all latency ms=50

SERVICE is one of the emulated services, ``app`` (production and every deployment) or ``all``. PATH is a glob.
``times`` is how often it strikes (default: always), ``after`` in how many seconds it begins.
"""

import fnmatch
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.sandbox.ports import SERVICES
from pipeline.sandbox.state import FaultEntry, State

KINDS = {
    "answer": "answer with status=S, optionally retry_after= seconds and json=; done=yes: after the act happened",
    "delay": "answer seconds=S later",
    "cut": "cut the connection; done=yes: after the act happened",
    "garbage": "answer 200 with a body that is not JSON; done=yes: after the act happened",
    "half-done": "the act happens, the answer is 500",
    "never-finishes": "vercel: builds and promotions that are begun never end; elsewhere: no answer comes",
    "never": "the connection is taken, and no answer ever comes",
    "trickle": "200 and headers at once, then a byte a second, for ever",
    "endless": "200, then a body that never stops coming",
    "huge": "200, and a body of 200 MB before the JSON begins",
    "slow-app": "the app answers seconds=S later",
    "failing-route": "the app answers 500 on PATH; where=production|staged|everywhere, deployment=ID",
    "challenge": "the firewall answers in the app's place: status=403|429 and a page that asks for a browser; where=…",
    "latency": "every answer comes ms=N later",
    "clock": "the Date of every answer is seconds=S off: the clock of whoever asks is wrong by as much",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
NUMBERS = ("status", "seconds", "ms", "times", "after", "retry_after")
KEYS = (*NUMBERS, "json", "where", "deployment", "done")
PLACES = ("production", "staged", "everywhere")
APP = ("production", "deployment")
SERVICE_NAMES = ("all", "app", *(name for name in SERVICES if name != "control"))


class Cut(ConnectionError):
    """Raised when a fault cuts the connection; what a client sees when there is no real connection to cut."""


@dataclass(frozen=True)
class Fault:
    """A fault, parsed from its line.

    ``times`` 0 means always; ``seconds``, ``after`` and ``retry_after`` are seconds.
    """

    text: str
    service: str
    kind: str
    method: str = "*"
    path: str = "*"
    status: int = 500
    retry_after: float = 0
    json: Any = None
    seconds: float = 3.0
    ms: float = 0
    times: int = 0
    after: float = 0
    where: str = "everywhere"
    deployment: str = ""
    done: bool = False

    def hits(self, service: str, method: str, path: str, deployment: str, live: bool) -> bool:
        """Whether the fault concerns this request. ``live``: the request came to the production domain."""
        if self.service == "app":
            place = {"production": live, "staged": not live, "everywhere": True}[self.where]
            if service not in APP or not place or self.deployment not in ("", deployment):
                return False
        elif self.service not in ("all", service) or service == "control":
            return False
        return self.method in ("*", method) and fnmatch.fnmatchcase(path, self.path)


def parse(text: str) -> Fault:
    """Parse a fault from its line. Raises ValueError that names the part it does not understand."""
    words = shlex.split(text)
    if len(words) < 2:
        raise ValueError(f"{text!r}: a fault is SERVICE KIND [key=value …] [METHOD] [PATH]")
    service, kind, rest = words[0], words[1], words[2:]
    if service not in SERVICE_NAMES:
        raise ValueError(f"{text!r}: no service {service!r}; there are {', '.join(SERVICE_NAMES)}")
    if kind not in KINDS:
        raise ValueError(f"{text!r}: no kind {kind!r}; there are {', '.join(KINDS)}")
    found: dict[str, Any] = {"done": kind == "half-done"}
    for word in rest:
        key, value = _part(text, word)
        found[key] = value
    fault = Fault(shlex.join(words), service, kind, **found)
    if kind in ("failing-route", "slow-app", "challenge") and service != "app":
        raise ValueError(f"{text!r}: {kind} is a fault of the service app")
    if kind == "failing-route" and fault.path == "*":
        raise ValueError(f"{text!r}: failing-route needs a PATH, e.g. /api/health/db")
    return fault


def _part(text: str, word: str) -> tuple[str, Any]:
    if word in METHODS:
        return "method", word
    if word.startswith(("/", "*")):
        return "path", word
    key, _, value = word.partition("=")
    if key not in KEYS or not value:
        raise ValueError(f"{text!r}: {word!r} is neither key=value ({', '.join(KEYS)}), nor a METHOD, nor a /PATH")
    try:
        if key in NUMBERS:
            return key, int(value) if key in ("status", "times") else float(value)
        if key == "json":
            return key, json.loads(value)
    except ValueError:
        raise ValueError(f"{text!r}: {key}={value} is not {'JSON' if key == 'json' else 'a number'}") from None
    if key == "where" and value not in PLACES:
        raise ValueError(f"{text!r}: where is one of {', '.join(PLACES)}")
    return key, value in ("yes", "true", "1") if key == "done" else value


class Faults:
    """The faults of a sandbox. They are in its state, so they outlive the server."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._parsed: dict[str, Fault] = {}

    def add(self, text: str, now: float) -> FaultEntry:
        fault = parse(text)
        entry = FaultEntry(self._state.next_id(), fault.text, now + fault.after)
        self._state.faults.append(entry)
        return entry

    def clear(self, id: int | None = None) -> int:
        """Remove one fault, or all; gives how many that were."""
        before = len(self._state.faults)
        self._state.faults = [entry for entry in self._state.faults if id is not None and entry.id != id]
        return before - len(self._state.faults)

    def strike(self, service: str, method: str, path: str, deployment: str, live: bool, now: float) -> Iterator[Fault]:
        """Find the faults that concern this request, each of them counted."""
        for entry in self._state.faults:
            fault = self._parsed.get(entry.text) or self._parsed.setdefault(entry.text, parse(entry.text))
            if now < entry.begins or (fault.times and entry.struck >= fault.times):
                continue
            if fault.hits(service, method, path, deployment, live):
                if fault.times:  # uncounted ones need no write to the disk
                    entry.struck += 1
                yield fault
