"""What the outside services must say."""

from dataclasses import dataclass
from typing import Literal

from checks.policy.base import Policy

Indicator = Literal["none", "minor", "major", "critical"]
Format = Literal["statuspage", "incident.io", "betterstack"]


@dataclass(frozen=True)
class StatusPage(Policy):
    """A vendor's own status page."""

    vendor: str
    """Its name, e.g. `Cloudflare`."""
    url: str
    """Base address, e.g. `https://www.cloudflarestatus.com`."""
    format: Format = "statuspage"
    """Who hosts it: `statuspage` (Atlassian), `incident.io` or `betterstack`."""


@dataclass(frozen=True)
class VendorsPolicy(Policy):
    """How bad a vendor's own status page may look."""

    blocks: tuple[Indicator, ...] = ("major", "critical")
    """Indicators that stop a release; milder ones are a warning."""
    pages: tuple[StatusPage, ...] = (
        StatusPage("Cloudflare", "https://www.cloudflarestatus.com"),
        StatusPage("GitHub", "https://www.githubstatus.com"),
        StatusPage("Sentry", "https://status.sentry.io"),
        StatusPage("Upstash", "https://status.upstash.com", "betterstack"),
        StatusPage("Better Stack", "https://status.betterstack.com", "betterstack"),
    )
    """The others' pages, beside Vercel's and Neon's; they are looked at while watching and by the daily checks."""


@dataclass(frozen=True)
class ErrorsPolicy(Policy):
    """Which errors in Sentry stop a release. Without an organization Sentry is not used, and nothing of it is asked."""

    organization: str = ""
    """Sentry organization slug; empty: Sentry is not used."""
    project: str = ""
    """Sentry project slug."""
    environments: tuple[str, ...] = ()
    """What the app calls production in Sentry. Empty: whichever of `production` and `vercel-production` the project
    has; the latter is what `@sentry/nextjs` before 11 sends on Vercel."""
    release: str = "{commit}"
    """What the app calls its release, with `{commit}` in it, e.g. `lms@{commit}`; `{commit:.7}` are 7 digits."""
    critical: tuple[str, ...] = ("fatal", "error")
    """Levels that count as critical when the issue is new in this release."""
    gravest: tuple[str, ...] = (
        "auth", "sign[- ]?in", "log[- ]?in", "session", "permission", "data ?loss", "corrupt", "constraint", "P20\\d\\d",
    )  # fmt: skip
    """Patterns (any case): a critical error whose title or place matches one touches sign-in or data and is a P0."""
    new_events: int = 3
    """A new error that is neither fatal nor about sign-in or data takes a release back from so many events on."""
    times_baseline: float = 10.0
    """An error rate from this many times the baseline on is an error spike (P1)."""
    chance: float = 0.001
    """How unlikely the spike must be for a release that is no worse than the ones before."""
    least_requests: int = 20
    """Below so many requests of the new release nobody can say that it is well: then a person decides."""
    baseline: float = 24 * 3600
    """How far back the usual rate is taken from."""
    crash_free_percent: float = 99.0
    """Lowest acceptable share of sessions without a crash."""
    source_maps: bool = False
    """Sentry must have the release's source maps; without them a stack trace cannot be read."""

    def __post_init__(self) -> None:
        try:
            told = self.release_of("a" * 40) != self.release_of("b" * 40)
        except (ValueError, LookupError, AttributeError, TypeError):
            told = False
        if not told:
            raise ValueError(f"release: {self.release!r} does not name the commit; write it with {{commit}}")

    def release_of(self, commit: str) -> str:
        """Give the name of the release of ``commit`` in Sentry."""
        return self.release.format(commit=commit)


@dataclass(frozen=True)
class DeclaredMonitor(Policy):
    """A monitor that Better Stack must have, as it must be; `./inv monitor.sync` makes it so."""

    name: str
    """Its name there; the monitor is found by it."""
    url: str
    """What it asks. A path is one of the production domain."""
    every: int = 60
    """Seconds between two requests."""
    regions: tuple[Literal["us", "eu", "as", "au"], ...] = ("us", "eu")
    """Where it asks from."""
    keyword: str = ""
    """Text that the answer must contain."""
    timeout: int = 30
    """Seconds it waits for an answer."""
    recovery: int = 0
    """Seconds it must be up again before the incident is closed."""
    confirmation: int = 0
    """Seconds it must be down before there is an incident."""


@dataclass(frozen=True)
class UptimePolicy(Policy):
    """What Better Stack must say."""

    monitor: str = ""
    """Id of the monitor that watches production; empty: Better Stack is not used, and nothing of it is asked."""
    availability_percent: float = 99.5
    """Lowest acceptable 7-day uptime (P1 below it)."""
    slowest_ms: int = 5000
    """p95 response time above this is a P2."""
    usual_ms: int = 500
    """The baseline response time."""
    regions: int = 2
    """From so many regions it must have been seen answering after the promotion. 0: that is not asked."""
    window: float = 0
    """Length of the maintenance window that is opened around a promotion. 0: none, so that no alarm is muted."""
    monitors: tuple[DeclaredMonitor, ...] = ()
    """Monitors that must exist, as they must be."""


@dataclass(frozen=True)
class StoragePolicy(Policy):
    """What Cloudflare R2 must do."""

    used: bool | None = None
    """`false`: the app has no R2, and nothing of it is asked. Left out: it has when `environment.required` or a secret
    that is set begins with `R2_`."""
    prefix: str = "deploy-probe/"
    """Where the probe object is written, read back and deleted again. Nothing else is touched."""
    slowest_ms: int = 3000
    """A slower answer is a bad one."""
    most_gb: float = 100
    """From this size on somebody has to look what fills it."""
    browser_uploads: bool = False
    """Whether pages put files into the bucket themselves, by signed addresses: then its CORS rules must allow each
    production domain `PUT`."""


@dataclass(frozen=True)
class RedisPolicy(Policy):
    """What Upstash Redis must do."""

    used: bool | None = None
    """`false`: the app has none, and nothing of it is asked. Left out: it has when `environment.required` or a secret
    that is set begins with `UPSTASH_REDIS_`."""
    slowest_ms: int = 500
    """A slower PING is a bad one."""
    prefix: str = "@upstash/ratelimit"
    """What the keys of your rate limiter begin with."""
    most_limited_percent: float = 5
    """Share of answers with status 429 from which on the limits, or somebody's abuse, need a person."""
    near_limit_percent: float = 80
    """How near a limit of the plan may come."""
    hit_rate_percent: float = 0
    """Lowest acceptable share of reads that find something. 0: that is not judged."""


@dataclass(frozen=True)
class AuthPolicy(Policy):
    """What NextAuth must do."""

    path: str = "/api/auth"
    """Where it is; empty: NextAuth is not used, and nothing of it is asked."""
    providers: tuple[str, ...] = ()
    """Ids that the list of providers must contain, e.g. `[google, credentials]`."""
    secret: str = "NEXTAUTH_SECRET"
    """The variable with the secret; in Auth.js v5 it is `AUTH_SECRET`."""
    url: str = "NEXTAUTH_URL"
    """The variable with the site's own address; empty: there need be none, as with Auth.js v5."""
