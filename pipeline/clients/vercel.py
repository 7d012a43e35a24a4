"""Asks Vercel's REST API for deployments, aliases, environment variables, promotion and rollback."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal

import httpx

from pipeline.clients.base import Params, Service, nothing
from pipeline.clients.exchange import ODD
from pipeline.clients.vercelpages import newest
from pipeline.clients.vercelshapes import (
    Deployment,
    EnvironmentVariable,
    LogLine,
    ProjectSettings,
    RollingRelease,
    alias_of,
    build_line_of,
    deployment_of,
    deployments_of,
    log_line_of,
    project_of,
    rolling_release_of,
    shared_variables_of,
    variables_of,
)
from pipeline.clock import Clock
from pipeline.errors import Refused, ServiceError

PROMOTES = 60.0  # seconds: a request that we do not wait for may be carried out all the same
COLLECTED = 6.0  # seconds: the stream of a busy site never pauses
UNDER_WAY = "BUILDING,QUEUED,INITIALIZING"
Moved = Literal["requested", "queued", "already there"]


class Vercel(Service):
    """Asks about and changes one project of one team: its id or its slug, or empty for a personal account."""

    def __init__(self, base: str, token: str, team: str, project: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("vercel", base, http, clock, {"authorization": f"Bearer {token}"})
        self.unset = "" if token else "VERCEL_TOKEN"
        self.team, self.project_id, self.path = team, project, f"/v9/projects/{project}"
        self._absent: str | None = None

    def scope(self, **params: Any) -> Params:
        """The query of a request: whose project it is, and those of ``params`` that are not None."""
        by = "teamId" if self.team.startswith("team_") else "slug"
        scope = {by: self.team} if self.team else {}
        return {**scope, **{key: value for key, value in params.items() if value is not None}}

    async def project(self) -> ProjectSettings:
        """Read the project's settings. GET /v9/projects/{idOrName}"""
        return await self.read(self.path, project_of, self.scope())

    async def send(self, method: str, path: str, *, timeout: float = 0, **more: Any) -> httpx.Response:
        """Send a request as ``Service`` does. When there is no such project, the error says where it is now."""
        try:
            return await super().send(method, path, timeout=timeout, **more)
        except Refused as error:
            if error.status == 404 and f"/projects/{self.project_id}" in path:
                self._absent = await self._whereabouts() if self._absent is None else self._absent
                error.add(self._absent)
            raise

    async def _whereabouts(self) -> str:
        """Say which other team of the token's has such a project; empty when it is where it was said to be.

        GET /v9/projects/{idOrName}, then GET /v2/teams and GET /v9/projects/{idOrName} of each
        """
        if await self._has(self.scope()):
            return ""
        names, here = "`project` and `team` in deploy.yml, VERCEL_PROJECT_ID, VERCEL_ORG_ID", self.team or "the account"
        try:
            teams = (await super().send("GET", "/v2/teams")).json()["teams"]
        except (*ODD, ServiceError):  # a token of one project may not ask for teams
            teams = []
        for team in teams:
            if self.team not in (team["id"], team["slug"]) and await self._has({"teamId": team["id"]}):
                return f"; {self.project_id} is in the team {team['slug']} ({team['id']}) now, not in {here}: {names}"
        return f"; {self.project_id} is not in {here}: was it renamed, deleted or transferred? ({names})"

    async def _has(self, scope: Params) -> bool:
        try:
            return (await super().send("GET", self.path, params=scope)).is_success
        except ServiceError as error:
            return not isinstance(error, Refused) or error.status not in (403, 404)

    async def project_now(self) -> ProjectSettings:
        """Read ``project`` once, without asking again: for those who look often."""
        return await self.once("GET", self.path, project_of, params=self.scope())

    async def production(self, domain: str) -> Deployment | None:
        """Read the deployment that ``domain`` points to, None when it points nowhere.

        A name below a wildcard domain has no alias of its own; it serves what the project calls production.
        GET /v4/aliases/{idOrAlias}, GET /v9/projects/{idOrName}, then GET /v13/deployments/{idOrUrl}
        """
        id = await self.alias(domain)
        if not id:
            project = await self.project()
            id = project.live if project.wildcards and domain.endswith(project.wildcards) else ""
        return await self.deployment(id) if id else None

    async def alias(self, domain: str) -> str:
        """Read the id of the deployment that ``domain`` points to; empty when it points nowhere.

        GET /v4/aliases/{idOrAlias}
        """
        try:
            return await self.read(f"/v4/aliases/{domain}", alias_of, self.scope())
        except Refused as error:
            if error.status == 404:
                return ""
            raise

    async def alias_now(self, domain: str) -> str:
        """Read ``alias`` once and with two seconds to answer: for those who act whatever the answer is."""
        return await self.once("GET", f"/v4/aliases/{domain}", alias_of, params=self.scope(), timeout=2)

    async def deployment(self, id_or_host: str) -> Deployment:
        """Read one deployment. GET /v13/deployments/{idOrUrl}"""
        return await self.read(f"/v13/deployments/{id_or_host}", deployment_of, self.scope())

    async def deployments(self, **filters: Any) -> tuple[Deployment, ...]:
        """List the newest deployments that match (20, or ``limit``), newest first.

        Filters as Vercel names them, e.g. ``target``, ``state``, ``rollbackCandidate``, ``meta-KEY``.

        GET /v6/deployments
        """
        asked = self.scope(**{"projectId": self.project_id, "limit": 20, **filters})
        return await newest(self, "/v6/deployments", deployments_of, asked, int(filters.get("limit", 20)))

    async def build_log(self, deployment: str, lines: int = 5) -> str:
        """Read the last lines of the build log. GET /v3/deployments/{idOrUrl}/events"""

        def texts(body: Any) -> str:
            said = [str(event.get("text") or event.get("payload", {}).get("text", "")) for event in body]
            return " / ".join([line.strip() for line in said if line.strip()][-lines:])

        return await self.read(f"/v3/deployments/{deployment}/events", texts, self.scope(direction="forward", limit=-1))

    async def variables(self) -> tuple[EnvironmentVariable, ...]:
        """List all variables of the project, without values. GET /v10/projects/{idOrName}/env"""
        return await newest(self, f"/v10/projects/{self.project_id}/env", variables_of, self.scope())

    async def shared_variables(self, project: str) -> tuple[EnvironmentVariable, ...]:
        """List the variables of the team that are linked to the project of that id; a personal account has none.

        None either when Vercel does not know the path or the plan has none. GET /v1/env
        """
        if not self.team:
            return ()
        try:
            return await newest(self, "/v1/env", shared_variables_of, self.scope(projectId=project))
        except Refused as error:
            if error.status == 404:
                return ()
            raise

    async def shared_value(self, variable: str) -> str:
        """Read the value of one of ``shared_variables``; it must go no further than the probe. GET /v1/env/{id}"""
        return await self.read(f"/v1/env/{variable}", lambda body: str(body.get("value") or ""), self.scope())

    async def value(self, variable: str) -> str:
        """Read one variable's value, decrypted; it must go no further than the probe that asked.

        GET /v1/projects/{idOrName}/env/{id}
        """
        path = f"/v1/projects/{self.project_id}/env/{variable}"
        return await self.read(path, lambda body: str(body.get("value") or ""), self.scope())

    async def built_with(self, deployment: str) -> Mapping[str, str]:
        """Read name → value of the variables that ``deployment`` has, as far as they can be read.

        They must go no further than the probe.

        GET /v3/env/pull/{deployment}/production
        """
        return await self._pull(deployment, "production")

    async def pull(self, target: str) -> Mapping[str, str]:
        """Read name → value of what is set for ``target`` now, as `vercel pull` does: team's and platform's included.

        A sensitive one is empty. They must go no further than the probe.

        GET /v3/env/pull/{project}/{target}
        """
        return await self._pull(self.project_id, target)

    async def _pull(self, of: str, target: str) -> Mapping[str, str]:
        path = f"/v3/env/pull/{of}/{target}"
        return await self.read(path, lambda body: {str(k): str(v) for k, v in body["env"].items()}, self.scope())

    async def upload(self, sha: str, size: int, content: "bytes | Callable[[], AsyncIterator[bytes]]") -> None:
        """Put one file by its SHA-1; twice is the same as once. ``content`` is called anew for each attempt.

        POST /v2/files
        """
        headers = {
            "x-vercel-digest": sha,  # as Vercel's SDK says it
            "x-now-digest": sha,  # as its command line does
            "x-now-size": str(size),
            "content-type": "application/octet-stream",
            "content-length": str(size),
        }
        await self.repeatable("POST", "/v2/files", nothing, params=self.scope(), content=content, headers=headers)

    async def create(self, body: Mapping[str, Any], *, prebuilt: bool = True) -> Deployment:
        """Make a deployment of uploaded files. Raises Refused with code ``missing_files`` when some are absent.

        POST /v13/deployments
        """
        params = self.scope(prebuilt=1 if prebuilt else None, skipAutoDetectionConfirmation=1)
        return await self.once("POST", "/v13/deployments", deployment_of, params=params, json=body)

    async def hold_domains(self) -> None:
        """Switch auto-assignment off, so that no push moves production; promoting switches it on again.

        PATCH /v9/projects/{idOrName}
        """
        body = {"autoAssignCustomDomains": False}
        await self.repeatable("PATCH", self.path, nothing, params=self.scope(), json=body)

    async def delete(self, deployment: str) -> None:
        """Delete a deployment, with its address. DELETE /v13/deployments/{id}"""
        await self.repeatable("DELETE", f"/v13/deployments/{deployment}", nothing, params=self.scope())

    async def cancel(self, deployment: str) -> None:
        """Stop a build. PATCH /v12/deployments/{id}/cancel"""
        await self.once("PATCH", f"/v12/deployments/{deployment}/cancel", nothing, params=self.scope())

    async def promote(self, deployment: str) -> Moved:
        """Ask Vercel to point every production domain at ``deployment``, without a rebuild.

        Returns when the request is accepted, not when it is done; read ``alias`` for that. ``queued``: it waits until
        somebody's rolling release ends. POST /v10/projects/{projectId}/promote/{deploymentId}
        """
        return await self._move(f"/v10/projects/{self.project_id}/promote/{deployment}", {}, timeout=PROMOTES)

    async def roll_back(self, deployment: str, why: str = "") -> Moved:
        """Ask Vercel to point every production domain back at ``deployment``; pins the project there.

        Returns when the request is accepted, not when it is done; ends a rolling release.
        POST /v1/projects/{projectId}/rollback/{deploymentId}
        """
        path = f"/v1/projects/{self.project_id}/rollback/{deployment}"
        return await self._move(path, {"description": why} if why else {})

    async def _move(self, path: str, params: Mapping[str, str], timeout: float = 0) -> Moved:
        status = 0

        def note(response: httpx.Response) -> None:
            nonlocal status
            status = response.status_code

        try:
            await self.once("POST", path, nothing, params=self.scope(**params), json={}, seen=note, timeout=timeout)
        except Refused as error:
            if error.status != 409:
                raise
            return "already there"  # whether that is so, the gate after us asks
        return "queued" if status == 202 else "requested"

    async def rolling_release(self) -> RollingRelease | None:
        """Read the newest rolling release, None when there never was one. GET /v1/projects/{id}/rolling-release"""
        path = f"/v1/projects/{self.project_id}/rolling-release"
        return await self.read(path, rolling_release_of, self.scope())

    async def start_rolling(self, canary: str) -> None:
        """Give ``canary`` the first stage's share of visitors. POST …/rolling-release/start"""
        await self._roll("start", {"canaryDeploymentId": canary})

    async def advance_rolling(self, canary: str, stage: int) -> None:
        """Move the rolling release from ``stage`` (from 0) to the next one. POST …/rolling-release/approve-stage"""
        body = {"canaryDeploymentId": canary, "activeStageIndex": stage, "nextStageIndex": stage + 1}
        await self._roll("approve-stage", body)

    async def complete_rolling(self, canary: str) -> None:
        """Give ``canary`` all visitors. POST …/rolling-release/complete"""
        await self._roll("complete", {"canaryDeploymentId": canary})

    async def _roll(self, action: str, body: Mapping[str, Any]) -> None:
        path = f"/v1/projects/{self.project_id}/rolling-release/{action}"
        await self.once("POST", path, nothing, params=self.scope(), json=body)

    def runtime_log(self, deployment: str, *, follow: bool = False) -> AsyncIterator[LogLine]:
        """Stream what the deployment's functions said: for COLLECTED seconds, or with ``follow`` for ever.

        GET /v1/projects/{projectId}/deployments/{deploymentId}/runtime-logs
        """
        path = f"/v1/projects/{self.project_id}/deployments/{deployment}/runtime-logs"
        lasting: dict[str, Any] = {"quiet": None, "within": None} if follow else {"within": COLLECTED}
        return self.lines(path, log_line_of, self.scope(format="lines"), **lasting)

    async def build_lines(self, deployment: str) -> tuple[LogLine, ...]:
        """Read the whole build log. GET /v3/deployments/{idOrUrl}/events"""
        path, query = f"/v3/deployments/{deployment}/events", self.scope(direction="forward", limit=-1)
        return await self.read(path, lambda body: tuple(build_line_of(item) for item in body), query)
