"""Answers about computes, which Neon calls endpoints, and what is reached through them: databases, roles and URIs."""

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.neon import rules
from pipeline.sandbox.neon.copies import Copies
from pipeline.sandbox.neon.operations import Operations
from pipeline.sandbox.neon.rules import problem
from pipeline.sandbox.neon.shapes import Shapes
from pipeline.sandbox.neonstate import Branch
from pipeline.sandbox.web import Router


class Computes:
    def __init__(self, core: Core, copies: Copies, operations: Operations, shapes: Shapes) -> None:
        self._core, self._copies, self._operations, self._shapes = core, copies, operations, shapes

    def routes(self, router: Router, root: str) -> None:
        branch = root + "/branches/{branch}"
        router.add("GET", branch + "/endpoints", self.of_branch)
        router.add("GET", branch + "/databases", self.databases)
        router.add("GET", branch + "/roles", self.roles)
        router.add("GET", root + "/connection_uri", self.uri)
        router.add("GET", root + "/endpoints", self.listing)
        router.add("POST", root + "/endpoints", self.create)
        router.add("GET", root + "/endpoints/{endpoint}", self.get)
        router.add("PATCH", root + "/endpoints/{endpoint}", self.change)
        router.add("POST", root + "/endpoints/{endpoint}/restart", self.restart)

    async def listing(self, request: Request) -> Response:
        return self._listed(self._core.state.neon.branches)

    async def of_branch(self, request: Request) -> Response:
        return self._listed([rules.branch_of(self._core, request.path_params["branch"])])

    def _listed(self, branches: list[Branch]) -> Response:
        return JSONResponse({"endpoints": [self._shapes.endpoint(branch) for branch in branches if branch.endpoint]})

    async def get(self, request: Request) -> Response:
        return JSONResponse({"endpoint": self._shapes.endpoint(self._behind(request.path_params["endpoint"]))})

    async def change(self, request: Request) -> Response:
        """Change a compute: of all that Neon lets change, whether it is ``disabled``."""
        branch = self._behind(request.path_params["endpoint"])
        asked = rules.part(await rules.sent_by(request), "endpoint")
        self._operations.free()
        branch.disabled = bool(asked.get("disabled", branch.disabled))
        begun = self._operations.begin(
            branch.id, "suspend_compute" if branch.disabled else "start_compute", endpoint=branch.endpoint
        )
        return JSONResponse({"endpoint": self._shapes.endpoint(branch), "operations": self._operations.shapes(begun)})

    async def create(self, request: Request) -> Response:
        """Create a compute for a branch that has none."""
        asked = rules.part(await rules.sent_by(request), "endpoint")
        branch = rules.branch_of(self._core, asked.get("branch_id"))
        if asked.get("type") != "read_write":
            raise problem(400, "", "the sandbox has read_write computes only")
        self._operations.free()
        if branch.endpoint:
            raise problem(409, "", "read-write endpoint already exists")
        branch.endpoint = new_endpoint()
        begun = self._operations.begin(branch.id, "start_compute", endpoint=branch.endpoint)
        answer = {"endpoint": self._shapes.endpoint(branch), "operations": self._operations.shapes(begun)}
        return JSONResponse(answer, 201)

    async def restart(self, request: Request) -> Response:
        """Suspend a compute and start it again: whoever is connected to its branch is thrown out."""
        branch = self._behind(request.path_params["endpoint"])
        self._operations.free()
        begun = self._operations.begin(branch.id, "suspend_compute", "start_compute", endpoint=branch.endpoint)
        await self._operations.act(begun, lambda: self._copies.disconnect(branch.database or self._copies.main))
        shown = {"endpoint": self._shapes.endpoint(branch), "operations": self._operations.shapes(begun)}
        return JSONResponse(shown)

    async def databases(self, request: Request) -> Response:
        branch = rules.branch_of(self._core, request.path_params["branch"])
        return JSONResponse({"databases": [self._shapes.database(branch)]})

    async def roles(self, request: Request) -> Response:
        branch = rules.branch_of(self._core, request.path_params["branch"])
        return JSONResponse({"roles": [self._shapes.role(branch)]})

    async def uri(self, request: Request) -> Response:
        """Answer with a connection URI. There is no pooler here: with ``pooled=true`` it is the same URI."""
        query = request.query_params
        branch = rules.branch_of(self._core, query.get("branch_id") or self._core.state.neon.branch)
        if query.get("endpoint_id"):
            behind = self._behind(query["endpoint_id"])
            if query.get("branch_id") and behind is not branch:
                raise problem(404, "", "endpoint not found")
            branch = behind
        for name in ("database_name", "role_name"):
            if not query.get(name):
                raise problem(400, "", f"parameter {name!r} in query has an error: value is required but missing")
        if not branch.endpoint:
            raise problem(404, "", "no read-write endpoint for branch")
        if query["database_name"] not in (self._copies.main, branch.database):
            raise problem(404, "", "database not found")
        if query["role_name"] != self._copies.role:
            raise problem(404, "", "role not found")
        return JSONResponse({"uri": self._copies.url(branch.database)})

    def _behind(self, endpoint: str) -> Branch:
        for branch in self._core.state.neon.branches:
            if branch.endpoint == endpoint:
                return branch
        raise problem(404, "", "endpoint not found")


def new_endpoint() -> str:
    return f"ep-{uuid.uuid4().hex[:16]}"
