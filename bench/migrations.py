"""Reading and judging migrations; applying 200 against psql; how long readers wait behind one that is blocked.

Run: .venv/bin/python -m bench.migrations [rounds]
"""

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import psycopg

from checks.healthy import healthy
from checks.policy import DatabasePolicy
from checks.sql import nobody_waits
from pipeline.clients.address import environment
from pipeline.clients.lockbudget import LockBudget
from pipeline.clients.migrator import Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.clock import SystemClock
from pipeline.errors import Rejected
from pipeline.sandbox.postgres import Postgres as Server
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known, Table

RATE, SECONDS, POOL = 200, 10.0, 80


def migration(number: int, prefix: str = "t") -> Migration:
    """What Prisma writes on an ordinary day."""
    name = f"{prefix}{number}"
    sql = f"""-- CreateTable
CREATE TABLE "{name}" ("id" TEXT NOT NULL, "title" TEXT NOT NULL, CONSTRAINT "{name}_pkey" PRIMARY KEY ("id"));
-- CreateIndex
CREATE UNIQUE INDEX "{name}_title_key" ON "{name}"("title");
-- AlterTable
ALTER TABLE "{name}" ADD COLUMN "level" INTEGER NOT NULL DEFAULT 1;
"""
    return Migration(f"2026{number:08d}_{name}", sql.encode())


def judge(count: int = 1000) -> float:
    """Seconds to class every statement of ``count`` migrations and to ask the gate."""
    texts = [(one.name, one.sql) for one in (migration(number) for number in range(count))]
    known = Known({f"old{number}": Table(10) for number in range(500)})
    began = time.perf_counter()
    changes = changes_of(texts, known)
    samples = healthy(nobody_waits.name)
    planned = next(kind for kind in nobody_waits.inputs.values() if kind.__name__ == "PlannedChanges")
    findings = nobody_waits.ask({**samples, planned: planned(changes), DatabasePolicy: DatabasePolicy()})
    took = time.perf_counter() - began
    assert not findings
    assert len(changes) >= 3 * count
    return took


def ours(url: str, files: list[Migration]) -> float:
    began = time.perf_counter()
    migrator = Migrator(Postgres(url), LockBudget(1, 10, 60), SystemClock(), run="bench")
    done = asyncio.run(migrator.apply(files))
    took = time.perf_counter() - began
    assert len(done) == len(files)
    return took


def theirs(psql: str, url: str, paths: list[Path]) -> float:
    words = [word for path in paths for word in ("-f", str(path))]
    began = time.perf_counter()
    subprocess.run(
        [psql, "-q", "-X", "-v", "ON_ERROR_STOP=1", *words],
        env=environment(Postgres(url).address),
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def engines(url: str, folder: Path) -> float:
    """Seconds that Prisma's own schema engine (WebAssembly) takes for the same files, without the start of Node."""
    oracle = Path(__file__).resolve().parent.parent / "tests/schemaengine/oracle.mjs"
    words = ["node", str(oracle), "deploy", url, str(folder)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert '"error"' not in done.stdout, done.stdout[:500]
    return float(done.stderr.split()[-1])


def bare(url: str, files: list[Migration]) -> float:
    """Seconds that PostgreSQL takes for the statements alone: a message a file, nothing written down of it."""
    with psycopg.connect(url, autocommit=True) as db:
        began = time.perf_counter()
        for one in files:
            db.execute(one.sql)
        return time.perf_counter() - began


def beside_the_engine(server: Server, rounds: int, count: int = 800) -> tuple[float, float, float] | None:
    """Median seconds of ours, of Prisma's engine and of the statements alone for ``count`` migrations, in turns.

    None without the engine.

    What both leave behind must be equal: the history, and the definition of every object.
    """
    modules = Path(__file__).resolve().parent.parent / "tests/schemaengine/node_modules"
    if not shutil.which("node") or not modules.is_dir():
        return None
    files, mine, other, alone = [migration(number) for number in range(count)], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "migration_lock.toml").write_text('provider = "postgresql"\n')
        for one in files:
            (Path(folder) / one.name).mkdir()
            (Path(folder) / one.name / "migration.sql").write_bytes(one.sql)
        for turn in range(rounds):
            urls = [empty(server, f"{who}{turn}") for who in ("we", "they")]
            mine.append(ours(urls[0], files))
            other.append(engines(urls[1], Path(folder)))
            alone.append(bare(empty(server, f"nobody{turn}"), files))
            left = [asyncio.run(left_by(url)) for url in urls]
            assert left[0] == left[1], "histories and schemas are equal"
    return statistics.median(mine), statistics.median(other), statistics.median(alone)


def empty(server: Server, name: str) -> str:
    """The address of a database with nothing in it."""
    url = server.fresh_database("bench" + name)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"create database {name} template template0".encode())
    return f"{url.rpartition('/')[0]}/{name}"


