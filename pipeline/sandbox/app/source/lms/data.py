"""The database: one connection per request, as a function on a serverless platform would have it."""

import asyncio
import contextlib
import contextvars

import psycopg
from psycopg.rows import dict_row

from . import environ

OPEN = contextvars.ContextVar("the connection of this request, in a list that is empty before the first query")


@contextlib.asynccontextmanager
async def request():
    """Around one request: its first query connects, and what it opened is closed at its end."""
    opened = []
    token = OPEN.set(opened)
    try:
        yield
    finally:
        OPEN.reset(token)
        if opened:
            await asyncio.to_thread(opened[0].close)


async def rows(query, *values):
    """The rows of a query as dicts. Off the event loop, so that a lock in the database stops nobody else."""
    return await asyncio.to_thread(_rows, OPEN.get(), query, values)


async def row(query, *values):
    """The first row, or None."""
    found = await rows(query, *values)
    return found[0] if found else None


def _rows(opened, query, values):
    if not opened:
        url = environ["DATABASE_URL"]
        opened.append(psycopg.connect(url, row_factory=dict_row, connect_timeout=5, autocommit=True))
    cursor = opened[0].execute(query, values)
    return cursor.fetchall() if cursor.description else []
