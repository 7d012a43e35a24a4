"""Everything outside the process: clients, clock, release, target. It enters in one place, ``opening.open_world``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.clock import Clock, origin

if TYPE_CHECKING:  # a world is passed around by everything; only ``open_world`` needs to load what is in it
    from checks.evidence import BadRelease, Bookkeeping, Release, WeekByWeek
    from checks.evidence.approval import EarlierPlan, Part
    from pipeline.clients.analytics import VercelAnalytics
    from pipeline.clients.betterstack import BetterStack
    from pipeline.clients.browser import Browser
    from pipeline.clients.channels import Channels
    from pipeline.clients.cloudflare import Cloudflare
    from pipeline.clients.command import Command
    from pipeline.clients.github import GitHub
    from pipeline.clients.google import ChromeReport
    from pipeline.clients.neon import Neon
    from pipeline.clients.pgtools import PostgresTools
    from pipeline.clients.postgres import Postgres
    from pipeline.clients.prismacli import PrismaCommand
    from pipeline.clients.sentry import Sentry
    from pipeline.clients.statuspages import StatusPages
    from pipeline.clients.storage import Storage
    from pipeline.clients.upstash import UpstashAccount, UpstashRedis
    from pipeline.clients.vercel import Vercel
    from pipeline.clients.vercelcli import VercelCommand
    from pipeline.clients.visitor import Visitor
    from pipeline.record.approvals import GivenApproval


class Records(Protocol):
    """What was written down about a target; ``pipeline.record.target`` has it."""

    def approvals(self) -> "tuple[GivenApproval, ...]": ...

    def plans(self, commit: str) -> "tuple[EarlierPlan, ...]": ...

    def known_bad(self) -> "tuple[BadRelease, ...]": ...

    def knows(self, run: str) -> bool: ...

    def good_releases(self, metric: str, most: int) -> tuple[float, ...]: ...

    def bookkeeping(self) -> "Bookkeeping": ...

    def week_by_week(self) -> "WeekByWeek": ...


class NothingWritten:
    """The records of a target about which nothing was written down."""

    def approvals(self) -> "tuple[GivenApproval, ...]":
        return ()

    def plans(self, commit: str) -> "tuple[EarlierPlan, ...]":
        return ()

    def known_bad(self) -> "tuple[BadRelease, ...]":
        return ()

    def knows(self, run: str) -> bool:
        return False

    def good_releases(self, metric: str, most: int) -> tuple[float, ...]:
        return ()

    def bookkeeping(self) -> "Bookkeeping":
        from checks.evidence import Bookkeeping

        return Bookkeeping(())

    def week_by_week(self) -> "WeekByWeek":
        from checks.evidence import WeekByWeek

        return WeekByWeek(())


@dataclass(frozen=True)
class World:
    """What probes and steps are given. ``run`` is this run's id; ``progress`` is called with one line of text."""

    target: str
    """Name of the target in ``deploy.yml``."""
    vercel_target: str
    """Vercel's word for it: ``production`` or ``preview``."""
    domain: str
    """The production domain: ``host`` or ``host:port``."""
    run: str
    release: "Release"
    branch: str
    """The branch that production follows."""
    clock: Clock
    vercel: "Vercel"
    vercel_command: "VercelCommand"
    github: "GitHub"
    sentry: "Sentry"
    betterstack: "BetterStack"
    status_pages: "StatusPages"
    database: "Postgres"
    scratch: "Postgres"
    """A server for throw-away databases; mostly the same."""
    postgres_tools: "PostgresTools"
    neon: "Neon"
    prisma: "PrismaCommand"
    seeding: "Command"
    """Runs the command of `database.seed`."""
    visitor: "Visitor"
    team: "Channels"
    channels: "Channels"
    storage: "Storage"
    cloudflare: "Cloudflare"
    redis: "UpstashRedis"
    upstash: "UpstashAccount"
    analytics: "VercelAnalytics"
    chrome_report: "ChromeReport"
    browser: "Browser"
    progress: Callable[[str], None] = lambda line: None
    records: "Records" = field(default_factory=lambda: NothingWritten())
    """What was written down about this target."""

    migrations: Path = Path("prisma/migrations")
    """Where the release's migrations are."""
    dumps: Path = Path(".runs/dumps")
    """Where dumps of the database go."""
    root: Path = Path()
    """The home of the project."""
    own: bool = False
    """Whether this is the sandbox of one's own app."""
    within: str = ""
    """Where the app is in its repository, with a slash behind it; empty at the top."""
    rules: "tuple[Part, ...]" = ()
    """The parts of the plan that this tool and deploy.yml make: gates, policies, waivers."""

    @property
    def folder(self) -> Path:
        """Where the release's files are."""
        return Path(self.release.folder)

    def site(self, host: str) -> str:
        """The address of ``host``: http on this machine, https everywhere else."""
        return origin(host)
