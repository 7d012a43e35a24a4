"""Remembers the emulated Vercel: deployments and their files, variables, and where production points."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.witnessstate import Vital


@dataclass
class FileEntry:
    """A file of a deployment: ``mode`` as in ``st_mode``."""

    file: str
    sha: str
    size: int
    mode: int = 0o100644


@dataclass
class Deployment:
    """A deployment as it is remembered.

    ``takes`` is how long its build takes; ``stuck`` builds never end; ``error`` is (code, message) of the build.
    """

    id: str
    slot: int
    name: str
    created: float
    target: str | None
    meta: dict[str, str]
    files: list[FileEntry]
    env: dict[str, str]
    takes: float
    auto_assign: bool = True
    source: str = "cli"
    error: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    canceled: float = 0
    stuck: bool = False
    settled: bool = False
    custom: str = ""
    """The slug of the custom environment that it was made for."""
    was_production: bool = False
    was_canary: bool = False


@dataclass
class AliasJob:
    """A promotion or rollback: ``kind`` is Vercel's ``type``, ``rolling`` the rolling release that ended in it."""

    kind: str
    origin: str
    target: str
    requested: float
    takes: float
    description: str = ""
    stuck: bool = False
    done: bool = False
    rolling: str = ""


@dataclass
class RollingRelease:
    """Production's visitors move from ``current`` to ``canary`` in ``stages``, as they were configured (minutes).

    ``stage`` is the index of the active one, since ``since``; ``queued`` is promoted after this one.
    """

    id: str
    current: str
    canary: str
    stages: list[dict[str, Any]]
    started: float
    since: float
    updated: float
    stage: int = 0
    state: str = "ACTIVE"
    queued: str = ""
    stuck: bool = False


@dataclass
class Variable:
    id: str
    key: str
    value: str
    type: str
    target: list[str]
    created: float
    branch: str = ""
    updated: float = 0
    comment: str = ""
    custom: list[str] = field(default_factory=list)
    """The slugs of the custom environments that it is set on."""


@dataclass
class CustomEnvironment:
    """An environment beside production and preview: what is deployed to it takes its domains.

    ``branch``: whose pushes Vercel would deploy to it; here there is only ``main``.
    """

    slug: str
    domains: list[str] = field(default_factory=list)
    branch: str = ""

    @property
    def id(self) -> str:
        return f"env_{self.slug}"


@dataclass
class Vercel:
    user: str
    team: str
    project: str
    name: str
    created: float
    auto_assign: bool = True
    role: str = "OWNER"
    most_listed: int = 1
    """Deployments and domains a page at most, of the two that there are; 100 is Vercel's own limit."""
    """What the token's person is in the team; a DEVELOPER or a VIEWER moves no production."""
    token_ends: float = 0
    """When the token ends, in seconds since 1970; 0: never."""
    token_scope: str = "team"
    """``team``, or ``user`` for one of the full account."""
    tells_permissions: bool = True
    """Whether answers about the project say what the token may do with it."""
    moved_to: str = ""
    """The team that the project was transferred to: under its old one it is not found any more."""
    plan: str = "pro"
    """What the team pays for: ``hobby``, ``pro`` or ``enterprise``; a build past its limits fails."""
    personal: bool = False
    """Whether it all belongs to a person and not to a team."""
    custom: list[CustomEnvironment] = field(default_factory=list)
    """Custom environments, beside production and preview."""
    production_branch: str = "main"
    """The branch whose pushes are production, of the repository that the project is connected to."""
    unverified: list[str] = field(default_factory=list)
    """Production domains that somebody has added and not proved to own: the project does not serve them."""
    protection: bool = False
    bypass_secret: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    env: list[Variable] = field(default_factory=list)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    """Extra host names, by what they point to. The production domain is ``production``."""
    production: str = ""
    production_since: float = 0
    job: AliasJob | None = None
    rolling_config: dict[str, Any] | None = None  # as the API shows it, in minutes
    rolling: RollingRelease | None = None  # the last one, whether or not it is over
    git: bool = True
    """Whether it is connected to the repository, so that Vercel makes a deployment of what is pushed."""
    deploy_hooks: dict[str, str] = field(default_factory=dict)
    """Branch by name of the addresses that make a deployment of it for whoever calls them; nobody does here."""
    switched_off: bool = True
    """Whether the team's ``vercel.json`` keeps it from doing so with main, as a team that deploys from here has it."""
    folders: dict[str, str] = field(default_factory=dict)  # where a commit's built files are
    hidden: list[str] = field(default_factory=list)  # fields that answers about the project leave out
    ignores_env: bool = (
        False  # a deployment made from another one gets the project's variables only, and nobody says so
    )
    vitals: list[Vital] = field(default_factory=list)
    domains: dict[str, str] = field(default_factory=lambda: {"www": "PRODUCTION"})
    """Further production domains, by the host that they redirect to (PRODUCTION: the main one); empty: it serves.

    ``www``, which only redirects, and ``learn``, which only serves, stand for hosts that answer on this machine.
    """
    behind: dict[str, str] = field(default_factory=dict)
    """Of those that serve, the ones that do not move with production, by the deployment that they point to."""
    wildcard: str = ""
    """A domain such as ``*.lms.example.com`` that serves production; what is below it has no alias of its own."""
    shared: list[Variable] = field(default_factory=list)
    """Variables of the team that the project is linked to."""
