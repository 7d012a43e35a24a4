"""Reads CREATE: what is made anew is nobody's loss; what it is made beside may be locked."""

from dataclasses import replace
from typing import Any

from checks.evidence import Kind
from pipeline.sql import partitions
from pipeline.sql.columns import remember_columns
from pipeline.sql.constraints import LETTERS, constraints_of, remember
from pipeline.sql.expressions import columns_in
from pipeline.sql.known import PARTITIONED, Domain, Index, Table, View
from pipeline.sql.reading import (
    ACCESS_EXCLUSIVE,
    SHARE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    Found,
    Reading,
    briefly,
    change,
    type_key,
)
from pipeline.sql.statements import Node
from pipeline.sql.types import type_name
from pipeline.sql.views import make_view, view_of


def create_table(reading: Reading, node: Node) -> Found:
    name = reading.table(node["relation"])
    if node.get("if_not_exists") and (name in reading.tables or name in reading.views):
        yield change("comment", "expand")
        return
    kind = PARTITIONED if "partspec" in node else "r"
    cut = [one["PartitionElem"].get("name", "") for one in node.get("partspec", {}).get("partParams", ())]
    reading.tables[name], parents = Table(0, kind=kind, key=frozenset(cut)), node.get("inhRelations", ())
    reading.new.add(name)
    yield from _elements(reading, name, node.get("tableElts", ()))
    for parent in parents:
        above = reading.table(parent["RangeVar"])
        if node.get("partbound"):
            yield from partitions.create(reading, name, above, default=bool(node["partbound"].get("is_default")))
        else:
            about = reading.about(above)
            reading.update(name, parent=above, columns={**about.columns, **reading.about(name).columns})
            reading.children[above].append(name)
    yield change("create", "expand", column=name)


def _elements(reading: Reading, name: str, elements: Any) -> Found:
    """Follow what stands between the parentheses: the columns first, because constraints name them."""
    remember_columns(reading, name, [element["ColumnDef"] for element in elements if "ColumnDef" in element])
    for element in elements:
        if "TableLikeClause" in element:
            like = reading.about(reading.table(element["TableLikeClause"]["relation"]))
            about = reading.about(name)
            reading.update(name, columns={**about.columns, **like.columns}, required=about.required | like.required)
    for element in elements:
        column = element.get("ColumnDef", {})
        beside = constraints_of(column)
        for one in [*beside, *([element["Constraint"]] if "Constraint" in element else ())]:
            if one["contype"] not in LETTERS or (beside and one["contype"] == "CONSTR_NOTNULL"):
                continue
            _, found = remember(reading, name, one, (column["colname"],) if column else ())
            if found.kind == "p":
                reading.update(name, required=reading.about(name).required | set(found.columns))
            if found.to and not reading.is_new(found.to):
                yield briefly(found.to, f"the foreign key of {name}", SHARE_ROW_EXCLUSIVE)


def create_table_as(reading: Reading, node: Node) -> Found:
    name = reading.table(node["into"]["rel"])
    if node.get("if_not_exists") and name in reading.tables:
        yield change("comment", "expand")
        return
    view = view_of(reading, node["query"], node["into"].get("colNames", ()))
    if node.get("objtype") == "OBJECT_MATVIEW":
        yield from make_view(reading, name, view, materialized=True)
        if node["into"].get("skipData"):
            reading.views[name] = replace(view, columns={})
    else:
        reading.tables[name] = Table(0, view.columns)
        reading.new.add(name)
        yield change("create", "expand", column=name)


def create_index(reading: Reading, node: Node) -> Found:
    table = reading.table(node["relation"])
    elements = [one["IndexElem"] for one in node["indexParams"]]
    columns = tuple(one["name"] for one in elements if "name" in one)
    named = ", ".join(columns) or node.get("idxname", "")
    gently = bool(node.get("concurrent"))
    name = node.get("idxname") or "_".join((table.rpartition(".")[2], *columns, "idx"))
    name = reading.beside(table, name)
    if node.get("if_not_exists") and not reading.lacks(name, reading.index_tables, reading.tables):
        there = name in reading.index_tables or name in reading.tables
        if there:
            lock = SHARE_UPDATE_EXCLUSIVE if gently else SHARE
            yield change("comment", "expand", table, name, lock)
            return
    expressions = [one["expr"] for one in elements if "expr" in one]
    uses = frozenset((*columns, *columns_in(expressions), *columns_in(node.get("whereClause", {}))))
    unique, plain = bool(node.get("unique")), not expressions and "whereClause" not in node
    reading.index(name, Index(table, columns, unique, plain, uses, simple=plain))
    fresh = all((table, column) in reading.columns for column in columns) and bool(columns)
    whole = bool(node["relation"].get("inh")) or reading.about(table).kind != PARTITIONED
    heirs = reading.family(table) if node["relation"].get("inh") and reading.about(table).kind == PARTITIONED else ()
    if gently:
        kind: Kind = "contract" if unique and not fresh else "expand"
        yield change("create-index-concurrently", kind, table, node.get("idxname", named), SHARE_UPDATE_EXCLUSIVE)
    elif unique and not fresh:
        yield change("add-unique", "contract", table, named, SHARE, scans=whole)
    else:  # ON ONLY a partitioned table has no rows to read
        yield change("create-index", "expand", table, node.get("idxname", named), SHARE, scans=whole)
    if not gently:
        yield from (briefly(heir, f"{table}, whose rows it has", SHARE) for heir in heirs)


