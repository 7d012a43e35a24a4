"""What a database must lose before a dump of it can be put back, and what of the dump stays out because it is there."""

import re

from pipeline.clients.postgres import Postgres

OTHERS = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"
NOT_OF_EXTENSION = "not exists (select from pg_depend d where d.objid = {} and d.deptype in ('e', 'i', 'a'))"
RECORD = "deploy_(events|locks|samples)"  # our own record, when it is kept in the same database
STATEMENTS = f"""
with spaces as (select n.oid, n.nspname, quote_ident(n.nspname) as name,
   n.nspname = 'public' or exists (select from pg_depend d where d.deptype = 'e' and (d.objid = n.oid or d.objid in (
     select oid from pg_class where relnamespace = n.oid union all select oid from pg_proc where pronamespace = n.oid
     union all select oid from pg_type where typnamespace = n.oid)))
   or exists (select from pg_class c where c.relnamespace = n.oid and c.relname ~ '^{RECORD}$') as stays
 from pg_namespace n where {OTHERS})
select 1, nspname::text, stays, format('drop schema %s cascade', name) from spaces where not stays
union all
select 2, nspname::text, stays, format('drop %s if exists %s.%I cascade',
   case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
    when 'f' then 'foreign table' when 'c' then 'type' else 'table' end, s.name, c.relname)
 from pg_class c join spaces s on s.oid = c.relnamespace
 where stays and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c') and c.relname !~ '^{RECORD}'
 and {NOT_OF_EXTENSION.format("c.oid")}
union all
select 3, nspname::text, stays, format('drop routine if exists %s cascade', p.oid::regprocedure)
 from pg_proc p join spaces s on s.oid = p.pronamespace where stays and {NOT_OF_EXTENSION.format("p.oid")}
union all
select 4, nspname::text, stays, format('drop type if exists %s.%I cascade', s.name, t.typname)
 from pg_type t join spaces s on s.oid = t.typnamespace
 where stays and t.typtype in ('e', 'd', 'r') and {NOT_OF_EXTENSION.format("t.oid")}
union all
select 5, nspname::text, stays, null from spaces where stays
order by 1"""
STAYS = re.compile(
    rf"^\d+; \d+ \d+ (?:EXTENSION|COMMENT - EXTENSION|PUBLICATION|SUBSCRIPTION|EVENT TRIGGER|.* {RECORD})"
)
SPACE = re.compile(r"^\d+; \d+ \d+ (?:COMMENT - )?SCHEMA (?:- )?(\S+)")


async def to_empty(database: Postgres) -> tuple[tuple[str, ...], frozenset[str]]:
    """Read the statements that empty the database, and the schemas that stay, because others have something in them.

    What extensions own, and our own record, is left alone.
    """
    _, rows = await database.query(STATEMENTS, asked="list what the database has", seconds=30)
    statements = tuple(str(text) for _, _, _, text in rows if text)
    return statements, frozenset(str(space) for _, space, stays, _ in rows if stays)


def to_fill(listed: str, stay: frozenset[str]) -> str:
    """The entries of a dump's table of contents (``pg_restore --list``) that are to be put back."""

    def wanted(line: str) -> bool:
        space = SPACE.match(line)
        return not STAYS.match(line) and not (space and space[1] in stay)

    return "\n".join(line for line in listed.splitlines() if line and not line.startswith(";") and wanted(line)) + "\n"
