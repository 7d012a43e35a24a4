"""The record as a Postgres database, so that laptops and CI share it. psycopg is loaded only when one is configured."""

import datetime
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import Mistake
from pipeline.record import bounded, schema
from pipeline.record.bounded import COLUMNS, UPGRADE, Bounded
from pipeline.record.chain import START, Row, link
from pipeline.record.deadline import within
from pipeline.record.repeated import Repeated
from pipeline.redact import Redactor

if TYPE_CHECKING:
    pass

T = TypeVar("T")

MAKING = 7_305_421  # the lock under which the tables are made: `if not exists` fails when two look at the same time

APPEND = b"select deploy_append($1, $2, $3, $4, $5)"
IN_ORDER = b"""do $$ begin
if to_regclass('deploy_events') is not null then lock table deploy_events in access exclusive mode; end if;
end $$"""
"""Whoever appends locks the table, and then the chain; in another order we would wait for one another."""


class PostgresStore(Bounded):
    """A shared database. A connection that broke is made anew, once."""

    def __init__(self, url: str) -> None:
        import psycopg

        super().__init__()
        self.errors = (OSError, psycopg.Error)
        self._url = url
        try:
            within(bounded.DEADLINE, self._connect)
            within(UPGRADE, self._make)
        except (TimeoutError, psycopg.Error) as error:
            says = Redactor([url])(" ".join(str(error).split()))
            raise Mistake(f"journal: cannot use the database named by `state:`: {says}") from error

    def _connect(self) -> None:
        import psycopg

        self._db = psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,  # a pooler may hand us another connection for every statement
            connect_timeout=3,
            tcp_user_timeout=round(bounded.DEADLINE * 1000),
            keepalives_idle=5,
        )
        self._silent = False
        self._appends = Repeated(self._db, APPEND)

    def _make(self) -> None:
        """Make the tables, or make them newer: what is there already is linked into the chain by an anchor."""
        if self._is_made():
            return
        with self._db.transaction():
            self._db.execute(f"select pg_advisory_xact_lock({MAKING})".encode())
            if self._is_made():  # by somebody who came at the same time
                return
            self._db.execute(IN_ORDER)
            self._db.execute(f"select pg_advisory_xact_lock({schema.CHAINING})".encode())
            first = schema.FIRST.format(serial="bigserial primary key")
            self._db.execute(f"{first};{schema.POSTGRES_SECOND};{schema.POSTGRES_THIRD}".encode())
            if (version := self._version()) < schema.VERSION:
                if version < 2:
                    self._link_what_is_there()
                self._db.execute(f"insert into deploy_schema values ({schema.VERSION})".encode())

    def _is_made(self) -> bool:
        both = "to_regclass('deploy_schema') is not null and to_regclass('deploy_events') is not null"
        asked = f"select {both}, current_setting('transaction_isolation')"
        ((there, level),) = self._db.execute(asked.encode()).fetchall()
        if level != "read committed":  # who waits for an event would not see it, and two would follow the same one
            raise Mistake(
                f"journal: the database named by `state:` makes every transaction `{level}`; type there   alter role "
                "CURRENT_USER set default_transaction_isolation = 'read committed'   or keep the record elsewhere"
            )
        return bool(there) and self._version() >= schema.VERSION

    def _version(self) -> int:
        ((version,),) = self._db.execute(b"select coalesce(max(version), 0) from deploy_schema").fetchall()
        return int(version)

    def _link_what_is_there(self) -> None:
        seq, before, events = 0, START, 0
        with self._db.cursor("events") as cursor:
            cursor.execute(f"select seq, {COLUMNS} from deploy_events order by seq".encode())
            for number, *row in cursor:
                seq, before, events = number, link(before, row), events + 1
        if events:
            now = datetime.datetime.now(datetime.UTC).isoformat()
            anchor = (seq, before, events, now, "before the chain")
            self._db.execute(b"insert into deploy_anchors values (%s, %s, %s, %s, %s)", anchor)

    def append(self, row: Row, *, new: bool = False) -> None:
        """In the thread that wants it, which keeps to the deadline too: another one costs half an insert.

        The same is looked for even when it is ``new``: on a connection that broke it is sent twice.
        """
        self._bounded("insert", lambda: self._append(row, new))

    def _append(self, row: Row, new: bool) -> None:
        until = time.monotonic() + bounded.DEADLINE
        try:
            self._twice(
                lambda: self._appends(row, until),
                lambda: self._worker.within(until - time.monotonic(), self._connect),
            )
        except TimeoutError:
            self._silent = True
            raise

    def _waited(self, act: Callable[[], T]) -> T:
        try:
            return super()._waited(act)
        except TimeoutError:
            self._silent = True  # it is not asked again: whoever waits for it in vain has it still
            raise

    def now(self) -> datetime.datetime:
        """The database's clock: those who share it need not agree on the time otherwise."""
        ((epoch,),) = self.execute("select extract(epoch from clock_timestamp())::double precision")
        return datetime.datetime.fromtimestamp(epoch, datetime.UTC)

    def _ask(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._twice(lambda: self._once(sql, values), self._connect)

    def _twice(self, act: Callable[[], T], connect: Callable[[], None]) -> T:
        """What ``act`` gives on a connection that speaks; it is made anew when it breaks, once."""
        if self._silent or self._db.closed:
            connect()
        db = self._db
        try:
            return act()
        except self.errors as error:
            if not (db.closed or _broke(error)):
                raise
        connect()
        return act()

    def _once(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """One statement with a deadline of its own; set locally, as a pooler would give it to others too.

        Both go in one message, which Postgres takes for one transaction: it is over when the answer is here.
        """
        import psycopg

        db = self._db
        deadline = f"set local statement_timeout = {round(bounded.DEADLINE * 800)}; "
        try:
            with psycopg.ClientCursor(db) as cursor:
                cursor.execute((deadline + sql.replace("%", "%%").replace("?", "%s")).encode(), values)
                cursor.nextset()
                return cursor.fetchall() if cursor.description else []
        except self.errors:
            if not db.closed and db.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self._silent = db is self._db
            raise

    def close(self) -> None:
        if not self._silent:
            self._db.close()


def _broke(error: Exception) -> bool:
    """Whether the connection is gone although psycopg (3.3) does not call it closed: the socket had hung up, unread.

    What the server itself says, e.g. that a statement took too long, has an SQLSTATE.
    """
    import psycopg

    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None
