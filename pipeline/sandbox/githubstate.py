"""Remembers the emulated GitHub: commits, pull requests and their reviews, alerts, workflow runs."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.storestate import FEW


@dataclass
class Commit:
    sha: str
    message: str
    parent: str
    at: float
    author: str
    pull: int
    checks: dict[str, str] = field(default_factory=dict)
    """Conclusion by name of check run; ``pending`` while it runs."""
    statuses: dict[str, str] = field(default_factory=dict)


@dataclass
class Review:
    by: str
    state: str
    commit: str
    at: float


@dataclass
class Pull:
    number: int
    title: str
    author: str
    head: str
    merge: str
    at: float
    reviews: list[Review] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)
    """What reported on its head."""


@dataclass
class Alert:
    """A code-scanning or Dependabot alert. ``state``: open, dismissed or fixed."""

    number: int
    severity: str
    summary: str
    at: float
    state: str = "open"


@dataclass
class Record:
    """A GitHub deployment and its statuses, as they were posted."""

    id: int
    at: float
    body: dict[str, Any]
    statuses: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ActionRun:
    """A run of a workflow, which ends with ``conclusion`` after ``takes`` seconds."""

    id: int
    workflow: str
    sha: str
    event: str
    at: float
    takes: float
    conclusion: str


@dataclass
class GitHub:
    repository: str
    commits: dict[str, Commit] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)
    head: str = ""
    check_conclusion: str = "success"
    """What the checks of commits that are pushed from now on say."""
    approved: bool = True
    foreign: bool = True
    """Whether commits that are pushed have the status of another project, too, which never ends."""
    code_scanning: list[Alert] | None = field(default_factory=list)
    dependabot: list[Alert] | None = field(default_factory=list)
    deployments: list[Record] = field(default_factory=list)
    runs: list[ActionRun] = field(default_factory=list)
    run_conclusion: str = "success"
    """What the runs that are started from now on end with."""
    variables: dict[str, str] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    secret_scanning: list[Alert] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    """Names that the repository had before it was renamed or transferred."""
    let_in: list[str] = field(default_factory=list)
    """Who has let runs of Actions into their environment, by login."""
    permissions: dict[str, str] = field(default_factory=lambda: {"kim-dev": "write", "sam-reviewer": "write"})
    """What people may do, by login; everybody else nothing."""
    protection: list[str] = field(default_factory=lambda: ["test"])
    """Checks that the protection of main requires."""
    rulesets: list[str] | None = field(default_factory=lambda: ["lint"])
    """Checks that a ruleset requires on main; None: the plan has no rulesets."""
    most_listed: int = FEW
    """Items a page at most, whatever is asked for; 100 is GitHub's own limit."""
    environments: dict[str, list[str]] = field(
        default_factory=lambda: {"production": ["required_reviewers"], "sandbox": ["required_reviewers"]}
    )
    """Kinds of rules of each environment, by its name."""
    secrets: list[str] | None = None
    """Names of the secrets of Actions; None: the token may not list them."""
    token_ends: str = ""
    """When the token ends, as GitHub's header has it; empty: never."""
    token_scopes: str = ""
    """What a classic token may, by commas; empty for a fine-grained one."""
    job_token: bool = False
    """Whether the token is that of an Actions job, which may not read Dependabot alerts."""
