"""What linters of migrations say of the statements of shapes.py, against what PostgreSQL itself does with each.

Run: .venv/bin/python -m bench.linters [--list]
squawk: uv pip install squawk-cli. pgfence: npm install @flvmnt/pgfence anywhere, and its bin folder on the PATH.
Whichever is not there is left out. --list: also each statement that somebody was wrong about.

Each statement is held open in a transaction; a second connection reads its locks from pg_locks, file nodes tell what
was written anew, and Postgres' own counters what was read from end to end. Then what an application did before is
done once more. A statement is *dangerous* when Postgres refuses it; or rewrites or reads a table from end to end that
had rows, under a lock of SHARE or stronger on it (a materialized view's readers mind only the strongest); or an
application's SELECT or INSERT of before fails; or rows are gone. One that works CONCURRENTLY is looked at while
somebody's older transaction keeps it waiting.
"""

import asyncio
import dataclasses
import datetime
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.shapes import shapes
from checks.evidence import Change, LiveSchema, PlannedChanges
from checks.policy import DatabasePolicy
from checks.sql import can_run, data_are_kept, live_code_survives, nobody_waits
from pipeline.clients.postgres import Postgres
from pipeline.sandbox.postgres import Postgres as Server
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known
from pipeline.sql.reading import ACCESS_EXCLUSIVE, LOCKS, SHARE

HARBOUR = Path(__file__).with_name("harbour.sql").read_text()
TABLES = """
select c.oid, c.relname, pg_relation_filenode(c.oid), pg_stat_get_xact_numscans(c.oid), c.relkind from pg_class c
where c.relkind in ('r', 'p', 'm') and c.relnamespace = 'public'::regnamespace"""
HELD = "select relation, mode from pg_locks where pid = %s and locktype = 'relation' and granted"
USED = (
    "select id, code, name, depth, opened, fee, note, kind, open, load from port",
    "select id, name, tons, built, port_code, port_id from ship",
    "select id, ship_id, name, rank from crew", "select id, at, ship_id from visit", "select id, at from visit_24",
    "select id, name from open_port", "select port_id, tons from tonnage",
    "insert into port (id, code, name, note, depth, kind, opened) values (900, 'c900', 'p', 'n', 900, 'dry', now())",
    "insert into port (id, code, name, note) values (901, 'c901', 'p', 'n')",
    "insert into ship (id, name, tons, port_id, port_code) values (900, 's', 1, 1, 'c1')",
    "insert into crew (id, ship_id, name, rank) values (900, 1, 'c', 1)",
    "insert into visit (id, at, ship_id) values (900, '2024-05-05', 1)",
)  # fmt: skip
"""What the application does, before and after."""
STYLE = ("prefer-", "require-timeout", "require-lock", "require-statement", "require-enum", "ban-char-field")
"""Rules of squawk about taste, or about what a whole project sets once."""
GRAVE = ("MEDIUM", "HIGH", "CRITICAL")
"""Risks of pgfence that count as a warning."""


@dataclass(frozen=True)
class Said:
    """What a linter says of a statement, or what Postgres does with it.

    ``locks``: table → the strongest lock, of SHARE or more; None: that was not said. Likewise ``rewrites``.
    """

    dangerous: bool
    locks: Mapping[str, str] | None = None
    rewrites: frozenset[str] | None = None


def observed(url: str, sql: str) -> Said:
    """What Postgres does with ``sql``. It is taken back, but for what works CONCURRENTLY."""
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url, autocommit=True) as other:
        if "CONCURRENTLY" in sql and "REFRESH" not in sql:
            return _concurrently(db, other, sql)
        return _in_transaction(db, other, sql)


def _in_transaction(db: "psycopg.Connection[Any]", other: "psycopg.Connection[Any]", sql: str) -> Said:
    rows = _rows(db, [name for _, name, _, _, _ in db.execute(TABLES).fetchall()])
    db.execute("begin")
    before = {oid: (name, heap, scans) for oid, name, heap, scans, _ in db.execute(TABLES).fetchall()}
    views = {name for _, name, _, _, kind in db.execute(TABLES).fetchall() if kind == "m"}
    try:
        db.execute(sql.encode())
    except psycopg.Error:
        db.execute("rollback")
        return Said(True)
    locks = _locks(other, db.info.backend_pid, {oid: name for oid, (name, _, _) in before.items()})
    after = {oid: (name, heap, scans) for oid, name, heap, scans, _ in db.execute(TABLES).fetchall()}
    there = {oid: one for oid, one in before.items() if oid in after}
    rewrites = frozenset(name for oid, (name, heap, _) in there.items() if after[oid][1] != heap) & locks.keys()
    scans = frozenset(name for oid, (name, _, scans) in there.items() if after[oid][2] > scans) & locks.keys()
    lost = any(_rows(db, [after[oid][0]])[after[oid][0]] < rows[name] for oid, (name, _, _) in there.items())
    breaks = not all(_works(db, used) for used in USED)
    db.execute("rollback")
    held = {name for name, lock in locks.items() if name not in views or lock == ACCESS_EXCLUSIVE}
    long = any(rows[name] for name in (rewrites | scans) & held)
    return Said(long or lost or breaks, locks, rewrites)


