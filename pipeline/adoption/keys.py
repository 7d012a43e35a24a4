"""Writes the first ``deploy.yml`` of an app from what was seen: the few keys that it needs."""

import json
import re
from dataclasses import dataclass

from pipeline.adoption.seen import Seen
from pipeline.config.shapes import REPOSITORY

WIDTH = 116
TODO = "# FILL IN"
POSTGRES_NAMES = re.compile(r"^(DATABASE_URL|DIRECT_URL|POSTGRES_.*URL.*|DIRECT_DATABASE_URL|.*_DATABASE_URL)$")
SECRET_NAMES = re.compile(r"(SECRET|PASSWORD|PRIVATE_KEY|_SALT)$|^SALT$")
PATH_NAMES = re.compile(r"CLERK|(SIGN_?IN|SIGN_?UP|SIGN_?OUT|LOG_?IN|LOG_?OUT|REDIRECT)_URL$")
"""What ends in ``_URL`` and is usually a path of the app itself."""
WORD = re.compile(r"[A-Za-z/][\w./-]*")
SURE = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "SENTRY_DSN", "NEXT_PUBLIC_SENTRY_DSN")
BUCKET = ("R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET")

NAMES_BUILD = (
    "must answer as JSON `commit`: process.env.VERCEL_GIT_COMMIT_SHA, or `deployment`: VERCEL_DEPLOYMENT_ID;"
    " else nobody can tell which build answers"
)


@dataclass(frozen=True)
class OpenPoint:
    """What only a person can fill in. ``line``: of deploy.yml; 0 when it is about something else."""

    line: int
    key: str
    says: str


@dataclass(frozen=True)
class _Line:
    """A line of the file, and what is to be filled in there."""

    text: str
    key: str = ""
    says: str = ""


def deploy_yml(seen: Seen) -> tuple[str, tuple[OpenPoint, ...]]:
    """The text of ``deploy.yml`` for an app, and what is to be filled in, by line."""
    lines = [
        _Line("# What ./inv init saw in this folder; a key that is left out has its default: runbooks/reference.md."),
        _Line("# yaml-language-server: $schema=./runbooks/deploy.schema.json"),
        *_source(seen),
        *_environment(seen),
        *_site(seen),
        *_auth(seen),
        *_vendors(seen),
        *_database(seen),
        *_targets(seen),
    ]
    points = [OpenPoint(at, one.key, one.says) for at, one in enumerate(lines, 1) if one.key]
    return "\n".join(one.text.rstrip() for one in lines) + "\n", (*points, *_beside(seen))


def _todo(text: str, key: str, says: str) -> _Line:
    return _Line(f"{text} {TODO}: {says}", key, says)


def _source(seen: Seen) -> list[_Line]:
    lines = [_Line(""), _Line("source:")]
    if REPOSITORY.fullmatch(seen.repository or ""):
        lines.append(_Line(f"  repository: {_plain(seen.repository)}"))
    else:
        lines.append(_todo("  repository: owner/REPLACE_ME", "source.repository", "owner/name on GitHub"))
    return [*lines, _Line(f"  branch: {_plain(seen.branch)}")]


def required(seen: Seen) -> tuple[str, ...]:
    """The variables without which the app does not run: it says so itself, or a service that it uses needs them."""
    known = {*seen.variables, *seen.listed}
    names = [*(seen.database.variables if seen.database else ())]
    if seen.auth and seen.auth.version:
        names += [one for one in (seen.auth.secret, seen.auth.url) if one and one not in names]
    names += [one for one in (*SURE, *BUCKET) if one in known]
    return tuple(dict.fromkeys([*names, *seen.demanded]))


def _environment(seen: Seen) -> list[_Line]:
    names = required(seen)
    lines = [_Line(""), _Line("environment:"), _Line("  required:" if names else "  required: []")]
    lines += [_Line(f"    - {_variable(seen, name)}") for name in names]
    if rest := [name for name in seen.listed if name not in names]:
        lines += [
            _Line(f"  # {text}") for text in _wrapped("Also listed, add those without which it does not run:", rest)
        ]
    return lines