def create_view(reading: Reading, node: Node) -> Found:
    name = reading.table(node["view"])
    view = view_of(reading, node["query"], node.get("aliases", ()))
    there = name in reading.views and name not in reading.made
    if node.get("replace") and (there or (not reading.complete and name not in reading.made)):
        old = reading.views.get(name, View())
        reading.views[name] = replace(view, columns={**old.columns, **view.columns})
        yield change("replace", "unknown", column=name)
    else:
        yield from make_view(reading, name, view, materialized=False)


def make(reading: Reading, node: Node) -> Found:
    """Follow a type, a function, a sequence, a schema or an extension."""
    name = named(node)
    there = name in reading.others or name in reading.extensions or name in reading.schemas
    if node.get("if_not_exists") and there:
        yield change("comment", "expand", column=name)
        return
    volatility = [
        option["DefElem"]["arg"]["String"]["sval"]
        for option in node.get("options", ())
        if option.get("DefElem", {}).get("defname") == "volatility"
    ]
    if volatility and volatility != ["volatile"]:
        reading.stable.add(name)
    if node.get("replace") and name not in reading.made and (name in reading.others or not reading.complete):
        yield change("replace", "unknown", column=name)
        return
    reading.made.add(name)
    reading.made_now.add(name)
    if "vals" in node and "typeName" in node:
        reading.enums[name] = tuple(one["String"]["sval"] for one in node["vals"])
    if "domainname" in node:
        kinds = {one["Constraint"]["contype"] for one in node.get("constraints", ())}
        base = type_name(node["typeName"])
        above = reading.domains.get(base)
        checked = bool(kinds & {"CONSTR_CHECK", "CONSTR_NOTNULL"}) or bool(above and above.checked)
        reading.domains[name] = Domain(base, checked)
    if "extname" in node:
        reading.extensions[name] = frozenset({name})
        reading.complete = False  # nobody knows what an extension brings
    if "schemaElts" in node or "schemaname" in node:
        reading.schemas.add(name)
    yield change("create", "expand", column=name)


def named(node: Node) -> str:
    """Name what a statement makes, by its last name."""
    if "sequence" in node:
        return str(node["sequence"]["relname"])
    for key in ("domainname", "typeName", "funcname", "defnames"):
        if node.get(key) and isinstance(node[key], list):
            return type_key(node[key])
    if "typevar" in node:
        return str(node["typevar"]["relname"])
    return str(node.get("extname") or node.get("schemaname") or "it")


def create_statistics(reading: Reading, node: Node) -> Found:
    for relation in node["relations"]:
        yield change("maintenance", "expand", reading.table(relation["RangeVar"]), lock=SHARE_UPDATE_EXCLUSIVE)


def create_trigger(reading: Reading, node: Node) -> Found:
    table, name = reading.table(node["relation"]), node["trigname"]
    function = type_key(node["funcname"])
    anew = reading.triggers[table].get(name) == function or f"{table}.{name}" in reading.lost
    reading.triggers[table][name] = function
    rule, kind = ("trigger-anew", "expand") if anew and function not in reading.made else ("trigger", "unknown")
    yield change(rule, kind, table, name, SHARE_ROW_EXCLUSIVE)  # type: ignore[arg-type]
    if node.get("row") and reading.about(table).kind == PARTITIONED:
        for part in reading.family(table):
            yield briefly(part, f"the trigger {name}", SHARE_ROW_EXCLUSIVE)


def policy(reading: Reading, node: Node) -> Found:
    table = reading.table(node["table"])
    reading.triggers[table].setdefault(node["policy_name"], "")
    yield change("row-security", "contract", table, node["policy_name"], ACCESS_EXCLUSIVE)


def create_rule(reading: Reading, node: Node) -> Found:
    table = reading.table(node["relation"])
    reading.triggers[table].setdefault(node["rulename"], "")
    yield change("trigger", "unknown", table, node["rulename"], ACCESS_EXCLUSIVE)
