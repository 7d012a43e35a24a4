"""Looks names up in threads that nobody waits for: a name server may take minutes to say nothing."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Unwaited(ThreadPoolExecutor):
    """Gives each call a thread that dies with the process, so that no end waits for it.

    It is an executor of this kind because a loop takes no other for its own.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # it is raised where it was asked for
                future.set_exception(error)

        threading.Thread(target=call, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, **more: Any) -> None:
        super().shutdown(wait=False, **more)
