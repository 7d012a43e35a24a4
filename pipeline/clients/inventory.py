"""Asks Postgres' own catalogue what a database holds, as the linter of migrations needs to know it: one query."""

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.sql.known import Constraint, Domain, Index, Known, Table, View

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[Any]

OURS = """n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
 and c.relname <> '_prisma_migrations'
 and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')"""
NOT_SYSTEM = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"
NOT_NULL = re.compile(r'^CHECK \(\(("?)(.+?)\1 IS NOT NULL\)\)( NO INHERIT)?( NOT VALID)?$')
ROWS = """greatest(c.reltuples, pg_stat_get_live_tuples(c.oid),
  case when c.reltuples < 0 then pg_relation_size(c.oid) / 100 else 0 end)::bigint"""
COLUMNS = """(select coalesce(jsonb_object_agg(a.attname, jsonb_build_array(format_type(a.atttypid, a.atttypmod),
   a.attnotnull, a.atthasdef or a.attidentity <> '', a.attgenerated,
   case when a.attcollation <> t.typcollation then l.collname end)), '{}')
  from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation l on l.oid = a.attcollation
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)"""


def _names(keys: str, relation: str) -> str:
    return f"""(select coalesce(jsonb_agg(a.attname order by o), '[]') from unnest({keys}) with ordinality u(k, o)
  join pg_attribute a on a.attrelid = {relation} and a.attnum = u.k)"""


def _no_member(alias: str) -> str:
    return f"not exists (select from pg_depend e where e.objid = {alias}.oid and e.deptype = 'e')"


