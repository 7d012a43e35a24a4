"""Reads Vercel's answers out of JSON into frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.clock import origin


@dataclass(frozen=True)
class Deployment:
    """A deployment as Vercel tells it.

    ``url`` has a scheme; ``state`` is ``readyState``; ``created`` is ms since 1970.

    ``candidate``: whether Vercel would roll back to it; None when it does not say.
    """

    id: str
    url: str
    state: str
    substate: str
    target: str
    commit: str
    created: int
    aliases: tuple[str, ...]
    error: str
    meta: Mapping[str, str]
    candidate: bool | None = None
    by: str = ""
    """Who made it, as Vercel names them."""
    source: str = ""
    """How it was made: ``cli``, ``git``, ``api``…; empty when Vercel does not say."""


@dataclass(frozen=True)
class EnvironmentVariable:
    """A variable that the project has.

    ``kind``: plain, encrypted, sensitive, secret or system; ``id`` reads its value.

    ``updated`` is ms since 1970, 0 when Vercel does not say. ``targets``: production, preview, development, and the ids
    of custom environments.
    """

    id: str
    name: str
    kind: str
    targets: tuple[str, ...]
    branch: str
    updated: int = 0
    shared: bool = False
    """Whether it is the team's, and linked to the project."""


@dataclass(frozen=True)
class Move:
    """The last request to move production domains (``lastAliasRequest``). ``at`` is ms since 1970.

    ``kind``: promote or rollback. ``status``: pending, in-progress, succeeded, failed or skipped.
    """

    kind: str
    to: str
    status: str
    at: int
    origin: str = ""
    """The deployment that they pointed to before; empty when Vercel does not say."""


@dataclass(frozen=True)
class ProjectSettings:
    """The settings of a project; ``auto_assign`` is None when Vercel leaves the field out.

    ``serving``: production domain → id of the deployment it points to, empty when Vercel does not say.
    ``crons``: path → schedule, of the deployment that serves. ``repository``: ``owner/name`` that pushes to it.
    """

    id: str
    name: str
    auto_assign: bool | None
    serving: Mapping[str, str]
    move: Move | None = None
    rolling: tuple[int, ...] = ()
    """Percentages of the configured rolling release, 100 included; empty: off."""
    by_hand: bool = True
    """Whether its stages wait for an approval instead of advancing by time."""
    crons: Mapping[str, str] = field(default_factory=dict)
    repository: str = ""
    account: str = ""
    """The team or person it belongs to."""
    live: str = ""
    """The id of the deployment that is production, as the project itself says (``targets.production``)."""
    redirects: Mapping[str, str] = field(default_factory=dict)
    """Production domain that serves nothing → the host that it sends visitors to."""
    builds_pushes: bool = False
    """Whether Vercel itself makes a deployment of what is pushed: it is connected to Git.

    ``gitProviderOptions.createDeployments`` is another matter: whether GitHub is told of it.
    """
    hooks: Mapping[str, str] = field(default_factory=dict)
    """Name → branch of the deploy hooks: addresses that make a deployment of it for whoever calls them."""
    production_branch: str = ""
    """The branch whose pushes are production for Vercel; empty when it is not connected to Git."""
    environments: Mapping[str, str] = field(default_factory=dict)
    """Id → slug of the custom environments beside production and preview."""
    wildcards: tuple[str, ...] = ()
    """The part after the star of domains such as ``*.example.com``, dot included."""
    keeps_days: float = 0
    """Days after which retention deletes a production deployment; 0: it does not."""
    keeps_least: int = 0
    """How many of them it keeps whatever their age."""
    paused: bool = False
    """Whether nothing of it is served, because somebody or a limit of spending has stopped it."""
    skew: float = 0
    """Seconds that skew protection keeps an open tab on the deployment that it was opened with; 0: off."""
    may: Mapping[str, bool] = field(default_factory=dict)
    """What of the project → whether who asks may create it; what Vercel does not speak of is not in here."""

    @property
    def moving(self) -> Move | None:
        """The request to move production that was accepted and has not ended."""
        return self.move if self.move and self.move.status in ("pending", "in-progress") else None

    def replaced_by(self, live: str) -> str:
        """The deployment that ``live`` took the place of when promoted; empty when Vercel remembers another move."""
        move = self.move
        return move.origin if move and move.kind == "promote" and move.to == live and move.status != "failed" else ""

    @property
    def taken_back(self) -> str:
        """The deployment that the last move took away, if that was a rollback."""
        move = self.move
        done = move is not None and move.kind == "rollback" and move.status != "failed"
        return move.origin if move and done and move.origin != move.to else ""


@dataclass(frozen=True)
class RollingRelease:
    """A rolling release. ``state``: ACTIVE, COMPLETE or ABORTED; ``stage`` counts from 0."""

    state: str
    current: str
    canary: str
    queued: str
    stage: int
    percent: int
    final: bool
    began: int = 0
    """When it was started, ms since 1970; 0 when Vercel does not say."""


@dataclass(frozen=True)
class LogLine:
    """A line that a runtime log has. ``at`` is ms since 1970; ``status`` is 0 when there was no request."""

    at: int
    level: str
    message: str
    method: str
    path: str
    status: int
    source: str


