"""What we saw: one frozen value per reading, its source in the docstring. Names yes, secret values never."""

import datetime
from dataclasses import dataclass


class Evidence:
    """One reading of the world."""


@dataclass(frozen=True)
class Release(Evidence):
    """What this run ships, and what the person who started it said. Source: command line, git, CI variables."""

    commit: str
    """Full SHA-1 of the commit."""
    folder: str
    """Where ``.vercel/output`` lies."""
    over_rollback: bool = False
    """Told to promote over a production that an earlier rollback pinned."""
    approved_by: str = ""
    """The stakeholder named at the terminal."""
    approved_at: str = ""
    """When, ISO 8601."""
    older: bool = False
    """Told to ship a commit that does not descend from the live one."""


@dataclass(frozen=True)
class BuildOutput(Evidence):
    """What is there to be deployed. Source: ``.vercel/output`` of the release, ``vercel --version``"""

    by: str
    """``build.by`` of ``deploy.yml``."""
    problem: str
    """Why it cannot be deployed that way; empty when it can."""
    built_at: int = 0
    """When the output was written, ms since 1970; 0 when it will be built later."""
    tool: str = ""
    """What the command says its version is, when it is used."""


@dataclass(frozen=True)
class BadRelease:
    """A release that was taken back: ``at`` is ISO 8601, ``run`` the run that did it."""

    deployment: str
    commit: str
    run: str
    at: str
    reason: str


@dataclass(frozen=True)
class KnownBad(Evidence):
    """Every release that was taken back because it was bad. Source: the journal"""

    releases: tuple[BadRelease, ...]


@dataclass(frozen=True)
class CommitOrder(Evidence):
    """The commit against the one that is live. Source: GET /repos/{repo}/compare/{live}...{commit}"""

    live: str
    """Empty when production does not say which commit it is."""
    commit: str
    relation: str
    """GitHub's word: ahead, behind, identical or diverged; ``unknown`` when it has no such commit."""


@dataclass(frozen=True)
class Moment(Evidence):
    """What time it is. Source: the clock of the machine that runs this; aware."""

    now: datetime.datetime


@dataclass(frozen=True)
class Commit(Evidence):
    """The commit as GitHub knows it. Source: GET /repos/{repo}/commits/{sha} and /branches/{branch}"""

    sha: str
    known: bool
    """Whether GitHub has it, i.e. it was pushed."""
    branch: str
    head: str
    """SHA at the head of ``branch``."""


@dataclass(frozen=True)
class Check:
    """A check run or a commit status. ``state``: success, pending, or how it failed."""

    name: str
    state: str


@dataclass(frozen=True)
class CommitChecks(Evidence):
    """Everything that reported on the commit. Source: GET …/commits/{sha}/check-runs and …/status"""

    sha: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Approval:
    """One person's yes: ``of`` is the commit they looked at, ``at`` is ISO 8601, ``via`` how they said it."""

    by: str
    at: str
    of: str
    via: str


@dataclass(frozen=True)
class PullRequest(Evidence):
    """The pull request that brought the commit. Source: GET …/commits/{sha}/pulls and …/pulls/{n}/reviews"""

    number: int
    """0 when the commit belongs to none."""
    author: str
    head: str
    merge_commit: str
    approvals: tuple[Approval, ...]
    """Each reviewer's latest word, when it is a yes."""
    objections: tuple[str, ...]
    """Reviewers whose latest word asks for changes."""


@dataclass(frozen=True)
class Alert:
    """An open security alert. ``severity``: critical, high, medium, low."""

    scanner: str
    severity: str
    summary: str
    url: str


@dataclass(frozen=True)
class SecurityAlerts(Evidence):
    """Open alerts. Source: GET /repos/{repo}/code-scanning/alerts and /dependabot/alerts (state=open)"""

    alerts: tuple[Alert, ...]
    off: tuple[str, ...]
    """Scanners that are not switched on."""


@dataclass(frozen=True)
class Variable:
    """An environment variable without its value; what could be seen of the value is in the flags."""

    name: str
    readable: bool
    """False for Vercel's *sensitive* type, whose value nobody can read back."""
    length: int = 0
    shapes: frozenset[str] = frozenset()
    """Which of ``url``, ``postgres``, ``email`` it looks like, and ``placeholder`` when nobody filled it in."""
    host: str = ""
    """The host of a URL."""
    sslmode: str = ""
    """What a Postgres URL says about TLS."""
    updated: int = 0
    """When it was last changed, ms since 1970."""
    branch: str = ""
    """The Git branch that alone gets this value; empty: all of them."""


