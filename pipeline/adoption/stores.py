"""Recognises where an app keeps its data: the database and how it migrates, Redis, and a bucket."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.adoption.folder import Folder
from pipeline.adoption.packages import Package
from pipeline.adoption.routes import parent

CONFIG = re.compile(r"(?:^|/)(?:prisma\.config|\.config/prisma)\.[mc]?[jt]s$")
SCHEMA_KEY = re.compile(
    r"""\bschema\s*:\s*(?:path\.)?(?:join\(|resolve\()?\s*((?:["'`][^"'`]+["'`]|__dirname|\s|,|import\.meta\.dirname)+)"""
)
MIGRATIONS_KEY = re.compile(
    r"""\bmigrations\s*:\s*\{[^}]*?\bpath\s*:\s*(?:path\.)?(?:join\(|resolve\()?\s*((?:["'`][^"'`]+["'`]|__dirname|\s|,)+)"""
)
QUOTED = re.compile(r"""["'`]([^"'`]+)["'`]""")
PROVIDER = re.compile(r"""\bdatasource\s+\w+\s*\{[^}]*?\bprovider\s*=\s*"(\w+)\"""")
ADDRESS = re.compile(r"""\b(url|directUrl)\s*=\s*env\("(\w+)"\)""")
CONFIG_ADDRESS = re.compile(
    r"""\burl\s*:[^,}\n]*?(?:env\(\s*["'](\w+)["']|process\.env\.(\w+)|process\.env\[["'](\w+)["'])"""
)
POSTGRES = ("postgresql", "postgres", "cockroachdb")
OTHERS = {
    "drizzle-orm": "Drizzle", "kysely": "Kysely", "typeorm": "TypeORM", "mongoose": "Mongoose",
    "sequelize": "Sequelize", "@supabase/supabase-js": "Supabase",
}  # fmt: skip
DRIZZLE = re.compile(r"(?:^|/)drizzle\.config\.[mc]?[jt]s$")
DIALECT = re.compile(r"""\bdialect\s*:\s*["'](\w+)["']""")
DRIZZLE_OUT = re.compile(r"""\bout\s*:\s*((?:["'`][^"'`]+["'`]))""")
DRIZZLE_ADDRESS = re.compile(r"\b(?:url|connectionString)\s*:\s*(?:process\.)?env\.([A-Z]\w+)")
ANY_ADDRESS = re.compile(r"\bprocess\.env\.([A-Z]\w*(?:URL|URI|DSN)\w*)")
NAMED_ADDRESS = re.compile(r"\burl\s*:\s*([a-z]\w*)\s*,")
USUAL = ("DATABASE_URL", "POSTGRES_PRISMA_URL", "POSTGRES_URL")
NEON = ("@neondatabase/serverless", "@prisma/adapter-neon", "@neondatabase/api-client")


@dataclass(frozen=True)
class SeenDatabase:
    """Where the data are. ``by``: what reads them in the code, e.g. ``Prisma``."""

    by: str
    wanted: str = ""
    """The version that ``package.json`` asks for."""
    kind: str = ""
    """``postgresql``, ``mysql`` …; empty when the schema does not say."""
    schema: str = ""
    """The schema, a file or a folder."""
    migrations: str = ""
    """The folder of migrations; empty when there is none."""
    variables: tuple[str, ...] = ()
    """The variables with its address, the one that migrations use last."""
    neon: str = ""
    """Neon's project, when a ``.neon`` file names it."""
    on_neon: bool = False

    @property
    def is_postgres(self) -> bool:
        return not self.kind or self.kind in POSTGRES


def database_of(folder: Folder, parts: tuple[Package, ...], names: frozenset[str]) -> SeenDatabase | None:
    """What the schema, Prisma's configuration and the packages ``parts`` say; None when there is no database.

    ``names``: the variables that the code reads.
    """
    wants = {name: wanted for part in parts for name, wanted in part.wants.items()}
    neon = _neon(folder.text(".neon"))
    on_neon = bool(neon) or any(name in wants for name in NEON)
    schema = _schema(folder, parts)
    if schema or "@prisma/client" in wants:
        text = _schema_text(folder, schema)
        kind = PROVIDER.search(text)
        version = wants.get("prisma") or wants.get("@prisma/client") or ""
        return SeenDatabase(
            "Prisma",
            version.lstrip("^~>= "),
            kind[1] if kind else "",
            schema,
            _migrations(folder, parts, schema),
            _variables(folder, parts, text, names),
            neon,
            on_neon,
        )
    other = next((words for name, words in OTHERS.items() if name in wants), "")
    if other == "Drizzle":
        return _of_drizzle(folder, parts, wants["drizzle-orm"].lstrip("^~>= "), neon=neon, on_neon=on_neon)
    return SeenDatabase(other, neon=neon, on_neon=on_neon) if other else None


def _of_drizzle(folder: Folder, parts: tuple[Package, ...], wanted: str, *, neon: str, on_neon: bool) -> SeenDatabase:
    """What ``drizzle.config`` says: which kind of database, where its migrations are, whose address it reads."""
    config = next(iter(_configs(folder, parts, DRIZZLE)), "")
    text = folder.text(config)
    kind, out = DIALECT.search(text), _named(folder, config, DRIZZLE_OUT)
    address = DRIZZLE_ADDRESS.search(text) or ANY_ADDRESS.search(text)
    return SeenDatabase(
        "Drizzle",
        wanted,
        kind[1] if kind else "",
        migrations=out if _is_there(folder, out) else "",
        variables=(address[1],) if address else (),
        neon=neon,
        on_neon=on_neon,
    )


def _neon(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    return str(body.get("projectId") or "") if isinstance(body, dict) else ""


def _configs(folder: Folder, parts: tuple[Package, ...], named: re.Pattern[str] = CONFIG) -> tuple[str, ...]:
    """Prisma's configuration files: those of the app's own packages, then the one on top; or others so ``named``."""
    places = [*(part.place for part in parts), ""]
    found = [path for path in folder.paths if named.search(path)]
    return tuple(sorted((path for path in found if _home(path) in places), key=lambda path: places.index(_home(path))))


def _home(path: str) -> str:
    return parent(path).removesuffix(".config").rstrip("/")


def _named(folder: Folder, config: str, key: re.Pattern[str]) -> str:
    """The path that the configuration gives for ``key``, from the folder on top; empty when it gives none."""
    found = key.search(folder.text(config))
    parts = QUOTED.findall(found[1]) if found else []
    return str(PurePosixPath(_normal("/".join([_home(config), *parts])))) if parts else ""


def _normal(path: str) -> str:
    made: list[str] = []
    for part in path.split("/"):
        if part == ".." and made:
            made.pop()
        elif part not in ("", ".", ".."):
            made.append(part)
    return "/".join(made)


def _is_there(folder: Folder, path: str) -> bool:
    return bool(path) and (path in folder.paths or any(one.startswith(f"{path}/") for one in folder.paths))


def _schema(folder: Folder, parts: tuple[Package, ...]) -> str:
    said = [_named(folder, config, SCHEMA_KEY) for config in _configs(folder, parts)]
    said += [_normal(part.path(part.schema)) for part in parts if part.schema]
    usual = ("prisma/schema.prisma", "prisma/schema", "prisma", "schema.prisma", "schema")
    holding = {place for one in folder.paths if one.endswith(".prisma") for place in (one, parent(one))}
    said += [part.path(name) for part in parts for name in usual if part.path(name) in holding]
    for path in said:
        if _is_there(folder, path):
            return path
    below = tuple(part.path("") for part in parts)
    found = [one for one in folder.paths if one.endswith("/schema.prisma") and one.startswith(below)]
    postgres = [one for one in found if (kind := PROVIDER.search(folder.text(one))) and kind[1] in POSTGRES]
    return next(iter([*postgres, *found]), "")


def _schema_text(folder: Folder, schema: str) -> str:
    files = [path for path in folder.paths if path == schema or (path.startswith(f"{schema}/") and schema)]
    return "\n".join(folder.text(path) for path in files if path.endswith(".prisma"))


def _migrations(folder: Folder, parts: tuple[Package, ...], schema: str) -> str:
    said = [_named(folder, config, MIGRATIONS_KEY) for config in _configs(folder, parts)]
    near = schema if not schema.endswith(".prisma") else parent(schema)
    said += [f"{place}/migrations" if place else "migrations" for place in (near, parent(near))] if schema else []
    said += [part.path("prisma/migrations") for part in parts]
    places = tuple(part.path("") for part in parts)
    said += [parent(path) for path in folder.paths if path.endswith("/migration_lock.toml") and path.startswith(places)]
    return next((path for path in said if _is_there(folder, path)), "")


def _variables(folder: Folder, parts: tuple[Package, ...], schema: str, known: frozenset[str]) -> tuple[str, ...]:
    """Those that the schema names; else Prisma's configuration, after a usual one that the code reads (``known``)."""
    found = dict(ADDRESS.findall(schema))
    names = [found[key] for key in ("url", "directUrl") if key in found]
    if not names:
        for config in _configs(folder, parts):
            text = folder.text(config)
            names += [next(filter(None, groups)) for groups in CONFIG_ADDRESS.findall(text)] or _chosen(text)
        names = [*(one for one in USUAL if one in known and one not in names), *names]
    return tuple(dict.fromkeys(names))


def _chosen(text: str) -> list[str]:
    """The variable that comes first where ``url`` is a name for one of several; what is of previews is none."""
    name = NAMED_ADDRESS.search(text)
    defined = re.search(rf"\b{name[1]}\s*=([^;]*);", text) if name else None
    found = [one for one in ANY_ADDRESS.findall(defined[1]) if "PREVIEW" not in one] if defined else []
    return found[:1]


@dataclass(frozen=True)
class SeenServices:
    """Which other services are in the code and its packages."""

    sentry: bool = False
    sentry_organization: str = ""
    sentry_project: str = ""
    upstash: bool = False
    bucket: str = ""
    """``R2``, ``S3``, or empty."""


def services_of(wants: Mapping[str, str], names: frozenset[str], texts: Mapping[str, str]) -> SeenServices:
    """What the packages, the variables ``names`` and the code say."""
    told = [text for path, text in texts.items() if re.search(r"next\.config\.|sentry|instrumentation", path)]
    sentry = any(name.startswith("@sentry/") for name in wants)
    keys = {key: _literal(key, told) for key in ("org", "project")} if sentry else {"org": "", "project": ""}
    s3 = any(name.startswith(("@aws-sdk/client-s3", "aws4fetch")) for name in wants)
    r2 = any(name.startswith("R2_") for name in names) or any(
        ".r2.cloudflarestorage.com" in one for one in texts.values()
    )
    upstash = any(name.startswith("@upstash/r") for name in wants) or "UPSTASH_REDIS_REST_URL" in names
    return SeenServices(sentry, keys["org"], keys["project"], upstash, "R2" if r2 else "S3" if s3 else "")


def _literal(key: str, texts: list[str]) -> str:
    """The text that ``key`` is set to beside Sentry's options; empty when it is read from a variable."""
    pattern = re.compile(rf"""(?:^|[\s{{,]){key}\s*[:=]\s*["']?([a-z0-9][\w-]*)["']?\s*(?:[,\n}}]|$)""")
    for text in texts:
        if "sentry" in text.lower() and (found := pattern.search(text)):
            return found[1]
    return ""
