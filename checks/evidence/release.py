"""What ships, where it stands on Vercel, and what production serves."""

import datetime
from dataclasses import dataclass

from checks.evidence.base import Evidence


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
    changed: tuple[str, ...] = ()
    """Files of the folder that differ from the commit. Source: ``git status``"""
    glass: str = ""
    """Why the glass was broken: what people decide does not stop this run. Empty: it was not."""
    glass_by: str = ""
    """Who broke it."""
    committed: str = ""
    """When the commit was made, ISO 8601; empty when nobody here knows. Source: ``git show``"""
    digest: str = ""
    """SHA-256 over name, mode and content of every file that is uploaded, as the run found them; empty when Vercel builds."""


@dataclass(frozen=True)
class BuiltFunction:
    """A function of the build. ``size`` and ``packed`` (compressed, of edge functions alone) are bytes."""

    name: str
    runtime: str
    size: int
    packed: int = 0
    seconds: int = 0
    """``maxDuration``; 0 when it says none."""
    memory: int = 0
    """In MB; 0 when it says none."""


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
    routes: int = 0
    crons: tuple[tuple[str, str], ...] = ()
    """(path, schedule) of each cron job."""
    functions: tuple[BuiltFunction, ...] = ()
    """Those that ask for something, or are large."""


@dataclass(frozen=True)
class BadRelease:
    """A release that was taken back: ``at`` is ISO 8601, ``run`` the run that did it."""

    deployment: str
    commit: str
    run: str
    at: str
    reason: str


@dataclass(frozen=True)
class ClockOffset(Evidence):
    """How far this machine's clock is from the services'. Source: the ``Date`` header of their answers"""

    said: tuple[tuple[str, float], ...]
    """(service, seconds that our clock is ahead of its), in whole seconds as the header has them."""

    def brief(self) -> str:
        return ", ".join(f"{seconds:+.0f} s to {service}" for service, seconds in self.said)


@dataclass(frozen=True)
class KnownBad(Evidence):
    """Every release that was taken back because it was bad. Source: the journal"""

    releases: tuple[BadRelease, ...]


@dataclass(frozen=True)
class Moment(Evidence):
    """What time it is. Source: the clock of the machine that runs this; aware."""

    now: datetime.datetime


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
    moved_at: int = 0
    """When that move was asked for, ms since 1970 by Vercel's clock."""
    pushes_go_live: bool = False
    """Whether a push to the production branch is production as soon as Vercel has built it, past everything here.

    Source: ``link`` and ``autoAssignCustomDomains`` of the project, ``git.deploymentEnabled`` in the release's
    ``vercel.json``."""
    domains: tuple[str, ...] = ()
    """Production domains that serve visitors."""
    redirects: tuple[tuple[str, str], ...] = ()
    """Production domain that serves nothing → the host that it sends visitors to."""
    may_promote: bool | None = None
    """Whether the token may point production at a deployment; None: Vercel does not say. Source: ``permissions``"""
    may_roll_back: bool | None = None
    hooks: tuple[str, ...] = ()
    """Names of the deploy hooks whose call is production as soon as Vercel has built it. Source: ``link.deployHooks``"""
    unverified: tuple[str, ...] = ()
    """Production domains that nobody has proved to own yet, so that Vercel does not serve the project there."""
    paused: bool = False
    """Whether nothing of the project is served, whatever production points to."""


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
    passed_over: tuple[str, ...] = ()
    """Ids of earlier deployments that were themselves taken back; nobody goes back to those unasked."""
    gone: str = ""
    """The deployment that the live one replaced, when it cannot be gone back to any more."""
    days_left: float | None = None
    """Days until retention may delete the live deployment once it is not live any more; None: it will keep it."""
    skew: float = 0
    """Seconds that skew protection keeps an open tab on the deployment that it was opened with; 0: off."""

    def brief(self) -> str:
        return f"{self.id}, commit {self.commit[:12]}"


@dataclass(frozen=True)
class Production(Evidence):
    """What the production domain points to. Source: GET /v4/aliases/{domain}"""

    id: str
    """Deployment id; empty when the domain points nowhere."""
    url: str
    """The deployment's own address."""
    domain: str
    commit: str = ""
    """Empty when the deployment does not say."""
    others: tuple[tuple[str, str], ...] = ()
    """The project's other production domains, each with the deployment that it points to; empty when nowhere."""
    leads_to: str = ""
    """The host that the domain redirects to, when it serves nothing itself."""
    run: str = ""
    """The run of ours that has made the deployment, as its ``meta`` says; empty when none has."""
    unverified: tuple[str, ...] = ()
    """Domains that the project would have, if somebody proved to own them."""


@dataclass(frozen=True)
class ProductionBefore(Evidence):
    """What production served before this run changed it: what an undo restores. Given by ``note_production``."""

    id: str
    url: str
    domain: str
    at: str = ""
    """When that was noted, right before the promotion; ISO 8601."""
    moved: int = 0
    """When production had last been asked to move by then (``lastAliasRequest.requestedAt``), ms since 1970 by Vercel's
    clock; 0: never, or nobody could say."""
    rolled: int = 0
    """When the newest rolling release by then had begun (``startedAt``), likewise."""
    domains: tuple[str, ...] = ()
    """The other production domains that served the same, and are moved with it."""
    answered: tuple[str, ...] = ()
    """Those of them, and of the ones that only redirect, that answered from here; only they can be proved over HTTP."""


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
    queued: str = ""
    """The deployment that is promoted when this one is complete."""


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