def project_of(body: Any) -> ProjectSettings:
    auto = body.get("autoAssignCustomDomains")
    live = ((body.get("targets") or {}).get("production") or {}).get("id") or ""
    names = {str(alias["domain"]): alias for alias in body.get("alias") or () if alias.get("target") == "PRODUCTION"}
    serving = {
        name: str((alias.get("deployment") or {}).get("id") or live)
        for name, alias in names.items()
        if not alias.get("redirect") and not name.startswith("*.")
    }
    move, rolling, crons, link = (body.get(n) or {} for n in ("lastAliasRequest", "rollingRelease", "crons", "link"))
    expires = body.get("deploymentExpiration") or {}
    org, repository = link.get("org") or "", link.get("repo") or ""
    return ProjectSettings(
        id=str(body["id"]),
        name=str(body["name"]),
        auto_assign=auto if isinstance(auto, bool) else None,
        serving=serving,
        move=_last_move(move) if move else None,
        rolling=tuple(int(stage["targetPercentage"]) for stage in rolling.get("stages") or ()),
        by_hand=all(stage.get("requireApproval") for stage in (rolling.get("stages") or ())[:-1]),
        crons={str(one["path"]): str(one["schedule"]) for one in crons.get("definitions") or ()},
        repository=f"{org}/{repository}" if org and repository else "",
        account=str(body.get("accountId") or ""),
        live=str(live),
        redirects={name: str(alias["redirect"]) for name, alias in names.items() if alias.get("redirect")},
        builds_pushes=bool(link),
        hooks={str(one["name"]): str(one["ref"]) for one in link.get("deployHooks") or ()},
        production_branch=str(link.get("productionBranch") or ""),
        environments={str(one["id"]): str(one["slug"]) for one in body.get("customEnvironments") or ()},
        wildcards=tuple(name.removeprefix("*") for name in names if name.startswith("*.")),
        keeps_days=float(expires.get("expirationDaysProduction") or 0),
        keeps_least=int(expires.get("deploymentsToKeep") or 0),
        paused=body.get("paused") is True,
        skew=float(body.get("skewProtectionMaxAge") or 0),
        may={str(name): "create" in (acts or ()) for name, acts in (body.get("permissions") or {}).items()},
    )


def _last_move(body: Any) -> Move:
    return Move(
        str(body["type"]),
        str(body["toDeploymentId"]),
        str(body["jobStatus"]),
        int(body["requestedAt"]),
        str(body.get("fromDeploymentId") or ""),
    )


def rolling_release_of(body: Any) -> RollingRelease | None:
    found = body["rollingRelease"]
    if not found:
        return None
    stage = found.get("activeStage") or {}
    return RollingRelease(
        state=str(found["state"]),
        current=_id(found.get("currentDeployment")),
        canary=_id(found.get("canaryDeployment")),
        queued=str(found.get("queuedDeploymentId") or ""),
        stage=int(stage.get("index") or 0),
        percent=int(stage.get("targetPercentage") or 0),
        final=bool(stage.get("isFinalStage")),
        began=int(found.get("startedAt") or 0),
    )


def _id(deployment: Any) -> str:
    return str((deployment or {}).get("id") or "")


def log_line_of(item: Any) -> LogLine:
    return LogLine(
        at=int(item["timestampInMs"]),
        level=str(item.get("level") or "info"),
        message=str(item.get("message") or ""),
        method=str(item.get("requestMethod") or ""),
        path=str(item.get("requestPath") or ""),
        status=int(item.get("responseStatusCode") or 0),
        source=str(item.get("source") or ""),
    )


def build_line_of(item: Any) -> LogLine:
    inner = item.get("payload") or {}
    text, kind = item.get("text") or inner.get("text") or "", str(item.get("type") or "")
    level = "error" if kind in ("stderr", "fatal") else "info"
    return LogLine(int(item.get("created") or item.get("date") or 0), level, str(text), "", "", 0, "build")


def deployment_of(body: Any) -> Deployment:
    meta = {str(key): str(value) for key, value in (body.get("meta") or {}).items()}
    return Deployment(
        id=str(body.get("id") or body["uid"]),
        url=origin(str(body["url"])),
        state=str(body.get("readyState") or body["state"]),
        substate=str(body.get("readySubstate") or ""),
        target=str(body.get("target") or ""),
        commit=meta.get("githubCommitSha") or meta.get("gitCommitSha") or "",
        created=int(body.get("createdAt") or body["created"]),
        aliases=tuple(str(alias) for alias in body.get("alias") or ()),
        error=str(body.get("errorMessage") or body.get("errorCode") or ""),
        meta=meta,
        candidate=body.get("isRollbackCandidate"),
        by=str((body.get("creator") or {}).get("username") or ""),
        source=str(body.get("source") or ""),
    )


def alias_of(body: Any) -> str:
    return str(body["deploymentId"] or "")


def deployments_of(body: Any) -> tuple[Deployment, ...]:
    return tuple(deployment_of(item) for item in body["deployments"])


def variables_of(body: Any) -> tuple[EnvironmentVariable, ...]:
    return tuple(_variable_of(item, shared=False) for item in body["envs"])


def shared_variables_of(body: Any) -> tuple[EnvironmentVariable, ...]:
    return tuple(_variable_of(item, shared=True) for item in body["data"])


def _variable_of(item: Any, *, shared: bool) -> EnvironmentVariable:
    targets = item.get("target") or []
    custom = map(str, item.get("customEnvironmentIds") or ())
    return EnvironmentVariable(
        str(item["id"]),
        str(item["key"]),
        str(item["type"]),
        (*((targets,) if isinstance(targets, str) else targets), *custom),
        str(item.get("gitBranch") or ""),
        int(item.get("updatedAt") or item.get("createdAt") or 0),
        shared,
    )
