"""Finds what only newer releases of Postgres understand: the parser knows 18, and the server may be older."""

from collections.abc import Iterator

from pipeline.sql.reading import Found, Reading, change
from pipeline.sql.statements import Statement, nodes

EIGHTEEN = 18


def needs(reading: Reading, statement: Statement) -> Found:
    """Find what the server, whose release is known, would call a syntax error."""
    if not 0 < reading.known.version < EIGHTEEN:
        return
    for what in sorted(set(_of_18(statement))):
        yield change("too-new", "unknown", column=f"{what} (PostgreSQL 18; the server is {reading.known.version})")


def _of_18(statement: Statement) -> Iterator[str]:
    node = statement.node
    for one in nodes(node, "Constraint"):
        if one["contype"] == "CONSTR_GENERATED" and one.get("generated_kind") == "v":
            yield "a virtual generated column"
        unenforced = one["contype"] in ("CONSTR_CHECK", "CONSTR_FOREIGN") and not one.get("is_enforced")
        if unenforced or one["contype"] == "CONSTR_ATTR_NOT_ENFORCED":
            yield "NOT ENFORCED"
        if one.get("without_overlaps"):
            yield "WITHOUT OVERLAPS"
        if one.get("fk_with_period") or one.get("pk_with_period"):
            yield "PERIOD"
    for cmd in node.get("cmds", ()) if statement.tag == "AlterTableStmt" else ():
        added = cmd["AlterTableCmd"].get("def", {})
        if added.get("Constraint", {}).get("contype") == "CONSTR_NOTNULL":
            yield "ADD CONSTRAINT … NOT NULL"
        if added.get("ATAlterConstraint", {}).get("alterEnforceability"):
            yield "ALTER CONSTRAINT … ENFORCED"
    if statement.tag == "VacuumStmt" and not all(
        one["VacuumRelation"].get("relation", {}).get("inh") for one in node.get("rels", ())
    ):
        yield "VACUUM ONLY"
