"""The keys of a target in ``deploy.yml``: one place to deploy to."""

from dataclasses import dataclass, field
from typing import Any, Literal

from checks.policy import Policy


@dataclass(frozen=True)
class Services(Policy):
    """Base addresses of the services' APIs."""

    vercel: str = "https://api.vercel.com"
    """Vercel's REST API."""
    github: str = "https://api.github.com"
    """GitHub's REST API."""
    sentry: str = "https://us.sentry.io"
    """Sentry, of your region: `us` or `de`."""
    betterstack: str = "https://uptime.betterstack.com"
    """Better Stack Uptime."""
    vercel_status: str = "https://www.vercel-status.com"
    """Vercel's status page."""
    neon_status: str = "https://neonstatus.com"
    """Neon's status page."""
    neon: str = "https://console.neon.tech/api/v2"
    """Neon's API."""
    cloudflare: str = "https://api.cloudflare.com"
    """Cloudflare's API, for the size of a bucket."""
    upstash: str = "https://api.upstash.com"
    """Upstash's management API."""
    crux: str = "https://chromeuxreport.googleapis.com"
    """Google's Chrome UX Report."""
    slack: str = "https://slack.com/api"
    """Slack's Web API, for a bot's token."""


@dataclass(frozen=True)
class Pace(Policy):
    """How patient one stage is on this target. Left out: as the pipeline declares it."""

    patience: float | None = None
    """How long *not yet* and *unknown* are borne."""
    acts: float | None = None
    """How long all its steps together may take (a build, migrations); then they are cut off. Usually an hour."""
    during: float | None = None
    """How long the stage goes on watching."""
    every: float | None = None
    """Time between two rounds of questions."""
    in_a_row: int | None = None
    """How many rounds must be good, one after the other."""
    budget: int | None = None
    """How many rounds may be bad in all, however short each of them is."""


@dataclass(frozen=True)
class Target(Policy):
    """A target: one place to deploy to."""

    kind: Literal["sandbox", "preview", "production"]
    """`sandbox` starts by itself and needs nothing below."""
    project: str = ""
    """Vercel project id or name."""
    team: str = ""
    """Vercel team id (`team_…`); empty for a personal account."""
    domain: str = ""
    """The production domain."""
    services: Services = field(default_factory=Services)
    """Where the APIs are; leave it out for the vendors' own."""
    example: bool = True
    """In a sandbox: its own app is asked what its own app can answer (routes, variables, people, paths), whatever the
    sections above ask of yours. `false`: they are asked of it, as for a build of yours that you ship there."""
    own: bool = False
    """A sandbox for your own app, beside that of the demo app: an empty database, the variables of its `.env.example`
    with made-up values, and `deploy` ships the app's folder."""
    pace: dict[str, Pace] = field(default_factory=dict)
    """Stage name → how patient it is here."""
    override: dict[str, Any] = field(default_factory=dict)
    """Sections of this file that are different on this target, merged over the ones above."""
