"""Signals, for what moves production: heeded while it goes forward, then to the process's end ignored, never deadly.

asyncio's own handlers go with their loop: a second signal that came after it killed a run that had ended well.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_heeded: list[bool] = []


def heed(act: Callable[[str], None], of: Collection[signal.Signals] = SIGNALS) -> None:
    """Tell ``act``, in the loop that runs now, of each signal of ``of`` that comes; once that loop is closed, nobody.

    The others of SIGNALS do nothing. Whoever was started by ``nohup`` goes on ignoring that its terminal is gone.
    """
    loop = asyncio.get_running_loop()

    def told(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it comes too late
            if number in of:
                loop.call_soon_threadsafe(act, f"interrupted by {signal.Signals(number).name}")

    _heeded[:] = [True]
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, told)


def ignore_the_late() -> None:
    """Nothing that comes now changes how the process ends; of a process that ran nothing, nothing is changed.

    Ignored by the system: Python takes its own handlers away before it has quite ended.
    """
    for number in SIGNALS if _heeded else ():
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """For who goes on after a run: signals mean afterwards what they meant before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        _heeded.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in what is done inside when it has not ended by then, be it a loop without an end.

    Only in the main thread, which alone can be interrupted; elsewhere nothing is stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it did not end in {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