EVERYTHING = f"""
select 'server', jsonb_build_array(current_setting('server_version_num')::int / 10000,
  (select bool_and(extract(timezone from moment) = 0)
   from generate_series(timestamptz '1800-01-01', timestamptz '2100-01-01', interval '1 month') moment))
union all
select 'table', jsonb_build_array(n.nspname, c.relname, {ROWS}, {COLUMNS},
  (select coalesce(jsonb_agg(pg_get_constraintdef(k.oid)), '[]') from pg_constraint k
    where k.conrelid = c.oid and k.contype = 'c' and k.convalidated), c.relkind,
  (select jsonb_build_array(pn.nspname, p.relname) from pg_inherits h join pg_class p on p.oid = h.inhparent
    join pg_namespace pn on pn.oid = p.relnamespace where h.inhrelid = c.oid order by h.inhseqno limit 1),
  exists (select from pg_partitioned_table d where d.partdefid = c.oid),
  (select {_names("d.partattrs", "c.oid")} from pg_partitioned_table d where d.partrelid = c.oid))
 from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'm') and {OURS}
union all
select 'index', jsonb_build_array(n.nspname, i.relname, c.relname, {_names("x.indkey[:x.indnkeyatts-1]", "c.oid")},
  x.indisunique, x.indpred is null and x.indexprs is null, x.indimmediate and x.indisvalid,
  {
    _names(
        "x.indkey::int2[] || array(select d.refobjsubid::int2 from pg_depend d where d.objid = i.oid"
        " and d.classid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid > 0)",
        "c.oid",
    )
})
 from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
 join pg_namespace n on n.oid = c.relnamespace where {OURS}
union all
select 'constraint', jsonb_build_array(n.nspname, c.relname, k.conname, k.contype, {_names("k.conkey", "k.conrelid")},
  tn.nspname, t.relname, {_names("k.confkey", "k.confrelid")}, k.convalidated,
  coalesce((to_jsonb(k) ->> 'conenforced')::bool, true), k.confdeltype = 'c',
  case when k.contype = 'c' then pg_get_constraintdef(k.oid) else '' end)
 from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
 left join pg_class t on t.oid = k.confrelid left join pg_namespace tn on tn.oid = t.relnamespace
 where k.contype in ('p', 'u', 'c', 'f', 'n', 'x') and {OURS}
union all
select 'view', jsonb_build_array(n.nspname, c.relname, {COLUMNS},
  (select coalesce(jsonb_agg(distinct jsonb_build_array(un.nspname, u.relname, ua.attname)), '[]')
   from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
   join pg_class u on d.refclassid = 'pg_class'::regclass and u.oid = d.refobjid and u.oid <> c.oid
   join pg_namespace un on un.oid = u.relnamespace
   left join pg_attribute ua on ua.attrelid = u.oid and ua.attnum = d.refobjsubid and d.refobjsubid > 0
   where r.ev_class = c.oid))
 from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and {OURS}
union all
select 'enum', jsonb_build_array(t.typname, jsonb_agg(e.enumlabel order by e.enumsortorder))
 from pg_enum e join pg_type t on t.oid = e.enumtypid group by t.oid, t.typname
union all
select 'domain', jsonb_build_array(t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull or exists (
  select from pg_constraint k where k.contypid = t.oid))
 from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype = 'd' and {NOT_SYSTEM}
union all
select 'trigger', jsonb_build_array(n.nspname, c.relname, t.tgname, p.proname)
 from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 join pg_proc p on p.oid = t.tgfoid where not t.tgisinternal and {OURS}
union all
select 'trigger', jsonb_build_array(n.nspname, c.relname, p.polname, '')
 from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace where {OURS}
union all
select 'trigger', jsonb_build_array(n.nspname, c.relname, r.rulename, '')
 from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
 where r.rulename <> '_RETURN' and {OURS}
union all
select 'extension', jsonb_build_array(x.extname, (select coalesce(jsonb_agg(t.typname), '[]') from pg_depend d
  join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
  where d.refclassid = 'pg_extension'::regclass and d.refobjid = x.oid and d.deptype = 'e')) from pg_extension x
union all
select 'dependent', jsonb_build_array(name, a.type, to_jsonb(a.object_names))
 from (with recursive seeds as (
   select 'pg_type'::regclass class, t.oid, t.typname::text as name from pg_type t join pg_namespace n
    on n.oid = t.typnamespace where t.typtype in ('e', 'd', 'r', 'c', 'b') and t.typelem = 0 and {NOT_SYSTEM}
    and not exists (select from pg_class r where r.oid = t.typrelid and r.relkind <> 'c') and {_no_member("t")}
   union all select 'pg_proc'::regclass, p.oid, p.proname::text from pg_proc p join pg_namespace n
    on n.oid = p.pronamespace where {NOT_SYSTEM} and {_no_member("p")}
   union all select 'pg_class'::regclass, c.oid, c.relname::text from pg_class c join pg_namespace n
    on n.oid = c.relnamespace where c.relkind = 'S' and {NOT_SYSTEM} and {_no_member("c")}
   union all select 'pg_extension'::regclass, x.oid, x.extname::text from pg_extension x where x.extname <> 'plpgsql'
  ), taken(name, class, oid, sub) as (
   select name, class::oid, oid, 0 from seeds
   union select t.name, d.classid, d.objid, d.objsubid from taken t join pg_depend d on d.refclassid = t.class
    and d.refobjid = t.oid and (d.refobjsubid = t.sub or t.sub = 0) and d.deptype in ('n', 'a', 'i', 'e'))
  select * from taken where class in ('pg_class'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass,
   'pg_trigger'::regclass, 'pg_rewrite'::regclass, 'pg_policy'::regclass)) q
 cross join pg_identify_object_as_address(class, oid, sub) a
union all
select 'stable', jsonb_build_array(proname) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where {NOT_SYSTEM} group by proname having bool_and(provolatile <> 'v')
union all
select 'schema', jsonb_build_array(n.nspname) from pg_namespace n where {NOT_SYSTEM}
union all
select 'other', jsonb_build_array(proname) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where {NOT_SYSTEM}
union all
select 'other', jsonb_build_array(typname) from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where {NOT_SYSTEM}
union all
select 'other', jsonb_build_array(relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('v', 'S') and {NOT_SYSTEM}"""


