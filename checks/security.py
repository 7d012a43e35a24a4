"""Asks whether this release would ship a known security alert."""

from checks.evidence import Alert, RefusedScanner, SecurityAlerts
from checks.gate import Findings, block, gate, warn
from checks.policy import SecurityPolicy

READS = {
    "dependabot": "a fine-grained token with Dependabot alerts: Read-only",
    "code-scanning": "a fine-grained token with Code scanning alerts: Read-only, or `security-events: read` in the job",
}
"""What a token needs to read each scanner's alerts. Source: docs.github.com, REST API, Dependabot and code scanning."""
PRIORITY = {"critical": "P0", "high": "P1", "medium": "P2", "low": "P3"}


@gate(owner="security")
def no_urgent_alerts(policy: SecurityPolicy, seen: SecurityAlerts) -> Findings:
    """The security scans ran and left no open alert of a severity that stops a release.

    Why: A P0 or P1 vulnerability in production is an incident that we would be starting ourselves.

    By hand:
        Run `gh api --paginate "repos/$REPOSITORY/code-scanning/alerts?state=open" --jq '.[] | [.rule.security_severity_level, .rule.description]'`
        and `gh api --paginate "repos/$REPOSITORY/dependabot/alerts?state=open" --jq '.[] | [.security_advisory.severity, .security_advisory.summary]'`.
        No line may start with `critical` (P0) or `high` (P1).

    If it fails: Upgrade or fix what the alert names. When the token may not read the alerts, set `DEPLOY_GITHUB_TOKEN`
        (the repository's secret; `GITHUB_TOKEN` at your desk) to a fine-grained token that may read Code scanning
        alerts and Dependabot alerts: what a job gets by itself is refused the latter. If it has to wait, somebody signs
        a waiver with an end date in `deploy.yml` under `waivers`.
    """
    for scanner in policy.scanners:
        if scanner in seen.off:
            yield block(
                scanner, "is switched off, so it found nothing because it did not look", fix="enable it on GitHub"
            )
    for one in seen.refused:
        if one.scanner in policy.scanners:
            yield block(
                one.scanner,
                f"was not looked at, because the token may not: GitHub says “{one.says}”",
                fix=f"set DEPLOY_GITHUB_TOKEN (GITHUB_TOKEN at your desk): {READS.get(one.scanner, 'one that may read it')}",
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
no_urgent_alerts.stops_when(
    "the token may not read the alerts",
    lambda p, s: (p, SecurityAlerts((), (), (RefusedScanner("dependabot", "Resource not accessible by integration"),))),
)
