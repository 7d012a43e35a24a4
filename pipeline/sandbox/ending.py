"""Ends processes with the sandbox, however that ends, and also those that never yield and so could not notice.

They are one process group with a shell that reads a pipe, which only the sandbox holds: when the pipe ends, the shell
ends the group. It takes less than a megabyte, once; a thread that looks, in each Node process, takes eight.
"""

import subprocess
import threading

from pipeline.sandbox import children

WATCHDOG = "read -r nothing; kill -KILL 0"
SHELL = "/bin/sh"

_lock = threading.Lock()
_watchdogs = list[subprocess.Popen[bytes]]()


def group() -> int:
    """The process group that ends with this process; a process joins it as it is started (``process_group``).

    Raises OSError when there is no shell to watch.
    """
    with _lock:
        if (
            not _watchdogs or _watchdogs[-1].poll() is not None
        ):  # somebody killed it: those in its group go on unwatched
            _watchdogs[:] = [
                subprocess.Popen(
                    [SHELL, "-c", WATCHDOG],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=children.environment(),
                    process_group=0,
                )
            ]
        return _watchdogs[-1].pid
