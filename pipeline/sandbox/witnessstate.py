"""Remembers what watches the app from outside: monitors, heartbeats, status pages, visitors' measurements.

Times are seconds since 1970. Of Vitals, the milliseconds and the unitless ``cls`` are kept as they were measured.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Monitor:
    """A monitor as it is remembered.

    ``url`` may hold ``{{PRODUCTION}}``; ``settings`` are attributes of the API that are not the usual ones.
    """

    id: str
    created: float
    url: str
    name: str
    updated: float = 0
    paused: bool = False
    paused_at: float = 0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Heartbeat:
    """A heartbeat is expected every ``period`` seconds; down when nothing came for ``period`` and ``grace``.

    Its URL has ``token``.
    """

    id: str
    token: str
    name: str
    period: int
    grace: int
    created: float
    updated: float = 0
    beats: list[float] = field(default_factory=list)
    paused: bool = False
    paused_at: float = 0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Update:
    """An update of a status report, as it was posted."""

    id: int
    at: float
    message: str
    affected: list[dict[str, Any]] = field(default_factory=list)
    notify: bool = False


@dataclass
class Report:
    """A status report: an incident or a maintenance that the status page shows. ``ends`` 0: it has not ended."""

    id: int
    title: str
    kind: str
    starts: float
    ends: float = 0
    updates: list[Update] = field(default_factory=list)


@dataclass
class Occurrence:
    """An event that belongs to a Sentry issue."""

    id: str
    at: float
    release: str
    environment: str
    transaction: str
    level: str
    message: str = ""


@dataclass
class Vital:
    """A web vital that one visitor's browser measured. ``metric``: lcp_ms, inp_ms, fcp_ms, ttfb_ms or cls."""

    at: float
    metric: str
    value: float
    route: str
    country: str
    deployment: str


@dataclass
class Google:
    """What Google knows.

    ``crux`` is p75 by metric as CrUX names it, e.g. largest_contentful_paint in ms; empty: too little traffic.

    ``limited``: PageSpeed answers 429.
    """

    crux: dict[str, float] = field(default_factory=dict)
    limited: bool = False