def _variable(seen: Seen, name: str) -> str:
    """One entry of ``environment.required``."""
    postgres = seen.database is not None and seen.database.is_postgres
    if postgres and (name in (seen.database.variables if seen.database else ()) or POSTGRES_NAMES.match(name)):
        return f"{{name: {name}, shape: postgres}}"
    if seen.auth and name == seen.auth.secret:
        return f"{{name: {name}, shape: secret, min_length: 32}}"
    if name.endswith(("_URL", "_DSN")) and not POSTGRES_NAMES.match(name) and not PATH_NAMES.search(name):
        return f"{{name: {name}, shape: url}}"
    return f"{{name: {name}, shape: secret}}" if SECRET_NAMES.search(name) else f"{{name: {name}}}"


def _wrapped(words: str, names: list[str], most: int = 12) -> list[str]:
    lines = [words]
    for name in [*names[:most], *([f"and {len(names) - most} more"] if len(names) > most else [])]:
        if len(lines[-1]) + len(name) + 2 > WIDTH - 4:
            lines.append("")
        lines[-1] += f" {name}"
    return [line.strip() for line in lines]


def _site(seen: Seen) -> list[_Line]:
    lines = [_Line(""), _Line("health:")]
    if seen.health:
        lines.append(_Line(f"  path: {_plain(seen.health.path)}"))
    else:
        says = "a route that answers 200 only when the app reaches its database, and as JSON with its `commit`"
        lines.append(_todo("  path: /api/health/db", "health.path", says))
    lines += [_Line(""), _Line("smoke:"), _Line("  routes:")]
    pages = [path for path in (seen.front, seen.sign_in) if path]
    lines += [_Line(f"    - {{path: {_plain(path)}}}") for path in dict.fromkeys(pages)]
    if not pages:
        lines.append(
            _todo("    - {path: /}", "smoke.routes", "pages that must answer 200; `contains:` says with which text")
        )
    by_password = bool(seen.auth and seen.auth.by_password)
    words = "" if by_password else " # nobody signs in with an e-mail address and a password by NextAuth"
    way = "nextauth" if seen.auth and seen.auth.version == 4 else "authjs"
    journeys = f" [{{name: login, sign_in: {way}}}]" if by_password else f" []{words}"
    return [*lines, _Line(f"  journeys:{journeys}")]


def _auth(seen: Seen) -> list[_Line]:
    auth = seen.auth
    if auth is None or not auth.version:
        words = f"{auth.library}, not NextAuth" if auth else "no NextAuth was seen"
        return [_Line(""), _Line("auth:"), _Line(f'  path: "" # {words}')]
    lines = [_Line(""), _Line("auth:"), _Line(f"  path: {_plain(auth.path)}")]
    if auth.version >= 5:
        lines += [_Line(f"  secret: {auth.secret}"), _Line('  url: "" # Auth.js 5 finds it out by itself')]
    sure = ["credentials"] if auth.by_password else []
    if sure:
        lines.append(_Line(f"  providers: [{', '.join(sure)}]"))
    if others := [name for name in auth.providers if name not in sure]:
        lines += [
            _Line(f"  # {text}")
            for text in _wrapped("In the code, add to providers those that must be offered:", others)
        ]
    return lines


def _vendors(seen: Seen) -> list[_Line]:
    found = seen.services
    lines = []
    if found.sentry:
        lines += [_Line(""), _Line("errors: # Sentry")]
        for key, value in (("organization", found.sentry_organization), ("project", found.sentry_project)):
            says = "its slug in Sentry; empty: nothing is asked of Sentry"
            lines.append(_Line(f"  {key}: {value}") if value else _todo(f'  {key}: ""', f"errors.{key}", says))
    return lines


