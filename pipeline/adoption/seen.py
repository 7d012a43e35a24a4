"""What was seen of an app in its folder: one value, and the pure function that makes it."""

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.adoption.folder import Folder
from pipeline.adoption.packages import Package, apps, doubtful, made_of, manager, packages, workspace
from pipeline.adoption.routes import health_of, parent, routes, sign_in_of
from pipeline.adoption.signin import SeenAuth, auth_of
from pipeline.adoption.stores import SeenDatabase, SeenServices, database_of, services_of
from pipeline.adoption.variables import demanded_by, listed_in, read_by
from pipeline.clients.pushes import FILES, said_in
from pipeline.errors import Mistake

GITHUB = re.compile(r"github\.com[:/](?P<name>[^/]+/[^/]+?)(?:\.git)?/?$")
BASE = re.compile(r"""\bbasePath\s*:\s*["'](/[\w/-]+)["']""")
NAMES_BUILD = re.compile(r"VERCEL_(DEPLOYMENT_ID|GIT_COMMIT_SHA)")
ASKS_DATA = re.compile(r"prisma|\bdb\b|\$queryRaw|\bsql`|select\(", re.I)
ENVIRONMENT = re.compile(r"^\.env[\w.-]*\.?(example|sample|template|dist)?$")

NO_APP = "no package.json that wants `next` beside a next.config, app or pages"


@dataclass(frozen=True)
class SeenHealth:
    """The route that looks like a health check, and what its file says."""

    path: str
    names_build: bool
    """Whether it reads which deployment or commit it is."""
    asks_data: bool
    """Whether it seems to ask the database."""


@dataclass(frozen=True)
class Seen:
    """An app as its folder shows it. Empty: it was not seen there."""

    name: str
    place: str
    """The folder of the app, from the folder that was looked at; empty when they are the same."""
    others: tuple[str, ...]
    """The folders of apps between which only a person can choose."""
    repository: str
    branch: str
    next: str
    manager: str
    workspace: str
    node: str
    routers: tuple[str, ...]
    front: str
    """The path of the page that the app begins with; empty when there is none."""
    sign_in: str
    """The path of the sign-in page."""
    health: SeenHealth | None
    auth: SeenAuth | None
    database: SeenDatabase | None
    services: SeenServices
    demanded: tuple[str, ...]
    """Variables that the app says it cannot do without."""
    variables: frozenset[str]
    """All that the code reads."""
    listed: tuple[str, ...]
    """Names in ``.env.example`` and its like, in their order."""
    project: str
    team: str
    workflows: tuple[str, ...]
    """Names of the workflow files that are there."""
    vercel_file: str
    """``vercel.json``, or the program that stands for it, e.g. ``vercel.ts``."""
    held: bool
    """Whether it keeps Vercel from building what is pushed to the branch."""
    domain: str = ""
    """The production domain. No folder shows it; somebody who was asked has said it."""


