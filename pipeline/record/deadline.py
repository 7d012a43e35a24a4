"""A bound for calls that may never come back: whoever waits goes on, and the call is left to itself."""

import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class _Call:
    """A call, and what came of it."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act
        self.done: queue.SimpleQueue[tuple[list[Any], BaseException | None]] = queue.SimpleQueue()
        self.given_up = False
        """Whoever wanted it does not wait any more: what has not begun is not begun."""

    def __call__(self) -> None:
        try:
            self.done.put(([self.act()], None))
        except BaseException as error:
            self.done.put(([], error))


_Todo = queue.SimpleQueue[_Call | None]


def _work(todo: _Todo) -> None:
    while call := todo.get():
        if not call.given_up:
            call()


class Worker:
    """Does calls one after the other in a thread that is kept: to start one for each takes as long as most of them.

    The thread is a daemon: a process can end while it hangs. Where a call does not come back in time, the thread is
    left to it, and the next call gets another.
    """

    def __init__(self) -> None:
        self._todo: _Todo | None = None
        self._thread: threading.Thread | None = None
        self._choosing = threading.Lock()

    def within(self, seconds: float, act: Callable[[], T]) -> T:
        """What ``act`` gives. Raises what it raises, or TimeoutError: then it may still be at it."""
        call = _Call(act)
        with self._choosing:
            todo = self._ready()
            todo.put(call)
        try:
            values, error = call.done.get(timeout=seconds)
        except queue.Empty:
            call.given_up = True
            self._leave(todo)
            raise TimeoutError(f"no answer within {seconds:g} s") from None
        if error:
            raise error
        return values[0]  # type: ignore[no-any-return]

    def _ready(self) -> _Todo:
        """What the thread is given its calls by; a process that was forked has none of its parent's threads."""
        if self._todo is None or self._thread is None or not self._thread.is_alive():
            self._todo = queue.SimpleQueue()
            self._thread = threading.Thread(target=_work, args=(self._todo,), daemon=True)
            self._thread.start()
            weakref.finalize(self, self._todo.put, None).atexit = False
        return self._todo

    def _leave(self, todo: _Todo) -> None:
        """Leave the thread to what it hangs in; it ends when that has come back."""
        with self._choosing:
            if self._todo is todo:
                self._todo = None
        todo.put(None)


def within(seconds: float, act: Callable[[], T]) -> T:
    """What ``act`` gives, done in a thread of its own. Raises what it raises, or TimeoutError."""
    return Worker().within(seconds, act)
