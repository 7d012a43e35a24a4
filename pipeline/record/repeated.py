"""A statement that is sent to Postgres often, each time with a deadline, in the thread that wants it."""

import hashlib
import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.record import bounded

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGconn, PGresult

OFTEN = 20
"""After how many times it is prepared. That is one more way there and back, which a rollback's few events never pay."""


class Repeated:
    """A statement with texts for values, on one connection, which is in no transaction.

    Sent often it is prepared, as planning it takes an eighth of an event. A pooler may then give us a connection
    that has not heard of it: nothing was done, and from then on it is sent whole, as at first.
    """

    def __init__(self, db: "psycopg.Connection[Any]", text: bytes) -> None:
        self._db, self._text = db, text
        self._name = b"deploy_" + hashlib.sha256(text).hexdigest()[:16].encode()  # whoever has it has this text
        self._times, self._prepared, self._encoding = 0, False, db.info.encoding

    def __call__(self, values: tuple[str, ...], until: float) -> None:
        """Send it and wait for its answer until ``until``, by the monotonic clock.

        Raises psycopg.Error, and TimeoutError: then it may still be done.
        """
        import psycopg

        if "\0" in "".join(values):  # would end there
            raise psycopg.DataError("a text with a NUL in it cannot be kept")
        coded = [value.encode(self._encoding) for value in values]
        self._times += 1
        if self._times == OFTEN:
            self._prepare(until)
        if self._prepared:
            try:
                self._answered(lambda to: to.send_query_prepared(self._name, coded), until)
                return
            except psycopg.errors.InvalidSqlStatementName:
                self._prepared = False
        self._answered(lambda to: to.send_query_params(self._text, coded), until)

    def _prepare(self, until: float) -> None:
        import psycopg

        try:
            self._answered(lambda to: to.send_prepare(self._name, self._text), until)
        except psycopg.errors.DuplicatePreparedStatement:  # a pooler's connection, on which we have been before
            pass
        except psycopg.Error as error:
            if error.sqlstate is None:  # the connection, and not a pooler that wants none
                raise
            return
        self._prepared = True

    def _answered(self, send: "Callable[[PGconn], None]", until: float) -> None:
        import psycopg

        if not self._db.lock.acquire(timeout=max(until - time.monotonic(), 0)):
            raise TimeoutError("no answer in time: another statement is under way")
        try:
            to, answer = self._db.pgconn, None
            send(to)
            while to.flush():
                _wait(to.socket, select.POLLOUT, until)
            while result := _result(to, until):
                answer = result
            if answer is None:
                raise psycopg.OperationalError("no answer")
            if answer.status == psycopg.pq.ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(answer, self._encoding)
        finally:
            self._db.lock.release()


def _result(to: "PGconn", until: float) -> "PGresult | None":
    while to.is_busy():
        _wait(to.socket, select.POLLIN, until)
        to.consume_input()
    return to.get_result()


def _wait(file: int, what: int, until: float) -> None:
    looking = select.poll()
    looking.register(file, what)
    if not looking.poll(max(until - time.monotonic(), 0) * 1000):
        raise TimeoutError(f"no answer within {bounded.DEADLINE:g} s")
