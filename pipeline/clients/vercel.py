"""Vercel's REST API: deployments, aliases, environment variables, promotion and rollback."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.base import Params, Service, nothing
from pipeline.errors import Refused
from pipeline.world import Clock, origin

UNDER_WAY = "BUILDING,QUEUED,INITIALIZING"


@dataclass(frozen=True)
class Deployment:
    """One deployment. ``url`` has a scheme; ``state`` is ``readyState``; ``created`` is ms since 1970.

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


@dataclass(frozen=True)
class EnvironmentVariable:
    """One variable. ``kind``: plain, encrypted, sensitive, secret or system; ``id`` reads its value."""

    id: str
    name: str
    kind: str
    targets: tuple[str, ...]
    branch: str


@dataclass(frozen=True)
class Project:
    """``auto_assign`` is None when Vercel leaves the field out.

    ``serving``: production domain → id of the deployment it points to, empty when Vercel does not say.
    """

    id: str
    name: str
    auto_assign: bool | None
    serving: Mapping[str, str]


class Vercel(Service):
    """One project of one team. ``team`` may be empty for a personal account."""

    def __init__(self, base: str, token: str, team: str, project: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("vercel", base, http, clock, {"authorization": f"Bearer {token}"})
        self.team, self.project_id = team, project

    def _scope(self, **params: Any) -> Params:
        scope = {"teamId": self.team} if self.team else {}
        return {**scope, **{key: value for key, value in params.items() if value is not None}}

    async def project(self) -> Project:
        """GET /v9/projects/{idOrName}"""
        return await self.read(f"/v9/projects/{self.project_id}", _project, self._scope())

    async def production(self, domain: str) -> Deployment | None:
        """The deployment ``domain`` points to, None when it points nowhere.

        GET /v4/aliases/{idOrAlias}, then GET /v13/deployments/{idOrUrl}
        """
        id = await self.alias(domain)
        return await self.deployment(id) if id else None

    async def alias(self, domain: str) -> str:
        """Id of the deployment that ``domain`` points to; empty when it points nowhere. GET /v4/aliases/{idOrAlias}"""
        try:
            return await self.read(f"/v4/aliases/{domain}", lambda body: str(body["deploymentId"] or ""), self._scope())
        except Refused as error:
            if error.status == 404:
                return ""
            raise

    async def alias_now(self, domain: str) -> str:
        """The same, asked once and with two seconds to answer: for those who act whatever the answer is."""
        path, parse = f"/v4/aliases/{domain}", lambda body: str(body["deploymentId"] or "")
        return await self.once("GET", path, parse, params=self._scope(), timeout=2)

    async def deployment(self, id_or_host: str) -> Deployment:
        """GET /v13/deployments/{idOrUrl}"""
        return await self.read(f"/v13/deployments/{id_or_host}", _deployment, self._scope())

    async def deployments(self, **filters: Any) -> tuple[Deployment, ...]:
        """The newest 20 that match, newest first. Filters as Vercel names them, e.g. ``target``, ``state``,
        ``rollbackCandidate``, ``meta-KEY``.

        GET /v6/deployments
        """
        return await self.read(
            "/v6/deployments", _deployments, self._scope(projectId=self.project_id, limit=20, **filters)
        )

    async def build_log(self, deployment: str, lines: int = 5) -> str:
        """The last lines of the build log. GET /v3/deployments/{idOrUrl}/events"""

        def texts(body: Any) -> str:
            said = [str(event.get("text") or event.get("payload", {}).get("text", "")) for event in body]
            return " / ".join([line.strip() for line in said if line.strip()][-lines:])

        return await self.read(
            f"/v3/deployments/{deployment}/events", texts, self._scope(direction="forward", limit=-1)
        )

    async def variables(self) -> tuple[EnvironmentVariable, ...]:
        """All of the project, without values. GET /v10/projects/{idOrName}/env"""
        return await self.read(f"/v10/projects/{self.project_id}/env", _variables, self._scope())

    async def value(self, variable: str) -> str:
        """One variable's value, decrypted; it must go no further than the probe that asked.

        GET /v1/projects/{idOrName}/env/{id}
        """
        path = f"/v1/projects/{self.project_id}/env/{variable}"
        return await self.read(path, lambda body: str(body.get("value") or ""), self._scope())

    async def upload(self, sha: str, content: bytes) -> None:
        """Put one file by its SHA-1; twice is the same as once. POST /v2/files"""
        headers = {"x-now-digest": sha, "x-now-size": str(len(content)), "content-type": "application/octet-stream"}
        await self.repeatable("POST", "/v2/files", nothing, params=self._scope(), content=content, headers=headers)

    async def create(self, body: Mapping[str, Any]) -> Deployment:
        """Make a deployment of uploaded files. Raises Refused with code ``missing_files`` when some are absent.

        POST /v13/deployments
        """
        params = self._scope(prebuilt=1, skipAutoDetectionConfirmation=1)
        return await self.once("POST", "/v13/deployments", _deployment, params=params, json=body)

    async def cancel(self, deployment: str) -> None:
        """Stop a build. PATCH /v12/deployments/{id}/cancel"""
        await self.once("PATCH", f"/v12/deployments/{deployment}/cancel", nothing, params=self._scope())

    async def promote(self, deployment: str) -> None:
        """Ask Vercel to point every production domain at ``deployment``, without a rebuild.

        Returns when the request is accepted, not when it is done; read ``alias`` for that.
        POST /v10/projects/{projectId}/promote/{deploymentId}
        """
        await self._move(f"/v10/projects/{self.project_id}/promote/{deployment}", {})

    async def roll_back(self, deployment: str, why: str = "") -> None:
        """Ask Vercel to point every production domain back at ``deployment``; pins the project there.

        Returns when the request is accepted, not when it is done.
        POST /v1/projects/{projectId}/rollback/{deploymentId}
        """
        await self._move(f"/v1/projects/{self.project_id}/rollback/{deployment}", {"description": why} if why else {})

    async def _move(self, path: str, params: Mapping[str, str]) -> None:
        try:
            await self.once("POST", path, nothing, params=self._scope(**params), json={})
        except Refused as error:
            if error.status != 409:
                raise
            # 409: already the current production deployment. Whether that is so, the gate after us asks.


def _project(body: Any) -> Project:
    auto = body.get("autoAssignCustomDomains")
    live = ((body.get("targets") or {}).get("production") or {}).get("id") or ""
    serving = {
        str(alias["domain"]): str((alias.get("deployment") or {}).get("id") or live)
        for alias in body.get("alias") or []
        if alias.get("target") == "PRODUCTION"
    }
    return Project(str(body["id"]), str(body["name"]), auto if isinstance(auto, bool) else None, serving)


def _deployment(body: Any) -> Deployment:
    meta = {str(key): str(value) for key, value in (body.get("meta") or {}).items()}
    return Deployment(
        id=str(body.get("id") or body["uid"]),
        url=origin(str(body["url"])),
        state=str(body.get("readyState") or body["state"]),
        substate=str(body.get("readySubstate") or ""),
        target=str(body.get("target") or ""),
        commit=meta.get("githubCommitSha", ""),
        created=int(body.get("createdAt") or body["created"]),
        aliases=tuple(str(alias) for alias in body.get("alias") or ()),
        error=str(body.get("errorMessage") or body.get("errorCode") or ""),
        meta=meta,
        candidate=body.get("isRollbackCandidate"),
    )


def _deployments(body: Any) -> tuple[Deployment, ...]:
    return tuple(_deployment(item) for item in body["deployments"])


def _variables(body: Any) -> tuple[EnvironmentVariable, ...]:
    def one(item: Any) -> EnvironmentVariable:
        targets = item.get("target") or []
        return EnvironmentVariable(
            str(item["id"]),
            str(item["key"]),
            str(item["type"]),
            (targets,) if isinstance(targets, str) else tuple(targets),
            str(item.get("gitBranch") or ""),
        )

    return tuple(one(item) for item in body["envs"])
