"""Everything the emulated world remembers, as plain data; one JSON file that is replaced, never edited.

Times are seconds since 1970. No address is in here: what needs one derives it from a slot number or uses a
placeholder such as ``{{PRODUCTION}}``, so that the world survives a change of ports.
"""

from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.neonstate import Neon
from pipeline.sandbox.storestate import R2, Cloudflare, Upstash
from pipeline.sandbox.witnessstate import Google, Heartbeat, Monitor, Occurrence, Report, Vital


@dataclass
class FileEntry:
    """One file of a deployment: ``mode`` as in ``st_mode``."""

    file: str
    sha: str
    size: int
    mode: int = 0o100644


@dataclass
class Deployment:
    """``takes`` is how long its build takes; ``stuck`` builds never end; ``error`` is (code, message) of the build."""

    id: str
    slot: int
    name: str
    created: float
    target: str | None
    meta: dict[str, str]
    files: list[FileEntry]
    env: dict[str, str]
    takes: float
    auto_assign: bool = True
    source: str = "cli"
    error: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    canceled: float = 0
    stuck: bool = False
    settled: bool = False
    was_production: bool = False
    was_canary: bool = False


@dataclass
class AliasJob:
    """A promotion or rollback: ``kind`` is Vercel's ``type``, ``rolling`` the rolling release that ended in it."""

    kind: str
    origin: str
    target: str
    requested: float
    takes: float
    description: str = ""
    stuck: bool = False
    done: bool = False
    rolling: str = ""


@dataclass
class RollingRelease:
    """Production's visitors move from ``current`` to ``canary`` in ``stages``, as they were configured (minutes).

    ``stage`` is the index of the active one, since ``since``; ``queued`` is promoted after this one.
    """

    id: str
    current: str
    canary: str
    stages: list[dict[str, Any]]
    started: float
    since: float
    updated: float
    stage: int = 0
    state: str = "ACTIVE"
    queued: str = ""
    stuck: bool = False


@dataclass
class Variable:
    id: str
    key: str
    value: str
    type: str
    target: list[str]
    created: float
    branch: str = ""
    updated: float = 0
    comment: str = ""


@dataclass
class Vercel:
    user: str
    team: str
    project: str
    name: str
    created: float
    auto_assign: bool = True
    protection: bool = False
    bypass_secret: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    env: list[Variable] = field(default_factory=list)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    """Extra host names, by what they point to. The production domain is ``production``."""
    production: str = ""
    production_since: float = 0
    job: AliasJob | None = None
    rolling_config: dict[str, Any] | None = None  # as the API shows it, in minutes
    rolling: RollingRelease | None = None  # the last one, whether or not it is over
    git: bool = False  # whether what is pushed to main is built without being asked
    folders: dict[str, str] = field(default_factory=dict)  # where a commit's built files are
    hidden: list[str] = field(default_factory=list)  # fields that answers about the project leave out
    ignores_env: bool = (
        False  # a deployment made from another one gets the project's variables only, and nobody says so
    )
    vitals: list[Vital] = field(default_factory=list)


@dataclass
class Commit:
    sha: str
    message: str
    parent: str
    at: float
    author: str
    pull: int
    checks: dict[str, str] = field(default_factory=dict)
    """Conclusion by name of check run; ``pending`` while it runs."""
    statuses: dict[str, str] = field(default_factory=dict)


@dataclass
class Review:
    by: str
    state: str
    commit: str
    at: float


@dataclass
class Pull:
    number: int
    title: str
    author: str
    head: str
    merge: str
    at: float
    reviews: list[Review] = field(default_factory=list)


@dataclass
class Alert:
    """A code-scanning or Dependabot alert. ``state``: open, dismissed or fixed."""

    number: int
    severity: str
    summary: str
    at: float
    state: str = "open"


@dataclass
class Record:
    """A GitHub deployment and its statuses, as they were posted."""

    id: int
    at: float
    body: dict[str, Any]
    statuses: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ActionRun:
    """A run of a workflow, which ends with ``conclusion`` after ``takes`` seconds."""

    id: int
    workflow: str
    sha: str
    event: str
    at: float
    takes: float
    conclusion: str


@dataclass
class GitHub:
    repository: str
    commits: dict[str, Commit] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)
    head: str = ""
    check_conclusion: str = "success"
    """What the checks of commits that are pushed from now on say."""
    approved: bool = True
    code_scanning: list[Alert] | None = field(default_factory=list)
    dependabot: list[Alert] | None = field(default_factory=list)
    deployments: list[Record] = field(default_factory=list)
    runs: list[ActionRun] = field(default_factory=list)
    run_conclusion: str = "success"
    """What the runs that are started from now on end with."""
    variables: dict[str, str] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    secret_scanning: list[Alert] = field(default_factory=list)


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
    """Each: an indicator (none, minor, major, critical) and the titles of open incidents."""

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
    notices: list[dict[str, Any]] = field(default_factory=list)
    counter: int = 1000

    def next_id(self) -> int:
        """A number that was never given before."""
        self.counter += 1
        return self.counter
