"""How the gate of ``checks.alerts`` is made to stop."""

from checks import alerts
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import patch

BREAKAGES = (
    Breakage(
        alerts.test_alert_arrives,
        "state",
        "Better Stack takes incidents and shows none",
        patch(betterstack={"deaf": True}),
        "Look at that service's integration",
        patch(betterstack={"deaf": False}),
        run="monitor.weekly",
    ),
)
