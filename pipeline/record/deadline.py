"""A bound for calls that may never come back: whoever waits goes on, and the call is left to itself."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, act: Callable[[], T]) -> T:
    """What ``act`` gives, done in a thread of its own. Raises what it raises, or TimeoutError: then it is still at it.

    The thread is a daemon: a process can end while it hangs.
    """
    done: queue.SimpleQueue[tuple[list[T], BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put(([act()], None))
        except BaseException as error:
            done.put(([], error))

    threading.Thread(target=work, daemon=True).start()
    try:
        values, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error:
        raise error
    return values[0]
