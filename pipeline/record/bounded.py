"""What both kinds of store have in common: no statement is waited for longer than a deadline."""

import datetime
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pipeline.errors import Unreachable
from pipeline.record.chain import Row
from pipeline.record.deadline import Worker

T = TypeVar("T")

DEADLINE = 5.0  # seconds for one statement, a new connection included
QUICK, REST = 1.0, 30.0  # who took longer than the one to fail is left alone for the other
UPGRADE = 60.0  # seconds for making the tables, or making them newer

THE_SAME = "select 1 from deploy_events where run = ? and at = ? and kind = ? and subject = ? and body = ?"
"""An event that is there already, e.g. because only the answer was lost, stays the one that it is."""
COLUMNS = "run, at, kind, subject, body"


class Store(Protocol):
    """Runs one statement at a time, committed when it returns. ``?`` marks a parameter."""

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...

    def append(self, row: Row, *, new: bool = False) -> None:
        """Write an event, linked to the one before it, unless the very same is there. Raises Unreachable.

        ``new``: who appends it has just made it, so it can be there only if this very call has written it.
        """

    def now(self) -> datetime.datetime | None:
        """The time by the store's own clock; None when that is this machine's."""

    def close(self) -> None: ...


class Bounded:
    """Every statement has a deadline; a store that has just been silent, or locked, is not waited for again at once."""

    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self._rests_until, self._why = 0.0, ""
        self._worker = Worker()

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Raises Unreachable, after ``DEADLINE`` at the latest."""
        return self._bounded(sql.split()[0], lambda: self._waited(lambda: self._ask(sql, values)))

    def append(self, row: Row, *, new: bool = False) -> None:
        self._bounded("insert", lambda: self._waited(lambda: self._append(row, new)))

    def _waited(self, act: Callable[[], T]) -> T:
        return self._worker.within(DEADLINE, act)

    def _bounded(self, verb: str, act: Callable[[], T]) -> T:
        """What ``act`` gives, which keeps to the deadline by itself."""
        began = time.monotonic()
        if began < self._rests_until:
            raise Unreachable("journal", verb, self._why)
        try:
            return act()
        except self.errors as error:
            self._why = str(error).strip() or type(error).__name__
            if QUICK < time.monotonic() - began < DEADLINE + 2:  # after longer we were stopped, and not the store
                self._rests_until = time.monotonic() + REST
            raise Unreachable("journal", verb, self._why) from error

    def now(self) -> datetime.datetime | None:
        return None

    def _ask(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _append(self, row: Row, new: bool) -> None:
        raise NotImplementedError
