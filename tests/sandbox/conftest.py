import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipeline.sandbox.postgres import Postgres
from pipeline.sandbox.sandbox import Sandbox
from tests.sandbox import fixtures
from tests.sandbox.fixtures import Clock, Services

Scenario = Callable[[Services], Coroutine[Any, Any, None]]


@pytest.fixture(scope="session")
def postgres(cluster: Path) -> Iterator[Postgres]:
    with fixtures.running_postgres() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(postgres: Postgres, tmp_path: Path, clock: Clock) -> Iterator[Sandbox]:
    made = fixtures.fresh_sandbox(postgres, tmp_path / "home", clock)
    yield made
    made.discard()
    postgres.drop(urlsplit(made.core.database_url).path.lstrip("/"))


@pytest.fixture
def play(sandbox: Sandbox) -> Callable[[Scenario], None]:
    """Run an async scenario with clients of all services."""

    def run(scenario: Scenario) -> None:
        async def whole() -> None:
            async with fixtures.services_of(sandbox) as services:
                await scenario(services)

        asyncio.run(whole())

    return run
