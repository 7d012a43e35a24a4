"""Reads what an ALTER TABLE does to a column.

Lock levels: the table in PostgreSQL's manual, ALTER TABLE and Explicit Locking; the rest was measured on 18
(tests/sql/test_against_postgres.py).
"""

from pipeline.sql.constraints import constraints_of, foreign_key, losing_constraint, remember_beside
from pipeline.sql.expressions import is_volatile, plain_cast_of
from pipeline.sql.reading import ACCESS_EXCLUSIVE, Found, Reading, briefly, change
from pipeline.sql.statements import Node
from pipeline.sql.types import ANOTHER_ORDER, SERIAL, ZONED, Type, grows, keeps_bytes, read_type, type_name
from pipeline.sql.views import lose_views

REQUIRED = frozenset({"CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_IDENTITY"})


def described(column: Node) -> tuple[str, list[Node], set[str]]:
    """Name a parsed column's type, its constraints and their kinds."""
    constraints = constraints_of(column)
    return type_name(column["typeName"]), constraints, {constraint["contype"] for constraint in constraints}


def fills_itself(kind: str, constraints: list[Node]) -> bool:
    """Whether a column has a value when nobody gives one."""
    filled = any(
        one["contype"] in ("CONSTR_IDENTITY", "CONSTR_GENERATED")
        or (one["contype"] == "CONSTR_DEFAULT" and gives_value(one))
        for one in constraints
    )
    return filled or kind in SERIAL


def gives_value(default: Node | None) -> bool:
    """Whether a default is one: DEFAULT NULL is none."""
    return default is not None and not default["raw_expr"].get("A_Const", {}).get("isnull")


def remember_columns(reading: Reading, table: str, added: list[Node]) -> None:
    """Follow columns that are added."""
    about = reading.about(table)
    columns, generated = {**about.columns}, {**about.generated}
    required, defaulted = set(about.required), set(about.defaulted)
    for column in added:
        kind, constraints, kinds = described(column)
        name = column["colname"]
        columns[name] = kind
        if kinds & REQUIRED or kind in SERIAL:
            required.add(name)
        if fills_itself(kind, constraints):
            defaulted.add(name)
        if "CONSTR_GENERATED" in kinds:
            (how,) = (one.get("generated_kind", "s") for one in constraints if one["contype"] == "CONSTR_GENERATED")
            generated[name] = how
    reading.update(
        table, columns=columns, required=frozenset(required), defaulted=frozenset(defaulted), generated=generated
    )


