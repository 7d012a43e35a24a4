"""Fixtures that several test modules share: a real Postgres, and a sandbox in this process on a clock we move."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sandbox.postgres import Postgres
from tests.stage import InProcess


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One real Postgres for the whole session; each test gets databases of its own."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """A database as production's is before the first deploy: migrated twice, with a little content."""
    return postgres.fresh_database(f"t{uuid.uuid4().hex[:12]}")


@pytest.fixture
def empty_database_url(database_url: str) -> str:
    """A database for tables of our own."""
    return database_url


@pytest.fixture
def inside(tmp_path: Path, database_url: str) -> InProcess:
    """The sandbox in this process, at rest, and everything to deploy to it."""
    return InProcess(tmp_path, database_url)
