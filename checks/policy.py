"""What we require: each class is one section of ``deploy.yml``, and its docstrings are the key reference.

Plain numbers without a unit in their name are seconds; ``deploy.yml`` may spell them ``90s``, ``10m``, ``2h``.
"""

import datetime
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Severity = Literal["critical", "high", "medium", "low"]
Shape = Literal["any", "url", "postgres", "secret", "email"]
Indicator = Literal["none", "minor", "major", "critical"]


class Policy:
    """A section of ``deploy.yml``. Unknown keys are mistakes, not extras."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}


@dataclass(frozen=True)
class SourcePolicy(Policy):
    """Where releases come from."""

    repository: str
    """GitHub repository, ``owner/name``."""
    branch: str = "main"
    """The branch that production follows."""


@dataclass(frozen=True)
class ContinuousIntegrationPolicy(Policy):
    """What must be green on the commit before it may ship."""

    required: tuple[str, ...] = ()
    """Check runs or statuses that must exist and have succeeded, by name. Every other one must be green too."""


@dataclass(frozen=True)
class ReviewPolicy(Policy):
    """How the commit must have been reviewed."""

    required: int = 1
    """Approving reviews of the pull request's head, by people other than its author."""


@dataclass(frozen=True)
class ApprovalPolicy(Policy):
    """Which stakeholder must agree to this release."""

    required: int = 1
    """How many different people."""
    stakeholders: tuple[str, ...] = ()
    """GitHub logins or names that count; empty means anyone but the author."""


@dataclass(frozen=True)
class SecurityPolicy(Policy):
    """Which open security alerts stop a release."""

    blocks: tuple[Severity, ...] = ("critical", "high")
    """Severities: critical is P0, high is P1."""
    scanners: tuple[Literal["code-scanning", "dependabot"], ...] = ("code-scanning", "dependabot")
    """GitHub scanners that must be switched on. One that is off proves nothing."""


@dataclass(frozen=True)
class RequiredVariable(Policy):
    """One environment variable that the release reads."""

    name: str
    """Its name on Vercel."""
    shape: Shape = "any"
    """What its value must look like."""
    min_length: int = 1
    """The fewest characters its value may have."""
    host: str = ""
    """For URLs: the host must be this one, or end in it when it begins with a dot, e.g. `.neon.tech`."""
    sslmode: str = ""
    """For Postgres URLs: the `sslmode` that must be there, e.g. `require`; a stricter one will do."""


@dataclass(frozen=True)
class EnvironmentPolicy(Policy):
    """Environment variables that must be set on the target."""

    required: tuple[RequiredVariable, ...] = ()
    """Each variable the release reads."""
    optional: tuple[str, ...] = ()
    """Variables that the code may read although nobody set them."""
    strict: bool = False
    """What is only suspicious stops a run too: variables that the code reads and nobody set, and values that were
    changed on Vercel since the live deployment was made."""


@dataclass(frozen=True)
class FreezeWindow(Policy):
    """A time in which nobody deploys. Both ends are local to ``freeze.timezone``."""

    reason: str
    """Why, as the person who is stopped will read it."""
    starts: datetime.datetime
    """First moment of the freeze, e.g. ``2026-12-23 18:00``."""
    ends: datetime.datetime
    """First moment after it."""


@dataclass(frozen=True)
class FreezePolicy(Policy):
    """When not to deploy."""

    timezone: str = "UTC"
    """IANA name, e.g. ``Europe/Berlin``."""
    windows: tuple[FreezeWindow, ...] = ()
    """Dated freezes."""
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    """Days of the week on which nobody deploys."""


@dataclass(frozen=True)
class VendorsPolicy(Policy):
    """How bad a vendor's own status page may look."""

    blocks: tuple[Indicator, ...] = ("major", "critical")
    """Indicators that stop a release; milder ones are a warning."""


@dataclass(frozen=True)
class BuildPolicy(Policy):
    """How the staged production deployment comes about. No production domain may move by it, whichever way."""

    by: Literal["prebuilt", "git", "cli"] = "prebuilt"
    """`prebuilt`: this tool uploads ``.vercel/output``. `git`: Vercel's Git integration builds the pushed commit; this
    tool finds that deployment and waits for it, or has it made. `cli`: the pinned ``vercel`` below deploys."""
    archive: Literal["auto", "always", "never"] = "auto"
    """`prebuilt` and `cli`: send one archive instead of many files; `auto` estimates which arrives sooner."""
    command: str = "vercel"
    """`cli`: the command to run; a path, or several words such as `npx vercel@64.0.2`."""
    version: str = "64.0.2"
    """`cli`: what `vercel --version` must say. Another version may mean other defaults."""
    appears: float = 60
    """`git`: how long the push may take to become a deployment before one is made from the commit."""


@dataclass(frozen=True)
class IdentityPolicy(Policy):
    """How an address proves which build answers there. Nothing is judged before it has."""

    proof: tuple[Literal["deployment", "commit", "header"], ...] = ("deployment", "commit", "header")
    """What counts: the health answer's `deployment` or `commit` (the first 7 digits will do), or the header below.
    One of them must be there, and none of them may name another build."""
    header: str = "x-deployment-id"
    """The response header that names the deployment."""
    times: int = 3
    """How many answers in a row must come from the expected build."""


