"""Asks GitHub's REST API for commits, checks, pull requests, alerts and deployments of one repository."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.errors import Refused

T = TypeVar("T")
WHOLE = {"per_page": 100}


@dataclass(frozen=True)
class Reported:
    """A check run or a commit status: ``state`` is success, pending, or the conclusion."""

    name: str
    state: str


@dataclass(frozen=True)
class Pull:
    """A pull request, of which ``merge_commit`` is empty until it is merged."""

    number: int
    author: str
    head: str
    merge_commit: str


@dataclass(frozen=True)
class PullReview:
    """A review that somebody gave of a pull request.

    ``state``: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED; ``at`` is ISO 8601.
    """

    by: str
    state: str
    commit: str
    at: str


@dataclass(frozen=True)
class ScannerAlert:
    """An open security alert. ``severity``: critical, high, medium, low."""

    severity: str
    summary: str
    url: str


class GitHub(Service):
    """Asks about one repository, ``owner/name``."""

    def __init__(self, base: str, token: str, repository: str, http: httpx.AsyncClient, clock: Clock) -> None:
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
            "user-agent": "deploy-pipeline",
        }
        super().__init__("github", base, http, clock, headers)
        self._repo = f"/repos/{repository}"

    async def has_commit(self, sha: str) -> bool:
        """Whether the repository has a commit. GET /repos/{owner}/{repo}/commits/{ref}"""
        try:
            return await self.read(f"{self._repo}/commits/{sha}", lambda body: bool(body["sha"]))
        except Refused as error:
            if error.status in (404, 422):  # 422: GitHub knows no commit of that name
                return False
            raise

    async def relation(self, base: str, head: str) -> str:
        """Compare two commits: ``head`` is ahead of ``base``, behind, identical or diverged.

        Unknown when one of them is.

        GET /repos/{owner}/{repo}/compare/{basehead}
        """
        try:
            return await self.read(f"{self._repo}/compare/{base}...{head}", lambda body: str(body["status"]))
        except Refused as error:
            if error.status == 404:
                return "unknown"
            raise

    async def commits_between(self, base: str, head: str) -> tuple[Mapping[str, str], ...]:
        """List the commits of ``head`` that ``base`` has not, as Sentry wants them, newest last.

        Empty when either is unknown.

        GET /repos/{owner}/{repo}/compare/{basehead}
        """

        def parse(body: Any) -> tuple[Mapping[str, str], ...]:
            return tuple(
                {
                    "id": str(commit["sha"]),
                    "message": str(commit["commit"]["message"]).splitlines()[0][:200],
                    "author_name": str((commit["commit"].get("author") or {}).get("name") or ""),
                    "timestamp": str((commit["commit"].get("author") or {}).get("date") or ""),
                }
                for commit in body["commits"]
            )

        try:
            return await self.read(f"{self._repo}/compare/{base}...{head}", parse)
        except Refused as error:
            if error.status == 404:
                return ()
            raise

    async def file(self, path: str, ref: str) -> str | None:
        """Read the text of the file ``path`` at commit ``ref``; None when there is no such commit or file.

        GET /repos/{owner}/{repo}/contents/{path}
        """
        try:
            return await self.read(f"{self._repo}/contents/{path}", _content, {"ref": ref})
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def head(self, branch: str) -> str:
        """Read the SHA at the head of ``branch``. GET /repos/{owner}/{repo}/branches/{branch}"""
        return await self.read(f"{self._repo}/branches/{branch}", lambda body: str(body["commit"]["sha"]))

    async def check_runs(self, sha: str) -> tuple[Reported, ...]:
        """Read the latest run of each check. GET /repos/{owner}/{repo}/commits/{ref}/check-runs"""

        def parse(body: Any) -> list[Reported]:
            return [
                Reported(str(run["name"]), str(run["conclusion"]) if run["status"] == "completed" else "pending")
                for run in body["check_runs"]
            ]

        return await self.read_all(f"{self._repo}/commits/{sha}/check-runs", parse, {**WHOLE, "filter": "latest"})

    async def statuses(self, sha: str) -> tuple[Reported, ...]:
        """Read the latest status of each context; empty when nothing reported.

        GET /repos/{owner}/{repo}/commits/{ref}/status
        """

        def parse(body: Any) -> list[Reported]:
            return [Reported(str(status["context"]), str(status["state"])) for status in body["statuses"]]

        return await self.read_all(f"{self._repo}/commits/{sha}/status", parse, WHOLE)

    async def pull_of(self, sha: str) -> Pull | None:
        """Find the pull request that brought ``sha``, a merged one first.

        GET /repos/{owner}/{repo}/commits/{sha}/pulls
        """

        def parse(body: Any) -> list[Pull]:
            return [
                Pull(
                    int(pull["number"]),
                    str(pull["user"]["login"]),
                    str(pull["head"]["sha"]),
                    str(pull.get("merge_commit_sha") or "") if pull.get("merged_at") else "",
                )
                for pull in body
            ]

        pulls = await self.read_all(f"{self._repo}/commits/{sha}/pulls", parse, WHOLE)
        return max(pulls, key=lambda pull: (pull.merge_commit == sha, pull.head == sha), default=None)

    async def reviews(self, pull: int) -> tuple[PullReview, ...]:
        """Read all reviews of a pull request, oldest first. GET /repos/{owner}/{repo}/pulls/{number}/reviews"""

        def parse(body: Any) -> list[PullReview]:
            return [
                PullReview(
                    str((review.get("user") or {}).get("login", "ghost")),
                    str(review["state"]),
                    str(review.get("commit_id") or ""),
                    str(review.get("submitted_at") or ""),
                )
                for review in body
            ]

        return await self.read_all(f"{self._repo}/pulls/{pull}/reviews", parse, WHOLE)

    async def code_scanning_alerts(self) -> tuple[ScannerAlert, ...] | None:
        """Read open code-scanning alerts; None when it is off. GET /repos/{owner}/{repo}/code-scanning/alerts"""

        def parse(body: Any) -> list[ScannerAlert]:
            return [
                ScannerAlert(
                    str(alert["rule"].get("security_severity_level") or alert["rule"].get("severity") or "low"),
                    str(alert["rule"].get("description") or alert["rule"].get("id")),
                    str(alert["html_url"]),
                )
                for alert in body
            ]

        return await self._alerts("code-scanning", parse)

    async def dependabot_alerts(self) -> tuple[ScannerAlert, ...] | None:
        """Read open Dependabot alerts; None when it is off. GET /repos/{owner}/{repo}/dependabot/alerts"""

        def parse(body: Any) -> list[ScannerAlert]:
            return [
                ScannerAlert(
                    str(alert["security_advisory"]["severity"]),
                    str(alert["security_advisory"]["summary"]),
                    str(alert["html_url"]),
                )
                for alert in body
            ]

        return await self._alerts("dependabot", parse)

    async def _alerts(self, scanner: str, parse: Callable[[Any], list[T]]) -> tuple[T, ...] | None:
        try:
            return await self.read_all(f"{self._repo}/{scanner}/alerts", parse, {**WHOLE, "state": "open"})
        except Refused as error:
            if error.status in (403, 404) and not error.retry_after:  # how GitHub says "not enabled"
                return None
            raise

    async def record_deployment(self, sha: str, environment: str, url: str, log_url: str = "") -> None:
        """Tell GitHub that the commit ``sha`` is live at ``url``.

        POST /repos/{owner}/{repo}/deployments, then POST …/deployments/{id}/statuses
        """
        body = {
            "ref": sha,
            "environment": environment,
            "auto_merge": False,
            "required_contexts": [],  # our own gates have asked
            "production_environment": environment == "production",
        }
        made = await self.once("POST", f"{self._repo}/deployments", lambda body: int(body["id"]), json=body)
        status = {"state": "success", "environment_url": url, "log_url": log_url, "auto_inactive": True}
        await self.once("POST", f"{self._repo}/deployments/{made}/statuses", lambda body: None, json=status)


def _content(body: Any) -> str:
    return base64.b64decode(body["content"]).decode()
