"""A secret that nobody has set here is no incident: it says nothing of what it would have been asked with."""

from checks import alerts, capacity, healthy
from checks.evidence import Arrival, FiredAlert, WayBack
from checks.policy import DatabasePolicy
from checks.severity import grade


def test_what_could_not_be_asked_for_want_of_a_secret_is_worth_a_line_and_wakes_nobody() -> None:
    policy = next(one for one in healthy.POLICIES if isinstance(one, DatabasePolicy))
    unset, none = WayBack("", "NEON_API_KEY is not set", unset=True), WayBack("", "`database.restore_point` is none")
    for seen, severity in ((unset, "P3"), (none, "P1")):
        findings = [("capacity.was-backed-up", one) for one in capacity.was_backed_up.judge(policy, seen)]
        assert grade(findings).severity == severity
    deaf = Arrival("Better Stack", None, "it did not show up")
    untried = Arrival("Sentry", None, "SENTRY_AUTH_TOKEN is not set", unset=True)
    for arrivals, severity in (((untried,), "P3"), ((untried, deaf), "P1"), ((Arrival("Sentry", 1.0),), "")):
        findings = [("alerts.test-alert-arrives", one) for one in alerts.test_alert_arrives.judge(FiredAlert(arrivals))]
        assert grade(findings).severity == severity
