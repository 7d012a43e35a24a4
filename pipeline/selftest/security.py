"""How the gate of ``checks.security`` is made to stop."""

from checks import security
from pipeline.sandbox.githubstate import Alert
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import waived
from pipeline.selftest.lab import Lab


def _a_hole_is_known(lab: Lab) -> None:
    found = Alert(7, "critical", "Remote code execution in next", lab.clock.now().timestamp())

    def open_it(state: State) -> None:
        state.github.dependabot = [*(state.github.dependabot or ()), found]

    lab.state(open_it)


def _upgraded(lab: Lab) -> None:
    def close(state: State) -> None:
        for alert in state.github.dependabot or ():
            alert.state = "fixed"

    lab.state(close)


BREAKAGES = (
    Breakage(
        security.no_urgent_alerts,
        "state",
        "Dependabot opens a critical alert",
        _a_hole_is_known,
        "Upgrade or fix what the alert names",
        _upgraded,
    ),
    Breakage(
        security.no_urgent_alerts,
        "state",
        "an alert is open whose fix ships on Monday",
        _a_hole_is_known,
        "somebody signs a waiver with an end date in `deploy.yml` under `waivers`",
        waived("security.no-urgent-alerts", "dependabot"),
    ),
)
