"""Where runs are remembered: one SQLite file, or Postgres so that laptops and CI share it. Same tables in both."""

import sqlite3
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import Mistake, Unreachable

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


class Store(Protocol):
    """Runs one statement at a time, committed when it returns. ``?`` marks a parameter."""

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...

    def close(self) -> None: ...


class SqliteStore:
    """A file, written through to the disk before ``execute`` returns."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.executescript(SCHEMA.format(serial="integer primary key autoincrement"))
            self._db.executescript(
                "create trigger if not exists deploy_events_kept before update on deploy_events"
                " begin select raise(abort, 'the journal is append-only'); end;"
                "create trigger if not exists deploy_events_stay before delete on deploy_events"
                " begin select raise(abort, 'the journal is append-only'); end;"
            )
        except (OSError, sqlite3.Error) as error:
            raise Mistake(f"journal: cannot use {path}: {error}; set `state:` in deploy.yml or free it") from error

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Unreachable("journal", sql.split()[0], str(error)) from error

    def close(self) -> None:
        self._db.close()


class PostgresStore:
    """A shared database. psycopg is loaded only when one is configured."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._errors = psycopg.Error
        try:
            self._db = psycopg.connect(url, autocommit=True, connect_timeout=10)
            for statement in SCHEMA.format(serial="bigserial primary key").split(";"):
                self._db.execute(statement.encode())
        except psycopg.Error as error:
            raise Mistake(f"journal: cannot use the database named by `state:`: {str(error).strip()}") from error

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            cursor = self._db.execute(sql.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []
        except self._errors as error:
            raise Unreachable("journal", sql.split()[0], str(error).strip()) from error

    def close(self) -> None:
        self._db.close()


def open_store(state: str, root: Path) -> Store:
    """``state`` is a Postgres URL, a path, or empty for ``.runs/journal.db`` under ``root``."""
    if state.startswith(("postgres://", "postgresql://")):
        return PostgresStore(state)
    return SqliteStore(root / (state or ".runs/journal.db"))
