"""Says, after Postgres refused for want of a privilege, which role lacks what on which table, and who can grant it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipeline.errors import ServiceError
from pipeline.sql.statements import Statement, nodes

if TYPE_CHECKING:
    import psycopg

    from pipeline.clients.postgres import Postgres

    Connection = psycopg.AsyncConnection[Any]

DENIED = "42501"  # insufficient_privilege
HISTORY = ("select", "insert", "update")
NAMED = """
select c.oid::regclass::text, c.relowner::regrole::text, pg_has_role(current_user, c.relowner, 'usage'),
  current_user::regrole::text, array(select p from unnest(%(wanted)s::text[]) p
    where not has_table_privilege(c.oid, p)), has_schema_privilege(c.relnamespace, 'usage')
from pg_class c where c.oid = to_regclass(%(name)s)"""
CREATING = """
select current_user::regrole::text, quote_ident(n.nspname), has_schema_privilege(n.oid, 'create')
from pg_namespace n where n.nspname = coalesce(%(schema)s, current_schema())"""


async def of_history(database: "Postgres", table: str) -> str:
    """Say what the role of ``database`` lacks on the history table; empty when it lacks nothing, or nobody can tell."""
    try:
        async with database.connection("see what the role may do") as db:
            return await _on(db, table, HISTORY)
    except ServiceError:
        return ""


async def of_statement(database: "Postgres", statement: Statement | None) -> str:
    """Say what the role of ``database`` lacks to run ``statement``; empty when nobody can tell."""
    if statement is None:
        return ""
    try:
        async with database.connection("see what the role may do") as db:
            said = [await _on(db, name, (), owns=True) for name in _tables(db, statement)]
            return "; ".join(filter(None, said)) or await _creating(db, statement)
    except ServiceError:
        return ""


async def _on(db: "Connection", name: str, wanted: Iterable[str], *, owns: bool = False) -> str:
    row = await (await db.execute(NAMED.encode(), {"wanted": list(wanted), "name": name})).fetchone()
    if row is None:
        return ""
    table, owner, belongs, role, lacks, _ = row
    if owns and not belongs:
        return f"{table} belongs to {owner}, and the role {role} is not a member: GRANT {owner} TO {role}"
    if lacks:
        rights = ", ".join(str(right).upper() for right in lacks)
        return f"the role {role} lacks {rights} on {table}; as {owner}: GRANT {rights} ON {table} TO {role}"
    return ""


async def _creating(db: "Connection", statement: Statement) -> str:
    relations = [*nodes(statement.node, "relation"), *nodes(statement.node, "RangeVar")]
    schema = next((str(one["schemaname"]) for one in relations if "schemaname" in one), None)
    row = await (await db.execute(CREATING.encode(), {"schema": schema})).fetchone()
    if row is None:
        return ""
    role, space, may = row
    if may:
        return f"the role is {role}"
    return f"the role {role} may not create in the schema {space}: GRANT CREATE ON SCHEMA {space} TO {role}"


def _tables(db: "Connection", statement: Statement) -> list[str]:
    from psycopg import sql

    found: list[str] = []
    for one in (*nodes(statement.node, "relation"), *nodes(statement.node, "RangeVar")):
        if "relname" in one:
            words = [str(one[key]) for key in ("schemaname", "relname") if key in one]
            found.append(".".join(sql.Identifier(word).as_string(db) for word in words))
    return list(dict.fromkeys(found))
