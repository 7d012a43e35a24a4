"""Asks the database the questions of the troubleshooting guide, read-only and with a limit on the time of each."""

import datetime
import decimal
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.policy import DatabasePolicy, IntegrityCheck
from pipeline.clients.postgres import Postgres
from pipeline.errors import ServiceError, Unreachable
from pipeline.handbook.queries import QUERIES, Query, always

SECONDS = 5.0
LITERAL = re.compile(r"'(?:[^']|'')*(?:'|$)|\b\d{4,}\b")
QUOTED = frozenset({"query", "last_query", "logs"})  # columns that hold what other people typed


@dataclass(frozen=True)
class Answered:
    """One question, and its answer or the ``failure``. ``alarming``: indexes of the rows to worry about.

    ``thin``: indexes of those that rest on too little to tell.
    """

    heading: str
    name: str
    tells: str
    worry: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    alarming: tuple[int, ...] = ()
    thin: tuple[int, ...] = ()
    failure: str = ""


async def ask_all(database: Postgres, policy: DatabasePolicy) -> tuple[Answered, ...]:
    """All of them, one after the other. Raises Unreachable when the database cannot be reached at all."""
    questions = [(heading, query) for heading, queries in QUERIES.items() for query in queries]
    questions += [("Your own integrity checks", _query(one)) for one in policy.integrity]
    _, found = await database.query("select extname from pg_extension", asked="list the extensions")
    extensions = {name for (name,) in found}
    return tuple([await _ask(database, heading, query, extensions) for heading, query in questions])


def _query(check: IntegrityCheck) -> Query:
    return Query(check.name, check.sql, "the rows that break it", "any row", alarms=always)


async def _ask(database: Postgres, heading: str, query: Query, extensions: Iterable[str]) -> Answered:
    about = (heading, query.name, query.tells, query.worry)
    if query.needs and query.needs not in extensions:
        return Answered(*about, failure=f"needs CREATE EXTENSION {query.needs}")
    try:
        columns, rows = await database.query(query.sql, asked=query.name, seconds=SECONDS)
    except Unreachable:
        raise
    except ServiceError as error:
        return Answered(*about, failure=error.came)
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    thin = tuple(index for index, row in enumerate(named) if _says(query.thin, row))
    alarming = tuple(index for index, row in enumerate(named) if index not in thin and _says(query.alarms, row))
    return Answered(*about, columns, tuple(_texts(row) for row in named), alarming, thin)


def _says(asked: Callable[[Mapping[str, Any]], bool] | None, row: Mapping[str, Any]) -> bool:
    plain = {key: float(v) if isinstance(v, decimal.Decimal) else v for key, v in row.items()}
    return asked is not None and asked(plain)


def _texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Values as people read them; what somebody typed loses its values, which may be secrets or somebody's data."""
    return tuple(_text(LITERAL.sub("…", str(value)) if name in QUOTED else value) for name, value in row.items())


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():.1f} s"
    return " ".join(str(value).split())
