"""Finds out, in an emergency, what was migrated since an older release. Never takes long, and never raises.

Everything it needs may be missing: the database's address, the journal, the files, the old commit. It then says less.
"""

import contextlib
import datetime
import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clients import git
from pipeline.clients.vercelshapes import Deployment
from pipeline.errors import Mistake

GIT_SECONDS = 1.0
META = "deployMigration"
MIGRATIONS, SCHEMA = "prisma/migrations", "prisma/schema.prisma"
HISTORY = """select migration_name, checksum, extract(epoch from started_at)::float8 from _prisma_migrations
 where finished_at is not null and rolled_back_at is null order by started_at"""


@dataclass
class ReadOfOld:
    """A question to the database that is on its way. ``rows``: (name, checksum, seconds since 1970)."""

    done: threading.Event = field(default_factory=threading.Event)
    rows: tuple[tuple[str, str, float], ...] = ()
    failure: str = ""


def ask(url: str, unencrypted: Collection[str] = ()) -> ReadOfOld:
    """Begin to read the history. The thread is nobody's to wait for: it dies with the process."""
    asked = ReadOfOld()

    def read() -> None:
        try:
            import psycopg

            from pipeline.clients.address import address_of
            from pipeline.clients.encrypted import must_be_encrypted

            must_be_encrypted("DIRECT_URL", url, unencrypted)
            at = address_of(url)
            with psycopg.connect(at.url, connect_timeout=2, autocommit=True) as db:
                db.execute("set statement_timeout = 1500")
                if at.schema_named or at.schema != "public":
                    db.execute("select set_config('search_path', %s, false)", (at.schema,))
                asked.rows = tuple(db.execute(HISTORY.encode()).fetchall())
        except Exception as error:  # whatever it is: an emergency goes on without it
            asked.failure = str(error).partition(";")[0] if isinstance(error, Mistake) else type(error).__name__
        finally:
            asked.done.set()

    threading.Thread(target=read, daemon=True).start()
    return asked


def judge(
    asked: ReadOfOld,
    target: Deployment,
    newer: float,
    folders: tuple[Path, ...],
    journal: Path,
    now: datetime.datetime | None = None,
    *,
    migrations: str = MIGRATIONS,
    schema: str = SCHEMA,
) -> Any:
    """Judge whether the old release can live with the schema: a SchemaBack, or as text why nobody can say.

    ``newer``: when the first production deployment after ``target`` was made, in seconds since 1970. ``migrations`` and
    ``schema``: their paths, as deploy.yml has them.
    """
    if asked.failure or not asked.done.is_set():
        return f"the database could not be read in time ({asked.failure or 'no answer yet'})"
    from checks.evidence import Change, LiveSchema
    from checks.schemaback import Point, SinceThen, schema_back
    from pipeline.clients.prisma import order

    newest = target.meta.get(META, "")
    since = tuple(name for name, _, at in asked.rows if (newest and order(name) > order(newest)) or at >= newer)
    kept = _journalled(journal)
    changes: list[Change] = []
    unread = []
    for name in since:
        checksum = next(row[1] for row in asked.rows if row[0] == name)
        found = kept.changes.get(name)
        read = (
            [Change(**one) for one in found] if found is not None else _from_file(name, checksum, folders, migrations)
        )
        changes += read or ()
        if read is None:
            unread.append(name)
    text = _schema_at(target.commit, folders, schema)
    seen = LiveSchema(target.commit, False)
    if text is not None:
        from pipeline.sql.liveschema import live_schema

        seen = live_schema(target.commit, {"schema.prisma": text})
    points = tuple(Point(*one) for name, *one in kept.points if set(name) & set(since))
    known = SinceThen(since, tuple(changes), tuple(unread), points)
    return schema_back(known, seen, now or datetime.datetime.now(datetime.UTC))


@dataclass
class Kept:
    """What the journal of this checkout remembers. ``changes``: migration → what it did; ``points``: see Point."""

    changes: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    points: list[tuple[Any, ...]] = field(default_factory=list)


def _journalled(journal: Path) -> Kept:
    kept = Kept()
    with contextlib.suppress(Exception):
        if not journal.is_file():
            return kept
        import sqlite3

        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=1)) as db:
            rows = db.execute(
                "select run, kind, body from deploy_events where subject = 'keep-restore-point' order by seq"
            ).fetchall()
        planned: dict[str, set[str]] = {}
        for run, kind, text in rows:
            body = json.loads(text)
            for item in body.get("inputs", ()) if kind == "step begins" else ():
                if item["type"] == "PlannedChanges":
                    names = {one["migration"] for one in item["value"]["changes"]}
                    planned[run] = names
                    for name in names:
                        kept.changes[name] = [one for one in item["value"]["changes"] if one["migration"] == name]
            if kind == "step done" and (body.get("gives") or {}).get("value", {}).get("by"):
                point = body["gives"]["value"]
                made = datetime.datetime.fromisoformat(point["made"].replace("Z", "+00:00"))
                kept.points.append((planned.get(run, set()), point["name"], made, point["by_hand"]))
    return kept


def _from_file(name: str, checksum: str, folders: tuple[Path, ...], migrations: str) -> Any:
    """The changes of a migration whose file is still here, unchanged; None when it is not."""
    with contextlib.suppress(Exception):
        from pipeline.clients.prisma import Migration
        from pipeline.sql.changes import changes_of
        from pipeline.sql.known import Known

        for folder in folders:
            path = folder / migrations / name / "migration.sql"
            if path.is_file() and checksum in (one := Migration(name, path.read_bytes())).checksums:
                return changes_of([(name, one.sql)], Known())
    return None


def _schema_at(commit: str, folders: tuple[Path, ...], path: str) -> str | None:
    """The Prisma schema, a file or a folder of them, as it was at ``commit``, when a checkout here has that commit."""
    if len(commit) != 40 or set(commit) - set("0123456789abcdef"):
        return None
    for folder in folders:
        listed = git.asked(folder, ["ls-tree", "-r", "--name-only", "--full-tree", commit, path], GIT_SECONDS)
        files = [name for name in (listed or "").splitlines() if name == path or name.endswith(".prisma")]
        texts = [git.asked(folder, ["show", f"{commit}:{name}"], GIT_SECONDS) for name in files]
        if texts and None not in texts:
            return "\n".join(filter(None, texts))
    return None