@dataclass(frozen=True)
class PromotionPolicy(Policy):
    """How production moves to the release."""

    rolling: tuple[int, ...] = ()
    """Shares of visitors, in percent, before the release gets all of them, e.g. `[10, 50]`. Needs Vercel's Rolling
    Releases, configured alike with manual approval. Empty: all at once."""
    rolling_watch: float = 300
    """How long each share is watched before the next one."""


@dataclass(frozen=True)
class HealthPolicy(Policy):
    """The health check of the app."""

    path: str = "/api/health/db"
    """Answers 200 only when the app reaches its database."""
    slowest_ms: int = 5000
    """A slower answer is a bad one."""


@dataclass(frozen=True)
class Route(Policy):
    """One page or endpoint that must answer."""

    path: str
    """Path on the site, e.g. ``/courses``."""
    status: int = 200
    """The status after redirects within the site."""
    contains: str = ""
    """Text that the answer must contain."""
    advisory: bool = False
    """What fails here is a warning: it is somebody else's service, and going back would not help."""


@dataclass(frozen=True)
class Journeys(Policy):
    """What a student must be able to do. An empty path leaves that journey out."""

    login: bool = True
    """Sign in through NextAuth with ``SMOKE_EMAIL`` and ``SMOKE_PASSWORD``."""
    course: str = ""
    """A course page only a signed-in student sees."""
    course_contains: str = ""
    """Text on that page."""
    upload: str = ""
    """The upload endpoint; the file is read back and compared."""
    advisory: tuple[Literal["login", "course", "upload"], ...] = ()
    """Journeys of which a failure is a warning, e.g. `[upload]` when storage is somebody else's."""


@dataclass(frozen=True)
class SmokePolicy(Policy):
    """What is asked of a release before and after it gets traffic."""

    routes: tuple[Route, ...] = (Route("/"),)
    """Pages and endpoints."""
    journeys: Journeys = field(default_factory=Journeys)
    """What a student does."""
    slowest_ms: int = 5000
    """A slower page is a bad one."""
    at_once: int = 10
    """How many requests run at the same time."""
    request: float = 20
    """How long one request may take; a cold start takes up to 15 s."""
    budget: float = 60
    """How long one round of all routes may take."""


@dataclass(frozen=True)
class PerformancePolicy(Policy):
    """How quick production must be. The story's thresholds are the defaults."""

    p95_ms: int = 2000
    """95th percentile of page load times."""
    visits: int = 20
    """How many visits the reading takes."""


@dataclass(frozen=True)
class ErrorsPolicy(Policy):
    """Which errors in Sentry stop a release."""

    organization: str
    """Sentry organization slug."""
    project: str
    """Sentry project slug."""
    critical: tuple[str, ...] = ("fatal", "error")
    """Levels that count as critical when the issue is new in this release."""
    times_baseline: float = 10.0
    """An error rate above this many times the baseline is an error spike (P1)."""
    fewest_events: int = 5
    """Below this many events a rate proves nothing."""


@dataclass(frozen=True)
class UptimePolicy(Policy):
    """What Better Stack must say."""

    monitor: str
    """Id of the monitor that watches production."""
    availability_percent: float = 99.5
    """Lowest acceptable 7-day uptime (P1 below it)."""
    slowest_ms: int = 5000
    """p95 response time above this is a P2."""
    usual_ms: int = 500
    """The baseline response time."""


@dataclass(frozen=True)
class DatabasePolicy(Policy):
    """How migrations are applied."""

    migrations: str = "prisma/migrations"
    """Folder of Prisma migrations, relative to the release."""
    lock_timeout: float = 2
    """How long one statement may wait for a lock before it gives up, so that readers behind it do not starve."""
    statement_timeout: float = 300
    """How long one statement may run."""


@dataclass(frozen=True)
class Contact(Policy):
    """One person or rota on the escalation tree."""

    role: str
    """E.g. ``DevOps lead``."""
    name: str
    """Who it is."""
    reach: str
    """How to reach them at night."""
    after: float = 0
    """Escalate to them when this long has passed without an answer."""


@dataclass(frozen=True)
class ContactsPolicy(Policy):
    """Who is told, in which order."""

    escalation: tuple[Contact, ...] = ()
    """First to last."""
    channel: str = "#incidents"
    """Where an incident is worked on."""
    status_page: str = ""
    """Where users are told."""


@dataclass(frozen=True)
class Waiver(Policy):
    """A dated, signed, expiring decision that one gate's block counts as a warning."""

    gate: str
    """The gate's name, e.g. ``security.no-urgent-alerts``."""
    until: datetime.date
    """Last day on which it counts."""
    by: str
    """Who decided."""
    reason: str
    """Why."""
    subject: str = ""
    """Only findings about this subject; empty means all of the gate's."""
