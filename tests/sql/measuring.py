"""Asks Postgres itself what a statement locks, rewrites and reads, and our judge what it says about it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from checks.evidence import Change
from pipeline.sql.reading import LOCKS, SHARE

HERE = Path(__file__).parent
TOWN = (HERE / "town.sql").read_text()

TABLES = """
    select c.oid, case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname,
      pg_relation_filenode(c.oid), pg_stat_get_xact_numscans(c.oid), c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
HELD = """
    select relation, mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and relation = any(%s)
"""
MODES = {
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}


@dataclass(frozen=True)
class Effect:
    """What a migration does to tables that were there before. ``locks``: table → the strongest, of SHARE and above.

    ``rewrites``, ``scans``: the tables that are written anew, or read from end to end, under such a lock.
    """

    locks: tuple[tuple[str, str], ...]
    rewrites: frozenset[str]
    scans: frozenset[str]


def migrations() -> list[str]:
    """The paragraphs of statements.sql, their comments left out."""
    text = (HERE / "statements.sql").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split("\n\n") if part.strip()]


def measured(db: "psycopg.Connection", sql: str) -> Effect:
    """Run ``sql`` in a transaction, look, and take it back. A table goes by the name that it had before."""
    try:
        before = {oid: (name, heap, scans) for oid, name, heap, scans, _ in db.execute(TABLES).fetchall()}
        db.execute(sql.encode())
        after = {oid: (heap, scans) for oid, _, heap, scans, _ in db.execute(TABLES).fetchall()}
        held: dict[str, str] = {}
        for oid, mode in db.execute(HELD, [list(before)]).fetchall():
            if mode in MODES:
                name = before[oid][0]
                held[name] = max(held.get(name, ""), MODES[mode], key=LOCKS.index)
    finally:
        db.rollback()
    there = {oid: about for oid, about in before.items() if oid in after}
    rewrites = {name for oid, (name, heap, _) in there.items() if after[oid][0] != heap}
    scans = {name for oid, (name, _, scans) in there.items() if after[oid][1] > scans}
    return Effect(tuple(sorted(held.items())), frozenset(rewrites & held.keys()), frozenset(scans & held.keys()))


RENAMED = re.compile(r"ALTER TABLE (\w+) (?:RENAME TO (\w+)|SET SCHEMA (\w+))")


def judged(changes: Iterable[Change], sql: str) -> Effect:
    """What the judge says of ``sql``, in the same words: a table goes by the name that it had before."""
    renamed = {new or f"{space}.{old}": old for old, new, space in RENAMED.findall(sql)}
    locks: dict[str, str] = {}
    rewrites, scans = set(), set()
    for one in changes:
        if not one.table or one.rule == "long-under-lock":
            continue
        name = renamed.get(one.table, one.table)
        if LOCKS.index(one.lock) >= LOCKS.index(SHARE):
            locks[name] = max(locks.get(name, ""), one.lock, key=LOCKS.index)
        if one.rewrites:
            rewrites.add(name)
        if one.scans:
            scans.add(name)
    return Effect(tuple(sorted(locks.items())), frozenset(rewrites & locks.keys()), frozenset(scans & locks.keys()))
