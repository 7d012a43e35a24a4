"""Reads which variables are set; looks at values only to describe and compare them, and lets none of them out."""

import asyncio
import hmac
import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from checks.evidence import ChangedVariables, EnvironmentVariables, ReadVariables, Variable
from checks.policy import DatabasePolicy, EnvironmentPolicy
from pipeline.clients.prebuilt import OUTPUT
from pipeline.clients.vercelshapes import EnvironmentVariable, ProjectSettings
from pipeline.errors import BadReleaseError
from pipeline.world.world import World

PLACEHOLDER = re.compile(
    r"^(change.?me|todo|xxx+|your[-_ ].*|<.*>|example|placeholder|replace.?me|\.\.\."
    r"|undefined|null|\[sensitive\]|[*•]+)$",
    re.IGNORECASE,
)
OWN = re.compile(r"(.+\.)?localhost|127(\.\d+){3}|::1")
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
KNOWN = ("production", "preview", "development")
QUOTES = ('""', "''", "``", "“”", "‘’", "„“", "””", "’’", "«»")
HIDDEN = ("sensitive", "secret")
READS = re.compile(
    r"""process\.env(?:\.([A-Z][A-Z0-9_]+)|\[['"]([A-Z][A-Z0-9_]+)['"]\])"""  # JavaScript
    r"""|environ(?:\.get\(|\[)['"]([A-Z][A-Z0-9_]+)['"]"""  # Python
)
GIVEN = re.compile(r"^(VERCEL|NEXT_RUNTIME|NEXT_PHASE|NODE_ENV$|CI$|PORT$|__NEXT|npm_|AWS_|LAMBDA_|TZ$)")
CODE = frozenset({".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".py"})
NOT_OURS = frozenset(
    {
        "node_modules", ".git", ".next", ".vercel", "dist", "build", "coverage", "tests", "test", ".venv",
        ".runs", ".sandbox", ".fleet",
    }
)  # fmt: skip
MARKS = ("checks/gate.py", "pipeline/engine/runner.py")
"""What a checkout of this tool has."""
TOOL = frozenset({"bench", "checks", "findings", "pipeline", "tasks.py", "tests"})
"""What in it is the tool's own."""
LARGEST = 1 << 20


async def environment_variables(
    world: World, policy: EnvironmentPolicy, database: DatabasePolicy
) -> EnvironmentVariables:
    required = {variable.name for variable in policy.required}
    everything, project = await _variables(world)
    here = [v for v in everything if world.vercel_target in v.targets]
    described = await asyncio.gather(*(_describe(world, v) for v in here if v.name in required))
    described = await _with_neon_branches(world, database, described)
    others = (Variable(v.name, False, updated=v.updated, branch=v.branch) for v in here if v.name not in required)
    names = {v.name for v in here}
    elsewhere = {v.name: _named(project, v.targets) for v in everything if v.name not in names}
    production = world.vercel_target == "production"
    return EnvironmentVariables(
        world.vercel_target,
        (*described, *others),
        tuple(sorted(elsewhere.items())),
        tuple(dict.fromkeys(map(_host, (world.domain, *project.serving)))) if production else (),
        tuple(sorted((_host(one), other) for one, other in project.redirects.items())) if production else (),
    )


async def _variables(world: World) -> tuple[tuple[EnvironmentVariable, ...], ProjectSettings]:
    """Every variable that a deployment of the project may get, the team's included."""
    own, project = await asyncio.gather(world.vercel.variables(), world.vercel.project())
    return _with_shared(own, await world.vercel.shared_variables(project.id)), project


def _named(project: ProjectSettings, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The targets, with custom environments by their names instead of by their ids."""
    known = project.environments
    return tuple(one if one in KNOWN else f"the custom environment {known.get(one, one)}" for one in targets)


def _host(domain: str) -> str:
    """A domain without its port, which only the sandbox's have."""
    return domain.partition(":")[0]


async def _with_neon_branches(world: World, policy: DatabasePolicy, seen: list[Variable]) -> list[Variable]:
    """Add the branch to those that point to a Neon compute of another branch than production's."""
    if world.vercel_target != "production" or world.neon.missing or not any(one.endpoint for one in seen):
        return seen
    home, computes, branches = await asyncio.gather(
        world.neon.branch(policy.neon_branch), world.neon.computes(), world.neon.branches()
    )
    names = {branch.id: branch.name for branch in branches}
    astray = {one.id: names.get(one.branch, one.branch) for one in computes if one.branch != home.id}
    return [replace(one, neon_branch=astray.get(one.endpoint, "")) for one in seen]


async def changed_variables(world: World) -> ChangedVariables:
    """Compare variables by digests under a key that is made and dies here; no digest is worth anything afterwards."""
    live = await world.vercel.alias(world.domain)
    if not live:
        return ChangedVariables((), ())
    built, (everything, _) = await asyncio.gather(world.vercel.built_with(live), _variables(world))
    here = [v for v in everything if world.vercel_target in v.targets and not v.branch]
    readable = [v for v in here if v.kind not in HIDDEN and v.kind != "system"]
    values = await asyncio.gather(*(_value(world, v) for v in readable))
    key = secrets.token_bytes(32)
    changed = (
        v.name
        for v, value in zip(readable, values, strict=True)
        if v.name in built and not hmac.compare_digest(_digest(key, value), _digest(key, built[v.name]))
    )
    return ChangedVariables(tuple(sorted(changed)), tuple(sorted(v.name for v in here if v.kind in HIDDEN)))


async def read_variables(world: World) -> ReadVariables:
    """List the variables that the team's own sources read.

    When only the build is there, its functions are read, without ``node_modules``.
    """
    return ReadVariables(await asyncio.to_thread(_read_by, world.folder))


def _read_by(folder: Path) -> tuple[tuple[str, str], ...]:
    files = list(_code(folder)) or list(_code(folder / OUTPUT / "functions"))
    found: dict[str, str] = {}
    for path in sorted(files):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise BadReleaseError(path.relative_to(folder).as_posix(), f"cannot be read: {error.strerror}") from error
        for match in READS.finditer(text):
            name = next(group for group in match.groups() if group)
            if not GIVEN.match(name):
                found.setdefault(name, path.relative_to(folder).as_posix())
    return tuple(sorted(found.items()))


def _code(folder: Path) -> Iterator[Path]:
    """List the source files below ``folder``; not what was installed, generated or only tests it, and not this tool's.

    The tool may lie in a folder of the app, or the app's sources beside the tool's in one checkout.
    """
    if not folder.is_dir():
        return
    left_out = NOT_OURS | TOOL if all((folder / mark).is_file() for mark in MARKS) else NOT_OURS
    for path in sorted(folder.iterdir()):
        if path.name in left_out:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _code(path)
        elif path.suffix in CODE and path.is_file() and path.stat().st_size <= LARGEST:
            yield path


def _digest(key: bytes, value: str) -> bytes:
    return hmac.digest(key, value.encode(), "sha256")


def _with_shared(
    own: tuple[EnvironmentVariable, ...], shared: tuple[EnvironmentVariable, ...]
) -> tuple[EnvironmentVariable, ...]:
    """The project's variables and the team's: of the latter those for targets where the project has none of its own."""
    taken = {(variable.name, target) for variable in own if not variable.branch for target in variable.targets}
    linked = (
        replace(one, targets=tuple(target for target in one.targets if (one.name, target) not in taken))
        for one in shared
    )
    return (*own, *(one for one in linked if one.targets))


async def _describe(world: World, variable: EnvironmentVariable) -> Variable:
    if variable.kind in HIDDEN:
        return Variable(variable.name, readable=False, updated=variable.updated, branch=variable.branch)
    value = await _value(world, variable)
    host, sslmode = connection(value)
    pooled, endpoint = pooling(value)
    looks = shapes(value) | pasted(variable.name, value)
    return Variable(
        variable.name, True, len(value), looks, host, sslmode, variable.updated, variable.branch, pooled, endpoint
    )


async def _value(world: World, variable: EnvironmentVariable) -> str:
    return await (world.vercel.shared_value if variable.shared else world.vercel.value)(variable.id)


def pasted(name: str, value: str) -> frozenset[str]:
    """How ``value`` was pasted into the variable ``name``: what is around it or in it and does not belong there."""
    inner = value.strip()
    return frozenset(
        how
        for how, so in {
            "newline": value.strip("\r\n") != value,
            "blank": inner != value.strip("\r\n"),
            "quoted": len(inner) > 1 and f"{inner[0]}{inner[-1]}" in QUOTES,
            "escaped": inner.endswith("\\n") and "\\n" not in inner[:-2],  # a key in one line has several
            "command": inner.startswith(("psql ", "redis-cli ", "curl ")),
            "named": inner.removeprefix("export ").startswith(f"{name}="),
            "invisible": not all(one.isprintable() or one in "\r\n\t" for one in inner),
        }.items()
        if so
    )


def pooling(value: str) -> tuple[bool, str]:
    """Whether a database URL goes through a pooler, as its address says, and the id of its Neon compute or nothing."""
    host, _ = connection(value)
    first, _, rest = host.partition(".")
    try:
        parts = urlsplit(value)
        pooled = parse_qs(parts.query).get("pgbouncer") == ["true"]
    except ValueError:
        pooled = False
    pooled = pooled or first.endswith("-pooler") or rest.startswith("pooler.")
    return pooled, first.removesuffix("-pooler") if host.endswith(".neon.tech") else ""


def connection(value: str) -> tuple[str, str]:
    """Read (host, sslmode) of a database URL; empty when there is none.

    Neither user nor password nor the rest of the query.
    """
    try:
        parts = urlsplit(value)
        return parts.hostname or "", (parse_qs(parts.query).get("sslmode") or [""])[0]
    except ValueError:
        return "", ""


def shapes(value: str) -> frozenset[str]:
    """Name the shapes that ``value`` has: ``url``, ``http``, ``postgres``, ``redis``, ``email``, ``placeholder``.

    ``http`` is an address without TLS that is not of the machine itself.
    """
    looks = set()
    try:
        parts = urlsplit(value)
        if parts.scheme and parts.hostname:
            looks.add("url")
            if parts.scheme == "http" and not OWN.fullmatch(parts.hostname):
                looks.add("http")
            if parts.scheme in ("redis", "rediss"):
                looks.add("redis")
            if parts.scheme in ("postgres", "postgresql") and parts.path.strip("/"):
                looks.add("postgres")
    except ValueError:
        pass
    if "url" not in looks and EMAIL.match(value):
        looks.add("email")
    if PLACEHOLDER.match(value.strip()):
        looks.add("placeholder")
    return frozenset(looks)


PROBES = (
    environment_variables,
    changed_variables,
    read_variables,
)
