"""Shapes security alerts as GitHub's answers show them: those of code scanning, and those of Dependabot."""

from typing import Any

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubshapes import Shapes
from pipeline.sandbox.githubstate import Alert
from pipeline.sandbox.web import Payload

CODE_SEVERITY = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}


class AlertShapes:
    """Writes an alert as the API of code scanning or of Dependabot does."""

    def __init__(self, core: Core, shapes: Shapes) -> None:
        self._core, self._shapes = core, shapes

    def code(self, alert: Alert) -> Payload:
        url = f"{self._shapes.repo}/code-scanning/alerts/{alert.number}"
        return {
            **self._alert(alert, url, "code-scanning"),
            "instances_url": f"{url}/instances",
            "fixed_at": None,
            "rule": {
                "id": f"js/rule-{alert.number}",
                "severity": CODE_SEVERITY[alert.severity],
                "description": alert.summary,
                "name": f"js/rule-{alert.number}",
                "security_severity_level": alert.severity,
                "tags": ["security"],
            },
            "tool": {"name": "CodeQL", "guid": None, "version": "2.23.0"},
            "most_recent_instance": {
                "ref": "refs/heads/main",
                "analysis_key": "codeql.yml:analyze",
                "environment": "{}",
                "state": alert.state,
                "commit_sha": self._core.state.github.head,
                "message": {"text": alert.summary},
                "location": {"path": "app/page.tsx", "start_line": 3, "end_line": 3},
                "classifications": [],
            },
        }

    def dependabot(self, alert: Alert) -> Payload:
        package, when = {"ecosystem": "npm", "name": f"package-{alert.number}"}, iso_seconds(alert.at)
        vulnerability: dict[str, Any] = {
            "package": package, "severity": alert.severity, "vulnerable_version_range": "< 2.0.0",
            "first_patched_version": {"identifier": "2.0.0"},
        }  # fmt: skip
        return {
            **self._alert(alert, f"{self._shapes.repo}/dependabot/alerts/{alert.number}", "dependabot"),
            "fixed_at": None,
            "dependency": {"package": package, "manifest_path": "package-lock.json", "scope": "runtime"},
            "security_advisory": {
                "ghsa_id": f"GHSA-xxxx-xxxx-{alert.number:04d}",
                "cve_id": None,
                "summary": alert.summary,
                "description": alert.summary,
                "vulnerabilities": [vulnerability],
                "severity": alert.severity,
                "cvss": {"score": 9.0, "vector_string": None},
                "cwes": [],
                "references": [],
                "identifiers": [{"type": "GHSA", "value": f"GHSA-xxxx-xxxx-{alert.number:04d}"}],
                "published_at": when,
                "updated_at": when,
                "withdrawn_at": None,
            },
            "security_vulnerability": vulnerability,
            "dismissed_comment": None,
        }

    def _alert(self, alert: Alert, url: str, kind: str) -> Payload:
        when = iso_seconds(alert.at)
        return {
            "number": alert.number,
            "state": alert.state,
            "created_at": when,
            "updated_at": when,
            "url": url,
            "html_url": f"{self._shapes.web}/security/{kind}/{alert.number}",
            "dismissed_by": None,
            "dismissed_at": None,
            "dismissed_reason": None,
        }
