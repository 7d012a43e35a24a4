"""Gives every emulator the state, the clock, the addresses, and a way to look at the app."""

import datetime
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.ports import Ports
from pipeline.sandbox.state import State
from pipeline.sandbox.traffic import Traffic
from pipeline.sandbox.vercelstate import Deployment

Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Timing:
    """The seconds that the asynchronous things take."""

    build: float = 0.8
    alias: float = 0.3
    neon: float = 0.5


class Visit(NamedTuple):
    """What a visit of a monitor got; ``status`` 0 when no answer came."""

    status: int
    seconds: float
    body: bytes


@dataclass
class Core:
    """The world behind the emulators. ``ports`` is replaced when the sandbox is really served."""

    home: Path
    state: State
    database_url: str
    now: Callable[[], float]
    sleep: Sleep
    blobs: Blobs
    traffic: Traffic
    ports: Ports = field(default_factory=Ports)
    timing: Timing = field(default_factory=Timing)
    dirty: bool = False
    """A read has changed the state, so it must be saved although nobody wrote."""
    visit: Callable[..., Awaitable[Visit]] | None = None
    """Asks production, or a ``host`` that is named, for a path as a monitor would. Set by the sandbox."""

    def fill(self, value: str) -> str:
        """Put the addresses of now into a stored value."""
        value = value.replace("{{DATABASE_URL}}", self.database_url)
        for name in ("production", "sentry", "r2", "upstash"):
            value = value.replace("{{" + name.upper() + "}}", self.ports.host(name))
        return value

    def host_of(self, deployment: Deployment) -> str:
        return self.ports.slot_host(deployment.slot)


def iso(timestamp: float) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds."""
    moment = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def iso_seconds(moment: float) -> str:
    """Write a time as RFC 3339 in UTC with whole seconds."""
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> float:
    """Read a date, or a date and time, as seconds since 1970; without a zone it is UTC. Raises ValueError."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def milliseconds(moment: float) -> int:
    return round(moment * 1000)