@dataclass(frozen=True)
class EnvironmentVariables(Evidence):
    """Variables set on the target. Source: GET /v10/projects/{project}/env and /v1/projects/{project}/env/{id}"""

    target: str
    variables: tuple[Variable, ...]
    elsewhere: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(name, targets) of those that only other targets have."""

    @property
    def names(self) -> frozenset[str]:
        """Those that every branch of the target gets."""
        return frozenset(variable.name for variable in self.variables if not variable.branch)

    def without(self, name: str) -> "EnvironmentVariables":
        """The same, but ``name`` was never set."""
        return EnvironmentVariables(self.target, tuple(v for v in self.variables if v.name != name), self.elsewhere)


@dataclass(frozen=True)
class ChangedVariables(Evidence):
    """Variables whose value today is not what the live build has. Values are compared by HMAC under a key that is
    thrown away. Source: GET /v3/env/pull/{deployment}/production against GET /v1/projects/{project}/env/{id}"""

    names: tuple[str, ...]
    unseen: tuple[str, ...]
    """Those whose value nobody can read back."""


@dataclass(frozen=True)
class ReadVariables(Evidence):
    """Variables that the code reads: name and the first file. Source: the release's files"""

    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class VercelProject(Evidence):
    """The project's switches. Source: GET /v9/projects/{project}"""

    id: str
    auto_assign: bool | None
    """``autoAssignCustomDomains``; False after a rollback. None: Vercel did not say."""
    moved_by: str = ""
    """What moved production last: promote or rollback; empty when nothing did."""
    moved_to: str = ""
    """Which deployment that was to."""
    move: str = ""
    """How that went: pending, in-progress, succeeded, failed or skipped."""
    rolling: tuple[int, ...] = ()
    """Shares of the configured rolling release in percent, 100 included; empty: off."""
    rolling_by_hand: bool = True
    """Whether its stages wait for an approval."""


@dataclass(frozen=True)
class DeploymentsUnderWay(Evidence):
    """Production deployments that others are building. Source: GET /v6/deployments?target=production&state=…"""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class RollbackTarget(Evidence):
    """The newest deployment production can go back to. Source: GET /v6/deployments?rollbackCandidate=true"""

    id: str
    """Empty when there is none."""
    url: str
    commit: str


@dataclass(frozen=True)
class Production(Evidence):
    """What the production domain points to. Source: GET /v4/aliases/{domain}"""

    id: str
    """Deployment id; empty when the domain points nowhere."""
    url: str
    """The deployment's own address."""
    domain: str


@dataclass(frozen=True)
class ProductionBefore(Evidence):
    """What production served before this run changed it: what an undo restores. Given by ``note_production``."""

    id: str
    url: str
    domain: str


@dataclass(frozen=True)
class StagedDeployment(Evidence):
    """The deployment this run made. Given by ``build``."""

    id: str
    url: str
    """Its own address, with scheme."""
    commit: str


@dataclass(frozen=True)
class RollingShare(Evidence):
    """The rolling release that is under way. Source: GET /v1/projects/{project}/rolling-release"""

    state: str
    """ACTIVE, COMPLETE or ABORTED; empty when there is none."""
    canary: str
    """The deployment that gets the share."""
    percent: int
    stage: int
    """Counted from 0."""


@dataclass(frozen=True)
class SaidBuild:
    """Which build one answer says it is from. ``header``: the deployment that ``identity.header`` names."""

    url: str
    status: int
    deployment: str
    commit: str
    header: str
    failure: str = ""
    """Why no answer came."""
    protected: bool = False
    """Vercel's Deployment Protection answered instead of the app."""


@dataclass(frozen=True)
class StagedBuild(Evidence):
    """Who answers at the staged address, asked several times in a row. Source: GET https://{staged}{health.path}"""

    answers: tuple[SaidBuild, ...]


@dataclass(frozen=True)
class ProductionBuild(Evidence):
    """Who answers on the production domain, asked several times in a row. Source: GET https://{domain}{health.path}"""

    answers: tuple[SaidBuild, ...]


@dataclass(frozen=True)
class Build(Evidence):
    """How the deployment's build stands. Source: GET /v13/deployments/{id}"""

    id: str
    state: str
    """Vercel's ``readyState``: QUEUED, INITIALIZING, BUILDING, READY, ERROR, CANCELED or BLOCKED."""
    substate: str
    """STAGED (no production traffic yet), ROLLING or PROMOTED; only means something when READY."""
    aliases: tuple[str, ...]
    """Domains that point to it."""
    error: str
    """What Vercel says went wrong, with the last lines of the build log."""


@dataclass(frozen=True)
class Health:
    """One answer of the health check."""

    url: str
    status: int
    """HTTP status; 0 when no answer came."""
    ms: int
    says: str
    """The body's ``status``, or why there is no answer."""
    deployment: str
    """Which deployment the app says it is; empty when it does not say."""
    commit: str


@dataclass(frozen=True)
class HealthBefore(Health, Evidence):
    """Production's health before anything was touched. Source: GET https://{domain}{health.path}"""


@dataclass(frozen=True)
class OldCodeHealth(Health, Evidence):
    """Production, still the old code, on the migrated schema. Source: GET https://{domain}{health.path}"""


