"""Writes the lines of ``.env.example`` and ``.gitignore`` that an app needs for this tool."""

from pipeline.adoption.folder import OURS
from pipeline.adoption.seen import Seen
from pipeline.world.secrets import OPTIONAL, SECRETS, STATE

SHARED = "a Postgres URL for `state: JOURNAL_URL`, so that laptops and CI share the history"
NO_DATABASE = "no database was seen in this app; a real target does not open without the address of a Postgres"
IGNORED = (".env", ".runs/", ".sandbox/")


def wanted(seen: Seen) -> dict[str, str]:
    """Name → where to get it, of the secrets that this app's services need."""
    found, known = seen.services, {**SECRETS, **OPTIONAL}
    without = set()
    if not found.sentry:
        without.add("SENTRY_AUTH_TOKEN")
    if not (seen.auth and seen.auth.by_password):
        without |= {"SMOKE_EMAIL", "SMOKE_PASSWORD"}
    names = [name for name in SECRETS if name not in without and name != "BETTERSTACK_API_TOKEN"]
    names += ["VERCEL_AUTOMATION_BYPASS_SECRET", "NOTIFY_WEBHOOK_URL"]
    if seen.database and seen.database.on_neon:
        names.append("NEON_API_KEY")
    if found.bucket == "R2":
        names += [name for name in OPTIONAL if name.startswith("R2_")]
    if found.upstash:
        names += ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]
    if not seen.database:
        known["DIRECT_URL"] = NO_DATABASE
    return {**{name: known[name] for name in names}, STATE: SHARED}


def env_example(seen: Seen, before: str) -> str:
    """``before``, and below it the names that it has not. The same text when it has all of them."""
    there = {line.strip().lstrip("# ").partition("=")[0].strip() for line in before.splitlines() if "=" in line}
    lines = [f"{name + '=':<34}# {where}" for name, where in wanted(seen).items() if name not in there]
    return _below(before, [OURS, *lines]) if lines else before


def ignored(before: str) -> str:
    """``before``, the text of a ``.gitignore``, and the lines that it has not."""
    there = {line.strip().strip("/") for line in before.splitlines()}
    covered = {*there, *({".env"} if {".env*", "*.env", ".env.*"} & there else ())}
    return _below(before, lines) if (lines := [one for one in IGNORED if one.strip("/") not in covered]) else before


def _below(before: str, lines: list[str]) -> str:
    apart = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    return before + apart + "\n".join(lines) + "\n"
