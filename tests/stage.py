"""The real pipeline against the real sandbox in one process: real requests, no sockets, a clock that moves."""

import asyncio
import contextlib
import dataclasses
import functools
import socket
from collections.abc import AsyncIterator, Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from uvicorn.server import ServerState

from checks.evidence import Release
from checks.outcome import Outcome
from checks.policy import VitalsPolicy
from pipeline.config import Config, load
from pipeline.definitions.deploy import DEPLOY
from pipeline.engine.past import recall
from pipeline.engine.plan import Pipeline, probes_by_type
from pipeline.engine.runner import Runner
from pipeline.engine.stop import Stop
from pipeline.probes.every import PROBES
from pipeline.record.journal import Event, Journal
from pipeline.record.report import Report, report_of
from pipeline.record.sqlite import SqliteStore
from pipeline.record.target import Written
from pipeline.redact import Redactor
from pipeline.sandbox.ports import SERVICES, Ports
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings
from pipeline.world.settings import Settings
from pipeline.world.world import World
from tests.scripted import MovingClock

ROOT = Path(__file__).resolve().parent.parent


class Wire(httpx.AsyncBaseTransport):
    """Hands requests to the sandbox; a connection that it cuts looks to the client like a cut connection."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = httpx.ASGITransport(app=sandbox)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host not in ("127.0.0.1", "localhost"):
            raise httpx.ConnectError("no such host", request=request)
        try:
            return await self._inner.handle_async_request(request)
        except ConnectionError as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error


class Tapped(httpx.AsyncBaseTransport):
    """Calls ``before`` and ``after`` around each request; what they raise is what the client sees."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        before: Callable[[httpx.Request], Any] = lambda request: None,
        after: Callable[[httpx.Request, httpx.Response], Any] = lambda request, response: None,
    ) -> None:
        self._inner, self._before, self._after = inner, before, after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._before(request)
        await asyncio.sleep(0)  # a network lets others have their turn
        response = await self._inner.handle_async_request(request)
        return self._after(request, response) or response


