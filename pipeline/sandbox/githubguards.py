"""Answers how the repository is guarded: its environments, and the names of the secrets that jobs are given."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubrequests import problem
from pipeline.sandbox.githubshapes import Shapes
from pipeline.sandbox.web import Payload, Router


class Guards:
    def __init__(self, core: Core, shapes: Shapes) -> None:
        self._core, self._shapes = core, shapes

    def routes(self, router: Router, root: str) -> None:
        router.add("GET", root + "/environments/{name}", self.environment)
        router.add("GET", root + "/environments/{name}/secrets", self.secrets)
        router.add("GET", root + "/actions/secrets", self.secrets)
        router.add("GET", root + "/actions/organization-secrets", self.none)

    async def environment(self, request: Request) -> Response:
        """Answer with an environment and its rules; one that nobody made is a 404."""
        name, known = request.path_params["name"], self._core.state.github.environments
        if name not in known:
            raise problem(404, "Not Found")
        when = iso_seconds(self._core.now())
        rules: list[Payload] = [
            {"id": number, "node_id": f"GA_{number}", "type": kind} for number, kind in enumerate(known[name], 1)
        ]
        found = {
            "id": 1, "node_id": "EN_1", "name": name, "url": f"{self._shapes.repo}/environments/{name}",
            "html_url": f"{self._shapes.web}/deployments/activity_log?environments_filter={name}",
            "created_at": when, "updated_at": when, "protection_rules": rules, "deployment_branch_policy": None,
        }  # fmt: skip
        return JSONResponse(found)

    async def secrets(self, request: Request) -> Response:
        """List the names of the secrets; a token without *Secrets: read* is refused."""
        names = self._core.state.github.secrets
        if names is None:
            raise problem(403, "Resource not accessible by personal access token")
        return self._listed(names)

    async def none(self, request: Request) -> Response:
        return self._listed([])

    def _listed(self, names: list[str]) -> Response:
        when = iso_seconds(self._core.now())
        found = [{"name": name, "created_at": when, "updated_at": when} for name in names]
        return JSONResponse({"total_count": len(found), "secrets": found})


def about_the_token(core: Core, status: int) -> dict[str, str]:
    """The headers by which every answer says when the token ends and, for a classic one, what it may do."""
    github = core.state.github
    said = {"github-authentication-token-expiration": github.token_ends, "x-oauth-scopes": github.token_scopes}
    known = {name: value for name, value in said.items() if value and status != 401}
    return {"x-github-api-version-selected": "2022-11-28", **known}
