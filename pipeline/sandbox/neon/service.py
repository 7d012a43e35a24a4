"""Serves Neon's API for one project. Whatever has expired is gone before anything is asked."""

import asyncio
from contextlib import suppress

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.neon.branches import Branches
from pipeline.sandbox.neon.computes import Computes
from pipeline.sandbox.neon.copies import Copies
from pipeline.sandbox.neon.operations import Operations
from pipeline.sandbox.neon.restores import Restores
from pipeline.sandbox.neon.rules import problem
from pipeline.sandbox.neon.shapes import Shapes
from pipeline.sandbox.neon.snapshots import Snapshots
from pipeline.sandbox.neonstate import Branch, Snapshot
from pipeline.sandbox.web import Router, bearer


class NeonApi:
    def __init__(self, core: Core) -> None:
        self._core, self._copies = core, Copies(core.database_url)
        operations = Operations(core)
        self._shapes = Shapes(core, self._copies, operations)
        self._router = Router(lambda request: problem(404, "", "not found"), self._authorize)
        parts = (core, self._copies, operations, self._shapes)
        groups = (Branches(*parts), Computes(*parts), Snapshots(*parts), Restores(*parts), operations)
        for prefix in ("", "/api/v2"):
            root = prefix + "/projects/{project}"
            self._router.add("GET", prefix + "/projects", self.projects)
            self._router.add("GET", root, self.project)
            for group in groups:
                group.routes(self._router, root)

    async def __call__(self, request: Request) -> Response:
        await self._expire()
        return await self._router(request)

    def discard(self) -> None:
        """Drop the databases of all branches and snapshots, but for the app's own."""
        names = [one.database for one in self._kept() if one.database]
        if names:
            self._copies.drop(*names)

    async def _expire(self) -> None:
        neon, now = self._core.state.neon, self._core.now()
        over = [one for one in self._kept() if 0 < one.expires <= now]
        if not over:
            return
        ids = {one.id for one in over}
        neon.branches = [branch for branch in neon.branches if branch.id not in ids]
        neon.snapshots = [snapshot for snapshot in neon.snapshots if snapshot.id not in ids]
        self._core.dirty = True
        with suppress(psycopg.Error):
            await asyncio.to_thread(self._copies.drop, *(one.database for one in over if one.database))

    def _kept(self) -> list[Branch | Snapshot]:
        return [*self._core.state.neon.branches, *self._core.state.neon.snapshots]

    def _authorize(self, request: Request) -> None:
        if bearer(request) != self._core.state.tokens["neon"]:
            raise problem(401, "", "This request requires authentication")
        parts = request.url.path.removeprefix("/api/v2").split("/")
        if len(parts) > 2 and parts[2] != self._core.state.neon.project:
            raise problem(404, "", "project not found")

    async def projects(self, request: Request) -> Response:
        page = {"cursor": self._core.state.neon.project}
        return JSONResponse({"projects": [self._shapes.project()], "pagination": page})

    async def project(self, request: Request) -> Response:
        return JSONResponse({"project": self._shapes.project()})
