"""Answers about the organization, its project, the keys of that, and the repository behind it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.sentry.records import environments
from pipeline.sandbox.sentry.search import paged
from pipeline.sandbox.sentry.shapes import Shapes, missing
from pipeline.sandbox.web import Payload, Router


class Places:
    def __init__(self, core: Core) -> None:
        self._core, self._shapes = core, Shapes(core)

    def routes(self, router: Router) -> None:
        root, project = "/api/0/organizations/{organization}", "/api/0/projects/{organization}/{project}"
        router.add("GET", "/api/0/", self.about)
        router.add("GET", "/api/0/organizations/", self.organizations)
        router.add("GET", root + "/", self.organization)
        router.add("GET", root + "/projects/", self.projects)
        router.add("GET", root + "/environments/", self.environments)
        router.add("GET", root + "/repos/", self.repositories)
        router.add("GET", project + "/", self.project)
        router.add("GET", project + "/environments/", self.environments)
        router.add("GET", project + "/keys/", self.keys)

    async def about(self, request: Request) -> Response:
        return JSONResponse({"version": "0", "auth": {"scopes": self._core.state.sentry.scopes}, "user": None})

    async def organizations(self, request: Request) -> Response:
        return JSONResponse([self._shapes.organization()])

    async def organization(self, request: Request) -> Response:
        return JSONResponse(self._shapes.organization())

    async def projects(self, request: Request) -> Response:
        shown, headers = paged(self._core, request, [self._shapes.whole_project()])
        return JSONResponse(shown, headers=headers)

    async def environments(self, request: Request) -> Response:
        if "project" in request.path_params:
            self._known(request)
        return JSONResponse(
            [
                {"id": str(id), "name": name, "isHidden": False}
                for id, name in enumerate(sorted(environments(self._core)), 1)
            ]
        )

    async def project(self, request: Request) -> Response:
        self._known(request)
        return JSONResponse(self._shapes.detailed_project())

    async def repositories(self, request: Request) -> Response:
        shown, headers = paged(self._core, request, [self._shapes.repository()])
        return JSONResponse(shown, headers=headers)

    async def keys(self, request: Request) -> Response:
        self._known(request)
        sentry = self._core.state.sentry
        ingest = self._core.ports.url("sentry")
        one: Payload = {
            "id": sentry.key, "name": "Default", "label": "Default", "public": sentry.key, "secret": "",
            "projectId": int(sentry.project_id), "isActive": True, "rateLimit": None, "useCase": "user",
            "dateCreated": iso_seconds(self._core.state.vercel.created), "browserSdkVersion": "9.x",
            "dsn": {
                "public": self._shapes.dsn(), "secret": self._shapes.dsn(),
                "security": f"{ingest}/api/{sentry.project_id}/security/?sentry_key={sentry.key}",
            },
        }  # fmt: skip
        shown, headers = paged(self._core, request, [one])
        return JSONResponse(shown, headers=headers)

    def _known(self, request: Request) -> None:
        if request.path_params["project"] not in (self._core.state.sentry.project, self._core.state.sentry.project_id):
            raise missing()
