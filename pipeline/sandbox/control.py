"""Serves the sandbox's own control API: releases, commits, faults, switches, and what was asked of whom.

GET / and GET /health need no token. Everything else wants ``Authorization: Bearer`` with the control token.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.faults import KINDS, Faults
from pipeline.sandbox.state import FaultEntry
from pipeline.sandbox.vercelstate import Deployment
from pipeline.sandbox.web import Problem, Router, bearer, body, number

OPEN = ("/", "/health")


class Controlled(Protocol):
    """What the control API may do with the sandbox."""

    core: Core
    faults: Faults
    asked: dict[str, deque[dict[str, Any]]]

    def description(self) -> dict[str, Any]: ...
    def release(self, name: str) -> tuple[Path, str]: ...
    def commit(self, sha: str, message: str, folder: str, deploy: bool) -> Deployment | None: ...
    def inject(self, fault: str) -> FaultEntry: ...
    def patch(self, changes: dict[str, Any]) -> None: ...


class Control:
    def __init__(self, sandbox: Controlled) -> None:
        self._sandbox = sandbox
        self._router = Router(lambda request: Problem(404, {"error": f"no such path: {request.url.path}"}), self._may)
        add: Callable[..., None] = self._router.add
        add("GET", "/", self.describe)
        add("GET", "/health", self.health)
        add("POST", "/releases", self.release)
        add("POST", "/commits", self.commit)
        add("GET", "/faults", self.faults)
        add("POST", "/faults", self.inject)
        add("DELETE", "/faults", self.clear)
        add("DELETE", "/faults/{id}", self.clear)
        add("POST", "/state", self.patch)
        add("GET", "/requests", self.requests)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._router(request)
        except (ValueError, KeyError, TypeError) as error:
            says = f"missing {error}" if isinstance(error, KeyError) else str(error)
            return JSONResponse({"error": says}, 400)

    def _may(self, request: Request) -> None:
        token = self._sandbox.core.state.tokens["control"]
        if request.url.path not in OPEN and bearer(request) != token:
            raise Problem(401, {"error": "the control token is missing or wrong"})

    async def describe(self, request: Request) -> Response:
        found = self._sandbox.description()
        if bearer(request) != self._sandbox.core.state.tokens["control"]:
            found = {name: found[name] for name in ("urls", "vercel", "github", "sentry", "betterstack", "neon", "pid")}
        return JSONResponse(found)

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def release(self, request: Request) -> Response:
        folder, commit = self._sandbox.release(str((await body(request))["name"]))
        made = self._sandbox.core.state.github.commits[commit].at
        return JSONResponse({"folder": str(folder), "commit": commit, "committed": iso_seconds(made)}, 201)

    async def commit(self, request: Request) -> Response:
        """Push a commit. ``folder`` is where its built files are; with ``deploy`` Vercel builds it by itself."""
        sent = await body(request)
        sha, message, folder = str(sent["sha"]), str(sent.get("message") or "A change"), str(sent.get("folder") or "")
        built = self._sandbox.commit(sha, message, folder, bool(sent.get("deploy")))
        return JSONResponse({"sha": sha, "deployment": built.id if built else None}, 201)

    async def faults(self, request: Request) -> Response:
        found = [vars(entry) for entry in self._sandbox.core.state.faults]
        return JSONResponse({"faults": found, "kinds": KINDS})

    async def inject(self, request: Request) -> Response:
        return JSONResponse(vars(self._sandbox.inject(str((await body(request))["fault"]))), 201)

    async def clear(self, request: Request) -> Response:
        id = request.path_params.get("id")
        return JSONResponse({"cleared": self._sandbox.faults.clear(int(id) if id else None)})

    async def patch(self, request: Request) -> Response:
        self._sandbox.patch(await body(request))
        return JSONResponse({"ok": True})

    async def requests(self, request: Request) -> Response:
        """List requests, oldest first, the last ``limit`` of each service, or of one ``service``."""
        limit, only = number(request, "limit", 100), request.query_params.get("service")
        asked = self._sandbox.asked
        return JSONResponse({name: list(log)[-limit:] for name, log in asked.items() if only in (None, name)})
