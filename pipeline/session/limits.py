"""How long a command may take that ends when its work has, and what stops it then: the same as Ctrl-C.

What asks services and what moves production has bounds of its own, which ``pipeline.documents.longest`` adds up.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

HOUR = 3600.0
GRACE = 60.0  # seconds in which a command that was stopped tidies up
UNTIL_CTRL_C = {
    "dashboard": "until Ctrl-C; with `--export` as long as the files take to be written",
    "fleet.dashboard": "until Ctrl-C",
    "fleet.worker": "until Ctrl-C; what is under way is ended first",
    "follow": "until the run that it follows has ended, or nobody is at it any more",
    "sandbox": "until Ctrl-C",
}
"""Commands that somebody wants for as long as he looks, and what that is."""
LIMITS = {
    "bisect": (12 * HOUR, "while releases are judged, one after the other"),
    "database.rehearse-restore": (12 * HOUR, "while the copy is dumped and restored"),
    "database.restore": (24 * HOUR, "while the database is dumped, counted and restored"),
    "database.resolve": (HOUR, "while the migrations are marked"),
    "diagnose.database": (HOUR, "while its queries are answered, each of which has its bound"),
    "drill.": (12 * HOUR, "while somebody plays it"),
    "fleet.carry": (24 * HOUR, "while the run goes on, whose stages have their own bounds"),
    "fleet.check": (6 * HOUR, "while each project is asked, so many at once"),
    "fleet.deploy": (72 * HOUR, "while the waves go on; what is under way then ends by itself"),
    "fleet.env": (6 * HOUR, "while each project's variables are read, so many at once"),
    "fleet.example": (HOUR, "while the files are written"),
    "fleet.freeze": (HOUR, "while it is written down"),
    "fleet.init": (HOUR, "while the team's projects are read, page by page"),
    "fleet.monitor": (6 * HOUR, "while each project's checklist is answered, so many at once"),
    "fleet.plan": (HOUR, "while the files of each home are read"),
    "fleet.report": (HOUR, "while the record is read"),
    "fleet.rollback": (24 * HOUR, "while the projects go back; each has the bounds of `rollback`"),
    "fleet.status": (HOUR, "while the record of each project under way is read"),
    "fleet.variables": (HOUR, "while the variables of one project are read"),
    "incident.": (HOUR, "while its messages go out; each request and each channel has its bound"),
    "journal.": (HOUR, "while all that is written down is read; each statement has its bound"),
    "monitor.sync": (HOUR, "while it makes a request for each monitor that differs"),
    "playbook.": (12 * HOUR, "while it waits for whoever is walked through it"),
    "runbooks": (HOUR, "while the files are written"),
    "runbooks.": (HOUR, "while the files are written, or the commands typed"),
    "selftest": (6 * HOUR, "while every gate is tried"),
    "test": (6 * HOUR, "while the tests are run"),
    "upgrade": (HOUR, "while the files are written"),
}
"""Command (a dot: all of that family) → the seconds after which it is stopped, and what it does in them."""


def limit_of(command: str) -> float | None:
    """The seconds after which ``command`` is stopped; None when nothing here does that."""
    found = LIMITS.get(command) or LIMITS.get(command.partition(".")[0] + "." if "." in command else "")
    return found[0] if found else None


@contextlib.contextmanager
def limited(command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Interrupt what is done inside, as Ctrl-C does, once ``command`` has taken its longest time.

    What does not end even so is interrupted again every GRACE seconds. ``say`` hears why.
    """
    seconds, over = limit_of(command), threading.Event()

    if seconds is None:
        yield
        return
    says = f"this command is stopped: it is not over after its longest time, {seconds / HOUR:g} h"

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            say(says)
            os.kill(os.getpid(), signal.SIGINT)
            wait = GRACE

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
