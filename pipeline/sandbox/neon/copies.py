"""Makes databases beside the app's own, in its cluster. Everything here blocks: call it in a thread."""

import subprocess
import uuid
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from pipeline.sandbox import postmaster

Admin = psycopg.Connection[Any]
TEMPLATE = "create database {} template {} strategy file_copy"
EMPTY = "create database {} template template0"
DROP = "drop database if exists {} with (force)"
CLOSE, OPEN = "alter database {} allow_connections false", "alter database {} allow_connections true"
RENAME = "alter database {} rename to {}"
STAYING = """select 1 from pg_stat_activity where datname = %s and backend_type = 'client backend'
and backend_start < clock_timestamp() - interval '0.3 seconds' limit 1"""
SECONDS = 60  # that a dump may take


class Copies:
    """Copies databases; ``main`` is the app's own. What goes wrong is a psycopg.Error, OSError or SubprocessError."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.main = unquote(self._url.path.lstrip("/"))

    @property
    def role(self) -> str:
        return unquote(self._url.username or "")

    @property
    def password(self) -> str:
        return unquote(self._url.password or "")

    def url(self, database: str) -> str:
        """The URL at which ``database`` is reached; empty is the app's own database."""
        return self._url._replace(path=f"/{database or self.main}").geturl()

    def fresh(self, kind: str) -> str:
        """Make a name for a database that no other sandbox of the cluster uses, nor this one again."""
        return f"{self.main[:40]}_{kind}_{uuid.uuid4().hex[:12]}"

    def copy(self, source: str, to: str) -> None:
        """Copy the database ``source`` to ``to`` with its rows.

        Connections are no obstacle on Neon: then it is made by a dump.
        """
        with self._admin() as admin:
            if not admin.execute(STAYING, [source]).fetchone():
                try:
                    admin.execute(_named(TEMPLATE, to, source))
                    return
                except psycopg.errors.ObjectInUse:  # somebody came and stayed meanwhile
                    pass
        self._dump(source, to)

    def outline(self, source: str, to: str) -> None:
        """Copy the schema of the database ``source`` to ``to``, without any rows."""
        self._dump(source, to, "--schema-only")

    def drop(self, *names: str) -> None:
        """Delete databases, whoever is connected; those that are not there are fine."""
        with self._admin() as admin:
            for name in names:
                admin.execute(_named(DROP, name))

    def swap(self, name: str, by: str, aside: str) -> None:
        """Rename the database ``by`` to ``name``, and what was ``name`` to ``aside``.

        Whoever is connected is cut off.
        """
        with self._admin() as admin:
            try:
                for database in (name, by):  # a database with connections cannot be renamed
                    admin.execute(_named(CLOSE, database))
                    admin.execute(
                        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [database]
                    )
                with admin.transaction():
                    admin.execute(_named(RENAME, name, aside))
                    admin.execute(_named(RENAME, by, name))
            finally:
                for (database,) in admin.execute("select datname from pg_database where not datallowconn").fetchall():
                    if database in (name, by, aside):
                        admin.execute(_named(OPEN, str(database)))

    def disconnect(self, name: str) -> None:
        """Throw everybody out of a database."""
        with self._admin() as admin:
            admin.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [name])

    def _dump(self, source: str, to: str, *options: str) -> None:
        with self._admin() as admin:
            admin.execute(_named(EMPTY, to))
        try:
            dumped = self._run("pg_dump", source, *options)
            self._run("psql", to, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", given=dumped)
        except (OSError, subprocess.SubprocessError):
            self.drop(to)
            raise

    def _run(self, tool: str, database: str, *options: str, given: bytes = b"") -> bytes:
        command = [
            str(postmaster.package() / "bin" / tool), "-h", str(self._url.hostname), "-p", str(self._url.port),
            "-U", self.role, "-w", *options, "-d", database,
        ]  # fmt: skip
        environment = {**postmaster.environment(), "PGPASSWORD": self.password}
        done = subprocess.run(command, input=given, env=environment, capture_output=True, check=True, timeout=SECONDS)
        return done.stdout

    def _admin(self) -> Admin:
        return psycopg.connect(self.url("postgres"), autocommit=True)


def _named(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*(sql.Identifier(name) for name in names))