async def known(db: "Connection", schema: str) -> Known:
    """Read what the linter of migrations needs to know. ``schema``: the one whose tables go by their bare names."""
    rows: dict[str, list[list[Any]]] = defaultdict(list)
    for kind, row in await (await db.execute(EVERYTHING.encode())).fetchall():
        rows[kind].append(row)

    def named(space: str | None, name: str | None) -> str:
        return f"{space}.{name}" if space != schema and name else name or ""

    ((version, utc),) = rows["server"]
    keys = {
        named(space, name): Index(
            named(space, table), tuple(columns), unique, simple and usable, frozenset(uses), simple
        )
        for space, name, table, columns, unique, simple, usable, uses in rows["index"]
    }
    constraints = {
        (named(space, table), name): Constraint(
            kind,
            tuple(columns),
            named(to_space, to),
            tuple(to_columns),
            valid,
            enforced,
            bool(deletes),
            bool(NOT_NULL.match(text)),
        )
        for space, table, name, kind, columns, to_space, to, to_columns, valid, enforced, deletes, text in rows[
            "constraint"
        ]
    }
    views = {
        named(space, name): View(
            {column: about[0] for column, about in columns.items()},
            frozenset(named(at, table) for at, table, _ in uses),
            frozenset((named(at, table), column) for at, table, column in uses if column),
        )
        for space, name, columns, uses in rows["view"]
    }
    return Known(
        tables=_summed({named(row[0], row[1]): _table(row, named) for row in rows["table"]}),
        indexes={name: index.table for name, index in keys.items()},
        others=frozenset(name for (name,) in rows["other"]),
        schema=schema,
        keys=keys,
        constraints=constraints,
        views=views,
        enums={name: tuple(values) for name, values in rows["enum"]},
        domains=_checked({name: Domain(base, checked) for name, base, checked in rows["domain"]}),
        triggers={(named(space, table), name): function for space, table, name, function in rows["trigger"]},
        extensions={name: frozenset(types) for name, types in rows["extension"]},
        dependents=_dependents(rows["dependent"], named, {name: index.table for name, index in keys.items()}),
        stable=frozenset(name for (name,) in rows["stable"]),
        schemas=frozenset(name for (name,) in rows["schema"]),
        version=version,
        utc=bool(utc),
        whole=True,
    )


def _table(row: list[Any], named: Any) -> Table:
    _, _, rows, columns, checks, kind, parent, default_part, key = row
    return Table(
        rows=rows,
        columns={name: about[0] for name, about in columns.items()},
        never_null=frozenset(found[2] for text in checks if (found := NOT_NULL.match(text))),
        required=frozenset(name for name, about in columns.items() if about[1]),
        defaulted=frozenset(name for name, about in columns.items() if about[2]),
        generated={name: about[3] for name, about in columns.items() if about[3]},
        collations={name: about[4] for name, about in columns.items() if about[4]},
        kind=kind,
        parent=named(*parent) if parent else "",
        default_part=default_part,
        key=frozenset(key or ()),
    )


def _summed(tables: dict[str, Table]) -> dict[str, Table]:
    """Give each partitioned table, whose own estimate stays at -1 or 0, the rows of its partitions."""
    sums: dict[str, int] = defaultdict(int)
    for name, table in tables.items():
        parent, seen = table.parent, {name}
        while table.kind != "p" and parent in tables and parent not in seen:
            sums[parent] += max(table.rows, 0)
            seen.add(parent)
            parent = tables[parent].parent
    return {
        name: replace(table, rows=sums[name] + (max(table.rows, 0) if table.kind != "p" else 0))
        if name in sums or table.kind == "p"
        else table
        for name, table in tables.items()
    }


def _checked(domains: dict[str, Domain]) -> dict[str, Domain]:
    """A domain over a checked domain is checked."""

    def checked(domain: Domain) -> bool:
        return domain.checked or (domain.base in domains and checked(domains[domain.base]))

    return {name: replace(domain, checked=checked(domain)) for name, domain in domains.items()}


KINDS = {
    "table column": "column", "view": "view", "materialized view": "view", "rule": "view", "default value": "default",
    "table constraint": "constraint", "trigger": "trigger", "policy": "trigger", "index": "index",
}  # fmt: skip


def _dependents(rows: list[list[Any]], named: Any, index_tables: dict[str, str]) -> dict[str, frozenset[Any]]:
    found: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for name, kind, names in rows:
        what = KINDS.get(kind)
        if what is None or len(names) < 2:
            continue
        at = named(names[0], names[1])
        part = at if what == "index" else "".join(names[2:3])
        found[name].add((what, index_tables.get(at, "") if what == "index" else at, part))
    return {name: frozenset(those) for name, those in found.items()}
