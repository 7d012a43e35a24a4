"""Answers about branches: each is a copy of the database that it was made from, and on its own from then on."""

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.neon import rules
from pipeline.sandbox.neon.computes import new_endpoint
from pipeline.sandbox.neon.copies import Copies
from pipeline.sandbox.neon.operations import Operations
from pipeline.sandbox.neon.rules import problem
from pipeline.sandbox.neon.shapes import Shapes
from pipeline.sandbox.neonstate import Branch
from pipeline.sandbox.web import Payload, Router, number

SOURCES = ("parent-data", "schema-only")
SORTED = ("updated_at", "created_at", "name")


class Branches:
    def __init__(self, core: Core, copies: Copies, operations: Operations, shapes: Shapes) -> None:
        self._core, self._copies, self._operations, self._shapes = core, copies, operations, shapes

    def routes(self, router: Router, root: str) -> None:
        branch = root + "/branches/{branch}"
        router.add("GET", root + "/branches", self.listing)
        router.add("POST", root + "/branches", self.create)
        router.add("GET", branch, self.get)
        router.add("PATCH", branch, self.change)
        router.add("DELETE", branch, self.delete)

    async def listing(self, request: Request) -> Response:
        """List branches: ``search`` is part of a name or id; ``next`` is there when there is more."""
        query = request.query_params
        wanted, by, order = query.get("search", ""), query.get("sort_by", ""), query.get("sort_order", "desc")
        by = by if by in SORTED else SORTED[0]
        found = [
            self._shapes.branch(branch)
            for branch in self._core.state.neon.branches
            if wanted in f"{branch.name} {branch.id}"
        ]
        found.sort(key=lambda one: str(one[by]), reverse=order.lower() != "asc")
        cursor = query.get("cursor", "")
        start = int(cursor) if cursor.isdigit() else 0
        end = start + number(request, "limit", 10000, 10000)
        following = {"next": str(end)} if end < len(found) else {}
        page = {**following, "sort_by": by, "sort_order": order.upper()}
        return JSONResponse({"branches": found[start:end], "annotations": {}, "pagination": page})

    async def get(self, request: Request) -> Response:
        branch = rules.branch_of(self._core, request.path_params["branch"])
        annotation = {"object": {"type": "branch", "id": branch.id}, "value": {}}
        return JSONResponse({"branch": self._shapes.branch(branch), "annotation": annotation})

    async def create(self, request: Request) -> Response:
        """Create a branch from the present state of its parent, the default branch unless told otherwise."""
        sent = await rules.sent_by(request)
        asked = rules.part(sent, "branch")
        self._operations.free()
        parent = rules.branch_of(self._core, asked.get("parent_id") or self._core.state.neon.branch)
        branch = self._made(asked, parent)
        if any(isinstance(wish, dict) and wish.get("type") == "read_write" for wish in sent.get("endpoints") or ()):
            branch.endpoint = new_endpoint()
        self._core.state.neon.branches.append(branch)
        actions = ("create_branch", "start_compute") if branch.endpoint else ("create_branch",)
        operations = self._operations.begin(branch.id, *actions, endpoint=branch.endpoint)
        make = self._copies.outline if branch.source == "schema-only" else self._copies.copy
        source = parent.database or self._copies.main
        branch.broken = not await self._operations.act(operations, lambda: make(source, branch.database))
        answer: Payload = {
            "branch": self._shapes.branch(branch), "operations": self._operations.shapes(operations),
            "endpoints": [self._shapes.endpoint(branch)] if branch.endpoint else [],
            "roles": [self._shapes.role(branch)],
            "databases": [self._shapes.database(branch)],
        }  # fmt: skip
        if branch.endpoint:
            answer["connection_uris"] = [self._shapes.connection(branch)]
        return JSONResponse(answer, 201)

    def _made(self, asked: Payload, parent: Branch) -> Branch:
        """Make the branch that ``asked`` describes, without its data. Raises Problem."""
        core, source = self._core, asked.get("init_source") or SOURCES[0]
        if source not in SOURCES:
            raise problem(400, "", f"init_source must be one of {', '.join(SOURCES)}")
        rules.only_now(core, asked.get("parent_timestamp"), asked.get("parent_lsn"))
        rules.room(core)
        branch = new_branch(core, str(asked.get("name") or ""), self._copies)
        rules.unused(core, branch.name)
        branch.source, branch.protected = source, bool(asked.get("protected"))
        branch.parent = parent.id if source == SOURCES[0] else ""  # one with the schema only is a root of its own
        if asked.get("expires_at"):
            self._expire(branch, asked["expires_at"])
        return branch

    async def change(self, request: Request) -> Response:
        branch = rules.branch_of(self._core, request.path_params["branch"])
        asked = rules.part(await rules.sent_by(request), "branch")
        name = str(asked.get("name") or branch.name)
        if name != branch.name:
            rules.unused(self._core, name)
        branch.protected = bool(asked.get("protected", branch.protected))
        if asked.get("expires_at"):
            self._expire(branch, asked["expires_at"])
        elif "expires_at" in asked:
            branch.expires = branch.expiry_set = 0
        branch.name, branch.updated = name, self._core.now()
        return JSONResponse({"branch": self._shapes.branch(branch), "operations": []})

    def _expire(self, branch: Branch, expires: object) -> None:
        """Set when a branch expires. Raises Problem for a branch that must stay."""
        if branch.id == self._core.state.neon.branch or branch.protected or rules.has_children(self._core, branch):
            raise problem(422, "", "a default branch, a protected one and one with children cannot expire")
        branch.expires, branch.expiry_set = rules.expiry(self._core, expires, rules.LONGEST), self._core.now()

    async def delete(self, request: Request) -> Response:
        """Delete a branch; 204 when there is no such branch (any more)."""
        branch = self._core.state.neon.found(request.path_params["branch"])
        if branch is None:
            return Response(status_code=204)
        self._operations.free()
        rules.deletable(self._core, branch)
        self._core.state.neon.branches.remove(branch)
        actions = ("suspend_compute", "delete_timeline") if branch.endpoint else ("delete_timeline",)
        operations = self._operations.begin(branch.id, *actions, endpoint=branch.endpoint)
        await self._operations.act(operations, lambda: self._copies.drop(branch.database))
        return JSONResponse({"branch": self._shapes.branch(branch), "operations": self._operations.shapes(operations)})


def new_branch(core: Core, name: str, copies: Copies) -> Branch:
    """Make a branch with an id and a name; its compute and its database are still to be made."""
    now, id = core.now(), f"br-{uuid.uuid4().hex[:16]}"
    return Branch(id, name or id, now, copies.fresh("br"), updated=now)
