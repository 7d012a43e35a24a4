"""Finds the Next.js app among the packages of a repository, and the packages that it is made of."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from pipeline.adoption.folder import LOCKS, WHOLE, Folder
from pipeline.adoption.routes import parent

ASIDE = re.compile(
    r"(?:^|/)[^/]*(docs?|storybook|template|starter|sample|demo|playground|landing|marketing|www)[^/]*(?:/|$)"
)
"""Folders whose app is probably not the one that is meant."""
WORKSPACES = {
    "turbo.json": "Turborepo",
    "nx.json": "Nx",
    "pnpm-workspace.yaml": "pnpm workspaces",
    "lerna.json": "Lerna",
}
NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Package:
    """One ``package.json``. ``place``: its folder, empty for the one that was looked at. ``wants``: name → range."""

    place: str
    name: str
    wants: dict[str, str]
    engine: str = ""
    """What ``engines.node`` says."""
    schema: str = ""
    """What ``prisma.schema`` says, relative to the package."""
    workspaces: bool = False

    def path(self, name: str) -> str:
        """The path of a file of this package."""
        return f"{self.place}/{name}" if self.place else name


def packages(folder: Folder) -> tuple[Package, ...]:
    """Every package that has a ``package.json`` that can be read, the one on top first."""
    found = [path for path in folder.paths if PurePosixPath(path).name == "package.json"]
    known = _catalogs(folder)
    read = [_package(str(PurePosixPath(path).parent), folder.text(path), known) for path in sorted(found, key=_depth)]
    made = [one for one in read if one]
    return (*made, *_of_one_version(folder, made))


def _of_one_version(folder: Folder, found: list[Package]) -> list[Package]:
    """Apps that have no ``package.json``, as in Nx: a ``next.config`` below one package that wants Next.js for all."""
    if not any(not one.place and "next" in one.wants for one in found):
        return []
    places = {parent(path) for path in folder.paths if PurePosixPath(path).name.startswith("next.config.")}
    return [Package(place, PurePosixPath(place).name, {}) for place in sorted(places - {one.place for one in found})]


def _catalogs(folder: Folder) -> dict[str, str]:
    """``catalog:NAME package`` → the range that a catalog of pnpm or Bun says; the usual one has no name.

    It stands on top of the repository, which is above the folder that was looked at when that is one app of several.
    """
    pnpm, bun = WHOLE
    try:
        bodies = [yaml.safe_load(folder.texts_above.get(pnpm, "")), json.loads(folder.texts_above.get(bun) or "{}")]
        bodies += [yaml.safe_load(folder.text(pnpm)), json.loads(folder.text(bun) or "{}")]
    except (ValueError, yaml.YAMLError):
        return {}
    bodies += [body.get("workspaces") for body in bodies if isinstance(body, dict)]
    known = dict[str, str]()
    for body in bodies:
        if isinstance(body, dict):
            named = [("", dict(_part(body, "catalog"))), *_part(body, "catalogs")]
            known |= {
                f"catalog:{name} {package}": str(wanted)
                for name, part in named
                if isinstance(part, dict)
                for package, wanted in part.items()
            }
    return known


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _package(place: str, text: str, catalogs: Mapping[str, str]) -> Package | None:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    wants = {
        name: catalogs.get(f"{wanted} {name}".replace("catalog:default ", "catalog: "), str(wanted))
        for part in ("dependencies", "devDependencies")
        for name, wanted in _part(body, part)
    }
    engines, prisma = dict(_part(body, "engines")), dict(_part(body, "prisma"))
    return Package(
        "" if place == "." else place,
        str(body.get("name") or ""),
        wants,
        str(engines.get("node") or ""),
        str(prisma.get("schema") or ""),
        bool(body.get("workspaces")),
    )


def _part(body: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    part = body.get(name)
    return list(part.items()) if isinstance(part, dict) else []


def apps(folder: Folder, found: tuple[Package, ...]) -> tuple[Package, ...]:
    """The Next.js apps, the likeliest first: not the documentation, then the one with the most API routes."""
    top = next((one for one in found if not one.place), None)
    shared = top is not None and "next" in top.wants
    runs = [
        one
        for one in found
        if ("next" in one.wants and _is_app(folder, one)) or (shared and one.place and _has_config(folder, one))
    ]

    def rank(app: Package) -> tuple[bool, int, int]:
        aside = bool(ASIDE.search(app.place))
        interfaces = sum(1 for path in folder.paths if path.startswith(app.path("")) and "/api/" in f"/{path}")
        return aside, -interfaces, _depth(app.place)[0]

    return tuple(sorted(runs, key=rank))


def _is_app(folder: Folder, package: Package) -> bool:
    begins = tuple(package.path(name) for name in ("next.config.", "app/", "pages/", "src/app/", "src/pages/"))
    return any(path.startswith(begins) for path in folder.paths)


def _has_config(folder: Folder, package: Package) -> bool:
    return any(path.startswith(package.path("next.config.")) for path in folder.paths)


def doubtful(found: tuple[Package, ...]) -> tuple[str, ...]:
    """The folders of the apps between which only a person can choose; empty when one is meant."""
    meant = [one.place for one in found if not ASIDE.search(one.place)]
    return tuple(meant) if len(meant) > 1 else ()


def made_of(app: Package, found: tuple[Package, ...]) -> tuple[Package, ...]:
    """The app, and every package of the same repository that it is made of."""
    known = {one.name: one for one in found if one.name}
    reached, todo = {app.place: app}, [app]
    if "next" not in app.wants:  # one package on top wants everything for all
        reached |= {one.place: one for one in found if not one.place}
    while todo:
        for name in todo.pop().wants:
            package = known.get(name)
            if package and package.place not in reached:
                reached[package.place] = package
                todo.append(package)
    return tuple(reached.values())


def manager(folder: Folder, app: Package) -> str:
    """The package manager whose lock file is nearest; empty when there is none."""
    for place in (app.place, ""):
        for name, tool in LOCKS.items():
            if (f"{place}/{name}" if place else name) in folder.paths:
                return tool
    return next((tool for name, tool in LOCKS.items() if name in folder.above), "")


def workspace(folder: Folder, found: tuple[Package, ...]) -> str:
    """What holds the packages together; empty when there is only one."""
    there = {*folder.paths, *folder.above}
    named = next((words for name, words in WORKSPACES.items() if name in there), "")
    return named or ("workspaces" if any(one.workspaces for one in found) else "")


def major(wanted: str) -> int:
    """The first number of a version or a range; 0 when there is none."""
    number = NUMBER.search(wanted)
    return int(number[1]) if number else 0
