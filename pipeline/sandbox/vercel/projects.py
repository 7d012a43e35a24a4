"""Answers about projects, teams and the user."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.vercel import building, life, shapes
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.vercelstate import Deployment
from pipeline.sandbox.web import Payload, Router, body

CHANGEABLE = ("autoAssignCustomDomains", "framework", "nodeVersion", "rootDirectory", "buildCommand", "installCommand")

MOVERS = ("OWNER", "MEMBER")
MOVES = ("deploymentPromote", "deploymentRollback")


class Projects:
    """Serves one project of one team, and one user."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/v{v}/user", self.user)
        router.add("GET", "/v{v}/user/tokens/{token}", self.token)
        router.add("GET", "/v{v}/teams", self.teams)
        router.add("GET", "/v{v}/teams/{team}", self.team)
        router.add("GET", "/teams/{team}", self.team)
        router.add("GET", "/v{v}/projects", self.listing)
        router.add("GET", "/v{v}/projects/{project}", self.get)
        router.add("PATCH", "/v{v}/projects/{project}", self.change)

    async def user(self, request: Request) -> Response:
        vercel = self._core.state.vercel
        user: Payload = {
            "id": vercel.user,
            "uid": vercel.user,
            "email": "dana@lms.example.com",
            "name": "Dana Ops",
            "username": "dana",
            "avatar": None,
            "version": "northstar",
            "defaultTeamId": vercel.team,
            "createdAt": milliseconds(vercel.created),
            "billing": None,
            "hasTrialAvailable": False,
            "resourceConfig": {},
            "softBlock": None,
            "stagingPrefix": "dana",
        }
        return JSONResponse({"user": user})

    async def token(self, request: Request) -> Response:
        """Answer about the token that asks, called ``current``; other tokens nobody has."""
        vercel = self._core.state.vercel
        if request.path_params["token"] != "current":
            raise problem(404, "not_found", "Not found")
        began = milliseconds(vercel.created)
        scope: Payload = {"type": vercel.token_scope, "createdAt": began, "origin": "manual"}
        if vercel.token_scope == "team":
            scope["teamId"] = vercel.team
        token: Payload = {
            "id": "tok_1", "name": "deploy", "type": "token", "origin": "manual", "scopes": [scope],
            "activeAt": milliseconds(self._core.now()), "createdAt": began,
        }  # fmt: skip
        if vercel.token_ends:
            token["expiresAt"] = milliseconds(vercel.token_ends)
        return JSONResponse({"token": token})

    async def teams(self, request: Request) -> Response:
        vercel, found = self._core.state.vercel, [] if self._core.state.vercel.personal else [self._team()]
        if vercel.moved_to:
            found.append({**self._team(), "id": vercel.moved_to, "slug": "acme-new", "name": "Acme New"})
        return JSONResponse({"teams": found, "pagination": {"count": len(found), "next": None, "prev": None}})

    async def team(self, request: Request) -> Response:
        if request.path_params["team"] not in (self._core.state.vercel.team, "acme"):
            raise problem(404, "not_found", "Team not found")
        return JSONResponse(self._team())

    def _team(self) -> Payload:
        vercel = self._core.state.vercel
        return {
            "id": vercel.team,
            "slug": "acme",
            "name": "Acme",
            "avatar": None,
            "description": None,
            "creatorId": vercel.user,
            "createdAt": milliseconds(vercel.created),
            "updatedAt": milliseconds(vercel.created),
            "stagingPrefix": "acme",
            "billing": {"plan": vercel.plan},
            "membership": {
                "role": vercel.role,
                "confirmed": True,
                "uid": vercel.user,
                "teamId": vercel.team,
                "created": milliseconds(vercel.created),
                "createdAt": milliseconds(vercel.created),
            },
        }

    async def listing(self, request: Request) -> Response:
        page = {"count": 1, "next": None, "prev": None}
        return JSONResponse({"projects": [self._project()], "pagination": page})

    async def get(self, request: Request) -> Response:
        find_project(self._core, request)
        return JSONResponse(self._project())

    async def change(self, request: Request) -> Response:
        find_project(self._core, request)
        vercel = self._core.state.vercel
        for name, value in (await body(request)).items():
            if name == "autoAssignCustomDomains":
                vercel.auto_assign = bool(value)
            elif name in CHANGEABLE:
                vercel.settings[name] = value
            else:
                raise problem(400, "bad_request", f"Invalid request: should NOT have additional property `{name}`.")
        return JSONResponse(self._project())

    def _project(self) -> Payload:
        core, vercel = self._core, self._core.state.vercel
        job, now = vercel.job, core.now()
        live = vercel.deployments.get(vercel.production)
        newest = sorted(vercel.deployments.values(), key=lambda one: one.created, reverse=True)
        found: Payload = {
            "id": vercel.project,
            "name": vercel.name,
            "accountId": vercel.moved_to or (vercel.user if vercel.personal else vercel.team),
            "createdAt": milliseconds(vercel.created),
            "updatedAt": milliseconds(max(vercel.created, vercel.production_since)),
            "framework": "nextjs",
            "nodeVersion": "22.x",
            "directoryListing": False,
            "live": True,
            "autoAssignCustomDomains": vercel.auto_assign,
            "autoExposeSystemEnvs": True,
            "deploymentExpiration": {},
            "defaultResourceConfig": _resources(),
            "resourceConfig": _resources(),
            "serverlessFunctionRegion": shapes.REGION,
            "ssoProtection": {"deploymentType": "prod_deployment_urls_and_all_previews"} if vercel.protection else None,
            "crons": self._crons(live),
            **({"link": self._link()} if vercel.git else {}),
            "lastRollbackTarget": None,
            "lastAliasRequest": None,
            "latestDeployments": [self._brief(one) for one in newest[:2]],
            "targets": {"production": self._brief(live)} if live else {},
            "alias": self._domain_aliases(live),
            "customEnvironments": [shapes.environment(core, one) for one in vercel.custom],
            "gitProviderOptions": {"createDeployments": "enabled"},
            **vercel.settings,
        }
        if job:
            found["lastAliasRequest"] = {
                "fromDeploymentId": job.origin,
                "toDeploymentId": job.target,
                "jobStatus": life.job_status(job, now),
                "requestedAt": milliseconds(job.requested),
                "type": job.kind,
                **({"fromRollingReleaseId": job.rolling} if job.rolling else {}),
            }
            if job.kind == "rollback" and not job.done:
                found["lastRollbackTarget"] = {"id": job.target, "description": job.description}
        if vercel.tells_permissions:
            moves = ["create"] if vercel.role in MOVERS else []
            found["permissions"] = {"project": ["read"], **dict.fromkeys(MOVES, moves)}
        if vercel.rolling_config:
            found["rollingRelease"] = vercel.rolling_config
        return {name: value for name, value in found.items() if name not in vercel.hidden}

    def _crons(self, live: Deployment | None) -> Payload:
        """Shape the cron jobs of production: they come and go with the deployment."""
        vercel, host = self._core.state.vercel, self._core.ports.host("production")
        found = building.crons(self._core, live) if live else []
        return {
            "enabledAt": milliseconds(vercel.created),
            "disabledAt": None,
            "updatedAt": milliseconds(vercel.production_since),
            "deploymentId": live.id if live else None,
            "definitions": [{"host": host, **one} for one in found],
        }

    def _link(self) -> Payload:
        vercel = self._core.state.vercel
        organization, _, name = self._core.state.github.repository.partition("/")
        return {
            "type": "github",
            "org": organization,
            "repo": name,
            "repoId": shapes.REPOSITORY_ID,
            "repoOwnerId": 4241,
            "gitCredentialId": "cred_github",
            "productionBranch": vercel.production_branch,
            "sourceless": False,
            "deployHooks": [
                {
                    "id": f"hook_{name}",
                    "name": name,
                    "ref": ref,
                    "url": "https://api.vercel.com/v1/integrations/deploy/x",
                }
                for name, ref in vercel.deploy_hooks.items()
            ],
            "createdAt": milliseconds(vercel.created),
            "updatedAt": milliseconds(vercel.created),
        }

    def _brief(self, deployment: Deployment) -> Payload:
        core = self._core
        whole = shapes.full(core, deployment)
        names = (
            "id", "name", "url", "createdAt", "createdIn", "creator", "plan", "readyState", "readySubstate", "type",
            "target", "meta", "alias", "aliasAssigned",
        )  # fmt: skip
        brief = {name: whole[name] for name in names if name in whole}
        return {**brief, "deploymentHostname": whole["url"], "private": True}

    def _domain_aliases(self, live: Deployment | None) -> list[Payload]:
        """Shape the domains: what redirects has no deployment, and what is not verified is left out."""
        vercel, found = self._core.state.vercel, []
        for name, to in shapes.production_domains(self._core).items():
            serves = None if to else vercel.deployments.get(shapes.behind(self._core).get(name, "")) or live
            shape: Payload = {"domain": name, "environment": "production", "target": "PRODUCTION"}
            redirect = {"redirect": to, "redirectStatusCode": 308} if to else {}
            if name not in vercel.unverified:
                found.append({**shape, **redirect, "deployment": self._brief(serves) if serves else None})
        for name in (name for one in vercel.custom for name in one.domains):
            on = vercel.deployments.get(vercel.aliases.get(name, ""))
            shape = {"domain": name, "environment": "preview", "target": "PREVIEW"}
            found.append({**shape, "deployment": self._brief(on) if on else None})
        return found


def find_project(core: Core, request: Request) -> None:
    """Find the project. Raises Problem when the path names another one than there is."""
    vercel = core.state.vercel
    scope = request.query_params.get("teamId") or request.query_params.get("slug")
    elsewhere = bool(vercel.moved_to) and scope != vercel.moved_to
    if request.path_params["project"] not in (vercel.project, vercel.name) or elsewhere:
        raise problem(404, "not_found", "Project not found.")


def must_move(core: Core) -> None:
    """Let only those on who may move production. Raises Problem."""
    if core.state.vercel.role not in MOVERS:
        says = "You don't have permission to promote the deployment."
        raise problem(403, "forbidden", says, action="create", resource="deploymentPromote")


def _resources() -> Payload:
    return {"functionDefaultRegions": [shapes.REGION], "functionDefaultTimeout": 300, "fluid": True}
