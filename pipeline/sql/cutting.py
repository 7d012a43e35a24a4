"""Leaves out what only stands in the way of a file that is sent as a whole, where it is sent in parts."""

from collections.abc import Iterable

from checks.evidence import Change
from pipeline.sql.parts import parts_of
from pipeline.sql.statements import Unparsable, parse

ONLY_AS_A_WHOLE = ("not-alone", "fresh-enum-value")
"""Rules about statements that Postgres refuses in a transaction, or before it has ended."""


def when_cut(changes: Iterable[Change], migrations: Iterable[tuple[str, bytes]]) -> tuple[Change, ...]:
    """The ``changes`` of ``migrations`` (name, text) that are left when what wants no transaction is sent by itself.

    A transaction that the file itself begins stays one, and in it nothing changes.
    """
    changes = tuple(changes)
    concerned = {one.migration for one in changes if one.rule in ONLY_AS_A_WHOLE}
    inside = {(name, line) for name, sql in migrations if name in concerned for line in _in_own_transactions(sql)}
    return tuple(one for one in changes if one.rule not in ONLY_AS_A_WHOLE or (one.migration, one.line) in inside)


def _in_own_transactions(sql: bytes) -> Iterable[int]:
    try:
        parts = parts_of(parse(sql))
    except Unparsable:
        return ()
    return (statement.line for part in parts if part.own for statement in part.statements)
