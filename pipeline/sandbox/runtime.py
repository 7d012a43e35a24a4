"""Serves deployments: on their own addresses, and on the production domain the one it points to.

Python functions run in this process, Node and edge functions in processes of their own where there is ``node``.
``output`` says what of the Build Output API is understood, ``following`` which way a request goes.
"""

import time
import traceback
from contextlib import suppress
from dataclasses import replace

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from pipeline.sandbox import errortracking, rollout
from pipeline.sandbox.answers import Watched, file_answer, page_answer, platform_page, title
from pipeline.sandbox.calling import Called, Calling
from pipeline.sandbox.core import Core
from pipeline.sandbox.following import Guard, error, find
from pipeline.sandbox.found import Found
from pipeline.sandbox.middleware import Answered, Body, Keeping, asked_with, nothing
from pipeline.sandbox.nodewire import Died, TimedOut
from pipeline.sandbox.pagecache import PageCache, Render
from pipeline.sandbox.routing import Asked, Walk
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.vercel import life, shapes
from pipeline.sandbox.vercelstate import Deployment

READING = ("GET", "HEAD", "OPTIONS")
"""With what a file may be asked for."""


class GuardDied(Died):
    """Raised when middleware threw."""


class GuardTimedOut(GuardDied):
    """Raised when middleware did not come to an end in time."""