def add_column(reading: Reading, table: str, cmd: Node) -> Found:
    column = cmd["def"]["ColumnDef"]
    name, there = column["colname"], reading.about(table).columns
    if cmd.get("missing_ok") and name in there and not reading.is_new(table):
        yield change("comment", "expand", table, name, ACCESS_EXCLUSIVE)
        return
    kind, constraints, kinds = described(column)
    default = next((one for one in constraints if one["contype"] == "CONSTR_DEFAULT"), None)
    generated = next((one for one in constraints if one["contype"] == "CONSTR_GENERATED"), None)
    remember_columns(reading, table, [column])
    reading.columns.add((table, name))
    domain = reading.domains.get(read_type(kind).base)
    checked = domain is not None and domain.checked and not read_type(kind).array
    enforced = any(one["contype"] == "CONSTR_CHECK" and one.get("is_enforced") for one in constraints)
    virtual = generated is not None and generated.get("generated_kind") == "v"
    required = bool(kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"})
    volatile = default is not None and is_volatile(
        default, reading.stable, reading.others | reading.made, complete=reading.complete
    )

    def added(rule: str, *, rewrites: bool = False, scans: bool = False) -> Found:
        contract = rule == "add-required-column"
        yield change(
            rule, "contract" if contract else "expand", table, name, ACCESS_EXCLUSIVE, rewrites=rewrites, scans=scans
        )

    if generated and not virtual:
        yield from added("add-generated-column", rewrites=True, scans=True)
    elif kind in SERIAL or "CONSTR_IDENTITY" in kinds:
        yield from added("add-identity-column", rewrites=True, scans=True)
    elif volatile:
        yield from added("add-volatile-column", rewrites=True, scans=True)
    elif required and not gives_value(default) and not virtual:
        yield from added("add-required-column", rewrites=checked, scans=checked)
    elif checked:
        yield from added("add-domain-column", rewrites=True, scans=True)
    elif kinds & {"CONSTR_UNIQUE", "CONSTR_PRIMARY"}:
        yield from added("add-unique-column", scans=True)
    elif enforced or (virtual and required):
        yield from added("add-check", scans=True)
    else:
        yield from added("add-column")
    remember_beside(reading, table, name, constraints)
    for constraint in constraints:
        if constraint["contype"] == "CONSTR_FOREIGN":
            yield from foreign_key(reading, table, constraint, (name,), scans=bool(default), fresh=True)


def drop_column(reading: Reading, table: str, cmd: Node) -> Found:
    name, about = cmd["name"], reading.about(table)
    if cmd.get("missing_ok") and about.columns and name not in about.columns:
        yield change("comment", "expand", table, "", ACCESS_EXCLUSIVE)
        return
    cascade = cmd.get("behavior") == "DROP_CASCADE"
    if (table, name) in reading.columns:
        yield change("comment", "expand", table, name, ACCESS_EXCLUSIVE)
    else:
        yield change("drop-column", "contract", table, name, ACCESS_EXCLUSIVE)
    yield from lose_column(reading, table, name, cascade=cascade)


def lose_column(reading: Reading, table: str, name: str, *, cascade: bool) -> Found:
    """Follow a column that goes, with what goes with it: its keys, foreign keys either way, and views by CASCADE."""
    about = reading.about(table)
    for key, one in list(reading.constraints.get(table, {}).items()):
        if name in one.columns:
            yield from losing_constraint(reading, table, key, one)
    for other, key, one in reading.referring(table):
        if name in one.to_columns:
            del reading.constraints[other][key]
            yield briefly(other, f"its foreign key {key}")
    if cascade:
        yield from lose_views(reading, table, name)
    for index, seen in list(reading.keys.get(table, {}).items()):
        if name in seen.columns or name in seen.uses:
            reading.forget_index(index)
    reading.columns.discard((table, name))
    if table in reading.tables:
        reading.update(
            table,
            columns={key: kind for key, kind in about.columns.items() if key != name},
            required=about.required - {name},
            defaulted=about.defaulted - {name},
            never_null=about.never_null - {name},
        )


def base_of(reading: Reading, text: str) -> Type:
    """Read a type; a domain that checks nothing stands for the type below it."""
    found = read_type(text)
    domain = reading.domains.get(found.base)
    while domain and not domain.checked and domain.base and not found.array:
        found = read_type(domain.base)
        domain = reading.domains.get(found.base)
    return found


def change_type(reading: Reading, table: str, cmd: Node) -> Found:
    definition, name = cmd["def"]["ColumnDef"], cmd["name"]
    about = reading.about(table)
    old_text, new_text = about.columns.get(name, ""), type_name(definition["typeName"])
    old, new = base_of(reading, old_text), base_of(reading, new_text)
    as_it_is = "raw_default" not in definition or plain_cast_of(definition["raw_default"], name)
    left = _without_domain(reading, old)
    keeps = (
        bool(old_text)
        and as_it_is
        and (
            keeps_bytes(old, new, utc=reading.known.utc)
            or (old.base != new.base and left is not None and keeps_bytes(left, new, utc=reading.known.utc))
        )
    )
    collation = definition.get("collClause", {}).get("collname", [{}])[-1].get("String", {}).get("sval", "")
    sorts_anew = collation != about.collations.get(name, "") and collation != "default"
    sorts_anew = sorts_anew or (collation == "default" and name in about.collations)
    another_order = sorts_anew or (old.base, new.base) in ANOTHER_ORDER
    reads = keeps and _looks_again(reading, table, name, another_order=another_order)
    if keeps and reads and another_order:
        yield change("sort-anew", "expand", table, name, ACCESS_EXCLUSIVE, scans=True)
    elif keeps and old_text == new_text:
        yield change("comment", "expand", table, name, ACCESS_EXCLUSIVE, scans=reads)
    elif keeps and {old.base, new.base} == ZONED:  # as long as every session lives in UTC
        yield change("change-type", "contract", table, name, ACCESS_EXCLUSIVE, scans=reads)
    elif keeps:
        yield change("widen-type", "expand", table, name, ACCESS_EXCLUSIVE, scans=reads)
    elif old_text and _same_values(reading, old, new):
        yield change("change-enum", "expand", table, name, ACCESS_EXCLUSIVE, rewrites=True, scans=True)
    elif old_text and as_it_is and grows(old, new):
        yield change("grow-type", "contract", table, name, ACCESS_EXCLUSIVE, rewrites=True, scans=True)
    else:
        yield change("change-type", "contract", table, name, ACCESS_EXCLUSIVE, rewrites=True, scans=True)
    yield from _other_side(reading, table, name)
    reading.update(
        table,
        columns={**about.columns, name: new_text},
        collations={key: value for key, value in {**about.collations, name: collation}.items() if value},
    )


def _without_domain(reading: Reading, old: Type) -> Type | None:
    """The type below a domain, however that checks its values: leaving a domain keeps every value."""
    domain = reading.domains.get(old.base)
    while domain and domain.base in reading.domains:
        domain = reading.domains[domain.base]
    return read_type(domain.base) if domain and domain.base and not old.array else None


def _same_values(reading: Reading, old: Type, new: Type) -> bool:
    """Whether one enum takes another's place that has all of its values."""
    was, becomes = reading.enums.get(old.base), reading.enums.get(new.base)
    return was is not None and becomes is not None and old.array == new.array and set(was) <= set(becomes)


def _looks_again(reading: Reading, table: str, column: str, *, another_order: bool) -> bool:
    """Whether an index must be built anew, or a CHECK be asked again, although the column's bytes stay."""
    for index in reading.keys.get(table, {}).values():
        if (column in index.uses or column in index.columns) and (another_order or not index.simple):
            return True
    own = reading.constraints.get(table, {}).values()
    return any(one.kind == "c" and column in one.columns and one.enforced for one in own)


def _other_side(reading: Reading, table: str, column: str) -> Found:
    """A foreign key of a column whose type changes is made anew, on both tables."""
    for name, one in reading.foreign(table):
        if column in one.columns and one.to != table:
            yield briefly(one.to, f"the foreign key {name}")
    for other, name, one in reading.referring(table):
        if column in one.to_columns and other != table:
            yield briefly(other, f"its foreign key {name}")


def default(reading: Reading, table: str, cmd: Node) -> Found:
    name, about = cmd["name"], reading.about(table)
    if "def" in cmd:
        null = cmd["def"].get("A_Const", {}).get("isnull")
        reading.update(table, defaulted=about.defaulted - {name} if null else about.defaulted | {name})
        yield change("set-default", "expand", table, name, ACCESS_EXCLUSIVE)
    else:
        reading.update(table, defaulted=about.defaulted - {name})
        new = (table, name) in reading.columns and name in about.required
        yield change("add-required-column" if new else "drop-default", "contract", table, name, ACCESS_EXCLUSIVE)


def set_not_null(reading: Reading, table: str, cmd: Node) -> Found:
    column, about = cmd["name"], reading.about(table)
    unproved = any(
        one.kind == "n" and not one.valid and column in one.columns
        for one in reading.constraints.get(table, {}).values()
    )
    if column in about.required and not unproved:
        yield change("comment", "expand", table, column, ACCESS_EXCLUSIVE)
        return
    reading.update(table, required=about.required | {column})
    checked = column in about.never_null
    if (table, column) in reading.columns:
        rule = "set-not-null" if column in about.defaulted else "add-required-column"
        yield change(rule, "contract", table, column, ACCESS_EXCLUSIVE, scans=not checked)
        return
    rule = "keep-not-null" if checked else "set-not-null"
    yield change(rule, "contract", table, column, ACCESS_EXCLUSIVE, scans=not checked)


def drop_not_null(reading: Reading, table: str, cmd: Node) -> Found:
    reading.update(table, required=reading.about(table).required - {cmd["name"]})
    yield change("loosen", "expand", table, cmd["name"], ACCESS_EXCLUSIVE)


def identity(reading: Reading, table: str, cmd: Node) -> Found:
    about = reading.about(table)
    if cmd["subtype"] == "AT_DropIdentity":
        reading.update(table, defaulted=about.defaulted - {cmd["name"]})
        yield change("drop-default", "contract", table, cmd["name"], ACCESS_EXCLUSIVE)
    else:
        reading.update(table, defaulted=about.defaulted | {cmd["name"]})
        yield change("set-default", "expand", table, cmd["name"], ACCESS_EXCLUSIVE)


def set_expression(reading: Reading, table: str, cmd: Node) -> Found:
    virtual = reading.about(table).generated.get(cmd["name"]) == "v"
    rule = "setting" if virtual else "rewrite"
    yield change(rule, "contract", table, cmd["name"], ACCESS_EXCLUSIVE, rewrites=not virtual, scans=not virtual)


def drop_expression(reading: Reading, table: str, cmd: Node) -> Found:
    about = reading.about(table)
    reading.update(table, defaulted=about.defaulted - {cmd["name"]})
    yield change("drop-default", "contract", table, cmd["name"], ACCESS_EXCLUSIVE)
