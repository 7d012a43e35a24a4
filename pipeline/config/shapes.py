"""What values of ``deploy.yml`` must look like beyond their type, and which of them nobody has filled in yet."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.config.document import dotted, line_of

PLACEHOLDER = re.compile(
    r"REPLACE_?ME|CHANGE_?ME|^your[-_ ]|^<[\w .-]*\b(your|name|id|slug|domain|here)\b[\w .-]*>$"
    r"|(?-i:^(TODO|FIXME|TBD)$)|^owner/(name|repo)|_x{4,}$|40_DIGITS",
    re.IGNORECASE,
)
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(?<!\.git)")
ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")

Said = tuple[tuple[str | int, ...], str]
"""The path of a key, and what is wrong with its value."""


def misshapen(raw: Mapping[str, Any], tree: Any, name: str) -> Iterator[str]:
    """A line for each value, in the file's own sections and in what targets override, that cannot be meant."""
    parts: list[tuple[tuple[str, ...], Any]] = [((), raw)]
    targets = raw.get("targets")
    parts += [(("targets", str(key), "override"), _at(raw, "targets", key, "override")) for key in targets or ()]
    for within, part in parts:
        for path, says in misshapen_sections(part):
            yield said_at(name, tree, (*within, *path), says)
    for key in targets if isinstance(targets, dict) else ():
        project = _at(raw, "targets", key, "project")
        if isinstance(project, str) and "/" in project:
            yield said_at(name, tree, ("targets", key, "project"), f"is {project!r}; say its name or its id")
    action = raw.get("action")
    if isinstance(action, str) and action and not ACTION.fullmatch(action):
        yield said_at(name, tree, ("action",), f"is {action!r}; say it as OWNER/NAME@COMMIT, all 40 digits of it")


def misshapen_sections(raw: Any) -> Iterator[Said]:
    """The path of each value, in sections as they stand in a file, that cannot be meant, and why."""
    repository = _at(raw, "source", "repository")
    if isinstance(repository, str) and not REPOSITORY.fullmatch(repository):
        yield ("source", "repository"), f"is {repository!r}; say it as owner/name"
    if isinstance(_at(raw, "smoke", "journeys"), dict):
        yield ("smoke", "journeys"), "is a list of journeys: - {name: login, sign_in: nextauth}; an empty one is []"
    for path in _paths(raw):
        said = _at(raw, *path)
        if isinstance(said, str) and said and not said.startswith("/"):
            yield path, f"is {said!r}; a path begins with a slash: /{said.lstrip('/')}"


def _paths(raw: Any) -> Iterator[tuple[str | int, ...]]:
    """The keys whose value is a path of the site."""
    yield from (("health", "path"), ("auth", "path"))
    routes = _at(raw, "smoke", "routes")
    yield from (("smoke", "routes", number, "path") for number in range(len(routes) if isinstance(routes, list) else 0))


def unfilled(raw: Mapping[str, Any], tree: Any, name: str, target: str) -> tuple[str, ...]:
    """A line for each value of ``target`` that still is what an example put there, in whatever section it uses."""
    if _at(raw, "targets", target, "kind") == "sandbox":
        return ()
    ours = {key: part for key, part in raw.items() if key != "targets"}
    parts = [*_texts(ours), *_texts(_at(raw, "targets", target), ("targets", target))]
    return tuple(
        said_at(name, tree, path, f"is still the placeholder {value}; put your own there")
        for path, value in parts
        if PLACEHOLDER.search(value) and not str(path[-1]).endswith("contains")
    )


def _texts(part: Any, path: tuple[str | int, ...] = ()) -> Iterator[Said]:
    """Every text below ``path``, and where it stands."""
    if isinstance(part, str):
        yield path, part
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in inner:
        yield from _texts(value, (*path, key))


def said_at(name: str, tree: Any, path: tuple[str | int, ...], says: str) -> str:
    """A mistake as every one is written: file, line, key, what is wrong."""
    return f"{name}:{line_of(tree, path)}: {dotted(path)}: {says}"


def _at(raw: Any, *path: str | int) -> Any:
    """The value at ``path``; None when there is none."""
    for part in path:
        if isinstance(raw, dict):
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            return None
    return raw
