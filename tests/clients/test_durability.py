"""Which migrations are on the disk, and when: a server that makes its commits wait for it, and that is killed."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.errors import ServiceError
from pipeline.sandbox import postmaster
from pipeline.sandbox.postgres import Postgres as Server
from tests.scripted import MovingClock

FILES = tuple(Migration(f"202604{day:02}_t", f"create table t{day} (id int primary key)".encode()) for day in range(24))
OURS = "select count(*) from pg_stat_activity where application_name like 'deploy-pipeline%'"
WAITS = "select sum(fsyncs) from pg_stat_io where object = 'wal' and backend_type = 'client backend'"


@pytest.fixture(scope="module")
def server(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("durable"), durable=True)
    server.start()
    yield server
    server.destroy()


def apply(url: str, tell: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
    migrator = Migrator(Postgres(url), LockBudget(0.2, 0, 30), MovingClock(), run="r1", tell=tell)
    return asyncio.run(migrator.apply(FILES))


def killed(server: Server) -> None:
    """It ends at once, and what it has not yet written is lost."""
    postmaster.kill(server.data, signal.SIGQUIT)


def left(url: str) -> tuple[list[str], list[str]]:
    """The migrations that the history calls applied, and those whose table is there."""
    with psycopg.connect(url) as db:
        history = db.execute("select migration_name from _prisma_migrations where finished_at is not null").fetchall()
        tables = db.execute("select tablename from pg_tables where tablename ~ '^t[0-9]+$'").fetchall()
    return sorted(name for (name,) in history if name[:6] == "202604"), sorted(
        f"202604{int(name[1:]):02}_t" for (name,) in tables
    )


def test_one_wait_for_the_disk_makes_all_of_them_last(server: Server) -> None:
    url = server.fresh_database("lasting")
    with psycopg.connect(url, autocommit=True) as db:
        (before,) = db.execute(WAITS).fetchone() or (0,)
        apply(url)
        while db.execute(OURS).fetchone() != (0,):  # it says at its end what it did
            pass
        (after,) = db.execute(WAITS).fetchone() or (0,)
    killed(server)
    server.start()
    url = url.replace(url.rpartition("/")[0], server.reset().rpartition("/")[0])
    assert left(url)[0] == [one.name for one in FILES]
    assert after - before < len(FILES) / 2, "the last one waits for the disk, and takes the others with it"


@pytest.mark.parametrize("when", [5, 17])
def test_a_server_that_is_killed_has_the_first_ones_whole_and_their_history(server: Server, when: int) -> None:
    url = server.fresh_database(f"killed{when}")
    begun: list[str] = []

    def tell(line: str) -> None:
        begun.append(line)
        if len(begun) == when:
            killed(server)

    with pytest.raises(ServiceError):
        apply(url, tell)
    server.start()
    url = f"{server.reset().rpartition('/')[0]}/killed{when}"
    history, tables = left(url)
    assert history == tables == [one.name for one in FILES[: len(history)]]
    assert len(history) < when
    assert apply(url) == tuple(one.name for one in FILES[len(history) :])
