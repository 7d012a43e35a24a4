"""What a release, its environment and its way to production must be like."""

import datetime
from dataclasses import dataclass
from typing import Literal

from checks.policy.base import Policy

Severity = Literal["critical", "high", "medium", "low"]
Shape = Literal["any", "url", "postgres", "secret", "email"]


@dataclass(frozen=True)
class SourcePolicy(Policy):
    """Where releases come from."""

    repository: str
    """GitHub repository, ``owner/name``."""
    branch: str = "main"
    """The branch that production follows."""


@dataclass(frozen=True)
class IgnoredCheck(Policy):
    """One check run or status that says nothing about what this project ships, for good."""

    name: str
    """Its name on GitHub, e.g. ``Vercel – marketing``."""
    reason: str
    """Why it may be red or never end; it is printed beside the gate."""

    def __post_init__(self) -> None:
        for key in ("name", "reason"):
            if not getattr(self, key).strip():
                raise ValueError(f"{key} is empty; say which check is left out, and why")


@dataclass(frozen=True)
class ContinuousIntegrationPolicy(Policy):
    """What must be green on the commit before it may ship."""

    required: tuple[str, ...] = ()
    """Check runs or statuses that must exist and have succeeded, by name. Every other one must be green too; one that
    was skipped has not run."""
    ignore: tuple[IgnoredCheck, ...] = ()
    """Check runs or statuses that are left out for good, each with its reason, e.g. a bot's status that never ends."""
    own: tuple[str, ...] = ("deploy.yml", "rollback.yml", "monitor.yml", "drill.yml")
    """Workflow files that run this tool: what they say is no check on the code."""

    def __post_init__(self) -> None:
        both = sorted({one.name for one in self.ignore} & set(self.required))
        if both:
            raise ValueError(f"{', '.join(both)}: is in `required` and in `ignore`")


@dataclass(frozen=True)
class ReviewPolicy(Policy):
    """How the commit must have been reviewed."""

    required: int = 1
    """Approving reviews of the pull request's head, by people other than its author."""


@dataclass(frozen=True)
class ApprovalPolicy(Policy):
    """Who must agree to this release. Nobody who wrote it counts, and one person counts once, however they said it."""

    required: int = 1
    """How many different people."""
    stakeholders: tuple[str, ...] = ()
    """GitHub logins, names, or fingerprints of SSH keys (``SHA256:…``) that count; empty means anyone but the author."""
    ways: tuple[Literal["review", "environment", "signature", "in person"], ...] = (
        "review",
        "environment",
        "signature",
        "in person",
    )
    """What counts: a GitHub review of the head, an approval of the GitHub environment, `./inv approve RUN` with a key, or
    `--approved-by`. Only a signature is bound to the whole plan; the others are for the commit."""
    expires: float = 14 * 86400
    """How long an approval counts."""
    wait: float = 0
    """How long a run waits for people when nothing else stops it; 0: it ends, and the next one finds what was given."""
    signers: str = "runbooks/reviews/allowed_signers"
    """The file with the public keys of those who may sign, as `ssh-keygen` has it: all names of a person, by commas,
    then the key."""


@dataclass(frozen=True)
class SecurityPolicy(Policy):
    """Which open security alerts stop a release."""

    blocks: tuple[Severity, ...] = ("critical", "high")
    """Severities: critical is P0, high is P1."""
    scanners: tuple[Literal["code-scanning", "dependabot"], ...] = ("code-scanning", "dependabot")
    """GitHub scanners that must be switched on. One that is off proves nothing."""


@dataclass(frozen=True)
class RequiredVariable(Policy):
    """One environment variable that the release reads."""

    name: str
    """Its name on Vercel."""
    shape: Shape = "any"
    """What its value must look like."""
    min_length: int = 1
    """The fewest characters its value may have."""
    host: str = ""
    """For URLs: the host must be this one, or end in it when it begins with a dot, e.g. `.neon.tech`."""
    sslmode: str = ""
    """For Postgres URLs: the `sslmode` that must be there, e.g. `require`; a stricter one will do."""


@dataclass(frozen=True)
class EnvironmentPolicy(Policy):
    """Environment variables that must be set on the target."""

    required: tuple[RequiredVariable, ...] = ()
    """Each variable the release reads."""
    optional: tuple[str, ...] = ()
    """Variables that the code may read although nobody set them."""
    strict: bool = False
    """What is only suspicious stops a run too: variables that the code reads and nobody set, and values that were
    changed on Vercel since the live deployment was made."""


@dataclass(frozen=True)
class FreezeWindow(Policy):
    """A time in which nobody deploys. Both ends are local to ``freeze.timezone``, unless they say their own offset."""

    reason: str
    """Why, as the person who is stopped will read it."""
    starts: datetime.datetime
    """First moment of the freeze, e.g. ``2026-12-23 18:00``, or ``2026-12-23T18:00:00+01:00``."""
    ends: datetime.datetime
    """First moment after it."""


@dataclass(frozen=True)
class FreezePolicy(Policy):
    """When not to deploy."""

    timezone: str = "UTC"
    """IANA name, e.g. ``Europe/Berlin``."""
    windows: tuple[FreezeWindow, ...] = ()
    """Dated freezes."""
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    """Days of the week on which nobody deploys."""


@dataclass(frozen=True)
class BuildPolicy(Policy):
    """How the staged production deployment comes about. No production domain may move by it, whichever way."""

    by: Literal["prebuilt", "git", "cli"] = "prebuilt"
    """`prebuilt`: this tool uploads ``.vercel/output``. `git`: Vercel's Git integration builds the pushed commit; this
    tool finds that deployment and waits for it, or has it made. `cli`: the pinned ``vercel`` below deploys."""
    plan: Literal["hobby", "pro", "enterprise"] = "pro"
    """The plan that the team pays Vercel for: what goes past its limits is refused before it is uploaded."""
    archive: Literal["auto", "always", "never"] = "auto"
    """`prebuilt` and `cli`: send one archive instead of many files; `auto` estimates which arrives sooner."""
    command: str = "vercel"
    """`cli`: the command to run; a path, or several words such as `npx vercel@VERSION`."""
    version: str = ""
    """The Vercel CLI that builds; with `cli` also what `vercel --version` must say. Another version may mean other
    defaults: left out, it is the one of ``vercel-cli/package-lock.json``, which this tool was tested with."""
    appears: float = 60
    """`git`: how long the push may take to become a deployment before one is made from the commit."""
    environment: tuple[str, ...] = ()
    """Variables of this machine that the app's install and build and Prisma's command are given besides the harmless
    ones, e.g. `NPM_TOKEN`. Nothing else goes along, and never a secret of this tool."""


@dataclass(frozen=True)
class IdentityPolicy(Policy):
    """How an address proves which build answers there. Nothing is judged before it has."""

    proof: tuple[Literal["deployment", "commit", "header"], ...] = ("deployment", "commit", "header")
    """What counts: the health answer's `deployment` or `commit` (the first 7 digits will do), or the header below.
    One of them must be there, and none of them may name another build."""
    header: str = "x-deployment-id"
    """The response header that names the deployment."""
    times: int = 3
    """How many answers in a row must come from the expected build."""


@dataclass(frozen=True)
class PromotionPolicy(Policy):
    """How production moves to the release."""

    rolling: tuple[int, ...] = ()
    """Shares of visitors, in percent, before the release gets all of them, e.g. `[10, 50]`. Needs Vercel's Rolling
    Releases, configured alike with manual approval. Empty: all at once."""
    rolling_watch: float = 300
    """How long each share is watched before the next one."""