@dataclass(frozen=True)
class StagedHealth(Health, Evidence):
    """The staged deployment's health. Source: GET https://{staged}{health.path}"""


@dataclass(frozen=True)
class ProductionHealth(Health, Evidence):
    """Production's health after promotion. Source: GET https://{domain}{health.path}"""


@dataclass(frozen=True)
class ControlHealth(Health, Evidence):
    """The health of the deployment that served before, at its own address, asked at the same time as production."""


@dataclass(frozen=True)
class Visit:
    """One page as a browser would end up seeing it."""

    path: str
    status: int
    """HTTP status after redirects; 0 when no answer came."""
    ms: int
    landed: str
    """Final URL after redirects."""
    left_site: bool
    """A redirect led to another origin."""
    error_page: str
    """The mark of a Next.js error page in the body; empty when there is none."""
    has_content: bool
    """The required text is there."""
    failure: str = ""
    """Why no answer came."""
    protected: bool = False
    """Vercel's Deployment Protection answered instead of the app."""


@dataclass(frozen=True)
class ControlVisits(Evidence):
    """The routes that fail on production, asked of the deployment that served before, at its own address."""

    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class StagedVisits(Evidence):
    """The smoke routes on the staged deployment. Source: GET https://{staged}{path}"""

    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class ProductionVisits(Evidence):
    """The smoke routes on production. Source: GET https://{domain}{path}"""

    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class Journey:
    """One thing a student tried to do. ``failed_at`` is empty when it worked."""

    name: str
    failed_at: str
    says: str
    ms: int


@dataclass(frozen=True)
class ControlJourneys(Evidence):
    """The same journeys on the deployment that served before, at its own address, when one fails on production."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class StagedJourneys(Evidence):
    """Sign-in, course and upload on the staged deployment."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class ProductionJourneys(Evidence):
    """Sign-in, course and upload on production."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class LoadTimes(Evidence):
    """How long production took to answer. Source: GET https://{domain}{path}, one after the other; cold ones too."""

    ms: tuple[int, ...]

    @property
    def p95_ms(self) -> int:
        """Nearest-rank 95th percentile; 0 without visits."""
        ordered = sorted(self.ms)
        return ordered[max(0, -(-95 * len(ordered) // 100) - 1)] if ordered else 0


@dataclass(frozen=True)
class VendorStatus:
    """A vendor's own word. ``indicator``: none, minor, major or critical."""

    vendor: str
    indicator: str
    incidents: tuple[str, ...]


@dataclass(frozen=True)
class VercelStatus(VendorStatus, Evidence):
    """Vercel's own word about itself. Source: GET {vercel-status}/api/v2/summary.json (Atlassian Statuspage)"""


@dataclass(frozen=True)
class NeonStatus(VendorStatus, Evidence):
    """Neon's own word about itself. Source: GET {neon-status}/api/v1/summary (incident.io)"""


@dataclass(frozen=True)
class Monitor(Evidence):
    """Better Stack's monitor of production. Source: GET /api/v2/monitors/{id}, …/sla and …/response-times"""

    id: str
    status: str
    """paused, pending, maintenance, up, validating or down."""
    availability_percent: float
    """Over the last 7 days."""
    response_ms: tuple[int, ...]
    """Response times of the last 24 h, all regions."""
    incidents: tuple[str, ...]
    """Open ones: cause and since when."""

    @property
    def p95_ms(self) -> int:
        """Nearest-rank 95th percentile of the last 24 h, computed here: Better Stack has none."""
        return LoadTimes(self.response_ms).p95_ms


@dataclass(frozen=True)
class Issue:
    """A Sentry issue. ``level``: fatal, error, warning, info."""

    level: str
    title: str
    events: int
    url: str


@dataclass(frozen=True)
class NewIssues(Evidence):
    """Unresolved issues first seen in this release. Source: GET …/issues/?query=is:unresolved firstRelease:"…" """

    release: str
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class ErrorRate(Evidence):
    """Errors now against before. Source: GET …/events-timeseries/?dataset=errors&yAxis=count()"""

    events: int
    """In the last ``minutes``."""
    usual: float
    """In as many minutes, averaged over the day before."""
    minutes: int


@dataclass(frozen=True)
class Migrations(Evidence):
    """The release's migrations against the database's. Source: migration.sql files and ``_prisma_migrations``"""

    pending: tuple[str, ...]
    applied: tuple[str, ...]
    failed: tuple[str, ...]
    """Begun, neither finished nor rolled back (P3009)."""
    edited: tuple[str, ...]
    """Applied, but the file has another checksum now."""
    unknown: tuple[str, ...]
    """In the database, not in the release."""


@dataclass(frozen=True)
class AppliedMigrations(Evidence):
    """What ``migrate`` applied in this run, in order."""

    names: tuple[str, ...]