def _rows(db: "psycopg.Connection[Any]", names: list[str]) -> dict[str, int]:
    return {name: db.execute(f'select count(*) from "{name}"'.encode()).fetchall()[0][0] for name in names}


def _works(db: "psycopg.Connection[Any]", sql: str) -> bool:
    db.execute("savepoint used")
    try:
        db.execute(sql.encode())
    except psycopg.Error:
        db.execute("rollback to used")
        return False
    return True


def _locks(other: "psycopg.Connection[Any]", pid: int, names: Mapping[int, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for oid, mode in other.execute(HELD, [pid]).fetchall():
        lock = "".join(f" {one}" if one.isupper() else one for one in mode.removesuffix("Lock")).strip().upper()
        if oid in names and lock in LOCKS and LOCKS.index(lock) >= LOCKS.index(SHARE):
            found[names[oid]] = max(found.get(names[oid], ""), lock, key=LOCKS.index)
    return found


def _concurrently(db: "psycopg.Connection[Any]", other: "psycopg.Connection[Any]", sql: str) -> Said:
    """Run it in a database of its own, while an older transaction has used the table."""
    names = {oid: name for oid, name, *_ in db.execute(TABLES).fetchall()}
    with psycopg.connect(db.info.dsn, password=db.info.password) as older:
        older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # else it holds no snapshot while it is idle
        older.execute("select count(*) from port")
        running = threading.Thread(target=db.execute, args=(sql.encode(),))
        running.start()
        waits = "select 1 from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
        while not other.execute(waits, [db.info.backend_pid]).fetchall():
            assert running.is_alive(), f"{sql} waits for nobody"
            time.sleep(0.01)
        locks = _locks(other, db.info.backend_pid, names)
        older.rollback()
        running.join()
    return Said(bool(locks) or not all(_works_alone(other, used) for used in USED), locks, frozenset())


def _works_alone(db: "psycopg.Connection[Any]", sql: str) -> bool:
    with db.transaction(force_rollback=True):
        return _works(db, sql)


def ours(known: Known, sqls: list[str]) -> list[Said]:
    """Our gates, with the catalogue at hand; tables count as large, and nobody knows what the live code reads."""
    return [_judged(changes_of([("m", sql.encode())], known), known) for sql in sqls]


def _judged(changes: tuple[Change, ...], known: Known) -> Said:
    planned = PlannedChanges(tuple(dataclasses.replace(one) for one in changes))
    everything = LiveSchema("a" * 40, False, says="it reads all there is")
    asked = (
        *can_run.judge(planned), *live_code_survives.judge(planned, everything), *data_are_kept.judge(planned),
        *nobody_waits.judge(DatabasePolicy(large_rows=100), planned),
    )  # fmt: skip
    locks: dict[str, str] = {}
    for one in changes:
        if one.table in known.tables and LOCKS.index(one.lock) >= LOCKS.index(SHARE):
            locks[one.table] = max(locks.get(one.table, ""), one.lock, key=LOCKS.index)
    rewrites = frozenset(one.table for one in changes if one.rewrites)
    return Said(any(found.verdict.stops for found in asked), locks, rewrites & locks.keys())


def squawk(program: str, files: list[Path]) -> list[Said | None]:
    """Its default rules, without those about style. It reads the text alone and says nothing of locks.

    It is told the server's version, and that a file is one transaction, except where that cannot be.
    """
    broken: list[tuple[str, str]] = []
    alone = [file for file in files if "CONCURRENTLY" in file.read_text()]
    for some, how in ((alone, []), ([one for one in files if one not in alone], ["--assume-in-transaction"])):
        words = [program, "--reporter", "json", "--pg-version", "18.0", *how, *map(str, some)]
        run = subprocess.run(words, capture_output=True, text=True, check=False)
        broken += [(one["file"], one["rule_name"]) for one in json.loads(run.stdout)]
    unread = {file for file, rule in broken if rule == "syntax-error"}
    warned = {file for file, rule in broken if not rule.startswith(STYLE)}
    return [None if str(file) in unread else Said(str(file) in warned) for file in files]


def pgfence(program: str, files: list[Path]) -> list[Said | None]:
    """What it calls a risk that is not low. It reads the text alone; locks are those of its findings.

    One file that it cannot read ends it, so halves are asked until those are found.
    """
    words = [program, "analyze", "--format", "sql", "--output", "json", "--min-pg-version", "18"]
    words += ["--no-lock-timeout", "--no-statement-timeout"]
    run = subprocess.run([*words, *map(str, files)], capture_output=True, text=True, check=False)
    if run.stdout.startswith("{"):
        checks = {one["filePath"]: one["checks"] for one in json.loads(run.stdout)["results"]}
        return [_of_pgfence(checks[str(file)]) for file in files]
    half = len(files) // 2
    return [*pgfence(program, files[:half]), *pgfence(program, files[half:])] if half else [None]


def _of_pgfence(checks: list[Any]) -> Said:
    locks: dict[str, str] = {}
    for one in checks:
        if one.get("tableName") and one["lockMode"] in LOCKS and LOCKS.index(one["lockMode"]) >= LOCKS.index(SHARE):
            locks[one["tableName"]] = max(locks.get(one["tableName"], ""), one["lockMode"], key=LOCKS.index)
    return Said(any(one["risk"] in GRAVE for one in checks), locks if checks else None)


def row(name: str, said: Sequence[Said | None], does: list[Said]) -> str:
    """One line of the table. Locks and rewrites are counted where both sides say something."""
    pairs = [(a, b) for a, b in zip(said, does, strict=True) if a is not None]
    bad, good = [a for a, b in pairs if b.dangerous], [a for a, b in pairs if not b.dangerous]
    locks = [a.locks == b.locks for a, b in pairs if a.locks is not None and b.locks is not None]
    rewrites = [a.rewrites == b.rewrites for a, b in pairs if a.rewrites is not None and b.rewrites is not None]
    counted = [f"{sum(one)} of {len(one)}" if one else "does not say" for one in (locks, rewrites)]
    missed, alarms = sum(not one.dangerous for one in bad), sum(one.dangerous for one in good)
    unread = len(said) - len(pairs)
    return f"| {name} | {missed} of {len(bad)} | {alarms} of {len(good)} | {unread} | {counted[0]} | {counted[1]} |"


def disagreements(sqls: list[str], does: list[Said], said: Mapping[str, Sequence[Said | None]]) -> None:
    """Print each statement that somebody was wrong about, and who."""
    for at, (sql, seen) in enumerate(zip(sqls, does, strict=True)):
        told = [(name, one) for name, those in said.items() if (one := those[at]) is not None]
        wrong = [name for name, one in told if one.dangerous != seen.dangerous]
        locks = [f"{name} says {one.locks}" for name, one in told if one.locks is not None and one.locks != seen.locks]
        if wrong or (locks and seen.locks is not None):
            print(f"{'dangerous' if seen.dangerous else 'harmless'}: {sql}   wrong: {', '.join(wrong) or 'nobody'}")
            print(f"    locks {seen.locks}; {'; '.join(locks)}" if locks and seen.locks is not None else "", end="\n")


def version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def main(*words: str) -> None:
    sqls, server = list(shapes()), Server(Path(tempfile.mkdtemp()))
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            does, known = [], None
            for number, sql in enumerate(sqls):
                if known is None or "CONCURRENTLY" in sql:
                    url = _filled(server, f"harbour{number}")
                known = known or asyncio.run(Postgres(url).known())
                does.append(observed(url, sql))
            files = [Path(folder) / f"{number:03}.sql" for number in range(len(sqls))]
            for file, sql in zip(files, sqls, strict=True):
                file.write_text(sql)
            assert known
            said: dict[str, Sequence[Said | None]] = {"ours": ours(known, sqls)}
            reading: dict[str, Callable[[str, list[Path]], list[Said | None]]] = {"squawk": squawk, "pgfence": pgfence}
            for name, read in reading.items():
                program = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
                if program:
                    said[f"{name} {version(program)}"] = read(program, files)
        with psycopg.connect(url) as db:
            found = f"PostgreSQL {db.info.server_version // 10000}.{db.info.server_version % 10000}"
        print(f"{len(sqls)} migrations, {found}, {platform.system()}, {datetime.date.today()}\n")
        print("| linter | dangerous, not warned of | harmless, warned of | not read | locks right | rewrites right |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name, those in said.items():
            print(row(name, those, does))
        if "--list" in words:
            disagreements(sqls, does, said)
    finally:
        server.destroy()


def _filled(server: Server, name: str) -> str:
    url = server.fresh_database(name)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"drop schema public cascade; create schema public; create schema elsewhere")
        db.execute(HARBOUR.encode())
    return url


if __name__ == "__main__":
    main(*sys.argv[1:])