def seen_in(folder: Folder, chosen: str | None = None) -> Seen:
    """What ``folder`` shows of its app. ``chosen``: the folder of the app when there are several.

    Raises Mistake when there is no Next.js app, or none in ``chosen``.
    """
    found = packages(folder)
    every = able = apps(folder, found)
    if chosen is not None:
        able = tuple(one for one in every if one.place == chosen.strip("./"))
    if not able:
        where = f" in {chosen}" if chosen else ""
        others = ", ".join(one.place or "." for one in every)
        raise Mistake(f"{folder.name}: no Next.js app{where}: {f'there is {others}' if others else NO_APP}")
    app = able[0]
    parts = made_of(app, found)
    wants = {name: wanted for part in reversed(parts) for name, wanted in part.wants.items()}
    texts = _texts_of(folder, parts, found)
    base = next((m[1] for path, text in texts.items() if "next.config." in path and (m := BASE.search(text))), "")
    there = routes(folder.paths, app.place, base)
    names = read_by(texts)
    listed = listed_in(folder.texts, _examples(folder, app))
    auth, health, page = auth_of(wants, texts, base), health_of(there), sign_in_of(there)
    vercel = _linked(folder, app)
    settings = next((one for one in _settings(app) if one in folder.paths), "vercel.json")
    origin = GITHUB.search(folder.remote)
    return Seen(
        name=app.name.rpartition("/")[2]
        or PurePosixPath(app.place or (origin["name"] if origin else folder.name)).name,
        place=app.place,
        others=doubtful(apps(folder, found)) if chosen is None else (),
        repository=origin["name"] if origin else "",
        branch=folder.branch or "main",
        next=wants["next"].lstrip("^~>= "),
        manager=manager(folder, app),
        workspace=workspace(folder, found),
        node=_node(folder, app, found),
        routers=_routers(folder, app),
        front=next((route.path for route in there if route.path == (base or "/")), ""),
        sign_in=_below(base, auth.page) if auth and auth.page else page.path if page else "",
        health=_health(health.path, health.file, folder) if health else None,
        auth=auth,
        database=database_of(folder, parts, names | {*listed}),
        services=services_of(wants, names | {*listed}, texts),
        demanded=demanded_by(texts),
        variables=names,
        listed=listed,
        project=vercel[0],
        team=vercel[1],
        workflows=tuple(PurePosixPath(one).name for one in folder.paths if one.startswith(".github/workflows/")),
        vercel_file=PurePosixPath(settings).name,
        held=said_in(folder.text(settings), folder.branch or "main"),
    )


def _texts_of(folder: Folder, parts: tuple[Package, ...], found: tuple[Package, ...]) -> dict[str, str]:
    """The files of the app's own packages: of each file, the nearest package is one of ``parts``."""
    ours = {part.place for part in parts}
    known = {one.place for one in found}

    def nearest(path: str) -> str:
        place = parent(path)
        while place and place not in known:
            place = parent(place)
        return place

    return {path: text for path, text in folder.texts.items() if nearest(path) in ours}


def _health(path: str, file: str, folder: Folder) -> SeenHealth:
    text = folder.text(file)
    return SeenHealth(path, bool(NAMES_BUILD.search(text)), bool(ASKS_DATA.search(text)))


def _examples(folder: Folder, app: Package) -> list[str]:
    """Files like ``.env.example`` of the app and on top; where there is none, whatever ``.env`` files there are."""
    files = [
        one for one in folder.paths if parent(one) in ("", app.place) and ENVIRONMENT.match(PurePosixPath(one).name)
    ]
    examples = [one for one in files if re.search(r"(example|sample|template|dist)$", one)]
    return examples or files


def _below(base: str, path: str) -> str:
    """A path as a visitor types it: what the code names stands below ``basePath``, and says so or does not."""
    return path if path == base or path.startswith(f"{base}/") else base + path


def _linked(folder: Folder, app: Package) -> tuple[str, str]:
    """Vercel's project and team, as ``vercel link`` wrote them down; empty when it did not."""
    for path in (app.path(".vercel/project.json"), ".vercel/project.json"):
        try:
            body = json.loads(folder.text(path))
        except ValueError:
            continue
        if isinstance(body, dict):
            team = str(body.get("orgId") or "")
            return str(body.get("projectId") or ""), team if team.startswith("team_") else ""
    return "", ""


def _settings(app: Package) -> list[str]:
    """Where Vercel's settings of the app may be, the likeliest first."""
    return [*(app.path(name) for name in FILES), *FILES]


def _node(folder: Folder, app: Package, found: tuple[Package, ...]) -> str:
    top = next((one for one in found if not one.place), app)
    pinned = folder.text(app.path(".nvmrc")).strip() or folder.text(".nvmrc").strip()
    return app.engine or top.engine or pinned.lstrip("v")


def _routers(folder: Folder, app: Package) -> tuple[str, ...]:
    return tuple(
        name
        for name in ("app", "pages")
        if any(path.startswith((app.path(f"{name}/"), app.path(f"src/{name}/"))) for path in folder.paths)
    )
