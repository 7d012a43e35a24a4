"""Finds the INVALID indexes that a build leaves when it is cut off, and clears them away.

Postgres keeps such an index up to date and never uses it, and IF NOT EXISTS takes it for the real one.
"""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.clients.postgres import LOCK_NOT_AVAILABLE
from pipeline.errors import Rejected
from pipeline.sql.statements import Node, Statement

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

CLEARING = 10  # seconds that the tidying may take; what it waits for may be what the build was waiting for
FIND = """
select i.oid::int8, quote_ident(n.nspname) || '.' || quote_ident(i.relname), x.indisvalid,
  coalesce((select l.pid from pg_locks l where l.locktype = 'relation' and l.relation = x.indrelid and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and l.mode = 'ShareUpdateExclusiveLock' and l.pid <> pg_backend_pid() limit 1), 0)
from pg_index x join pg_class i on i.oid = x.indexrelid join pg_namespace n on n.oid = i.relnamespace
where i.relkind = 'i'"""
INVALID = FIND + " and not x.indisvalid"
OF_TABLE = FIND + " and x.indrelid = to_regclass(%s) and i.relname = %s"
HALF_REBUILT = (
    INVALID
    + """ and i.relname ~ '_cc(new|old)[0-9]*$'
 and coalesce(x.indrelid = coalesce((select indrelid from pg_index where indexrelid = to_regclass(%(of)s)),
   to_regclass(%(of)s)), true)"""
)
NAMED = FIND + " and i.oid = to_regclass(%s)"


@dataclass(frozen=True)
class CatalogueIndex:
    """One index. ``name`` is quoted, with its schema; ``builder``: the pid of who works on its table, 0 for nobody."""

    oid: int
    name: str
    valid: bool
    builder: int


async def invalid(db: "Connection") -> tuple[CatalogueIndex, ...]:
    """List every INVALID index of the database."""
    return await _indexes(db, INVALID)


async def made_by(db: "Connection", statement: Statement) -> CatalogueIndex | None:
    """Find the index of the name that a CREATE INDEX gives; None when there is none, or it leaves the name open."""
    node = statement.node
    if statement.tag != "IndexStmt" or "idxname" not in node:
        return None
    found = await _indexes(db, OF_TABLE, (_of(db, node["relation"]), node["idxname"]))
    return found[0] if found else None


async def dropped_by(db: "Connection", statement: Statement) -> tuple[CatalogueIndex, ...]:
    """List those indexes that a DROP INDEX names and that are still there."""
    if statement.tag != "DropStmt":
        return ()
    found: list[CatalogueIndex] = []
    for item in statement.node["objects"]:
        words = [part["String"]["sval"] for part in item["List"]["items"]]
        found += await _indexes(db, NAMED, (".".join(_quoted(db, word) for word in words),))
    return tuple(found)


async def make_room(db: "Connection", statement: Statement) -> str:
    """Drop the INVALID index whose name ``statement`` is about to use; gives what was done, empty for nothing.

    Raises Rejected, as one that waits for a lock, when somebody is building that index now.
    """
    node = statement.node
    if statement.tag == "ReindexStmt" and statement.concurrent:
        return await _clear_half_rebuilt(db, node)
    if statement.tag != "IndexStmt" or not (node.get("concurrent") or node.get("if_not_exists")):
        return ""
    found = await made_by(db, statement)
    if found is None or found.valid:
        return ""
    if found.builder:
        says = f"the index {found.name} is being built by pid {found.builder}"
        raise Rejected(f"line {statement.line}: {statement.label}", LOCK_NOT_AVAILABLE, says, status=423)
    await _drop(db, found)
    return f"dropped the INVALID index {found.name} that an earlier try left; it is built anew"


async def _clear_half_rebuilt(db: "Connection", reindex: Node) -> str:
    """Drop the second indexes that an earlier REINDEX CONCURRENTLY of the same index, table or schema left."""
    where = _of(db, reindex["relation"]) if "relation" in reindex else None
    left = [index for index in await _indexes(db, HALF_REBUILT, {"of": where}) if not index.builder]
    for index in left:
        await _drop(db, index)
    return f"dropped what an earlier try left: {', '.join(index.name for index in left)}" if left else ""


async def clear(db: "Connection", before: Collection[int], statement: Statement) -> tuple[bool, str]:
    """Drop what a build that failed left behind, of all that is INVALID and was not there ``before``.

    Gives whether nothing is left, and what was found, in words. An index that was to be dropped stays for the next try.
    """
    left = [index for index in await invalid(db) if index.oid not in before and not index.builder]
    names = ", ".join(index.name for index in left)
    if statement.tag == "DropStmt":
        return True, f"{names} is INVALID now, and is dropped by the next try" if left else ""
    try:
        for index in left:
            await _drop(db, index)
    except Exception as error:  # it must not hide why the build failed
        return False, f"the INVALID index {names} is left ({type(error).__name__}); drop it"
    return True, f"the INVALID index {names} that it left was dropped" if left else ""


async def _drop(db: "Connection", index: CatalogueIndex) -> None:
    await db.execute(f"set lock_timeout = 0; set statement_timeout = {CLEARING * 1000}".encode())
    try:
        await db.execute(f"drop index concurrently if exists {index.name}".encode())
    finally:
        with contextlib.suppress(Exception):
            await db.execute(b"reset lock_timeout; reset statement_timeout")


async def _indexes(db: "Connection", sql: str, values: Any = None) -> tuple[CatalogueIndex, ...]:
    rows = await (await db.execute(sql.encode(), values)).fetchall()
    return tuple(CatalogueIndex(*row) for row in rows)


def _of(db: "Connection", relation: Node) -> str:
    return ".".join(_quoted(db, relation[key]) for key in ("schemaname", "relname") if key in relation)


def _quoted(db: "Connection", name: str) -> str:
    from psycopg import sql

    return sql.Identifier(name).as_string(db)
