"""Follows views: which columns they have, what they read, and which of them go when that goes."""

from collections.abc import Iterator

from pipeline.sql.expressions import columns_in
from pipeline.sql.known import MATERIALIZED, Table, View
from pipeline.sql.reading import ACCESS_EXCLUSIVE, Found, Reading, change
from pipeline.sql.statements import Node, nodes
from pipeline.sql.types import type_name


def view_of(reading: Reading, query: Node, aliases: list[Node] = ()) -> View:  # type: ignore[assignment]
    """Say what a view over a parsed query is. Its columns stay empty when the query does not name them all."""
    uses = frozenset(reading.table(one) for one in nodes(query, "RangeVar"))
    columns = _columns(reading, query)
    named = [alias["String"]["sval"] for alias in aliases]
    if columns is not None and named:
        pairs = list(columns.items())
        columns = {name: pairs[at][1] if at < len(pairs) else "" for at, name in enumerate(named)}
    used = frozenset((table, column) for table in uses for column in columns_in(query))
    return View(columns or dict.fromkeys(named, ""), uses, used)


def _columns(reading: Reading, query: Node) -> dict[str, str] | None:
    select = query.get("SelectStmt", {})
    while "larg" in select:
        select = select["larg"]
    found: dict[str, str] = {}
    for target in select.get("targetList", ()):
        named = list(_named(reading, select, target["ResTarget"]))
        if not named:
            return None
        found.update(named)
    return found


def _named(reading: Reading, select: Node, target: Node) -> Iterator[tuple[str, str]]:
    """Name what one item of a SELECT list gives, and its type where that is plain; nothing when nobody can tell."""
    value = target.get("val", {})
    fields = value.get("ColumnRef", {}).get("fields", ())
    if fields and "A_Star" in fields[-1]:
        of = fields[-2]["String"]["sval"] if len(fields) > 1 else ""
        tables = _sources(reading, select)
        picked = [table for alias, table in tables if of in ("", alias)]
        if picked and all(table in reading.tables and reading.about(table).columns for table in picked):
            for table in picked:
                yield from reading.about(table).columns.items()
        return
    name, kind = target.get("name", ""), ""
    if fields:
        column = fields[-1]["String"]["sval"]
        name = name or column
        kinds = {reading.column_type(table, column) for _, table in _sources(reading, select)} - {""}
        kind = next(iter(kinds)) if len(kinds) == 1 else ""
    elif "TypeCast" in value:
        kind = type_name(value["TypeCast"]["typeName"])
        inner = columns_in(value["TypeCast"]["arg"])
        name = name or (inner[0] if len(inner) == 1 else kind)
    elif "FuncCall" in value:
        name = name or value["FuncCall"]["funcname"][-1]["String"]["sval"]
    if name:
        yield name, kind


def _sources(reading: Reading, select: Node) -> list[tuple[str, str]]:
    """List what a SELECT is from: alias and table, of plain tables and joins of them."""
    own = {key: value for key, value in select.items() if key == "fromClause"}
    return [
        (one.get("alias", {}).get("aliasname", one["relname"]), reading.table(one)) for one in nodes(own, "RangeVar")
    ]


def lose_views(reading: Reading, table: str, column: str = "") -> Found:
    """Follow the views that CASCADE takes along when ``table``, or a column of it, goes."""
    for name in [name for name, view in reading.views.items() if table in view.uses]:
        view = reading.views.get(name)
        if view is None or (column and (table, column) not in view.used):
            continue
        yield from lose_view(reading, name, cascade=True)


def lose_view(reading: Reading, name: str, *, cascade: bool) -> Found:
    """Follow a view that goes."""
    view = reading.views.pop(name, None)
    materialized = reading.about(name).kind == MATERIALIZED and name in reading.tables
    new = name in reading.new or name in reading.made
    lock = ACCESS_EXCLUSIVE if materialized and not new else ""
    if not new:
        reading.lost.setdefault(name, (view or View(), materialized))
        yield change("drop-view", "contract", name, lock=lock)
    else:
        yield change("create", "expand", column=name)
    reading.made.discard(name)
    reading.others.discard(name)
    if materialized:
        reading.forget(name)
    if cascade:
        yield from lose_views(reading, name)


def make_view(reading: Reading, name: str, view: View, *, materialized: bool) -> Found:
    """Follow a view that is made."""
    reading.views[name] = view
    reading.made.add(name)
    if materialized:
        reading.tables[name] = Table(0, view.columns, kind=MATERIALIZED)
        reading.new.add(name)
    yield change("create", "expand", column=name)
