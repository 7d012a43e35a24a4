"""Waits for somebody else's lock, when that was asked for, and says for whom."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from pipeline.clock import Clock
from pipeline.errors import Locked
from pipeline.record.journal import Journal
from pipeline.record.lock import Lock

POLL = 5.0  # seconds


class Turn:
    """Takes a lock as soon as it is free, for ``wait`` seconds at most.

    ``note`` is told each time for whom it waits. ``may`` raises what stands against it by then.
    """

    def __init__(self, clock: Clock, wait: float, note: Callable[[str], None], may: Callable[[], None]) -> None:
        self._clock, self._wait, self._note, self._may = clock, wait, note, may

    def take(self, lock: Lock, reason: str) -> None:
        """Raises Locked when somebody else has it still."""
        until = self._clock.monotonic() + self._wait
        while True:
            try:
                lock.take(reason)
            except Locked as taken:
                left = until - self._clock.monotonic()
                if left <= 0:
                    raise _led_on(lock, taken) from taken
                self._note(f"waiting for another {int(left) // 60}:{int(left) % 60:02}: {taken}")
                asyncio.run(self._clock.sleep(min(POLL, left)))
                self._may()
            else:
                return


@contextlib.contextmanager
def leading_on(lock: Lock) -> Iterator[None]:
    """Let a lock that somebody else has be no dead end: what is raised says what to do next."""
    try:
        yield
    except Locked as taken:
        raise _led_on(lock, taken) from taken


def _led_on(lock: Lock, taken: Locked) -> Locked:
    held = lock.held()
    if held is None:
        way = "it is free by now: type the same again"
    elif held.by_hand:
        way = f"ask {held.holder}; ./inv unlock --target {lock.target}   takes the lock away"
    else:
        way = (
            f"./inv follow {held.holder}   shows it until it ends; "
            f"./inv deploy --target {lock.target} --lock-wait 15m   waits for that"
        )
    return Locked(f"{taken}\n  next     {way}")


def note_of(journal: Journal) -> Callable[[str], None]:
    """Whoever shows the run, as a function that shows one passing line."""
    shown = next((getattr(listener, "note", None) for listener in journal.listeners), None) or (lambda line: None)

    def note(line: str) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; the run is not
            shown(line)

    return note
