"""Asks whether this release would ship a known security alert."""

from checks.evidence import Alert, SecurityAlerts
from checks.gate import Findings, block, gate, warn
from checks.policy import SecurityPolicy

PRIORITY = {"critical": "P0", "high": "P1", "medium": "P2", "low": "P3"}


@gate(owner="security")
def no_urgent_alerts(policy: SecurityPolicy, seen: SecurityAlerts) -> Findings:
    """The security scans ran and left no open alert of a severity that stops a release.

    Why: A P0 or P1 vulnerability in production is an incident that we would be starting ourselves.

    By hand:
        Run `gh api "repos/$REPOSITORY/code-scanning/alerts?state=open" --jq '.[] | [.rule.security_severity_level, .rule.description]'`
        and `gh api "repos/$REPOSITORY/dependabot/alerts?state=open" --jq '.[] | [.security_advisory.severity, .security_advisory.summary]'`.
        No line may start with `critical` (P0) or `high` (P1).

    If it fails: Upgrade or fix what the alert names. If that has to wait, somebody signs a waiver with an end date
        in `deploy.yml` under `waivers`.
    """
    for scanner in policy.scanners:
        if scanner in seen.off:
            yield block(
                scanner, "is switched off, so it found nothing because it did not look", fix="enable it on GitHub"
            )
    for alert in seen.alerts:
        says = f"has an open {alert.severity} alert ({PRIORITY.get(alert.severity, '?')}): {alert.summary}"
        yield (
            block(alert.scanner, says, fix=alert.url, severity=PRIORITY.get(alert.severity, ""))
            if alert.severity in policy.blocks
            else warn(alert.scanner, says)
        )


no_urgent_alerts.stops_when(
    "a critical alert is open",
    lambda p, s: (p, SecurityAlerts((Alert("dependabot", "critical", "Remote code execution in next", "…/7"),), s.off)),
)
no_urgent_alerts.stops_when("a scanner is off", lambda p, s: (p, SecurityAlerts(s.alerts, ("code-scanning",))))
