"""Reads GitHub's answers out of JSON into frozen values."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACTIONS = "github-actions"  # the app whose check runs are the jobs of workflows
RUN = re.compile(r"/actions/runs/(\d+)")
OFF = ("disabled", "not enabled", "must be enabled", "no analysis found")
"""How GitHub's words begin to say that a scanner is off; every other refusal is about the token."""


@dataclass(frozen=True)
class Reported:
    """A check run or a commit status: ``state`` is success, pending, or the conclusion.

    ``app``: slug of the app that reported a check run; empty for a status. ``run``: the id of the Actions run that a
    job's check run belongs to. ``started`` is ISO 8601, empty while it waits to be started; ``id`` grows with time.
    """

    name: str
    state: str
    app: str = ""
    run: str = ""
    started: str = ""
    id: int = 0


@dataclass(frozen=True)
class CommitAuthor:
    """Who wrote a commit: GitHub's login when it knows one, name and e-mail as git has them. ``merges``: 2 parents."""

    login: str
    name: str
    email: str
    merges: bool


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

    ``state``: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED; ``at`` is ISO 8601. ``association``: OWNER, MEMBER,
    COLLABORATOR, CONTRIBUTOR, NONE…; ``bot``: an app gave it.
    """

    by: str
    state: str
    commit: str
    at: str
    association: str = ""
    bot: bool = False


@dataclass(frozen=True)
class EnvironmentApproval:
    """Somebody's word on whether a run of Actions may go on into some environments, by their names."""

    by: str
    approved: bool
    environments: tuple[str, ...]


@dataclass(frozen=True)
class ScannerAlert:
    """An open security alert. ``severity``: critical, high, medium, low."""

    severity: str
    summary: str
    url: str


@dataclass(frozen=True)
class Scanned:
    """What a scanner answered: its open alerts, or that it is off, or GitHub's words when the token may not read it."""

    alerts: tuple[ScannerAlert, ...] = ()
    off: bool = False
    refused: str = ""


def check_runs_of(body: Any) -> list[Reported]:
    return [_check_run_of(run) for run in body["check_runs"]]


def _check_run_of(run: Any) -> Reported:
    app = str((run.get("app") or {}).get("slug") or "")
    job = RUN.search(str(run.get("details_url") or "")) if app == ACTIONS else None
    return Reported(
        str(run["name"]),
        str(run["conclusion"]) if run["status"] == "completed" else "pending",
        app,
        job[1] if job else "",
        str(run.get("started_at") or ""),
        int(run.get("id") or 0),
    )


def statuses_of(body: Any) -> list[Reported]:
    return [Reported(str(status["context"]), str(status["state"])) for status in body["statuses"]]


def protection_of(body: Any) -> list[str]:
    """Name the checks that a branch's protection requires; GitHub has each twice, with and without its app."""
    checks = (body.get("protection") or {}).get("required_status_checks") or {}
    return [str(name) for name in checks.get("contexts") or ()] + [
        str(one["context"]) for one in checks.get("checks") or ()
    ]


def rules_of(body: Any) -> list[str]:
    """Name the checks that the active rules for a branch require."""
    found = (one.get("parameters") or {} for one in body if one["type"] == "required_status_checks")
    return [str(check["context"]) for one in found for check in one.get("required_status_checks") or ()]


def author_of(body: Any) -> CommitAuthor:
    written = body["commit"].get("author") or {}
    return CommitAuthor(
        str((body.get("author") or {}).get("login") or ""),
        str(written.get("name") or ""),
        str(written.get("email") or ""),
        len(body.get("parents") or ()) > 1,
    )


def commits_of(body: Any) -> list[Mapping[str, str]]:
    return [
        {
            "id": str(commit["sha"]),
            "message": str(commit["commit"]["message"]).splitlines()[0][:200],
            "author_name": str((commit["commit"].get("author") or {}).get("name") or ""),
            "timestamp": str((commit["commit"].get("author") or {}).get("date") or ""),
        }
        for commit in body["commits"]
    ]


def pulls_of(body: Any) -> list[Pull]:
    return [
        Pull(
            int(pull["number"]),
            _login(pull),
            str(pull["head"]["sha"]),
            str(pull.get("merge_commit_sha") or "") if pull.get("merged_at") else "",
        )
        for pull in body
    ]


def reviews_of(body: Any) -> list[PullReview]:
    return [
        PullReview(
            _login(review),
            str(review["state"]),
            str(review.get("commit_id") or ""),
            str(review.get("submitted_at") or ""),
            str(review.get("author_association") or ""),
            (review.get("user") or {}).get("type") == "Bot",
        )
        for review in body
    ]


def environment_approvals_of(body: Any) -> tuple[EnvironmentApproval, ...]:
    return tuple(
        EnvironmentApproval(
            _login(one), one["state"] == "approved", tuple(str(where["name"]) for where in one["environments"])
        )
        for one in body
    )


def _login(body: Any) -> str:
    """The login of whoever made it; GitHub calls somebody whose account is gone ``ghost``."""
    return str((body.get("user") or {}).get("login") or "ghost")


def code_scanning_of(body: Any) -> list[ScannerAlert]:
    return [
        ScannerAlert(
            str(alert["rule"].get("security_severity_level") or alert["rule"].get("severity") or "low"),
            str(alert["rule"].get("description") or alert["rule"].get("id")),
            str(alert["html_url"]),
        )
        for alert in body
    ]


def dependabot_of(body: Any) -> list[ScannerAlert]:
    return [
        ScannerAlert(
            str(alert["security_advisory"]["severity"]),
            str(alert["security_advisory"]["summary"]),
            str(alert["html_url"]),
        )
        for alert in body
    ]


def content_or_names_of(body: Any) -> str | list[tuple[str, bool]]:
    """The text of a file; of a folder the paths in it, and whether each is a folder."""
    if isinstance(body, list):
        return [(str(one["path"]), one["type"] == "dir") for one in body]
    return content_of(body)


def content_of(body: Any) -> str:
    return base64.b64decode(body["content"]).decode()