async def left_by(url: str) -> object:
    database = Postgres(url)
    rows = "select migration_name, checksum, applied_steps_count, logs from _prisma_migrations order by 1"
    _, history = await database.query(rows, asked="read what is left")
    return history, await database.definitions()


async def waits(url: str, lock: float) -> tuple[float, float, int, int]:
    """Longest and median wait of reads at RATE while a migration is blocked for SECONDS; reads, and times it tried."""
    tries = 0

    def tell(line: str) -> None:
        nonlocal tries
        tries += "stepped aside" in line

    migrator = Migrator(Postgres(url), LockBudget(lock, SECONDS, 60), SystemClock(), run="bench", tell=tell)
    took: list[float] = []
    idle: list[psycopg.AsyncConnection[Any]] = []
    pool = asyncio.Semaphore(POOL)

    async def read() -> None:
        began = time.perf_counter()
        async with pool:  # who waits for a connection waits, too
            db = idle.pop()
            await db.execute(b'select count(*) from "Lesson"')
            idle.append(db)
        took.append(time.perf_counter() - began)

    idle += [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(POOL)]
    async with Postgres(url).connection("block", name="nightly report") as blocker:
        await blocker.execute(b'begin; select from "Lesson"')
        applying = asyncio.ensure_future(migrator.apply([Migration("20260401_x", b'alter table "Lesson" add x int')]))
        reads, began = [], time.perf_counter()
        for number in range(round(RATE * SECONDS)):
            await asyncio.sleep(max(0, began + number / RATE - time.perf_counter()))
            reads.append(asyncio.ensure_future(read()))
        await asyncio.gather(*reads)
        result = (await asyncio.gather(applying, return_exceptions=True))[0]
        assert isinstance(result, Rejected), result
        await blocker.execute(b"rollback")
    for db in idle:
        await db.close()
    return max(took), statistics.median(took), len(took), tries


def main(rounds: int = 5) -> None:
    judged = statistics.median(judge() for _ in range(rounds))
    print(f"  reading and judging: {1000 / judged:,.0f} migrations a second  (wanted: at least 3,000)")
    print(f"    8,000 at once take {judge(8000) / judged:.1f} times as long as 1,000  (wanted: about 8)")
    tracemalloc.start()
    judge(3000)
    print(f"    3,000 take at most {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB  (wanted: under 40)")
    tracemalloc.stop()
    server = Server(Path(tempfile.mkdtemp()), durable=True)  # a commit costs what it costs on a real server
    server.start()
    psql = shutil.which("psql") or str(Path(server._binary("psql")))
    try:
        with tempfile.TemporaryDirectory() as folder:
            mine, other = [], []
            for turn in range(rounds):
                files = [migration(number) for number in range(200)]
                paths = [Path(folder) / f"{one.name}.sql" for one in files]
                for one, path in zip(files, paths, strict=True):
                    path.write_bytes(one.sql)
                mine.append(ours(server.fresh_database(f"ours{turn}"), files))
                other.append(theirs(psql, server.fresh_database(f"theirs{turn}"), paths))
        a, b = statistics.median(mine), statistics.median(other)
        print(f"  applying 200 migrations: {a:.2f} s ÷ psql {b:.2f} s = {a / b:.2f}  (wanted: at most 1.3)")
        if beside := beside_the_engine(server, rounds):
            a, b, alone = beside
            share = f"{a / b:.2f}  (wanted: at most 0.45)"
            print(f"  applying 800 migrations: {a:.2f} s ÷ Prisma's engine (WebAssembly) {b:.2f} s = {share}")
            print(f"    PostgreSQL alone, a message a file: {alone:.2f} s, {alone / b:.2f} of the engine's time")
        lock = DatabasePolicy().lock_timeout
        longest, median, count, tries = asyncio.run(waits(server.fresh_database("waits"), lock))
        print(f"  {count} reads at {RATE}/s; the migration is blocked for {SECONDS:.0f} s and tries {tries + 1} times:")
        print(f"    longest wait {longest:.2f} s, median {median * 1000:.1f} ms  (wanted: at most {lock:g} s)")
    finally:
        server.destroy()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
