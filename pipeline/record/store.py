"""Where runs are remembered: one SQLite file, or Postgres so that laptops and CI share it. Same tables in both."""

import datetime
import functools
import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import Mistake, Unreachable
from pipeline.record.deadline import within
from pipeline.record.private import private_file, private_folder
from pipeline.record.spill import take_in
from pipeline.redact import Redactor

DEADLINE = 5.0  # seconds for one statement, a new connection included
QUICK, REST = 1.0, 30.0  # who took longer than the one to fail is left alone for the other

SCHEMA = """
create table if not exists deploy_events (
    seq {serial}, run text not null, at text not null, kind text not null, subject text not null, body text not null);
create table if not exists deploy_locks (
    target text primary key, holder text not null, reason text not null, host text not null, pid integer not null,
    since text not null, expires text not null, by_hand integer not null, fence integer not null);
create table if not exists deploy_samples (
    seq {serial}, at text not null, target text not null, run text not null, release text not null,
    metric text not null, value double precision not null);
create index if not exists deploy_samples_by_metric on deploy_samples (target, metric, at);
create index if not exists deploy_events_by_kind on deploy_events (kind, run);
create index if not exists deploy_events_by_run on deploy_events (run, seq)
"""


RUNS = ".runs"
"""The folder under the root for what runs leave on this machine."""


class Store(Protocol):
    """Runs one statement at a time, committed when it returns. ``?`` marks a parameter."""

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...

    def now(self) -> datetime.datetime | None:
        """The time by the store's own clock; None when that is this machine's."""

    def close(self) -> None: ...


class _Bounded:
    """Every statement has a deadline; a store that has just been silent, or locked, is not waited for again at once."""

    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self._rests_until, self._why = 0.0, ""

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Raises Unreachable, after ``DEADLINE`` at the latest."""
        began, verb = time.monotonic(), sql.split()[0]
        if began < self._rests_until:
            raise Unreachable("journal", verb, self._why)
        try:
            return within(DEADLINE, lambda: self._ask(sql, values))
        except self.errors as error:
            self._why = str(error).strip() or type(error).__name__
            if QUICK < time.monotonic() - began < DEADLINE + 2:  # after longer we were stopped, and not the store
                self._rests_until = time.monotonic() + REST
            raise Unreachable("journal", verb, self._why) from error

    def now(self) -> datetime.datetime | None:
        return None

    def _ask(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        raise NotImplementedError


class SqliteStore(_Bounded):
    """A file, written through to the disk before ``execute`` returns."""

    errors = (OSError, sqlite3.Error)  # TimeoutError is an OSError

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        try:
            within(DEADLINE, self._open)
        except (OSError, sqlite3.Error) as error:  # TimeoutError is an OSError
            raise Mistake(f"journal: cannot use {path}: {error}; set `state:` in deploy.yml or free it") from error

    def _open(self) -> None:
        if self._path.parent.name == RUNS:
            private_folder(self._path.parent)
        else:  # somebody's own folder: only the file is ours
            self._path.parent.mkdir(parents=True, exist_ok=True)
        private_file(self._path)  # SQLite gives the files beside it the same rights
        self._db = sqlite3.connect(self._path, timeout=DEADLINE - 1, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.executescript(SCHEMA.format(serial="integer primary key autoincrement"))
        self._db.executescript(
            "create trigger if not exists deploy_events_kept before update on deploy_events"
            " begin select raise(abort, 'the journal is append-only'); end;"
            "create trigger if not exists deploy_events_stay before delete on deploy_events"
            " begin select raise(abort, 'the journal is append-only'); end;"
        )
        self._file = self._path.stat().st_ino

    def _ask(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            same = self._path.stat().st_ino == self._file
        except FileNotFoundError:
            same = False
        if not same:  # SQLite would go on writing into the file that nobody can open any more
            raise FileNotFoundError(f"{self._path} was deleted or replaced while it was in use")
        return self._db.execute(sql, values).fetchall()

    def close(self) -> None:
        self._db.close()


MAKING = 7_305_421  # the lock under which the tables are made: `if not exists` fails when two look at the same time


class PostgresStore(_Bounded):
    """A shared database. psycopg is loaded only when one is configured. A connection that broke is made anew, once."""

    def __init__(self, url: str) -> None:
        import psycopg

        super().__init__()
        self.errors = (OSError, psycopg.Error)
        self._url = url
        try:
            within(DEADLINE, self._connect)
            made = f"select pg_advisory_xact_lock({MAKING});" + SCHEMA.format(serial="bigserial primary key")
            within(DEADLINE, functools.partial(self._db.execute, made.encode()))
        except (TimeoutError, psycopg.Error) as error:
            says = Redactor([url])(" ".join(str(error).split()))
            raise Mistake(f"journal: cannot use the database named by `state:`: {says}") from error

    def _connect(self) -> None:
        import psycopg

        self._db = psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,  # a pooler may hand us another connection for every statement
            connect_timeout=3,
            tcp_user_timeout=round(DEADLINE * 1000),
            keepalives_idle=5,
        )
        self._silent = False

    def now(self) -> datetime.datetime:
        """The database's clock: those who share it need not agree on the time otherwise."""
        ((epoch,),) = self.execute("select extract(epoch from clock_timestamp())::double precision")
        return datetime.datetime.fromtimestamp(epoch, datetime.UTC)

    def _ask(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._silent or self._db.closed:
            self._connect()
        db = self._db
        try:
            return self._once(sql, values)
        except self.errors:
            if not db.closed:
                raise
        self._connect()
        return self._once(sql, values)

    def _once(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """One statement with a deadline of its own; set locally, as a pooler would give it to others too."""
        self._silent = True  # until it has answered: one that never does is not asked again
        try:
            self._db.execute(f"begin; set local statement_timeout = {round(DEADLINE * 800)}".encode())
            cursor = self._db.execute(sql.replace("?", "%s").encode(), values)
            rows = cursor.fetchall() if cursor.description else []
            self._db.execute(b"commit")
        except self.errors:
            if not self._db.closed:
                self._db.execute(b"rollback")
                self._silent = False
            raise
        self._silent = False
        return rows

    def close(self) -> None:
        if not self._silent:
            self._db.close()


def open_store(state: str, root: Path) -> Store:
    """``state`` is a Postgres URL, a path, or empty for ``.runs/journal.db`` under ``root``.

    What earlier runs could not write is taken in first."""
    postgres = state.startswith(("postgres://", "postgresql://"))
    store = PostgresStore(state) if postgres else SqliteStore(root / (state or ".runs/journal.db"))
    take_in(store, root / RUNS)
    return store
