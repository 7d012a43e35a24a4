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
HAND_OVER, HAND_OVER_UNMOVED = signal.SIGUSR1, signal.SIGUSR2
"""What a worker of a fleet that drains asks the processes of its projects: to leave their run to another worker, at
its next safe point; the second one only as long as production has not moved, because there is no other worker."""
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


class Handing:
    """Whether the run of this process is to be left to another worker; asked for by signals, as long as it is open.

    ``asked``: whether it is; ``moved``: also one that has moved production. A run says by ``leave_by`` how it is left.
    """

    def __init__(self) -> None:
        self.asked = self.moved = False
        self._leave: Callable[[bool], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def told(self, number: int, frame: FrameType | None) -> None:
        """Take one of the two signals."""
        self.asked, self.moved = True, self.moved or number == HAND_OVER
        if self._loop and self._leave:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the run is over
                self._loop.call_soon_threadsafe(self._leave, self.moved)

    def leave_by(self, leave: Callable[[bool], None]) -> None:
        """Tell ``leave``, in the loop that runs now, whether also a run that has moved production; be it before now."""
        self._loop, self._leave = asyncio.get_running_loop(), leave
        if self.asked:
            leave(self.moved)


_handing: list[Handing] = []


@contextlib.contextmanager
def handing_over() -> Iterator[Handing]:
    """Take the signals of a worker that drains.

    Before, they end the process, which has begun nothing; afterwards they come too late and change nothing.
    """
    handing = Handing()
    both = (HAND_OVER, HAND_OVER_UNMOVED)
    for number in both:
        signal.signal(number, handing.told)
    _handing[:] = [handing]
    try:
        yield handing
    finally:
        _handing.clear()
        for number in both:
            signal.signal(number, signal.SIG_IGN)


def left_by(leave: Callable[[bool], None]) -> None:
    """Say how the run of this process is left to another worker, if anybody may ask for that."""
    for handing in _handing:
        handing.leave_by(leave)


def deadly() -> None:
    """The next signal ends the process at once, as it does one that heeds none."""
    for number in SIGNALS if _heeded else ():
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


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
