"""How the gate of ``checks.approval`` is made to stop."""

from checks import approval
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.lab import Lab


def _nobody_agreed(lab: Lab) -> None:
    lab.state(lambda state: state.github.pulls[-1].reviews.clear())


def _said_in_person(lab: Lab) -> None:
    lab.order(approved_by="Robin Product", approved_at=lab.clock.now().isoformat())


BREAKAGES = (
    Breakage(
        approval.is_approved,
        "state",
        "nobody has approved the pull request",
        _nobody_agreed,
        "start the run with `--approved-by NAME` when it was given to you in person",
        _said_in_person,
    ),
)
