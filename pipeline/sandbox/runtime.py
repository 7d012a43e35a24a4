"""Serves deployments: on their own addresses, and on the production domain the one it points to."""

import json
import re
import time
import traceback
from dataclasses import dataclass, field

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.sandbox import errortracking, functions
from pipeline.sandbox.core import Core
from pipeline.sandbox.output import Found, Output
from pipeline.sandbox.state import Deployment
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.vercel import life


@dataclass
class _Loaded:
    output: Output
    address: str
    apps: dict[str, ASGIApp] = field(default_factory=dict)


class Runtime:
    """One per sandbox; functions stay loaded until their deployment is gone."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: dict[str, _Loaded] = {}

    def serves(self, service: str, slot: int) -> Deployment | None:
        """The deployment behind a port, as of now."""
        life.settle(self._core)
        vercel = self._core.state.vercel
        if service == "production":
            return vercel.deployments.get(vercel.production)
        return next((one for one in vercel.deployments.values() if one.slot == slot), None)

    async def answer(self, scope: Scope, receive: Receive, send: Send, one: Deployment | None, live: bool) -> None:
        refusal = self._refusal(scope, one, live)
        if refusal or one is None:
            await (refusal or _not_found("DEPLOYMENT_NOT_FOUND"))(scope, receive, send)
            return
        # Visitors wait in real seconds; the clock of the sandbox only says when it was
        began, sandbox_began = time.perf_counter(), self._core.now()
        watched = _Watched(send, one.id, self._core)
        message = await self._act(scope, receive, watched, one)
        took = max(time.perf_counter() - began, self._core.now() - sandbox_began)
        self.note(scope, one, live, watched.status, took, message)

    def note(self, scope: Scope, one: Deployment, live: bool, status: int, took: float, message: str) -> None:
        """Remember the request; what failed goes to the runtime log and the error tracker."""
        failed = status >= 500
        host = self._core.ports.host("production") if live else self._core.host_of(one)
        self._core.traffic.add(
            Hit(
                self._core.now(), one.id, live, host, scope["method"], scope["path"], status, round(took, 4),
                "error" if failed else "info", message,
            )
        )  # fmt: skip
        if failed and message:
            environment = "production" if one.target == "production" else "preview"
            release = one.meta.get("githubCommitSha", "")
            where = f"{scope['method']} {scope['path']}"
            errortracking.capture(self._core, message.strip().splitlines()[-1], where, release, environment)

    def _refusal(self, scope: Scope, one: Deployment | None, live: bool) -> Response | None:
        if one is None:
            return _not_found("DEPLOYMENT_NOT_FOUND")
        state = life.ready_state(one, self._core.now())
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
            return RedirectResponse(f"{self._core.ports.url('vercel')}/sso-api?url={self._core.host_of(one)}", 302)
        return JSONResponse({"error": {"code": "401", "message": "Authentication Required"}}, 401)

    async def _act(self, scope: Scope, receive: Receive, send: "_Watched", one: Deployment) -> str:
        """Answer, and give what went wrong as a traceback; empty when nothing did."""
        try:
            loaded = self._load(one)
            found = loaded.output.find(scope["method"], scope["path"])
            if found.function:
                await self._call(scope, receive, send, one, loaded, found)
            else:
                await self._plain(found)(scope, receive, send)
        except Exception:  # the app's bug: it becomes a 500 and an issue, as on the real platform
            if send.status == 0:
                await _not_found("FUNCTION_INVOCATION_FAILED", 500)(scope, receive, send)
            send.status = 500
            return traceback.format_exc()
        return ""

    def _plain(self, found: Found) -> Response:
        headers = dict(found.headers)
        if found.static:
            headers.setdefault("cache-control", "public, max-age=0, must-revalidate")
            content = self._core.blobs.read(found.static)
            return Response(content, found.status, {**headers, "content-type": found.content_type})
        if found.status == 404:
            return _not_found("NOT_FOUND")
        return Response("Redirecting...\n" if headers else "", found.status, headers)

    async def _call(
        self, scope: Scope, receive: Receive, send: "_Watched", one: Deployment, loaded: _Loaded, found: Found
    ) -> None:
        settings = loaded.output.settings(found.function)
        runtime = str(settings.get("runtime", ""))
        if not runtime.startswith("python"):
            says = f"Node functions are not served yet: {found.function} wants {runtime}, the sandbox runs Python ones"
            await JSONResponse({"error": {"code": "501", "message": says}}, 501)(scope, receive, send)
            return
        if found.function not in loaded.apps:
            loaded.apps[found.function] = self._function(one, loaded, found.function, str(settings["handler"]))
        send.extra = list(found.headers)
        await loaded.apps[found.function]({**scope, "root_path": "", "app": None}, receive, send)

    def _load(self, one: Deployment) -> _Loaded:
        self._forget_deleted()
        address = "|".join((self._core.host_of(one), self._core.ports.host("production")))
        loaded = self._loaded.get(one.id)
        if loaded is None or loaded.address != address:
            loaded = self._loaded[one.id] = _Loaded(Output(one, self._core.blobs), address)
        return loaded

    def _function(self, one: Deployment, loaded: _Loaded, function: str, handler: str) -> ASGIApp:
        environ = {name: self._core.fill(value) for name, value in one.env.items()}
        environ |= {
            "VERCEL": "1",
            "VERCEL_ENV": "production" if one.target == "production" else "preview",
            "VERCEL_URL": self._core.host_of(one),
            "VERCEL_PROJECT_PRODUCTION_URL": self._core.ports.host("production"),
            "VERCEL_DEPLOYMENT_ID": one.id,
            "VERCEL_GIT_COMMIT_SHA": one.meta.get("githubCommitSha", ""),
            "VERCEL_REGION": "iad1",
        }
        name = self._module(one.id, function)
        folder = self._core.home / "functions" / one.id / function.replace("/", "_")
        files = loaded.output.folder(function)
        return functions.load(name, files, handler, environ, self._core.sleep, self._core.blobs, folder)

    def _module(self, deployment: str, function: str) -> str:
        """A module name for this sandbox, this deployment and this function alone."""
        return re.sub(r"\W", "_", f"{deployment}_{id(self)}_{function}")

    def _forget_deleted(self) -> None:
        for id in [id for id in self._loaded if id not in self._core.state.vercel.deployments]:
            for function in self._loaded.pop(id).apps:
                functions.unload(self._module(id, function))


class _Watched:
    """A ``send`` that adds the platform's headers and remembers the status."""

    def __init__(self, send: Send, deployment: str, core: Core) -> None:
        self._send, self._deployment, self._core = send, deployment, core
        self.status = 0
        self.extra: list[tuple[str, str]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name.lower() for name, _ in message.get("headers", [])}
            added = [
                ("server", "Vercel"),
                ("x-vercel-id", f"iad1::{self._deployment[4:9].lower()}-{round(self._core.now() * 1000)}"),
                ("x-deployment-id", self._deployment),
                *((name, value) for name, value in self.extra if name.lower().encode() not in own),
            ]
            message = {
                **message,
                "headers": [*message.get("headers", []), *((n.lower().encode(), v.encode()) for n, v in added)],
            }
        await self._send(message)


def _not_found(code: str, status: int = 404) -> Response:
    says = {
        "DEPLOYMENT_NOT_FOUND": "The deployment could not be found on Vercel.",
        "DEPLOYMENT_ERROR": "The deployment failed to build.",
        "DEPLOYMENT_NOT_READY_REDIRECTING": "The deployment is still building.",
        "FUNCTION_INVOCATION_FAILED": "A server error has occurred.",
        "NOT_FOUND": "The page could not be found.",
    }[code]
    text = f"{says}\n\n{code}\n"
    return Response(text, status, {"x-vercel-error": code}, media_type="text/plain; charset=utf-8")


def plain_error(status: int, says: str) -> Response:
    """An answer of the app that a fault made."""
    return Response(json.dumps({"error": says}), status, media_type="application/json")
