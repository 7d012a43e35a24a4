"""Serves deployments: on their own addresses, and on the production domain the one it points to.

Python functions run in this process, Node functions in processes of their own where there is ``node``. Functions of the
edge runtime do not run at all: they answer 501. ``output`` says what of the Build Output API is understood.
"""

import json
import re
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field, replace

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.sandbox import errortracking, functions, rollout
from pipeline.sandbox.core import Core
from pipeline.sandbox.nodefunctions import Invoked, NodeFunctions
from pipeline.sandbox.nodehost import Died, TimedOut, node
from pipeline.sandbox.output import Found, Output
from pipeline.sandbox.routing import Asked
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.vercel import life, shapes
from pipeline.sandbox.vercelstate import Deployment


@dataclass
class _Loaded:
    output: Output
    address: str
    apps: dict[str, ASGIApp] = field(default_factory=dict)


class Runtime:
    """Runs the deployments of one sandbox; functions stay loaded until their deployment is gone."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: dict[str, _Loaded] = {}
        self._visitors = rollout.Visitors()
        self._nodes = NodeFunctions(core)

    def close(self) -> None:
        """Stop the processes it started; they start again when they are needed."""
        self._nodes.stop()

    def serves(self, service: str, slot: int) -> Deployment | None:
        """Find the deployment behind a port, as of now."""
        life.settle(self._core)
        vercel = self._core.state.vercel
        if service == "production":
            return vercel.deployments.get(self._visitors.next(vercel))
        if service == "learn":
            host = self._core.ports.host("learn")
            id = shapes.behind(self._core).get(host, vercel.production)
            return vercel.deployments.get(id) if shapes.production_domains(self._core).get(host) == "" else None
        return next((deployment for deployment in vercel.deployments.values() if deployment.slot == slot), None)

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, deployment: Deployment | None, live: bool
    ) -> None:
        deployment = (self._pinned(scope) if live else None) or deployment
        refusal = self._refusal(scope, deployment, live)
        if refusal or deployment is None:
            await (refusal or _not_found("DEPLOYMENT_NOT_FOUND"))(scope, receive, send)
            return
        # Visitors wait in real seconds; the clock of the sandbox only says when it was
        began, sandbox_began = time.perf_counter(), self._core.now()
        watched = _Watched(send, deployment.id, self._core)
        message = await self._act(scope, receive, watched, deployment)
        took = max(time.perf_counter() - began, self._core.now() - sandbox_began) + scope.get("waited", 0)
        self.note(scope, deployment, live, watched.status, took, message)

    def _pinned(self, scope: Scope) -> Deployment | None:
        """Find the deployment that a tab was opened with, as long as skew protection keeps it on that one."""
        vercel, asked = self._core.state.vercel, Asked.of(scope)
        ids = [
            *asked.values("query", "dpl"),
            *asked.values("cookie", "__vdpl"),
            *asked.values("header", "x-deployment-id"),
        ]
        known = vercel.deployments.get(ids[0]) if ids else None
        age = self._core.now() - known.created if known else 0
        return known if known and age <= float(vercel.settings.get("skewProtectionMaxAge") or -1) else None

    def note(self, scope: Scope, deployment: Deployment, live: bool, status: int, took: float, message: str) -> None:
        """Remember the request; what failed goes to the runtime log and the error tracker."""
        failed, message = status >= 500, message.rstrip("\n")
        host = self._core.ports.host("production") if live else self._core.host_of(deployment)
        self._core.traffic.add(
            Hit(
                self._core.now(),
                deployment.id,
                live,
                host,
                scope["method"],
                scope["path"],
                status,
                round(took, 4),
                "error" if failed else "info",
                message,
            )
        )
        if failed and message:
            sentry, sent = self._core.state.sentry, deployment.meta.get("githubCommitSha", "")
            environment = sentry.prefix + ("production" if deployment.target == "production" else "preview")
            release = sentry.naming.format(commit=sent) if sent else ""
            where = f"{scope['method']} {scope['path']}"
            errortracking.capture(self._core, _title(message), where, release, environment)

    def _refusal(self, scope: Scope, deployment: Deployment | None, live: bool) -> Response | None:
        if deployment is None:
            return _not_found("DEPLOYMENT_NOT_FOUND")
        state = life.ready_state(deployment, self._core.now())
        if state == "ERROR":
            return _not_found("DEPLOYMENT_ERROR", 500)
        if state != "READY":
            return _not_found("DEPLOYMENT_NOT_READY_REDIRECTING", 404)
        vercel = self._core.state.vercel
        if live or not vercel.protection:
            return None
        sent = {name.lower(): value for name, value in scope["headers"]}
        if vercel.bypass_secret and sent.get(b"x-vercel-protection-bypass", b"").decode() == vercel.bypass_secret:
            return None
        if b"text/html" in sent.get(b"accept", b""):
            return RedirectResponse(
                f"{self._core.ports.url('vercel')}/sso-api?url={self._core.host_of(deployment)}", 302
            )
        return JSONResponse({"error": {"code": "401", "message": "Authentication Required"}}, 401)

    async def _act(self, scope: Scope, receive: Receive, send: "_Watched", deployment: Deployment) -> str:
        """Answer a request, and give what the app wrote to its console or why it failed, as a traceback."""
        try:
            loaded = self._load(deployment)
            found = loaded.output.find(Asked.of(scope))
            prerender = found.prerender
            if prerender and self._core.now() - deployment.created <= prerender.expires:
                status = found.status if found.status >= 400 else prerender.status
                headers = {**dict(prerender.headers), **dict(found.headers), "x-vercel-cache": "PRERENDER"}
                found = replace(found, function="", status=status, headers=tuple(headers.items()))
            if found.function:
                return await self._call(scope, receive, send, deployment, loaded, found)
            await self._plain(found)(scope, receive, send)
        except Died as died:  # the platform says so, and the visitor learns nothing else
            code = "FUNCTION_INVOCATION_TIMEOUT" if isinstance(died, TimedOut) else "FUNCTION_INVOCATION_FAILED"
            await self._fail(scope, receive, send, deployment, code)
            return str(died)
        except Exception:  # the app's bug: it becomes a 500 and an issue, as on the real platform
            await self._fail(scope, receive, send, deployment, "FUNCTION_INVOCATION_FAILED")
            return traceback.format_exc()
        return ""

    async def _fail(self, scope: Scope, receive: Receive, send: "_Watched", deployment: Deployment, code: str) -> None:
        """Answer with the app's own page for 500, when it has a file for that, or else with the platform's."""
        status = 504 if code.endswith("TIMEOUT") else 500
        if send.status == 0:
            send.found = Found()
            page = _not_found(code, status)
            with suppress(Exception):  # an output that cannot be read has no pages
                found = self._load(deployment).output.error(Asked.of(scope), status)
                if found.static:
                    page = self._plain(replace(found, headers=(*found.headers, ("x-vercel-error", code))))
            await page(scope, receive, send)
        send.status = status

    def _plain(self, found: Found) -> Response:
        headers = dict(found.headers)
        if found.unsupported:
            return JSONResponse({"error": {"code": "501", "message": found.unsupported}}, 501)
        if found.static:
            headers.setdefault("cache-control", "public, max-age=0, must-revalidate")
            headers.setdefault("content-type", found.content_type)
            return Response(self._core.blobs.read(found.static), found.status, headers)
        if found.status == 404:
            return _not_found("NOT_FOUND")
        return Response("Redirecting...\n" if headers else "", found.status, headers)

    async def _call(
        self, scope: Scope, receive: Receive, send: "_Watched", deployment: Deployment, loaded: _Loaded, found: Found
    ) -> str:
        settings = loaded.output.settings(found.function)
        runtime = str(settings.get("runtime", ""))
        send.found = found
        scope = {**scope, "root_path": "", "app": None, "query_string": found.query.encode("latin-1")}
        if runtime.startswith("nodejs") and node():
            invoked = Invoked(deployment, loaded.output, found, settings, self._environ(deployment), send.id)
            return await self._nodes.call(scope, receive, send, invoked)
        if not runtime.startswith("python"):
            says = (
                "there is no `node` on PATH" if runtime.startswith("nodejs") else "the sandbox has Python and Node.js"
            )
            says = f"The function {found.function} is not served: it wants {runtime}, and {says}"
            await JSONResponse({"error": {"code": "501", "message": says}}, 501)(scope, receive, send)
            return ""
        if found.function not in loaded.apps:
            loaded.apps[found.function] = self._function(deployment, loaded, found.function, str(settings["handler"]))
        await loaded.apps[found.function](scope, receive, send)
        return ""

    def _load(self, deployment: Deployment) -> _Loaded:
        self._forget_deleted()
        address = "|".join((self._core.host_of(deployment), self._core.ports.host("production")))
        loaded = self._loaded.get(deployment.id)
        if loaded is None or loaded.address != address:
            self._nodes.forget(deployment.id)
            loaded = self._loaded[deployment.id] = _Loaded(Output(deployment, self._core.blobs), address)
        return loaded

    def _function(self, deployment: Deployment, loaded: _Loaded, function: str, handler: str) -> ASGIApp:
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
            for function in self._loaded.pop(id).apps:
                functions.unload(self._module(id, function))


class _Watched:
    """Wraps a ``send``: it adds the platform's headers and remembers the status."""

    def __init__(self, send: Send, deployment: str, core: Core) -> None:
        self._send, self._deployment, self._core = send, deployment, core
        self.status = 0
        self.found = Found()
        self.id = f"iad1::{deployment[4:9].lower()}-{round(core.now() * 1000)}"

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.found.status >= 400 and self.status == 200:  # the page that an error route named
                self.status = self.found.status
            wins = self.found.important
            sent = [(n, v) for n, v in message.get("headers", []) if n.lower().decode("latin-1") not in wins]
            own = {name.lower().decode("latin-1") for name, _ in sent}
            added = [
                ("server", "Vercel"),
                ("x-vercel-id", self.id),
                ("x-deployment-id", self._deployment),
                *((name, value) for name, value in self.found.headers if name.lower() not in own),
            ]
            headers = [*sent, *((n.lower().encode(), v.encode()) for n, v in added)]
            message = {**message, "status": self.status, "headers": headers}
        await self._send(message)