class Runtime:
    """Runs the deployments of one sandbox; functions stay loaded until their deployment is gone."""

    def __init__(self, core: Core) -> None:
        self._core, self._visitors, self._pages = core, rollout.Visitors(), PageCache(core)
        self._functions = Calling(core, self._pages)

    def close(self) -> None:
        """Stop the processes it started; they start again when they are needed."""
        self._functions.stop()

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
            await (refusal or platform_page("DEPLOYMENT_NOT_FOUND"))(scope, receive, send)
            return
        # Visitors wait in real seconds; the clock of the sandbox only says when it was
        began, sandbox_began = time.perf_counter(), self._core.now()
        watched = Watched(send, deployment.id, self._core)
        message = await self._act(scope, receive, watched, deployment)
        took = max(time.perf_counter() - began, self._core.now() - sandbox_began) + scope.get("waited", 0)
        self.note(scope, deployment, live, watched.status, took, message, watched.route)

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

    def note(
        self, scope: Scope, deployment: Deployment, live: bool, status: int, took: float, message: str, route: str = ""
    ) -> None:
        """Remember the request; what failed goes to the runtime log and the error tracker."""
        failed, message = status >= 500, message.rstrip("\n")
        host = self._core.ports.host("production") if live else self._core.host_of(deployment)
        hit = Hit(
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
            route,
        )
        self._core.traffic.add(hit)
        if failed and message:
            sentry, sent = self._core.state.sentry, deployment.meta.get("githubCommitSha", "")
            environment = sentry.prefix + ("production" if deployment.target == "production" else "preview")
            release = sentry.naming.format(commit=sent) if sent else ""
            errortracking.capture(self._core, title(message), hit.transaction, release, environment)

    def _refusal(self, scope: Scope, deployment: Deployment | None, live: bool) -> Response | None:
        if deployment is None:
            return platform_page("DEPLOYMENT_NOT_FOUND")
        state = life.ready_state(deployment, self._core.now())
        if state == "ERROR":
            return platform_page("DEPLOYMENT_ERROR", 500)
        if state != "READY":
            return platform_page("DEPLOYMENT_NOT_READY_REDIRECTING", 404)
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

    async def _act(self, scope: Scope, receive: Receive, send: Watched, deployment: Deployment) -> str:
        """Answer a request, and give what the app wrote to its console or why it failed, as a traceback."""
        said: list[str] = []
        try:
            loaded = self._functions.load(deployment)
            called = Called(deployment, loaded, send.id, said)
            body = Body(receive)
            asked = Asked.of(scope)
            found = await find(loaded.output, asked, self._guard(scope, body, called))
            if found.sent is not None:
                asked = replace(asked, headers=found.sent)
                scope = {
                    **scope,
                    "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in found.sent.items()],
                }
            await self._give(scope, body.rest, send, called, found, asked)
        except Died as died:  # the platform says so, and the visitor learns nothing else
            said.append(str(died))
            await self._fail(scope, receive, send, deployment, _code_of(died))
        except Exception:  # the app's bug: it becomes a 500 and an issue, as on the real platform
            said.append(traceback.format_exc())
            await self._fail(scope, receive, send, deployment, "FUNCTION_INVOCATION_FAILED")
        return "".join(said)

    async def _give(
        self, scope: Scope, receive: Receive, send: Watched, called: Called, found: Found, asked: Asked
    ) -> None:
        """Send what was found; a page that is kept, from what is kept."""
        send.route = found.matched if "[" in found.function else ""
        if found.answered:
            await found.answered.send(send)
        elif found.prerender:
            send.found = found
            page = await self._pages.answer(scope, called.deployment, found, self._render(called))
            await page_answer(page, asked).send(send)
        elif found.function:
            send.found = found
            await self._functions.call(scope, receive, send, called, found)
        else:
            send.found = Found(cookies=found.cookies)
            images = called.loaded.output.images
            picture = images.headers(asked) if images and found.picture and found.static else {}
            await self._plain(found, asked, picture)(scope, receive, send)

    def _guard(self, scope: Scope, body: Body, called: Called) -> Guard:
        async def guard(name: str, walk: Walk) -> Answered:
            keeping, found = Keeping(), Found(function=name, query=walk.query)
            if not called.loaded.output.has(name):
                raise ValueError(f"config.json: there is no function {name} for its middlewarePath")
            try:
                await self._functions.call(asked_with(scope, walk), body.again(), keeping, called, found)
            except Died as died:
                raise (GuardTimedOut if isinstance(died, TimedOut) else GuardDied)(str(died)) from died
            except Exception as error:
                raise GuardDied(traceback.format_exc()) from error
            return keeping.answered

        return guard

    def _render(self, called: Called) -> Render:
        async def render(scope: Scope, found: Found) -> Answered:
            keeping = Keeping()
            query = scope["query_string"].decode("latin-1")
            await self._functions.call(scope, nothing, keeping, called, replace(found, query=query))
            return keeping.answered

        return render

    async def _fail(self, scope: Scope, receive: Receive, send: Watched, deployment: Deployment, code: str) -> None:
        """Answer with the app's own page for 500, when it has a file for that, or else with the platform's."""
        status = 504 if code.endswith("TIMEOUT") else 500
        if send.status == 0:
            send.found = Found()
            page = platform_page(code, status)
            with suppress(Exception):  # an output that cannot be read has no pages
                asked = Asked.of(scope)
                found = error(self._functions.load(deployment).output, asked, status)
                if found.static:
                    page = self._plain(replace(found, headers=(*found.headers, ("x-vercel-error", code))), asked, {})
            await page(scope, receive, send)
        send.status = status

    def _plain(self, found: Found, asked: Asked, picture: dict[str, str]) -> Response:
        headers = dict(found.headers) | picture
        if found.unsupported:
            return JSONResponse({"error": {"code": "501", "message": found.unsupported}}, 501)
        if found.static and found.status == 200 and asked.method not in READING:
            return platform_page("INVALID_REQUEST_METHOD", 405)
        if found.static:
            headers.setdefault("cache-control", "public, max-age=0, must-revalidate")
            headers.setdefault("content-type", found.content_type)
            return file_answer(self._core.blobs.read(found.static), found.static, asked, found.status, headers)
        if found.status == 404:
            return platform_page("NOT_FOUND")
        return Response("Redirecting...\n" if headers else "", found.status, headers)


def _code_of(died: Died) -> str:
    part = "MIDDLEWARE" if isinstance(died, GuardDied) else "FUNCTION"
    return f"{part}_INVOCATION_{'TIMEOUT' if isinstance(died, TimedOut | GuardTimedOut) else 'FAILED'}"
