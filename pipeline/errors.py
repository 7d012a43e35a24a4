"""What can go wrong, as one tree.

PipelineError
├── Mistake         the person's or the configuration's: exit 2, nothing was touched
│   └── BrokenPlan    the pipeline asks for what nothing gives
├── Locked          somebody else is at it: exit 1
│   └── Lost          a run that is somebody else's now: 1 when it had moved nothing, else how the run ended, or 5
├── Broken          a bug of ours: exits as what it left of production says
└── ServiceError    a service; the runner turns it into a verdict
    ├── Absent        a package that it takes is not installed here
    ├── Unreachable   no answer came
    │   ├── Overdue     it took too long, and was cut off
    │   └── Unset         it was not asked: nobody has set the secret that it is asked with
    ├── Refused       it answered no: ``status``, ``code``
    │   ├── Theirs      what was to be taken back is gone: somebody else promoted a newer release
    │   └── Rejected    it was Postgres; ``code`` is a SQLSTATE or one of Prisma's
    ├── Unreadable    it answered something we do not understand
    └── BadRelease    the release itself cannot be shipped as it is
"""

from typing import Any


class PipelineError(Exception):
    """An error that is raised on purpose."""


class Mistake(PipelineError):
    """Bad input: names the thing, what was wrong and what to type. Exit 2."""


class BrokenPlan(Mistake):
    """A pipeline that cannot run as declared; found before anything is touched."""


class Locked(PipelineError):
    """Another run, or a person, holds the target."""


class Lost(Locked):
    """The lock is not ours any more: whoever raises this has touched nothing since. ``moved``: production had moved.

    ``code`` is what the command exits with.
    """

    def __init__(self, says: str, *, moved: bool = False, code: int = 1) -> None:
        super().__init__(says)
        self.moved, self.code = moved, code


class HandedOver(Lost):
    """The run is left, at a safe point and as it is, to another worker of the fleet: it has no end yet."""


class Broken(PipelineError):
    """A bug of ours, in one sentence. ``code`` is what the command exits with: what is true of production."""

    def __init__(self, says: str, code: int) -> None:
        super().__init__(says)
        self.code = code


class ServiceError(PipelineError):
    """A service did not do what was asked: ``asked`` is what we sent, ``came`` what came back."""

    def __init__(self, service: str, asked: str, came: str) -> None:
        super().__init__(f"{service}: {asked}: {came}")
        self.service, self.asked, self.came = service, asked, came

    def add(self, says: str) -> None:
        """Say more of what came back, e.g. what somebody else knows of it."""
        self.came += says
        self.args = (f"{self.service}: {self.asked}: {self.came}",)

    @property
    def lasting(self) -> bool:
        """Whether asking again cannot help, e.g. with the same wrong token."""
        return False


class Absent(ServiceError):
    """A package that this takes is not installed here; ``came`` is what to type."""


class Unreachable(ServiceError):
    """No answer: name resolution, TLS, connection, timeout, or cut off half-way."""


class Overdue(Unreachable):
    """An act that took longer than its stage allows: it was cut off, which says nothing about the release."""


class Unset(Unreachable):
    """A service that cannot be asked, because the secret that it is asked with is not set."""

    @property
    def lasting(self) -> bool:
        return True


class Unreadable(ServiceError):
    """An answer that does not have the shape the service documents."""


class BadReleaseError(ServiceError):
    """The folder that is to be shipped is broken: ``name`` is the file, ``says`` what is wrong with it."""

    def __init__(self, name: str, says: str) -> None:
        super().__init__("release", name, says)

    @property
    def lasting(self) -> bool:
        return True


class Refused(ServiceError):
    """An answer that says no, with its HTTP ``status``, its machine-readable ``code`` and its decoded ``body``.

    ``retry_after``: seconds the service asks us to wait; 0 when it does not say.
    """

    def __init__(
        self, service: str, asked: str, status: int, code: str, says: str, *, body: Any = None, retry_after: float = 0
    ) -> None:
        super().__init__(service, asked, f"answered {status}: {says}")
        self.status, self.code, self.body, self.retry_after = status, code, body, retry_after

    @property
    def lasting(self) -> bool:
        """Whether asking again cannot help: a no that is about what was asked, and not about the moment."""
        return self.code == "moved" or (
            400 <= self.status < 500 and self.status not in (408, 409, 423, 425, 429) and not self.retry_after
        )


class Theirs(Refused):
    """A newer release that somebody else promoted serves: what we would take back is not there any more."""

    def __init__(self, asked: str, says: str) -> None:
        super().__init__("vercel", asked, 409, "moved", says)
        self.came = says
        self.args = (says,)


class Rejected(Refused):
    """Postgres said no. ``code``: its SQLSTATE, or what Prisma calls it, e.g. ``P3018``; ``status`` as HTTP has it."""

    def __init__(self, asked: str, code: str, says: str, *, status: int = 400) -> None:
        super().__init__("postgres", asked, status, code, says)
        self.came = f"{code} {says}"
        self.args = (f"postgres: {asked}: {self.came}",)
