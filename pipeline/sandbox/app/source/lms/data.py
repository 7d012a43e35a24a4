"""The database: one connection per request, as a function on a serverless platform would have it."""

import asyncio

import psycopg
from psycopg.rows import dict_row

from . import environ


async def rows(query, *values):
    """The rows of a query as dicts. Off the event loop, so that a lock in the database stops nobody else."""
    return await asyncio.to_thread(_rows, query, values)


async def row(query, *values):
    """The first row, or None."""
    found = await rows(query, *values)
    return found[0] if found else None


def _rows(query, values):
    with psycopg.connect(environ["DATABASE_URL"], row_factory=dict_row, connect_timeout=5) as db:
        cursor = db.execute(query, values)
        return cursor.fetchall() if cursor.description else []
