"""Remembers everything of the emulated world as plain data; one JSON file that is replaced, never edited.

Times are seconds since 1970. No address is in here: what needs one derives it from a slot number or uses a
placeholder such as ``{{PRODUCTION}}``, so that the world survives a change of ports.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.githubstate import GitHub
from pipeline.sandbox.neonstate import Neon
from pipeline.sandbox.storestate import FEW, R2, Cloudflare, Upstash
from pipeline.sandbox.vercelstate import Vercel
from pipeline.sandbox.witnessstate import Google, Heartbeat, Monitor, Occurrence, Report


@dataclass
class Issue:
    """A Sentry issue; ``seen`` are the times of its events, newest last, at most 500; ``events`` say more of each."""

    id: int
    title: str
    culprit: str
    level: str
    first_release: str
    environment: str
    first: float
    seen: list[float] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)
    count: int = 0
    status: str = "unresolved"
    events: list[Occurrence] = field(default_factory=list)


@dataclass
class Release:
    version: str
    created: float
    projects: list[str]
    extra: dict[str, Any] = field(default_factory=dict)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Artifact:
    """A bundle of source maps or a file of a release, as it was uploaded."""

    id: str
    at: float
    release: str
    dist: str
    files: list[str]


@dataclass
class Sentry:
    organization: str
    project: str
    issues: list[Issue] = field(default_factory=list)
    releases: dict[str, Release] = field(default_factory=dict)
    baseline: int = 1
    """Errors every ten minutes that were always there."""
    blind: bool = False
    """Events are taken with thanks, and lost."""
    lag_seconds: float = 0
    """How long an event stays invisible."""
    artifacts: list[Artifact] = field(default_factory=list)
    key: str = "0123456789abcdef0123456789abcdef"
    project_id: str = "4508"
    scopes: list[str] = field(
        default_factory=lambda: ["event:read", "event:write", "org:read", "project:read", "project:releases"]
    )
    """What the token may do."""
    prefix: str = ""
    """What the SDK puts before the environment's name: ``vercel-`` in that of Next.js before version 11."""
    most_listed: int = FEW
    """Items a page at most; 100 is Sentry's own limit."""
    deaf: bool = False
    """Nothing has ever come: the app's SDK sends nowhere, or to another project."""
    naming: str = "{commit}"
    """What the app calls its release."""


@dataclass
class Incident:
    id: int
    cause: str
    started: float
    monitor: str = ""
    name: str = ""
    acknowledged: float = 0
    acknowledged_by: str = ""
    resolved: float = 0
    resolved_by: str = ""
    alerts: dict[str, bool] = field(default_factory=dict)  # call, sms, email and push, where they were said
    heartbeat: str = ""


@dataclass
class BetterStack:
    monitor: str
    created: float
    paused: bool = False
    maintenance: bool = False
    incidents: list[Incident] = field(default_factory=list)
    monitors: list[Monitor] = field(default_factory=list)
    """Of them ``monitor`` is the first one, and ``paused`` and ``maintenance`` are its switches."""
    heartbeats: list[Heartbeat] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    deaf: bool = False
    """Incidents can be created, and then there are none: alerting is broken."""
    blind_regions: list[str] = field(default_factory=list)
    """Regions that no reading comes from any more."""


@dataclass
class StatusPages:
    """The status pages: for each an indicator (none, minor, major, critical) and the titles of open incidents."""

    vercel: str = "none"
    vercel_incidents: list[str] = field(default_factory=list)
    neon: str = "none"
    neon_incidents: list[str] = field(default_factory=list)
    cloudflare: str = "none"
    cloudflare_incidents: list[str] = field(default_factory=list)
    github: str = "none"
    github_incidents: list[str] = field(default_factory=list)
    sentry: str = "none"
    sentry_incidents: list[str] = field(default_factory=list)
    upstash: str = "none"
    upstash_incidents: list[str] = field(default_factory=list)
    betterstack: str = "none"
    betterstack_incidents: list[str] = field(default_factory=list)


@dataclass
class ChatMessage:
    """A message in Slack; ``thread``: the ``ts`` of the one that it stands below."""

    channel: str
    ts: str
    text: str
    at: float
    thread: str = ""
    changes: int = 0


@dataclass
class Slack:
    """A workspace with a bot. ``channels``: id → name; ``archived`` and ``not_in``: ids of those that it cannot use."""

    token: str = field(default_factory=lambda: f"xoxb-{secrets.randbelow(10**12)}-{secrets.token_hex(12)}")
    channels: dict[str, str] = field(default_factory=lambda: {"C0DEPLOYS": "deploys"})
    archived: list[str] = field(default_factory=list)
    not_in: list[str] = field(default_factory=list)
    messages: list[ChatMessage] = field(default_factory=list)


@dataclass
class FaultEntry:
    """A fault in its text form, when it begins, and how often it has struck."""

    id: int
    text: str
    begins: float
    struck: int = 0


@dataclass
class State:
    tokens: dict[str, str]
    student: dict[str, str]
    vercel: Vercel
    github: GitHub
    sentry: Sentry
    betterstack: BetterStack
    neon: Neon
    status_pages: StatusPages = field(default_factory=StatusPages)
    google: Google = field(default_factory=Google)
    r2: R2 = field(default_factory=R2)
    upstash: Upstash = field(default_factory=Upstash)
    cloudflare: Cloudflare = field(default_factory=Cloudflare)
    faults: list[FaultEntry] = field(default_factory=list)
    slack: Slack = field(default_factory=Slack)
    notices: list[dict[str, Any]] = field(default_factory=list)
    gone_webhooks: list[str] = field(default_factory=list)
    """Paths of webhooks that somebody has removed."""
    counter: int = 1000

    def next_id(self) -> int:
        """Give a number that was never given before."""
        self.counter += 1
        return self.counter
