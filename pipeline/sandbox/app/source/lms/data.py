"""The database: a request has a connection for itself, and the next one may have it soon after, as in a warm function."""

import asyncio
import contextlib
import contextvars
import select
import threading
import time

import psycopg
from psycopg.rows import dict_row

from . import environ

OPEN = contextvars.ContextVar("the connection of this request, in a list that is empty before the first query")
KEPT = []
"""Connections that no request has, each with the time at which it is closed."""
SECONDS = 0.2
"""How old a connection becomes: a database that is to be copied waits until nobody is connected."""
MOST = 4


@contextlib.asynccontextmanager
async def request():
    """Around one request: its first query connects, unless a connection is kept."""
    opened = []
    token = OPEN.set(opened)
    try:
        yield
    finally:
        OPEN.reset(token)
        if opened:
            await _leave(*opened[0])


async def rows(query, *values):
    """The rows of a query as dicts. Off the event loop, so that a lock in the database stops nobody else."""
    return await asyncio.to_thread(_rows, OPEN.get(), query, values)


async def row(query, *values):
    """The first row, or None."""
    found = await rows(query, *values)
    return found[0] if found else None


def _rows(opened, query, values):
    if not opened:
        opened.append(_kept() or _new())
    cursor = opened[0][0].execute(query, values)
    return cursor.fetchall() if cursor.description else []


def _new():
    # Nothing is prepared: a migration may change what a prepared query gives.
    how = {"row_factory": dict_row, "connect_timeout": 5, "autocommit": True, "prepare_threshold": None}
    return psycopg.connect(environ["DATABASE_URL"], **how), time.monotonic() + SECONDS


def _kept():
    """A connection that the server has not ended: it has said nothing since the last answer."""
    while KEPT:
        try:
            connection, until = KEPT.pop()
        except IndexError:  # closed by the other thread
            break
        said = select.poll()
        said.register(connection.fileno(), select.POLLIN)
        if time.monotonic() < until and not said.poll(0):
            return connection, until
        connection.close()
    return None


async def _leave(connection, until):
    """Keep what is young and well, and close it in time, also when there is no other request."""
    left = until - time.monotonic()
    if left <= 0 or len(KEPT) >= MOST or connection.broken:
        await asyncio.to_thread(connection.close)
        return
    KEPT.append((connection, until))
    if len(KEPT) == 1:
        closing = threading.Timer(left, _close)
        closing.daemon = True
        closing.start()


def _close():
    while KEPT:
        with contextlib.suppress(IndexError):  # taken by a request
            KEPT.pop()[0].close()