def _database(seen: Seen) -> list[_Line]:
    found = seen.database
    if found is None or found.by != "Prisma" or not found.is_postgres:
        return []
    lines = []
    for key, value, usual in (
        ("migrations", found.migrations, "prisma/migrations"),
        ("schema", found.schema, "prisma/schema.prisma"),
        ("neon_project", found.neon, ""),
    ):
        if value and value != usual:
            lines.append(_Line(f"  {key}: {_plain(value)}"))
    if found.variables and not {*found.variables} <= {"DATABASE_URL", "DIRECT_URL"}:
        lines.append(_Line(f"  url_variables: [{', '.join(found.variables)}]"))
    if found.on_neon and not found.neon:
        says = "Neon's project id; empty: dumps stand in for branches"
        lines.append(_todo('  neon_project: ""', "database.neon_project", says))
    return [_Line(""), _Line("database:"), *lines] if lines else []


def _targets(seen: Seen) -> list[_Line]:
    lines = [_Line(""), _Line("targets:"), _Line("  production:"), _Line("    kind: production")]
    if seen.project:
        lines.append(_Line(f"    project: {_plain(seen.project)}"))
    else:
        says = "the project's name on Vercel, when it is another"
        lines.append(_todo(f"    project: {_plain(seen.name)}", "targets.production.project", says))
    if seen.team:
        lines.append(_Line(f"    team: {_plain(seen.team)}"))
    elif not seen.project:
        says = "Vercel → the team → Settings → Team ID (team_…); empty: a personal account"
        lines.append(_todo('    team: ""', "targets.production.team", says))
    if seen.domain:
        lines.append(_Line(f"    domain: {_plain(seen.domain)}"))
    else:
        lines.append(
            _todo('    domain: ""', "targets.production.domain", "the production domain, e.g. www.example.com")
        )
    where = "what gives the workflows this tool: OWNER/NAME@40_DIGITS, its repository at a commit"
    return [*lines, *SANDBOX, _Line(""), _todo('action: ""', "action", where)]


SANDBOX = (
    _Line("  sandbox: {kind: sandbox} # starts by itself on this machine, with an app of its own"),
    _Line("  own: # the same for this app: an empty database, made-up variables; nobody has to approve"),
    _Line("    {kind: sandbox, own: true, override: {approval: {required: 0}}}"),
)


def _plain(value: str) -> str:
    """A value as YAML has it, without quotes when it is a plain word: it may be anybody's, and stays on its line."""
    if WORD.fullmatch(value) and value.lower() not in ("null", "true", "false", "yes", "no", "on", "off"):
        return value
    return json.dumps(value)


def _beside(seen: Seen) -> list[OpenPoint]:
    """What the app itself has to have, which no key can say."""
    found, points = seen.database, []
    if seen.others:
        points.append(
            OpenPoint(0, "app", f"{seen.place or '.'} was taken of {', '.join(seen.others)}; --app names another")
        )
    if seen.health and not seen.health.names_build:
        points.append(OpenPoint(0, "health", f"{seen.health.path} {NAMES_BUILD}"))
    if seen.health and not seen.health.asks_data:
        points.append(OpenPoint(0, "health", f"{seen.health.path} does not seem to ask the database"))
    if found and not found.is_postgres:
        points.append(OpenPoint(0, "database", f"{found.kind}: this tool reads and migrates Postgres only"))
    elif found and found.by != "Prisma":
        points.append(
            OpenPoint(
                0,
                "database",
                f"the migrations of {found.by} are not applied by this tool; do it in your build or by hand",
            )
        )
    elif found and not found.migrations:
        says = (
            "no migrations were seen: `npx prisma migrate diff` makes the first one; `db push` leaves nothing to check"
        )
        points.append(OpenPoint(0, "database", says))
    elif found is None:
        points.append(OpenPoint(0, "database", "none was seen; this tool wants the address of one, DIRECT_URL"))
    if not seen.held:
        says = f'in {seen.vercel_file}: "git": {{"deploymentEnabled": {{"{seen.branch}": false}}}}'
        points.append(
            OpenPoint(0, "Vercel", f"connected to Git it ships every push past all of this, unless it stands {says}")
        )
    if seen.services.bucket == "S3":
        points.append(
            OpenPoint(0, "storage", "the code stores files by S3; only Cloudflare R2 is looked at, when R2_… are set")
        )
    return points
