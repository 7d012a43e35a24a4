"""Fixtures that several test modules share: a real Postgres, and a sandbox in this process on a clock we move."""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sandbox.postgres import READY_MADE, Postgres
from tests.stage import InProcess

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes: a whole session has two thirds of this at once, nearly all of it databases."""


def has_room(memory: Path) -> bool:
    """Whether files in memory may be executed there and are enough: in a container they are often neither."""
    try:
        about = os.statvfs(memory)
    except OSError:
        return False
    return (
        not about.f_flag & getattr(os, "ST_NOEXEC", 0)
        and about.f_bavail * about.f_frsize >= ROOM
        and os.access(memory, os.W_OK)
    )


# Thousands of small files that nobody needs afterwards, each journal written through: on a disk that is half the time.
if "TMPDIR" not in os.environ and has_room(MEMORY):
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


def shared(factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this session have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a stopped, seeded cluster, made once a session; every sandbox from here on begins with a copy."""
    home = shared(tmp_path_factory) / "cluster"
    with home.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            made = Postgres(home)
            made.start()
            made.stop()
            (home / "ready").touch()
    os.environ[READY_MADE] = str(home)
    return home


def pytest_unconfigure(config: pytest.Config) -> None:
    """As root a cluster's files lie beside the session's folder, so they do not go with it."""
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is None or hasattr(config, "workerinput") or factory._basetemp is None:
        return
    home = factory.getbasetemp() / "cluster"
    if home.exists():
        os.environ.pop(READY_MADE, None)
        Postgres(home).destroy()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One real Postgres for the whole session; each test gets databases of its own."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A database as production's is before the first deploy: migrated twice, with a little content."""
    name = f"t{uuid.uuid4().hex[:12]}"
    yield postgres.fresh_database(name)
    postgres.drop(name)


@pytest.fixture
def empty_database_url(database_url: str) -> str:
    """A database for tables of our own."""
    return database_url


@pytest.fixture
def inside(tmp_path: Path, database_url: str) -> Iterator[InProcess]:
    """The sandbox in this process, at rest, and everything to deploy to it."""
    made = InProcess(tmp_path, database_url)
    yield made
    made.sandbox.discard()
