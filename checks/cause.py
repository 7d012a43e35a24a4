"""Names the finding that a person would name first as the cause of a stop: a pure function of what was found."""

from collections.abc import Callable, Iterable

from checks.gate import Finding, Verdict

WHOSE = frozenset({"release.is-live", "release.nobody-else-promoted", "rolling.share-is-ours", "watch.still-live"})
"""Whether what is live is ours: when it is not, all else is said of something else."""
COUNTS = frozenset(
    {
        "errors.endpoints-are-usual",
        "errors.no-new-critical",
        "errors.rate-is-usual",
        "performance.pages-are-quick",
        "rolling.canary-has-no-new-errors",
        "services.regions-have-seen-it",
        "services.uptime-is-confirmed",
        "watch.errors-stay-usual",
        "watch.monitor-stays-up",
        "watch.nothing-new-breaks",
    }
)
"""What others have counted or measured of it: mostly what a broken page or health check, seen by ourselves, has made."""

PEOPLE = frozenset({"approval.is-approved"})
"""What people give once they are asked, which is when nothing else is in the way."""


def first_cause(
    said: Iterable[tuple[str, Finding]], holds: Callable[[Finding], bool] = lambda one: one.holds
) -> Finding:
    """Choose among (gate's name, finding) pairs that stop a run, in the order of its stage; at least one.

    First what is a reason to go back, before what ``holds``; what was seen, before what could not be looked at; whether
    it is ours that is live; what was seen broken, before what others counted of it, and that before what people have yet
    to say; a no, before a not yet. Of equals the first.
    """
    return min(
        said,
        key=lambda pair: (
            holds(pair[1]),
            pair[1].verdict is Verdict.UNKNOWN,
            0 if pair[0] in WHOSE else 2 if pair[0] in COUNTS else 3 if pair[0] in PEOPLE else 1,
            -pair[1].verdict,
        ),
    )[1]
