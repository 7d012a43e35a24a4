"""Serves all services as one ASGI app: the port that a request came to says whom it is for.

In-process: ``httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox))`` and the addresses of ``description()``.
"""

import asyncio
import email.utils
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from pipeline.sandbox import demoapp, ownapp, pushing, releases, seed
from pipeline.sandbox.betterstack.pages import PAGE
from pipeline.sandbox.betterstack.service import BetterStackApi
from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.cloudflare.service import CloudflareApi
from pipeline.sandbox.control import Control
from pipeline.sandbox.core import Core, Sleep, Timing, Visit
from pipeline.sandbox.faults import APP, Faults
from pipeline.sandbox.github import GitHubApi
from pipeline.sandbox.google import GoogleApi
from pipeline.sandbox.misbehaving import Misbehaving
from pipeline.sandbox.neon.service import NeonApi
from pipeline.sandbox.notify import Notify
from pipeline.sandbox.ports import SERVICES, Ports
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.r2.service import R2Api
from pipeline.sandbox.redis.management import UpstashApi
from pipeline.sandbox.redis.rest import RedisRest
from pipeline.sandbox.runtime import Runtime
from pipeline.sandbox.saving import Saved, patch
from pipeline.sandbox.sentry.service import SentryApi
from pipeline.sandbox.state import FaultEntry, State
from pipeline.sandbox.statuspages import NeonStatus, VercelStatus
from pipeline.sandbox.traffic import Traffic
from pipeline.sandbox.vendorpages import VendorPages
from pipeline.sandbox.vercel import git
from pipeline.sandbox.vercel.redirecting import Redirecting
from pipeline.sandbox.vercel.service import VercelApi
from pipeline.sandbox.vercelstate import Deployment

REMEMBERED = 500
MONITOR_SECONDS = 10.0  # in real time: a monitor does not wait for what hangs
READS = ("GET", "HEAD")


