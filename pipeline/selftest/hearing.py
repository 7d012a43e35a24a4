"""How the gate of ``checks.hearing`` is made to stop."""

from checks import hearing
from checks.policy import ErrorsPolicy
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.errors import visitors
from pipeline.selftest.lab import Lab


def _named_after_versions(lab: Lab) -> None:
    lab.patch(sentry={"naming": "lms@{commit:.7}"})
    visitors(lab, 40)


def _write_it_down(lab: Lab) -> None:
    lab.require(ErrorsPolicy, release="lms@{commit:.7}")


BREAKAGES = (
    Breakage(
        hearing.sentry_hears_us,
        "state",
        "the app calls its releases otherwise than by their commit",
        _named_after_versions,
        "Write into `deploy.yml` what the app calls them",
        _write_it_down,
    ),
)
