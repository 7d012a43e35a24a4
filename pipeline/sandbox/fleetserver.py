"""Serves what a fleet needs on one machine: a Postgres for its queue, and a world for each of its example projects.

``python -m pipeline.sandbox.fleetserver --home DIR``; ``launch.attach`` starts it. ``DIR/worlds.json`` lists the homes
of the projects that have a world here: one process and one Postgres for all, a database each. A command in such a home
finds its world as it finds any sandbox, by the ``running.json`` in its ``.sandbox``.
"""

import asyncio
import contextlib
import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from starlette.types import Receive, Scope, Send

from pipeline.sandbox import launch, server
from pipeline.sandbox.ports import Ports
from pipeline.sandbox.postgres import Database, Postgres
from pipeline.sandbox.sandbox import Sandbox

WORLDS, QUEUE, FOLDER = "worlds.json", "queue", ".sandbox"
BESIDE = 2000  # file descriptors beside the ports: connections of those that are under way


class Worlds:
    """All worlds as one ASGI app: the port that a request came to says whose it is."""

    def __init__(self) -> None:
        self._by_port: dict[int, Sandbox] = {}
        self.sandboxes: dict[Path, Sandbox] = {}
        self.sockets: list[socket.socket] = []

    def open(self, home: Path, database: Database) -> None:
        """Open the world of ``home``, and listen for it."""
        sockets = server.bind(home)
        sandbox = Sandbox(home, database)
        numbers = tuple(listener.getsockname()[1] for listener in sockets)
        sandbox.served_on(Ports(numbers))
        self._by_port |= dict.fromkeys(numbers, sandbox)
        self.sandboxes[home] = sandbox
        self.sockets += sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._by_port[(scope.get("server") or ("", 0))[1]](scope, receive, send)

    def close(self) -> None:
        for sandbox in self.sandboxes.values():
            sandbox.close()


def run(home: Path, unheld: float) -> None:
    """Serve until the last holder has gone, or ``unheld`` seconds when none comes, or until a signal."""
    postgres, worlds = Postgres(home), Worlds()
    homes = homes_of(home)
    _allow_files(len(homes))
    with contextlib.ExitStack() as stack:
        stack.callback(postgres.stop)
        base = postgres.start().rpartition("/")[0]
        there = _databases(base)
        stack.callback(worlds.close)
        for project in homes:
            project.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(launch.locked(project, 10))  # its own sandbox must not begin beside this one
            name = f"world_{project.parent.name}"
            url = f"{base}/{name}" if name in there else postgres.fresh_database(name)
            worlds.open(project, Database(url))
        own: dict[str, Any] = {"pid": os.getpid(), "queue_url": f"{base}/{QUEUE}", "worlds": len(homes)}
        described = {folder: sandbox.description for folder, sandbox in worlds.sandboxes.items()}
        try:
            asyncio.run(server.serve(worlds, worlds.sockets, {**described, home: lambda: own}, unheld))
        finally:
            for folder in (*described, home):
                (folder / "running.json").unlink(missing_ok=True)


def homes_of(home: Path) -> list[Path]:
    """The ``.sandbox`` of every project that has a world here; those of projects that are gone are left out."""
    try:
        named = json.loads((home / WORLDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(one) / FOLDER for one in named if Path(one).is_dir()]


def _databases(base: str) -> set[str]:
    """The names of the databases that are there, after making the one of the queue if need be."""
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        there = {str(name) for (name,) in admin.execute("select datname from pg_database")}
        if QUEUE not in there:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(QUEUE)))
    return there


def _allow_files(worlds: int) -> None:
    """Let this process have a socket for each port. Raises RuntimeError when the machine does not allow so many."""
    least = worlds * server.COUNT + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and least > hard:
        raise RuntimeError(f"{worlds} worlds want {least} open files, and this machine allows {hard}: ulimit -Hn")
    best = 2 * least if hard == resource.RLIM_INFINITY else min(2 * least, hard)
    if soft != resource.RLIM_INFINITY and best > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))


def main() -> int:
    return launch.serving("pipeline.sandbox.fleetserver", str(__doc__), run)


if __name__ == "__main__":
    sys.exit(main())
