"""Answers about snapshots: copies that nobody connects to, and the way back from them."""

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.neon import rules
from pipeline.sandbox.neon.copies import Copies
from pipeline.sandbox.neon.operations import Operations
from pipeline.sandbox.neon.rules import problem
from pipeline.sandbox.neon.shapes import Shapes
from pipeline.sandbox.neonstate import Snapshot
from pipeline.sandbox.web import Router

NIGHTLY = {"frequency": "daily", "hour": 2, "retention_seconds": 7 * 86400}


class Snapshots:
    def __init__(self, core: Core, copies: Copies, operations: Operations, shapes: Shapes) -> None:
        self._core, self._copies, self._operations, self._shapes = core, copies, operations, shapes

    def routes(self, router: Router, root: str) -> None:
        snapshot = root + "/snapshots/{snapshot}"
        router.add("GET", root + "/snapshots", self.listing)
        router.add("POST", root + "/branches/{branch}/snapshot", self.create)
        router.add("GET", root + "/branches/{branch}/backup_schedule", self.schedule)
        router.add("PATCH", snapshot, self.change)
        router.add("DELETE", snapshot, self.delete)

    async def listing(self, request: Request) -> Response:
        return JSONResponse(
            {"snapshots": [self._shapes.snapshot(snapshot) for snapshot in self._core.state.neon.snapshots]}
        )

    async def create(self, request: Request) -> Response:
        """Take a snapshot of a root branch, as it is now."""
        core, query, now, neon = self._core, request.query_params, self._core.now(), self._core.state.neon
        branch = rules.branch_of(core, request.path_params["branch"])
        self._operations.free()
        if branch.parent:
            raise problem(422, "", "snapshots can only be created from root branches")
        rules.only_now(core, query.get("timestamp"), query.get("lsn"))
        if len(neon.snapshots) >= neon.snapshot_limit:
            raise problem(422, "SNAPSHOTS_LIMIT_EXCEEDED", f"snapshots limit exceeded: {neon.snapshot_limit}")
        expires = rules.expiry(core, query["expires_at"]) if query.get("expires_at") else 0.0
        name, to = query.get("name") or f"snapshot {iso(now)}", self._copies.fresh("snap")
        snapshot = Snapshot(f"snap-{uuid.uuid4().hex[:12]}", name, now, branch.id, to, True, expires)
        neon.snapshots.append(snapshot)
        operations, source = self._operations.begin(branch.id, "create_timeline"), branch.database or self._copies.main
        if not await self._operations.act(operations, lambda: self._copies.copy(source, to)):
            neon.snapshots.remove(snapshot)
        answer = {"snapshot": self._shapes.snapshot(snapshot), "operations": self._operations.shapes(operations)}
        return JSONResponse(answer)

    async def change(self, request: Request) -> Response:
        snapshot = rules.snapshot_of(self._core, request.path_params["snapshot"])
        snapshot.name = str(rules.part(await rules.sent_by(request), "snapshot").get("name") or snapshot.name)
        return JSONResponse({"snapshot": self._shapes.snapshot(snapshot)})

    async def delete(self, request: Request) -> Response:
        snapshot = rules.snapshot_of(self._core, request.path_params["snapshot"])
        self._operations.free()
        self._core.state.neon.snapshots.remove(snapshot)
        operations = self._operations.begin(snapshot.branch, "delete_timeline")
        if snapshot.database:
            await self._operations.act(operations, lambda: self._copies.drop(snapshot.database))
        return JSONResponse({"operations": self._operations.shapes(operations)}, 202)

    async def schedule(self, request: Request) -> Response:
        """Answer with the schedule of snapshots: nightly for the default branch, none for the others."""
        branch = rules.branch_of(self._core, request.path_params["branch"])
        return JSONResponse({"schedule": [NIGHTLY] if branch.id == self._core.state.neon.branch else []})
