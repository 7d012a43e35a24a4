"""Calls a deployment's functions: each in the runtime it wants, with the environment it is to find."""

import asyncio
import re
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.sandbox import functions
from pipeline.sandbox.answers import platform_page
from pipeline.sandbox.core import Core
from pipeline.sandbox.edgeruntime import EdgeRuntime
from pipeline.sandbox.found import Found
from pipeline.sandbox.nodefunctions import Invoked, NodeFunctions
from pipeline.sandbox.nodeprocess import node
from pipeline.sandbox.output import Output
from pipeline.sandbox.pagecache import PageCache
from pipeline.sandbox.routing import Asked
from pipeline.sandbox.vercelstate import Deployment

MOST_BODY = 4_500_000
"""Bytes of a request that a function takes: vercel.com/docs/functions/limitations, "Request body size"."""


@dataclass(frozen=True)
class Called:
    """A request while its functions are called: ``id`` names it, ``said`` is what they wrote to their consoles."""

    deployment: Deployment
    loaded: "Loaded"
    id: str
    said: list[str]


@dataclass
class Loaded:
    """A deployment whose output was read, and the Python functions of it that are loaded."""

    output: Output
    address: str
    apps: dict[str, ASGIApp] = field(default_factory=dict)


class Calling:
    """Calls the functions of all deployments of one sandbox; they stay loaded until their deployment is gone."""

    def __init__(self, core: Core, pages: PageCache) -> None:
        self._core, self._pages, self._loaded = core, pages, dict[str, Loaded]()
        self._edge = EdgeRuntime(core.home / "edge")
        self._nodes = NodeFunctions(core, self._edge)

    def stop(self) -> None:
        """Stop the processes it started; they start again when they are needed."""
        self._nodes.stop()

    async def call(self, scope: Scope, receive: Receive, send: Send, called: Called, found: Found) -> None:
        """Have a function answer. Raises Died."""
        deployment, loaded = called.deployment, called.loaded
        settings = loaded.output.settings(found.function)
        runtime = str(settings.get("runtime", ""))
        scope = {**scope, "root_path": "", "app": None, "query_string": found.query.encode("latin-1")}
        if int(Asked.of(scope).headers.get("content-length") or 0) > MOST_BODY:
            await platform_page("FUNCTION_PAYLOAD_TOO_LARGE", 413)(scope, receive, send)
            return
        missing = await self._missing(runtime)
        if missing:
            says = f"The function {found.function} is not served: it wants {runtime}, and {missing}"
            await JSONResponse({"error": {"code": "501", "message": says}}, 501)(scope, receive, send)
            return
        if not runtime.startswith("python"):
            data = self._pages.folder(deployment.id)
            invoked = Invoked(deployment, loaded.output, found, settings, self._environ(deployment), called.id, data)
            called.said.append(await self._nodes.call(scope, receive, send, invoked))
            return
        if found.function not in loaded.apps:
            loaded.apps[found.function] = self._function(deployment, loaded, found.function, str(settings["handler"]))
        await loaded.apps[found.function](scope, receive, send)

    async def _missing(self, runtime: str) -> str:
        """Say what there is not to run a function of that runtime; empty when all is there."""
        if runtime.startswith("python"):
            return ""
        if runtime != "edge" and not runtime.startswith("nodejs"):
            return "the sandbox has Python, Node.js and the edge runtime"
        if not node():
            return "there is no `node` on PATH"
        return await asyncio.to_thread(self._edge.missing) if runtime == "edge" else ""

    def load(self, deployment: Deployment) -> Loaded:
        """Read a deployment's output, unless that was done. Raises ValueError for one that cannot be read."""
        self._forget_deleted()
        address = "|".join((self._core.host_of(deployment), self._core.ports.host("production")))
        loaded = self._loaded.get(deployment.id)
        if loaded is None or loaded.address != address:
            self._nodes.forget(deployment.id)
            loaded = self._loaded[deployment.id] = Loaded(Output(deployment, self._core.blobs), address)
        return loaded

    def _function(self, deployment: Deployment, loaded: Loaded, function: str, handler: str) -> ASGIApp:
        core, name = self._core, self._module(deployment.id, function)
        files, folder = loaded.output.content(function), functions.folder(core.home, deployment.id, function)
        return functions.load(name, files, handler, self._environ(deployment), core.sleep, core.blobs, folder)

    def _environ(self, deployment: Deployment) -> dict[str, str]:
        """The environment that a function finds."""
        return {name: self._core.fill(value) for name, value in deployment.env.items()} | {
            "VERCEL": "1",
            "VERCEL_ENV": "production" if deployment.target == "production" else "preview",
            "VERCEL_URL": self._core.host_of(deployment),
            "VERCEL_PROJECT_PRODUCTION_URL": self._core.ports.host("production"),
            "VERCEL_DEPLOYMENT_ID": deployment.id,
            "VERCEL_GIT_COMMIT_SHA": deployment.meta.get("githubCommitSha", ""),
            "VERCEL_REGION": "iad1",
        }

    def _module(self, deployment: str, function: str) -> str:
        """Name a module for this sandbox, this deployment and this function alone."""
        return re.sub(r"\W", "_", f"{deployment}_{id(self)}_{function}")

    def _forget_deleted(self) -> None:
        for id in [id for id in self._loaded if id not in self._core.state.vercel.deployments]:
            self._nodes.forget(id)
            self._pages.forget(id)
            for function in self._loaded.pop(id).apps:
                functions.unload(self._module(id, function))