class RealPort:
    """A port that is really listened on while a world is open: R2's library brings its own connections."""

    def __init__(self, sandbox: Sandbox, service: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        numbers = list(sandbox.core.ports.numbers)
        numbers[SERVICES.index(service)] = self._socket.getsockname()[1]
        sandbox.core.ports = Ports(tuple(numbers))
        self._config = uvicorn.Config(sandbox, lifespan="off", http="h11", log_level="critical", date_header=False)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """In the test's own loop, so that the sandbox is never in two threads at once."""
        if not self._config.loaded:
            self._config.load()
        kind, state = self._config.http_protocol_class, ServerState()
        make = functools.partial(kind, config=self._config, server_state=state, app_state={})  # type: ignore[call-arg, arg-type]
        server = await asyncio.get_running_loop().create_server(make, sock=self._socket.dup())
        try:
            yield
        finally:
            server.close()
            for connection in list(state.connections):  # the client would keep them for its next question
                connection.shutdown()
            await asyncio.sleep(0)

    def close(self) -> None:
        self._socket.close()


class InProcess:
    """One sandbox and one journal. ``deploy`` runs the pipeline; ``serves`` asks the domain itself."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.clock, self.database_url = folder, MovingClock(), database_url
        self.sandbox = Sandbox(
            folder / "sandbox",
            Database(database_url),
            now=lambda: self.clock.now().timestamp(),
            sleep=self.clock.sleep,
            remembers=False,
        )
        self.config: Config = load(ROOT / "deploy.yml")
        self.r2 = RealPort(self.sandbox, "r2")
        policies = self.config.policies["sandbox"].by_type()
        policies[VitalsPolicy] = dataclasses.replace(policies[VitalsPolicy], lab=False)  # a browser needs real sockets
        self.settings: Settings = sandbox_settings("sandbox", self.sandbox.description(), policies)
        self.pipeline: Pipeline = DEPLOY.at_pace(self.config.pace("sandbox"))
        self.store = SqliteStore(folder / "journal.db")
        self.wire: httpx.AsyncBaseTransport = Wire(self.sandbox)
        self.listeners: list[Callable[[Event], None]] = []

    def close(self) -> None:
        self.sandbox.discard()
        self.r2.close()

    def release(self, name: str = "good", **said: Any) -> Release:
        folder, commit = self.sandbox.release(name)
        return Release(commit, str(folder), **said)

    def journal(self, run: str) -> Journal:
        return Journal(self.store, run, self.clock.now, Redactor(self.settings.hidden), self.listeners)

    @contextlib.asynccontextmanager
    async def world(self, release: Release, run: str = "r1") -> AsyncIterator[World]:
        records = Written(self.store, "sandbox", self.clock)
        async with (
            self.r2.open(),
            open_world(self.settings, release, run, self.clock, transport=self.wire, records=records) as world,
        ):
            yield world

    def runner(self, world: World, journal: Journal, **more: Any) -> Runner:
        return Runner(self.pipeline, world, self.settings.policies, probes_by_type(PROBES), journal, **more)

    def deploy(
        self, name: str = "good", run: str = "r1", *, resume: bool = False, release: Release | None = None, **said: Any
    ) -> tuple[Outcome | None, Report]:
        """Ship an example release; how it ended and its report."""

        async def go() -> Outcome | None:
            shipped, journal = release or self.release(name, **said), self.journal(run)
            async with self.world(shipped, run) as world:
                past = recall(journal.events(), self.pipeline, self.settings.policies) if resume else None
                return await self.runner(world, journal, past=past).run()

        outcome = asyncio.run(go())
        return outcome, self.report(run)

    def settle(self, run: str = "r1") -> Outcome:
        """What ``invoke settle`` does with a run that was cut off."""

        async def go() -> Outcome:
            journal = self.journal(run)
            past = recall(journal.events(), self.pipeline, self.settings.policies)
            async with self.world(self.release(), run) as world:
                return await self.runner(world, journal, past=past).go_back(Stop("cut off", cut=True))

        return asyncio.run(go())

    def report(self, run: str = "r1") -> Report:
        return report_of(run, self.journal(run).events())

    def serves(self) -> str:
        """Which deployment answers on the production domain, as it says itself."""

        faults = [entry.text for entry in self.sandbox.state.faults]
        self.sandbox.faults.clear()
        try:
            return str(self.get(f"http://{self.settings.domain}/api/health/db").headers["x-deployment-id"])
        finally:
            for fault in faults:
                self.sandbox.inject(fault)

    def get(self, url: str) -> httpx.Response:
        """One request, as a browser."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.wire) as client:
                return await client.get(url)

        return asyncio.run(ask())

    def tap(self, **around: Callable[..., Any]) -> None:
        """See every request from now on: ``before(request)`` and ``after(request, response)``."""
        self.wire = Tapped(self.wire, **around)

    def asked(self, method: str, path: str) -> list[str]:
        """Paths that Vercel was asked for, of that method, and matching the glob ``path``; oldest first."""
        seen = self.sandbox.asked["vercel"]
        return [one["path"] for one in seen if one["method"] == method and fnmatch(one["path"], path)]

    def require(self, *policies: object) -> None:
        """Go by these policies instead of those of ``deploy.yml``."""
        changed = {**self.settings.policies, **{type(policy): policy for policy in policies}}
        self.settings = dataclasses.replace(self.settings, policies=changed)

    def colleague_promotes(self, id: str) -> None:
        """Somebody else points production at ``id``, now."""
        self.sandbox.state.vercel.production = id

    def at_stage(self, stage: str, act: Callable[[], Any]) -> None:
        """Do ``act`` when ``stage`` begins."""
        self.listeners.append(lambda e: act() if (e.kind, e.subject) == ("stage begins", stage) else None)

    def before_step(self, step: str, act: Callable[[], Any]) -> None:
        """Do ``act`` right before ``step`` acts."""
        self.listeners.append(lambda e: act() if (e.kind, e.subject) == ("step begins", step) else None)


def filled_in(file: Path = ROOT / "deploy.yml") -> Config:
    """The example as a team has it that has put its own team there."""
    return dataclasses.replace(load(file), unfilled={})
