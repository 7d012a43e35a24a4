"""Answers about the domains and the custom environments of the project."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.vercel import shapes
from pipeline.sandbox.vercel.projects import find_project
from pipeline.sandbox.web import Payload, Router, number


class Domains:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/v{v}/projects/{project}/domains", self.listing)
        for prefix in ("", "/v{v}"):
            router.add("GET", prefix + "/projects/{project}/custom-environments", self.environments)

    async def listing(self, request: Request) -> Response:
        """List the domains, the newest first, as far as the filters let them through."""
        find_project(self._core, request)
        found = sorted(filter(_wanted(request), self._all()), key=lambda one: -int(one["createdAt"]))
        size = min(number(request, "limit", 20, 100), self._core.state.vercel.most_listed)
        return JSONResponse(shapes.page("domains", older(request, found), size))

    def _all(self) -> list[Payload]:
        production = [shapes.domain(self._core, *one) for one in shapes.production_domains(self._core).items()]
        environments = [shapes.environment(self._core, one) for one in self._core.state.vercel.custom]
        return [*production, *(domain for one in environments for domain in one["domains"])]

    async def environments(self, request: Request) -> Response:
        find_project(self._core, request)
        found = [shapes.environment(self._core, one) for one in self._core.state.vercel.custom]
        return JSONResponse({"accountLimit": {"total": 1}, "environments": found})


def older(request: Request, found: list[Payload]) -> list[Payload]:
    """Those of a list that are older than the ``until`` that is asked for."""
    until = request.query_params.get("until", "")
    return [one for one in found if not until.isdigit() or one["createdAt"] < int(until)]


def _wanted(request: Request) -> Callable[[Payload], bool]:
    query = request.query_params

    def wanted(domain: Payload) -> bool:
        production = domain["customEnvironmentId"] is None and domain["gitBranch"] is None
        has = {
            "target": "production" if production else "preview",
            "verified": str(domain["verified"]).lower(),
            "customEnvironmentId": domain["customEnvironmentId"],
        }
        return (
            (query.get("production") != "true" or production)
            and (query.get("redirects") != "false" or not domain["redirect"])
            and all(query.get(name, value) == value for name, value in has.items())
        )

    return wanted