class Sandbox:
    """A sandbox of all services.

    ``home`` keeps the world between two sandboxes, unless it ``remembers`` nothing: that saves writing it after each
    request. ``now`` and ``sleep`` are its clock. ``own`` are the variables of an app that is not the demo app.
    """

    def __init__(
        self,
        home: Path,
        database: Database,
        *,
        now: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        remembers: bool = True,
        own: dict[str, str] | None = None,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._saved, self._remembers = Saved(home / "state.json"), remembers
        known = self._saved.load()
        self.core = Core(
            home,
            known or seed.first_state(now()),
            database.url,
            now,
            sleep,
            Blobs(home / "blobs"),
            Traffic(home / "traffic.jsonl"),
        )
        if own is None:
            demoapp.furnish(self.core, first=known is None)
        else:
            ownapp.furnish(self.core, own, first=known is None)
        self.faults = Faults(self.core.state)
        self.asked: dict[str, deque[dict[str, Any]]] = {
            name: deque(maxlen=REMEMBERED) for name in (*SERVICES, "deployment")
        }
        self._runtime, self._neon = Runtime(self.core), NeonApi(self.core)
        self._apis: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "control": Control(self),
            "vercel": VercelApi(self.core),
            "github": GitHubApi(self.core),
            "sentry": SentryApi(self.core),
            "betterstack": BetterStackApi(self.core),
            "neon": self._neon,
            "vercel-status": VercelStatus(self.core),
            "neon-status": NeonStatus(self.core),
            "notify": Notify(self.core),
            "google": GoogleApi(self.core),
            "statuspages": VendorPages(self.core),
            "r2": R2Api(self.core),
            "cloudflare": CloudflareApi(self.core),
            "upstash": RedisRest(self.core),
            "upstash-api": UpstashApi(self.core),
            "www": Redirecting(self.core),
        }
        self._misbehaving = Misbehaving(self.core, self.faults, self._runtime)
        self.core.visit = self.visit
        self.save()

    @property
    def state(self) -> State:
        return self.core.state

    @property
    def timing(self) -> Timing:
        return self.core.timing

    def served_on(self, ports: Ports) -> None:
        """Tell the sandbox the ports that are really listened on; connections can be cut from now on."""
        self.core.ports = ports
        self._misbehaving.served = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            service, slot = self.core.ports.find((scope.get("server") or ("", None))[1])
        except LookupError as error:  # in-process: what a closed port is on a network
            raise ConnectionRefusedError(str(error)) from None
        entry: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": 0}
        self.asked[service].append(entry)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                self._save_after(scope)  # before anybody is told that it happened
                message = {**message, "headers": self._dated(message.get("headers", ()), scope)}
            await send(message)

        try:
            await self._answer(service, slot, scope, receive, noting)
        finally:
            self._save_after(scope)

    def _dated(self, headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
        date = email.utils.formatdate(self.core.now() + scope.get("clock_off", 0), usegmt=True)
        return [*(one for one in headers if one[0].lower() != b"date"), (b"date", date.encode())]

    async def _answer(self, service: str, slot: int, scope: Scope, receive: Receive, send: Send) -> None:
        if service in self._apis:
            api = self._apis[service]

            async def act(receive: Receive, send: Send) -> None:
                response = await api(Request(scope, receive))
                await response(scope, receive, send)

            await self._misbehaving.around(service, scope, receive, send, act, None)
            return
        deployment, live = self._runtime.serves(service, slot), service in ("production", "learn")

        async def serve(receive: Receive, send: Send) -> None:
            await self._runtime.answer(scope, receive, send, deployment, live)

        await self._misbehaving.around(service, scope, receive, send, serve, deployment)

    def _save_after(self, scope: Scope) -> None:
        reads = scope["method"] in READS or scope.get("changes_nothing")
        if not reads or self.core.dirty:
            self.save()

    def close(self) -> None:
        """Stop the processes that were started beside the sandbox, and save the state."""
        self._runtime.close()
        self.save()

    def discard(self) -> None:
        """Drop the databases that the sandbox made beside the app's own; nobody opens it again."""
        self._neon.discard()

    def save(self) -> None:
        self.core.dirty = False
        if self._remembers:
            self._saved.save(self.core.state)

    async def visit(self, path: str, host: str = "") -> Visit:
        """Visit ``path`` of production, or of the app on another ``host``, as a monitor does."""
        status, began, content = 0, time.perf_counter(), bytearray()
        host = host or self.core.ports.host("production")
        port = int(host.rpartition(":")[2]) if host.rpartition(":")[2].isdigit() else None
        try:
            service, slot = self.core.ports.find(port)
        except LookupError:
            return Visit(0, 0.0, b"")
        if service not in APP:
            return Visit(0, 0.0, b"")
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(b"host", host.encode()), (b"user-agent", b"Better Stack Better Uptime Bot")],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", port),
        }  # fmt: skip

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            content.extend(message.get("body", b""))

        try:
            async with asyncio.timeout(MONITOR_SECONDS):
                await self._answer(service, slot, scope, receive, send)
        except (ConnectionError, TimeoutError):
            status = 0
        return Visit(status, time.perf_counter() - began, bytes(content))

    def description(self) -> dict[str, Any]:
        """Describe the addresses, tokens and names: all that a client needs to use the sandbox."""
        core, vercel = self.core, self.core.state.vercel
        return {
            "urls": {name: core.ports.url(name) for name in SERVICES},
            "tokens": dict(core.state.tokens),
            "vercel": {"team": vercel.team, "project": vercel.project, "name": vercel.name},
            "github": {"repository": core.state.github.repository},
            "sentry": {"organization": core.state.sentry.organization, "project": core.state.sentry.project},
            "betterstack": {"monitor": core.state.betterstack.monitor, "status_page": str(PAGE)},
            "neon": {"project": core.state.neon.project, "branch": core.state.neon.branch},
            **self._stores(),
            "database_url": core.database_url,
            "student": dict(core.state.student),
            "pid": os.getpid(),
        }

    def _stores(self) -> dict[str, Any]:
        r2, redis, ports = self.core.state.r2, self.core.state.upstash, self.core.ports
        return {
            "r2": {
                "account": r2.account,
                "bucket": r2.bucket,
                "access_key_id": r2.access_key_id,
                "secret_access_key": r2.secret_access_key,
                "endpoint": ports.url("r2"),
            },
            "upstash": {
                "url": ports.url("upstash"),
                "token": redis.token,
                "database": redis.database,
                "email": redis.email,
                "api_key": redis.api_key,
            },
            "cloudflare": {"account": r2.account},
        }

    def release(self, name: str) -> tuple[Path, str]:
        """Build an example release and push its commit: (folder, commit). Raises ValueError for an unknown name."""
        folder = releases.build_for(self.core, name)
        commit = releases.commit_of(folder)
        self.commit(commit, f"Release {name}", str(folder))
        return folder, commit

    def commit(self, sha: str, message: str = "A change", folder: str = "", deploy: bool = False) -> Deployment | None:
        """Make ``sha`` the head of main: pushed, green and reviewed. Raises ValueError when it is no SHA-1.

        ``folder`` holds its built files. Vercel builds it when ``deploy`` says so, or when it builds every push.
        """
        if len(sha) != 40 or set(sha) - set("0123456789abcdef"):
            raise ValueError(f"{sha!r} is not a commit: 40 hex digits")
        before, vercel = self.core.state.github.head, self.core.state.vercel
        pushing.push(self.core, sha, message)
        if folder:
            vercel.folders[sha] = folder
        built = git.build(self.core, sha) if deploy or (before != sha and git.wants(self.core, sha)) else None
        self.save()
        return built

    def inject(self, fault: str) -> FaultEntry:
        """Add a fault in its text form. Raises ValueError."""
        entry = self.faults.add(fault, self.core.now())
        self.save()
        return entry

    def patch(self, changes: dict[str, Any]) -> None:
        """Set parts of the state, e.g. ``{"github": {"check_conclusion": "failure"}}``. Raises ValueError.

        ``{"timing": {"alias": 0}}`` sets how many seconds things take until the server ends.
        """
        changes = dict(changes)
        for name, seconds in changes.pop("timing", {}).items():
            if name not in vars(self.timing):
                raise ValueError(f"timing.{name}: there is {', '.join(vars(self.timing))}")
            setattr(self.timing, name, float(seconds))
        patch(self.core.state, changes)
        self.save()