def _title(message: str) -> str:
    """Find the line that names the error: the last of a Python traceback, the first that says so of a Node one."""
    lines = [line.strip() for line in message.strip().splitlines()]
    named = (line for line in lines if re.match(r"(⨯ |Uncaught )*(\w*Error|\w*Exception)\b", line))
    first = lines[-1] if lines[0].startswith("Traceback") else next(named, lines[-1])
    return re.sub(r"^(⨯ |Uncaught )+", "", first)


def _not_found(code: str, status: int = 404) -> Response:
    says = {
        "DEPLOYMENT_NOT_FOUND": "The deployment could not be found on Vercel.",
        "DEPLOYMENT_ERROR": "The deployment failed to build.",
        "DEPLOYMENT_NOT_READY_REDIRECTING": "The deployment is still building.",
        "FUNCTION_INVOCATION_FAILED": "A server error has occurred.",
        "FUNCTION_INVOCATION_TIMEOUT": "An error occurred with your deployment.",
        "NOT_FOUND": "The page could not be found.",
    }[code]
    text = f"{says}\n\n{code}\n"
    return Response(text, status, {"x-vercel-error": code}, media_type="text/plain; charset=utf-8")


def plain_error(status: int, says: str) -> Response:
    """Send an answer of the app that a fault made."""
    return Response(json.dumps({"error": says}), status, media_type="application/json")
