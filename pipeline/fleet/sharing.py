"""What projects of a fleet share of ``deploy.yml``: all of them, a group, and what counts for one of them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import SECTIONS, Policies, example
from pipeline.config.document import line_of, read
from pipeline.config.example import merged
from pipeline.config.journeys import mistakes_in
from pipeline.config.shapes import misshapen_sections
from pipeline.config.shared import PACE, SharedSections
from pipeline.config.target import Pace
from pipeline.config.validating import as_far_as_it_fits, misfits
from pipeline.errors import Mistake
from pipeline.fleet.declared import FleetFile, FleetGroup
from pipeline.home import FILE, FLEET

OWN = (("database", "migrations"), ("database", "schema"))
"""What a rollback reads from deploy.yml itself, without any fleet."""

DIGEST = 32
"""Digits of a digest: 128 bits."""
EXAMPLE = "the sandbox's own app"
"""Where the sections come from that a sandbox has, unless `example` is false."""

KeyPath = tuple[Any, ...]


@dataclass(frozen=True)
class SaidKey:
    """A key that a fleet says for a project: what counts for it, and where that is said, e.g. ``fleet.yml:3 share``."""

    key: str
    value: Any
    source: str


def shared_with(file: FleetFile, project: str) -> SharedSections:
    """What ``fleet.yml`` says below and above the ``deploy.yml`` of a project."""
    one = file.projects[project]
    group = file.groups.get(one.group, FleetGroup())
    return SharedSections(merged(file.share, group.share), one.override)


def digests_of(file: FleetFile, projects: Iterable[str]) -> dict[str, str]:
    """Project → a digest of what ``fleet.yml`` says of how it is deployed: its target, ``ships``, and what it shares.

    Not of where its home is, nor of whose tokens it has: both are said by the machine that deploys it.
    """
    return {name: _digest(file, name) for name in projects}


def differing(file: FleetFile, said: Mapping[str, str]) -> tuple[str, ...]:
    """The projects of ``file`` of which it says something else than ``said``, the digests of an order."""
    return tuple(name for name, digest in said.items() if name in file.projects and _digest(file, name) != digest)


def _digest(file: FleetFile, name: str) -> str:
    project, shared = file.projects[name], shared_with(file, name)
    said = {"target": project.target, "ships": project.ships, "under": shared.under, "over": shared.over}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:DIGEST]


def wrong_sections(said: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """The path of everything that is wrong in sections that are shared, and what. Nothing has to be said in them."""
    for name in said:
        if name not in SECTIONS and name != PACE:
            yield (name,), f"is no section of {FILE} that projects share; docs/fleet.md has what they do"
    sections = {name: part for name, part in said.items() if name in SECTIONS}
    wrong = [*misfits(Policies, sections)[1], *misfits(dict[str, dict[str, Pace]], _only(said, PACE))[1]]
    for one in wrong:
        if one.kind != "missing" or any(isinstance(part, int) for part in one.path):
            yield one.path, one.says
    file = as_far_as_it_fits(Policies, sections)
    journeys = mistakes_in(file.smoke.journeys) if file else ()
    for path, says in (
        *misshapen_sections(sections),
        *((("smoke", "journeys", *path), says) for path, says in journeys),
    ):
        if not any(path[: len(one.path)] == one.path for one in wrong):  # a stand-in
            yield path, says
    for path in OWN:
        if _at(sections, path) is not None:
            yield path, f"is what a rollback reads from {FILE} itself; say it there"


def what_counts(file: FleetFile, tree: Any, project: str, home: Path) -> tuple[SaidKey, ...]:
    """Every key that ``fleet.yml`` says for a project, with what counts in the end, by key. ``tree``: of that file."""
    one = file.projects[project]
    group = file.groups.get(one.group, FleetGroup())
    layers: list[tuple[Mapping[str, Any], KeyPath, Any, str]] = [
        (file.share, ("share",), tree, FLEET),
        (group.share, ("groups", one.group, "share"), tree, FLEET),
        *_of_home(home, one.target),
        (one.override, ("projects", project, "override"), tree, FLEET),
    ]
    ours = [said for said, _, _, name in layers if name == FLEET]
    found = []
    for path in sorted({path for said in ours for path in _leaves(said)}, key=str):
        within, at, name = [rest for said, *rest in layers if _decides(said, path)][-1]
        whole: Any = {}
        for layer, *_ in layers:
            whole = merged(whole, layer)
        where = f"{name}:{line_of(at, (*within, *path))} {'.'.join(within)}".strip() if at else name
        found.append(SaidKey(".".join(map(str, path)), _at(whole, path), where))
    return tuple(found)


def _of_home(home: Path, target: str) -> Iterator[tuple[Mapping[str, Any], KeyPath, Any, str]]:
    """What the project's own file says: its sections, then those of its target. Nothing of a file that is none."""
    try:
        raw, tree = read(home / FILE, "", "")
    except Mistake:
        return
    name = target or raw.get("target", "sandbox")
    yield {key: part for key, part in raw.items() if key in SECTIONS}, (), tree, FILE
    pace = _at(raw, ("targets", name, PACE))
    yield ({PACE: pace} if isinstance(pace, dict) else {}), ("targets", name), tree, FILE
    kind, mine = _at(raw, ("targets", name, "kind")), _at(raw, ("targets", name, "example")) is False
    if kind == "sandbox" and not mine and not _at(raw, ("targets", name, "own")):
        yield example.sections(), (), None, EXAMPLE
    override = _at(raw, ("targets", name, "override"))
    yield (override if isinstance(override, dict) else {}), ("targets", name, "override"), tree, FILE


def _decides(said: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether ``said`` has a word on the value at ``path``: itself, or by putting something else in its place."""
    node: Any = said
    for part in path:
        if not isinstance(node, Mapping):
            return True
        if part not in node:
            return False
        node = node[part]
    return True


def _leaves(said: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(said, Mapping):
        for key, value in said.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path


def _only(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: said[name]} if name in said else {}


def _at(said: Any, path: KeyPath) -> Any:
    for part in path:
        if not isinstance(said, Mapping):
            return None
        said = said.get(part)
    return said
