"""The commit, its checks, its reviews, its alerts."""

from dataclasses import dataclass

from checks.evidence.base import Evidence


@dataclass(frozen=True)
class CommitOrder(Evidence):
    """The commit against the one that is live. Source: GET /repos/{repo}/compare/{live}...{commit}"""

    live: str
    """Empty when production does not say which commit it is."""
    commit: str
    relation: str
    """GitHub's word: ahead, behind, identical or diverged; ``unknown`` when it has no such commit."""


@dataclass(frozen=True)
class Commit(Evidence):
    """The commit as GitHub knows it. Source: GET /repos/{repo}/commits/{sha} and /branches/{branch}"""

    sha: str
    known: bool
    """Whether GitHub has it, i.e. it was pushed."""
    branch: str
    head: str
    """SHA at the head of ``branch``."""


@dataclass(frozen=True)
class Check:
    """A check run or a commit status. ``state``: success, pending, or how it failed."""

    name: str
    state: str


@dataclass(frozen=True)
class CommitChecks(Evidence):
    """Everything that reported on the commit. Source: GET …/commits/{sha}/check-runs and …/status"""

    sha: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Approval:
    """One person's yes: ``of`` is the commit they looked at, ``at`` is ISO 8601, ``via`` how they said it."""

    by: str
    at: str
    of: str
    via: str


@dataclass(frozen=True)
class PullRequest(Evidence):
    """The pull request that brought the commit. Source: GET …/commits/{sha}/pulls and …/pulls/{n}/reviews"""

    number: int
    """0 when the commit belongs to none."""
    author: str
    head: str
    merge_commit: str
    approvals: tuple[Approval, ...]
    """Each reviewer's latest word, when it is a yes."""
    objections: tuple[str, ...]
    """Reviewers whose latest word asks for changes."""


@dataclass(frozen=True)
class Alert:
    """An open security alert. ``severity``: critical, high, medium, low."""

    scanner: str
    severity: str
    summary: str
    url: str


@dataclass(frozen=True)
class SecurityAlerts(Evidence):
    """Open alerts. Source: GET /repos/{repo}/code-scanning/alerts and /dependabot/alerts (state=open)"""

    alerts: tuple[Alert, ...]
    off: tuple[str, ...]
    """Scanners that are not switched on."""

    def brief(self) -> str:
        return f"{len(self.alerts)} open alerts"
