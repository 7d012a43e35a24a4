"""The names of every secret, where to get each, and who is told by which."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.redact import Redactor

SECRETS = {
    "VERCEL_TOKEN": "vercel.com → Account Settings → Tokens, of the team that owns the project (or Full Account)",
    "GITHUB_TOKEN": "github.com → Settings → Developer settings → Fine-grained tokens (contents, actions, checks,"
    " pull requests, deployments, code scanning and Dependabot alerts)",
    "SENTRY_AUTH_TOKEN": "sentry.io → Settings → Auth Tokens (event:read, org:read, project:releases)",
    "BETTERSTACK_API_TOKEN": "betterstack.com → API tokens → Uptime",
    "DIRECT_URL": "console.neon.tech → your branch → Connection string, without -pooler",
    "SMOKE_EMAIL": "the account of the smoke-test user in your app",
    "SMOKE_PASSWORD": "the password of the smoke-test user in your app",
}


OPENS = {
    "VERCEL_TOKEN": "Vercel",
    "GITHUB_TOKEN": "GitHub",
    "SENTRY_AUTH_TOKEN": "Sentry",
    "BETTERSTACK_API_TOKEN": "Better Stack",
    "DIRECT_URL": "the database",
    "SMOKE_EMAIL": "whether one can sign in",
}
"""Secret → what is not seen without it, by whoever only looks."""


OPTIONAL = {
    "VERCEL_AUTOMATION_BYPASS_SECRET": "lets smoke tests through Deployment Protection. Vercel → Project → Settings →"
    " Deployment Protection → Protection Bypass for Automation",
    "NOTIFY_WEBHOOK_URL": "how the team is told: `slack://TOKEN/#channel` with a bot's token (scope chat:write) has one"
    " message for a run, which is kept up to date; a webhook (Slack style) or any address of Apprise has its first and"
    " last word. Several are separated by blanks. Without it nobody is told",
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


TOKENS = {
    "vercel": ("VERCEL_TOKEN", (401, 403)),
    "github": ("GITHUB_TOKEN", (401,)),
    "sentry": ("SENTRY_AUTH_TOKEN", (401,)),
    "betterstack": ("BETTERSTACK_API_TOKEN", (401, 403)),
    "neon": ("NEON_API_KEY", (401,)),
    "cloudflare": ("CLOUDFLARE_API_TOKEN", (401,)),
}
"""Service → the secret that it is asked with, and the HTTP statuses that are about the secret and not about one path.

A 403 of GitHub or Sentry is about one permission; one of Vercel is about the token's scope, whatever is asked.
"""


def refused_token(service: str, status: int) -> tuple[str, str]:
    """The secret that a service refuses with ``status``, and where to get a right one; empty when it is not that."""
    name, statuses = TOKENS.get(service, ("", ()))
    return (name, SECRETS.get(name) or OPTIONAL[name]) if status in statuses else ("", "")


CHANNELS = {
    "team": "NOTIFY_WEBHOOK_URL",
    "stakeholders": "NOTIFY_STAKEHOLDERS_URL",
    "users": "NOTIFY_USERS_URL",
    "data protection": "NOTIFY_DATA_PROTECTION_URL",
    "on call": "NOTIFY_ONCALL_URL",
}
"""Audience → the variable with its addresses."""


ADDRESSES = ("DIRECT_URL", "R2_ENDPOINT", "UPSTASH_REDIS_REST_URL", *CHANNELS.values())
"""Those that say where something is sent."""


OPEN = ("R2_ACCOUNT_ID", "R2_BUCKET", "R2_ENDPOINT", "UPSTASH_REDIS_REST_URL", "UPSTASH_EMAIL")
"""Those that are names and addresses: a reader needs to see them."""


STATE = "JOURNAL_URL"
"""The variable that ``state:`` of deploy.yml names when runs are to be shared, as the example has it."""


OPENED_WITH = {
    "vercel": ("VERCEL_TOKEN",),
    "vercel_command": ("VERCEL_TOKEN",),
    "analytics": ("VERCEL_TOKEN",),
    "github": ("GITHUB_TOKEN",),
    "sentry": ("SENTRY_AUTH_TOKEN",),
    "betterstack": ("BETTERSTACK_API_TOKEN",),
    "database": ("DIRECT_URL",),
    "scratch": ("DIRECT_URL",),
    "neon": ("NEON_API_KEY",),
    "visitor": ("SMOKE_EMAIL", "SMOKE_PASSWORD", "VERCEL_AUTOMATION_BYPASS_SECRET"),
    "browser": ("VERCEL_AUTOMATION_BYPASS_SECRET",),
    "team": ("NOTIFY_WEBHOOK_URL",),
    "channels": tuple(CHANNELS.values()),
    "storage": ("R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET", "R2_ENDPOINT"),
    "cloudflare": ("CLOUDFLARE_API_TOKEN", "R2_ACCOUNT_ID"),
    "redis": ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
    "upstash": ("UPSTASH_EMAIL", "UPSTASH_API_KEY"),
    "chrome_report": ("GOOGLE_API_KEY",),
}
"""Client of the World, by its field → the secrets that it is opened with; the other fields know none."""


def read_secrets(root: Path, further: Iterable[str] = ()) -> dict[str, str]:
    """The known names, and ``further`` ones, from ``.env`` (if there) and the environment, which wins.

    Raises Mistake for a line of one of them that cannot be read.
    """
    from dotenv import dotenv_values

    names = (*SECRETS, *OPTIONAL, *further)
    _must_be_read(root / ".env", names)
    file = dotenv_values(root / ".env", interpolate=False)
    found = {name: (variable(name) or file.get(name) or "").strip() for name in names}
    Redactor(value for name, value in found.items() if name not in OPEN)  # whatever is said from here on
    return {name: value for name, value in found.items() if value}


def _must_be_read(file: Path, names: Iterable[str]) -> None:
    """Raises Mistake for a line that sets one of ``names`` to what cannot be read: else it would be as if not set."""
    from dotenv.parser import parse_stream

    if not file.is_file():
        return
    with file.open(encoding="utf-8", errors="replace") as stream:
        broken = [one.original for one in parse_stream(stream) if one.error]
    known = {*names}
    wrong = [(line.line, name) for line in broken if (name := _set_by(line.string)) in known]
    if wrong:
        says = "cannot be read; is a quote missing at its end?"
        raise Mistake("\n".join(f"{file}:{number}: {name}: {says}" for number, name in wrong))


def _set_by(line: str) -> str:
    return line.strip().removeprefix("export ").partition("=")[0].strip()
