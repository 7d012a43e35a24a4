"""Every client against a service that never answers, trickles, never ends or sends far too much: over real sockets."""

import asyncio
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.evidence import Release
from pipeline.clients import storage
from pipeline.clients.base import Service
from pipeline.clients.channels import Channels
from pipeline.clients.storage import Storage
from pipeline.clients.webhook import Webhook
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.errors import ServiceError
from pipeline.sandbox.beside import Beside
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings
from pipeline.world.world import World
from tests.processes import slowness
from tests.stage import ROOT

WITHIN = 1.0
FAULTS = ("never", "trickle", "endless", "huge")


@pytest.fixture
def beside(tmp_path: Path, database_url: str) -> Iterator[Beside]:
    home = tmp_path / "sandbox"
    with Beside(Sandbox(home, Database(database_url), remembers=False), home) as served:
        yield served


async def failure_of(client: object, asked: list[str]) -> str:
    """The name of the client when it did anything but end with a ServiceError."""
    name = type(client).__name__
    try:
        if isinstance(client, Service):
            client.within, client.most = WITHIN, 1_000_000
            asked.append(name)
            await client.once("GET", "/anything", lambda body: body)
        elif isinstance(client, Channels):
            asked.append(name)
            return name if (await client.tell("team", "hello", "hello"))[0] else ""
        elif isinstance(client, Webhook):
            asked.append(name)
            await client.tell("hello")
        elif isinstance(client, Storage):
            asked.append(name)
            await client.look()
        else:
            return ""
    except ServiceError:
        return ""
    return name


@pytest.mark.parametrize("fault", FAULTS)
def test_every_client_ends_with_an_error_of_the_service(
    beside: Beside, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(storage, "WHOLE", WITHIN)
    beside.change(lambda sandbox: sandbox.inject(f"all {fault}"))
    policies = load(ROOT / "deploy.yml").policies["sandbox"].by_type()
    settings = sandbox_settings("sandbox", beside.sandbox.description(), policies)
    asked: list[str] = []

    async def everybody(world: World) -> list[str]:
        return list(await asyncio.gather(*(failure_of(client, asked) for client in vars(world).values())))

    async def go() -> tuple[list[str], str, float]:
        async with open_world(settings, Release("a" * 40, "."), "r1", SystemClock()) as world:
            began = time.monotonic()
            failures = await everybody(world)
            page = await world.visitor.get(f"http://{settings.domain}/", patience=WITHIN)
            return [name for name in failures if name], page.failure, time.monotonic() - began

    tracemalloc.start()
    failures, page, took = asyncio.run(go())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert failures == []
    assert page
    assert {"Vercel", "GitHub", "Sentry", "BetterStack", "Neon", "Channels", "Storage", "UpstashAccount"} <= set(asked)
    assert took < 25 * slowness()
    assert peak < 150_000_000
