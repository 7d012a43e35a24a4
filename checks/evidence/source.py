"""The commit, its checks, its reviews, its alerts."""

from dataclasses import dataclass

from checks.evidence.approval import Approval
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
class LiveRun(Evidence):
    """The run that has put production's release there, and whether anybody has judged it since.

    Source: the ``meta`` of the live deployment, our record, GET /repos/{repo}/deployments and …/{id}/statuses
    """

    deployment: str
    run: str
    """Empty when none of our runs has made it."""
    recorded: bool
    """Whether our record knows the run, and so tells of it by itself; GitHub is not asked then."""
    github: int = 0
    """The id of GitHub's deployment; 0 when it was told of none."""
    state: str = ""
    """That of its newest status: in_progress, success, failure, error, inactive…; empty when GitHub was told of none."""

    def brief(self) -> str:
        return f"run {self.run}: {'recorded' if self.recorded else self.state or 'unknown'}" if self.run else ""


@dataclass(frozen=True)
class Commit(Evidence):
    """The commit as GitHub knows it. Source: GET /repos/{repo}/commits/{sha} and /branches/{branch}"""

    sha: str
    known: bool
    """Whether GitHub has it, i.e. it was pushed."""
    branch: str
    head: str
    """SHA at the head of ``branch``."""
    repository: str = ""
    """``owner/name`` as GitHub calls it now; another than in ``deploy.yml`` when it was renamed or transferred."""


@dataclass(frozen=True)
class Check:
    """A check run or a commit status. ``state``: success, pending, or how it failed."""

    name: str
    state: str
    app: str = ""
    """The app that reported it, e.g. ``github-actions``; empty for a status."""
    workflow: str = ""
    """Path of the workflow whose job it is, e.g. ``.github/workflows/ci.yml``; empty when there is none, or it cannot
    be read."""
    run: str = ""
    """Id of the Actions run whose job it is; empty when it is none."""
    started: str = ""
    """ISO 8601; empty while it waits to be started."""
    id: int = 0
    """GitHub's number for it, which grows with time."""


@dataclass(frozen=True)
class CommitChecks(Evidence):
    """Everything that reported on the commit.

    Source: GET …/commits/{sha}/check-runs and …/status, GET …/actions/runs/{id}, GET …/branches/{branch} and
    …/rules/branches/{branch}; the environment of the Actions job
    """

    sha: str
    checks: tuple[Check, ...]
    run: str = ""
    """The Actions run that this very run of ours is a job of; empty outside GitHub Actions."""
    workflow: str = ""
    """The path of its workflow."""
    required: tuple[str, ...] = ()
    """What GitHub itself requires on the branch, by its protection or a ruleset; those of ``ci.required`` are not here."""
    before: tuple[str, ...] = ()
    """Of those, what is not on this commit and succeeded on the head of its pull request."""


@dataclass(frozen=True)
class PullRequest(Evidence):
    """The pull request that brought the commit.

    Source: GET …/commits/{sha}/pulls, …/pulls/{n}/reviews, …/collaborators/{login}/permission and …/commits/{sha}
    """

    number: int
    """0 when the commit belongs to none."""
    author: str
    head: str
    merge_commit: str
    approvals: tuple[Approval, ...]
    """Each reviewer's latest word, when it is a yes."""
    objections: tuple[str, ...]
    """Reviewers who may write and whose latest word asks for changes."""
    authors: tuple[str, ...] = ()
    """Whoever wrote the change, by login, name and e-mail address as far as they are known."""


@dataclass(frozen=True)
class Alert:
    """An open security alert. ``severity``: critical, high, medium, low."""

    scanner: str
    severity: str
    summary: str
    url: str


@dataclass(frozen=True)
class RefusedScanner:
    """A scanner whose alerts the token may not read; ``says`` are GitHub's words."""

    scanner: str
    says: str


@dataclass(frozen=True)
class SecurityAlerts(Evidence):
    """Open alerts. Source: GET /repos/{repo}/code-scanning/alerts and /dependabot/alerts (state=open)"""

    alerts: tuple[Alert, ...]
    off: tuple[str, ...]
    """Scanners that are not switched on."""
    refused: tuple[RefusedScanner, ...] = ()
    """Scanners that the token may not ask."""

    def brief(self) -> str:
        return f"{len(self.alerts)} open alerts"
