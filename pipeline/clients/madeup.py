"""Makes up rows for every table of a schema, so that what a statement costs there is what it costs on a full table.

Foreign keys lead somewhere, unique columns are unique, enums have their values. A column whose check refuses what is
made up is left to its default, or empty, where it may be. What cannot be made up is said: a table whose check, trigger
or odd type refuses it stays empty, and so do those that must point at it.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from pipeline.clients.postgres import Postgres

LONGEST = 600  # seconds for one table
HISTORY = "_prisma_migrations"
TABLES = """
select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema() and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> %s
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by c.relname"""
COLUMNS = """
select a.attrelid, a.attnum, a.attname, a.attnotnull,
  a.atthasdef or a.attidentity <> '' or a.attgenerated <> '',
  a.attidentity = '' and a.attgenerated = '' and coalesce(not pg_get_expr(d.adbin, d.adrelid) ~ '\\(', true),
  coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text, b.typtype, coalesce(nullif(a.atttypmod, -1), t.typtypmod)
from pg_attribute a join pg_type t on t.oid = a.atttypid
join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = any(%s) and a.attnum > 0 and not a.attisdropped order by a.attrelid, a.attnum"""
KEYS = """
select conrelid, confrelid, conkey::int[], confkey::int[] from pg_constraint
where contype = 'f' and conparentid = 0 and conrelid = any(%s) order by conrelid, conname"""
UNIQUE = """
select indrelid, string_to_array(indkey::text, ' ')::int[] from pg_index where indisunique and indrelid = any(%s)"""
CHECKS = """
select conrelid, conname, conkey::int[] from pg_constraint
where contype = 'c' and conkey is not null and conrelid = any(%s)"""
NUMBERED = {
    "smallint": "(g % 32767)::smallint", "integer": "g::integer", "bigint": "g::bigint", "boolean": "g % 2 = 0",
    "real": "g::real", "double precision": "g::double precision", "uuid": "md5(g::text)::uuid",
    "text": "'made up ' || g", "citext": "'made up ' || g", "json": "'{}'::json", "jsonb": "'{}'::jsonb",
    "date": "date '2000-01-01' + (g % 36500)", "bytea": "decode(md5(g::text), 'hex')",
    "timestamp without time zone": "timestamp '2020-01-01' + g * interval '1 second'",
    "timestamp with time zone": "timestamptz '2020-01-01 00:00:00Z' + g * interval '1 second'",
    "time without time zone": "time '00:00' + (g % 86400) * interval '1 second'", "interval": "g * interval '1 second'",
    "inet": "('10.' || g / 65536 % 256 || '.' || g / 256 % 256 || '.' || g % 256)::inet",
}  # fmt: skip
"""Type → the value of row ``g``, which counts from 1."""


@dataclass(frozen=True)
class Made:
    """What became of one table: its rows now, and why there are fewer than were asked for; empty when there are not."""

    table: str
    rows: int
    says: str = ""


@dataclass(frozen=True)
class _Column:
    number: int
    name: str
    needed: bool
    filled: bool
    """The database fills it by itself."""
    alike: bool
    """What it fills in is the same for every row."""
    type: str
    kind: str
    modifier: int


@dataclass(frozen=True)
class _Key:
    to: int
    columns: tuple[int, ...]
    theirs: tuple[int, ...]


@dataclass(frozen=True)
class _Table:
    id: int
    name: str
    columns: tuple[_Column, ...]
    keys: tuple[_Key, ...]
    unique: frozenset[int]
    checks: Mapping[str, frozenset[int]]
    """The columns of each check that a row must pass."""

    def may_leave(self, check: str | None) -> frozenset[int]:
        """The columns of a check that a row need not give."""
        of = self.checks.get(check or "", frozenset())
        return frozenset(one.number for one in self.columns if one.number in of and (one.filled or not one.needed))


async def make_up(database: Postgres, rows: int, special: Mapping[str, int]) -> AsyncIterator[Made]:
    """Fill every empty table with ``rows`` rows, or as many as ``special`` says of it; a line for each, parents first.

    Raises ServiceError when the database is not there.
    """
    async with database.connection("make up rows") as db:
        await db.execute(f"set statement_timeout = {LONGEST * 1000}".encode())
        tables = await _tables(db)
        names = {table.id: table for table in tables}
        empty = set[int]()
        for table in _parents_first(tables):
            made = await _fill(db, table, names, special.get(table.name, rows), empty)
            if not made.rows:
                empty.add(table.id)
            yield made
    async with database.connection("count what was made up") as db:  # what the session before did is counted by its end
        await db.execute(b"analyze")


async def _tables(db: Any) -> tuple[_Table, ...]:
    found = await (await db.execute(TABLES, (HISTORY,))).fetchall()
    ids = [id for id, _ in found]
    columns = await (await db.execute(COLUMNS, (ids,))).fetchall()
    keys = await (await db.execute(KEYS, (ids,))).fetchall()
    unique = await (await db.execute(UNIQUE, (ids,))).fetchall()
    checks = await (await db.execute(CHECKS, (ids,))).fetchall()
    return tuple(
        _Table(
            id,
            name,
            tuple(_Column(*row) for of, *row in columns if of == id),
            tuple(_Key(to, tuple(ours), tuple(theirs)) for of, to, ours, theirs in keys if of == id),
            frozenset(number for of, numbers in unique if of == id for number in numbers),
            {check: frozenset(numbers) for of, check, numbers in checks if of == id},
        )
        for id, name in found
    )


def _parents_first(tables: Sequence[_Table]) -> Iterable[_Table]:
    """Each table after those that it must point at; what goes round in a circle comes last."""
    left, there = list(tables), {table.id for table in tables}
    while left:
        waiting = {table.id for table in left}
        free = [table for table in left if not (_must_point_at(table) & there & waiting) - {table.id}] or left[:1]
        yield from free
        left = [table for table in left if table not in free]


def _must_point_at(table: _Table) -> set[int]:
    return {key.to for key in table.keys}


async def _fill(db: Any, table: _Table, tables: Mapping[int, _Table], rows: int, empty: set[int]) -> Made:
    name = sql.Identifier(table.name)
    (there,) = await (await db.execute(sql.SQL("select count(*) from {}").format(name))).fetchone()
    if there:
        return Made(table.name, there, "had rows already")
    counts = await _counts(db, table, tables)
    try:
        made = await _accepted(db, table, lambda left: _insert(table, tables, rows, counts, left))
    except _Cannot as cannot:
        return Made(table.name, 0, str(cannot))
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return Made(table.name, 0, f"nothing that was made up is accepted: {str(error).splitlines()[0]}")
    return Made(table.name, made, "" if made == rows else f"no more than {made:,} differ where they must be unique")


async def _accepted(db: Any, table: _Table, insert: Callable[[frozenset[int]], sql.Composed]) -> int:
    """Insert rows, without the columns whose checks refuse what was made up; gives how many there are."""
    left = frozenset[int]()
    while True:
        try:
            async with db.transaction():
                return int((await db.execute(insert(left))).rowcount)
        except psycopg.errors.CheckViolation as error:
            more = table.may_leave(error.diag.constraint_name) - left
            if not more:
                raise
            left |= more


class _Cannot(Exception):
    """Raised when no row of a table can be made up, with the reason."""


async def _counts(db: Any, table: _Table, tables: Mapping[int, _Table]) -> dict[int, int]:
    """The rows of every table that ``table`` points at."""
    found = {}
    for id in {key.to for key in table.keys if key.to in tables and key.to != table.id}:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(tables[id].name))
        (found[id],) = await (await db.execute(query)).fetchone()
    return found


def _insert(
    table: _Table, tables: Mapping[int, _Table], rows: int, counts: Mapping[int, int], left: frozenset[int]
) -> sql.Composed:
    """The statement that makes ``rows`` rows, without the columns ``left``.

    Rows that would not be unique are left out by the database.
    """
    names, values, joins, every = list[sql.Composable](), list[sql.Composable](), list[sql.Composable](), 1
    pointing = set[int]()
    columns = {column.number: column for column in table.columns}
    for place, key in enumerate(table.keys):
        if (pointing | left) & {*key.columns}:
            continue
        there = counts.get(key.to, 0)
        if not there:
            if any(columns[number].needed for number in key.columns):
                other = tables[key.to].name if key.to in tables else "a table of another schema"
                raise _Cannot(f"it must point at {other}, which {'is itself' if key.to == table.id else 'is empty'}")
            pointing |= {*key.columns}
            continue
        joins.append(_joined(place, key, tables[key.to], there, every))
        every *= there
        pointing |= {*key.columns}
        theirs = {column.number: column.name for column in tables[key.to].columns}
        for ours, number in zip(key.columns, key.theirs, strict=True):
            names.append(sql.Identifier(columns[ours].name))
            values.append(sql.Identifier(f"k{place}", theirs[number]))
    for column in table.columns:
        if column.number in pointing | left or (column.filled and not (column.alike and column.number in table.unique)):
            continue
        value = _value(column)
        if value is None and column.needed:
            raise _Cannot(f"nothing of the type {column.type} ({column.name}) can be made up")
        if value is not None:
            names.append(sql.Identifier(column.name))
            values.append(value)
    made = sql.SQL("insert into {} ({}) select {} from generate_series(1, {}) g {} on conflict do nothing")
    if not names:
        raise _Cannot("its columns are all filled by the database")
    comma = sql.SQL(", ")
    return made.format(
        sql.Identifier(table.name), comma.join(names), comma.join(values), sql.Literal(rows), sql.SQL(" ").join(joins)
    )


def _joined(place: int, key: _Key, to: _Table, there: int, every: int) -> sql.Composed:
    """The parent of row ``g``: the parents take turns, those of a second key once for all rows of the first."""
    text = "join (select row_number() over () - 1 as turn, t.* from {} t) {} on {}.turn = (g - 1) / {} % {}"
    alias = sql.Identifier(f"k{place}")
    return sql.SQL(text).format(sql.Identifier(to.name), alias, alias, sql.Literal(every), sql.Literal(there))


def _value(column: _Column) -> sql.Composable | None:
    """The value of ``column`` in row ``g``; None when its type has none that could be made up."""
    plain = column.type.removesuffix("[]")
    if column.type.endswith("[]"):
        return sql.SQL("'{}'")
    if column.kind == "e":
        every = sql.SQL("enum_range(null::{})").format(sql.SQL(plain))  # as Postgres itself has written it
        return sql.SQL("({})[1 + g % array_length({}, 1)]").format(every, every)
    if plain in ("character varying", "character") and column.modifier > 4:
        width = column.modifier - 4
        return sql.SQL(f"left('made up ', {max(width - 10, 0)}) || lpad(to_hex(g), {min(width, 10)}, '0')")
    if plain == "numeric" and column.modifier > 4:
        digits = (column.modifier - 4 >> 16 & 0xFFFF) - (column.modifier - 4 & 0x7FF)
        return sql.SQL(f"g % {10 ** max(digits, 0)}") if digits > 0 else sql.SQL("0")
    known = {**NUMBERED, "character varying": NUMBERED["text"], "numeric": "g::numeric"}.get(plain)
    return sql.SQL(known) if known else None
