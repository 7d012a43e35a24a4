"""Questions to the database: read-only, for PostgreSQL 15 and later; printed in the guide, asked by `diagnose`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import Mistake
from pipeline.handbook.reading import every, read

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Query:
    """A query asks the database one question. ``needs``: an extension that must be there.

    ``alarms``: whether a row is one to worry about; None when only a person can tell. ``thin``: whether a row says too
    little yet for that.
    """

    name: str
    sql: str
    tells: str
    worry: str
    needs: str = ""
    alarms: Callable[[Row], bool] | None = None
    thin: Callable[[Row], bool] | None = None


def always(row: Row) -> bool:
    """A query whose every row is one to worry about."""
    return True


ALARMS: dict[str, Callable[[Row], bool]] = {
    "Connections against the limit": lambda row: row["count"] > 0.8 * row["allowed"],
    "Idle transactions": lambda row: row["seconds"] > 60,
    "Long-running queries (> 5 seconds)": always,
    "Who blocks whom": always,
    "Who holds Prisma's lock": lambda row: row["state"] == "idle" and row["seconds"] > 60,
    "Slowest queries overall": lambda row: row["mean_ms"] > 100 and row["calls"] > 100,
    "Tables read from end to end": lambda row: (
        row["n_live_tup"] > 10_000 and row["seq_scan"] > 10 * (row["idx_scan"] or 0)
    ),
    "Cache hit ratio": lambda row: row["percent"] is not None and row["percent"] < 99,
    "Dead rows": lambda row: row["n_dead_tup"] > row["n_live_tup"],
    "Indexes that nobody uses": lambda row: row["megabytes"] > 100,
    "Bloat": lambda row: (row["percent_dead"] or 0) > 30,
    "Migrations that did not finish": always,
    "Constraints that were never validated": always,
    "Broken indexes": always,
    "Foreign keys without an index": lambda row: row["rows"] > 10_000,
    "Sequences that run out": lambda row: row["percent_used"] > 70,
}
"""Name of a query → whether one of its rows is one to worry about, where the machine can tell."""


THIN: dict[str, Callable[[Row], bool]] = {
    "Cache hit ratio": lambda row: (row["pages_read"] or 0) < 1_000_000,  # 8 GB; a database that was just started reads
    "Slowest queries overall": lambda row: row["calls"] < 20,
}
"""Name of a query → whether one of its rows rests on too little to tell."""


def _queries() -> dict[str, tuple[Query, ...]]:
    text = read("queries.yml")
    asked = {heading: every(Query, rows, f"queries.yml: {heading}") for heading, rows in text.items()}
    unknown = (ALARMS.keys() | THIN.keys()) - {query.name for queries in asked.values() for query in queries}
    if unknown:
        raise Mistake(f"queries.yml: there is no query {', '.join(sorted(unknown))}, whose rows are alarming")
    return {
        heading: tuple(replace(query, alarms=ALARMS.get(query.name), thin=THIN.get(query.name)) for query in queries)
        for heading, queries in asked.items()
    }


QUERIES = _queries()
"""Heading → the queries below it."""
