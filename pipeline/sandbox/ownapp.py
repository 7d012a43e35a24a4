"""The sandbox for one's own app: an empty database, the app's variables, and a placeholder in production.

Whoever starts it leaves ``own.json`` in its home: ``{"health": PATH, "variables": {NAME: VALUE}}``. A value may hold
the addresses that ``Core.fill`` puts in; the path is what the monitor of production watches. Nothing of the demo app
is there: it has a sandbox of its own.
"""

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline.sandbox import stocking
from pipeline.sandbox.core import Core
from pipeline.sandbox.neonstate import Snapshot
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.pushing import push
from pipeline.sandbox.vercelstate import Deployment, FileEntry, Variable
from pipeline.sandbox.witnessstate import Monitor

FILE = "own.json"
DATABASE = "own"
FIRST = "Before this tool"
DAY = 86400.0
OUTPUT = ".vercel/output"
ANSWERS = """
import json

SAYS = {"status": "ok", "database": "ok", "note": "Nothing was deployed here yet"}


async def app(scope, receive, send):
    headers = [(b"content-type", b"application/json"), (b"x-sandbox-placeholder", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(SAYS).encode()})
"""


def variables(home: Path) -> dict[str, str] | None:
    """Read what the app is to find in its environment; None when this sandbox is the demo app's."""
    given = _told(home)
    return {str(name): str(value) for name, value in given["variables"].items()} if given else None


def _told(home: Path) -> dict[str, Any]:
    try:
        given: dict[str, Any] = json.loads((home / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return given


def database(demo: Database) -> Database:
    """Make the app's database beside the demo app's, empty, unless it is there already."""
    server, _, _ = demo.url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        if not admin.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone():
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    url = f"{server}/{DATABASE}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create extension if not exists pg_stat_statements")
    return Database(url)


def furnish(core: Core, values: dict[str, str], first: bool) -> None:
    """Give the project its variables, empty stores, and something that was deployed before.

    A variable that the project has already stays as it is: somebody may have changed it since.
    """
    project = core.state.vercel
    core.state.github.foreign = False
    _watch(core, str(_told(core.home).get("health") or "/"))
    if first:
        project.env.clear()
    known = {variable.key for variable in project.env}
    for key in [key for key in values if key not in known]:
        id, targets = f"env_{core.state.next_id()}", ["production", "preview"]
        project.env.append(Variable(id, key, values[key], "encrypted", targets, core.now()))
    stocking.stock(core)
    if first:
        project.env[:] = [variable for variable in project.env if variable.key in values]
        core.state.r2.objects.clear()
        _put_placeholder(core)


def _watch(core: Core, path: str) -> None:
    """Have the monitor watch ``path`` of production, unless somebody has pointed it elsewhere."""
    state, url = core.state.betterstack, "http://{{PRODUCTION}}"
    if not any(one.id == state.monitor for one in state.monitors):
        state.monitors.insert(0, Monitor(state.monitor, state.created, url, "health of the app", state.created))
    for one in state.monitors:
        if one.id == state.monitor and one.url.startswith(url):
            one.url = url + path


def _put_placeholder(core: Core) -> None:
    """Let production serve something that is well on every path, as a release can only follow another one."""
    project, began = core.state.vercel, core.now() - DAY
    commit = hashlib.sha1(FIRST.encode(), usedforsecurity=False).hexdigest()
    push(core, commit, FIRST, moment=began - 60)
    settings = json.dumps({"runtime": "python3.12", "handler": "main.app"})
    config = json.dumps({"version": 3, "routes": [{"src": "/.*", "dest": "/placeholder"}]})
    function = f"{OUTPUT}/functions/placeholder.func"
    texts = {f"{OUTPUT}/config.json": config, f"{function}/.vc-config.json": settings, f"{function}/main.py": ANSWERS}
    files = [FileEntry(name, core.blobs.put(text.encode()), len(text.encode())) for name, text in texts.items()]
    meta = {"githubCommitSha": commit, "githubCommitRef": "main", "githubCommitMessage": FIRST}
    id = f"dpl_{secrets.token_hex(12)}"
    env = {variable.key: variable.value for variable in project.env}
    made = Deployment(id, 0, project.name, began, "production", meta, files, env, 1.0, settled=True)
    made.was_production = True
    project.deployments[id], project.production, project.production_since = made, id, began
    neon = core.state.neon
    neon.snapshots.append(Snapshot(f"snap-{secrets.token_hex(6)}", "nightly", core.now() - DAY / 3, neon.branch))
