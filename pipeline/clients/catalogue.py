"""Asks Postgres' own catalogue about one schema: tables, columns, sizes, definitions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.clients.inventory import OURS, known

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

__all__ = ["counts", "definitions", "known"]

TABLES = f"""
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and {OURS}"""


DEFINITIONS = f"""
select 'column ' || quote_ident(c.relname) || '.' || quote_ident(a.attname),
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
    (select 'not valid' from pg_constraint k where k.conrelid = c.oid and k.contype = 'n' and not k.convalidated
      and k.conkey = array[a.attnum]),
    case a.attgenerated when 's' then 'generated' when 'v' then 'generated virtual' end,
    case when a.attidentity <> '' then 'identity' end,
    (select 'default ' || pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d
      where d.adrelid = c.oid and d.adnum = a.attnum))
 from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(s)s and c.relkind in ('r', 'p', 'f') and a.attnum > 0 and not a.attisdropped and {OURS}
union all
select 'table ' || quote_ident(c.relname), concat_ws(' ', c.relkind::text, c.relpersistence::text,
    case when c.relrowsecurity then 'row security' end, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid))
 from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(s)s and c.relkind in ('r', 'p', 'f') and {OURS}
union all
select 'constraint ' || quote_ident(c.relname) || '.' || quote_ident(k.conname), pg_get_constraintdef(k.oid)
 from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(s)s and k.contype not in ('n', 't') and {OURS}
union all
select 'index ' || quote_ident(i.relname),
    pg_get_indexdef(x.indexrelid) || case when x.indisvalid then '' else ' (invalid)' end
 from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
 join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(s)s and {OURS}
 and not exists (select from pg_constraint k where k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x'))
union all
select 'view ' || quote_ident(c.relname), pg_get_viewdef(c.oid)
 from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(s)s and c.relkind in ('v', 'm') and {OURS}
union all
select 'function ' || p.oid::regprocedure, pg_get_functiondef(p.oid)
 from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = %(s)s and p.prokind in ('f', 'p')
 and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all
select 'trigger ' || quote_ident(c.relname) || '.' || quote_ident(t.tgname), pg_get_triggerdef(t.oid)
 from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(s)s and not t.tgisinternal and {OURS}
union all
select 'policy ' || quote_ident(tablename) || '.' || quote_ident(policyname),
    concat_ws(' ', permissive, roles::text, cmd, qual, with_check)
 from pg_policies where schemaname = %(s)s
union all
select 'type ' || quote_ident(t.typname), coalesce(
    (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e
      where e.enumtypid = t.oid), format_type(t.typbasetype, t.typtypmod))
 from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where n.nspname = %(s)s and t.typtype in ('e', 'd')
 and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')
union all
select 'sequence ' || quote_ident(sequencename), concat_ws(' ', data_type::text, 'by', increment_by, cycle)
 from pg_sequences where schemaname = %(s)s"""


SCHEMAS = f"""
select distinct n.nspname::text from pg_namespace n left join pg_class c on c.relnamespace = n.oid
 left join pg_type t on t.typnamespace = n.oid and t.typtype in ('e', 'd')
 left join pg_proc p on p.pronamespace = n.oid
where coalesce(c.oid, t.oid, p.oid) is not null and {OURS.replace("c.relname <>", "c.relname is distinct from")}
 and not exists (select from pg_depend d where d.objid in (n.oid, t.oid, p.oid) and d.deptype = 'e') order by 1"""


async def schemas(db: "Connection") -> tuple[str, ...]:
    """List the schemas in which there is something that belongs to no extension."""
    return tuple(name for (name,) in await _rows(db, SCHEMAS))


async def definitions(db: "Connection", schema: str, *, named: bool = False) -> Mapping[str, str]:
    """Read the definition of every object of ``schema``, by its kind and name, as Postgres would write it down.

    ``named``: the names have the schema before them.
    """
    cursor = await db.execute(DEFINITIONS.encode(), {"s": schema})
    found = {str(name): " ".join(str(text).split()) for name, text in await cursor.fetchall()}
    return {_within(schema, name): text for name, text in found.items()} if named else found


def _within(schema: str, name: str) -> str:
    kind, _, rest = name.partition(" ")
    return name if rest.startswith(f"{schema}.") else f"{kind} {schema}.{rest}"


async def counts(db: "Connection", schema: str) -> Mapping[str, int]:
    """Count the rows of every table, all in one snapshot."""
    from psycopg import sql

    names = [(space, name) for space, name in await _rows(db, TABLES) if space == schema]
    await db.execute("begin isolation level repeatable read read only")
    try:
        found = {}
        for space, name in sorted(names):
            cursor = await db.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(space, name)))
            (found[name],) = await cursor.fetchone() or (0,)
        return found
    finally:
        await db.execute("rollback")


async def _rows(db: "Connection", sql: str) -> list[tuple[Any, ...]]:
    return await (await db.execute(sql.encode())).fetchall()
