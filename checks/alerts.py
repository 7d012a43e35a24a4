"""Asks whether an alert would wake anybody."""

from checks.evidence import Arrival, FiredAlert
from checks.gate import Findings, gate, not_yet


@gate(owner="on-call")
def test_alert_arrives(seen: FiredAlert) -> Findings:
    """A test alert arrives on every way: as an incident in Better Stack, as an issue in Sentry, in the team's channel.

    Why: An alarm that nobody has tried is a hope.

    By hand: Better Stack → the monitor → Send test alert; Sentry → Alerts → the rule → Send test notification. Does somebody's
        phone ring?

    If it fails: Look at that service's integration: token, escalation policy, the DSN, the webhook's address.
    """
    for arrival in seen.arrivals:
        if arrival.unset:
            yield not_yet(arrival.way, f"was not tried: {arrival.says}", severity="P3")
        elif arrival.seconds is None:
            yield not_yet(arrival.way, f"did not get the test alert: {arrival.says}", severity="P1")


test_alert_arrives.stops_when(
    "its token is not set",
    lambda s: (FiredAlert((Arrival("Sentry", None, "SENTRY_AUTH_TOKEN is not set", unset=True),)),),
)
test_alert_arrives.stops_when(
    "Better Stack is deaf", lambda s: (FiredAlert((Arrival("Better Stack", None, "nothing"),)),)
)
