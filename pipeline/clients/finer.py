"""Cuts a part finer where Postgres, which took all of it back, would have a transaction end."""

from pipeline.sql.parts import Part, cut
from pipeline.sql.statements import Statement

NO_TRANSACTION, NO_COMMIT, FRESH_VALUE, IN_USE = WANTS_A_CUT = ("25001", "2D000", "55P04", "55006")
"""The SQLSTATEs by which Postgres says so: no transaction at all, a COMMIT in code, a value that is not committed yet,
a table whose triggers are still to be run."""
RUNS_CODE = ("DoStmt", "CallStmt")


def finer(part: Part, index: int, code: str) -> tuple[Part, ...] | None:
    """Cut a part that failed at its statement ``index`` (from 0) with ``code``; None when that would change nothing.

    A file with a BEGIN of its own means what it says.
    """
    if part.own or part.alone or not part.commits:
        return None
    runs = part.statements[index].tag in RUNS_CODE
    if (code == NO_COMMIT and runs) or (code == NO_TRANSACTION and not runs and _utility(part.statements[index])):
        return cut(part, index, alone=True)
    if code == FRESH_VALUE:
        added = [place for place, one in enumerate(part.statements[:index]) if one.tag == "AlterEnumStmt"]
        return cut(part, added[-1] + 1, alone=False) if added else None
    if code == IN_USE and index:
        return cut(part, index, alone=False)
    return None


def _utility(statement: Statement) -> bool:
    """Whether Postgres refused the statement itself, and not something that a function in it tried."""
    return statement.tag not in ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")
