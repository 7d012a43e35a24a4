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

OF_TARGET = {"project": "its name or its id", "team": "its id, team_…, or its slug; empty for a personal account"}
NAMES = {
    ("errors", "organization"): "its slug in Sentry, e.g. acme",
    ("errors", "project"): "its slug in Sentry, e.g. web",
    ("uptime", "monitor"): "its id in Better Stack, the number in the monitor's address",
    ("database", "neon_project"): "its id in Neon, e.g. quiet-river-31337",
}
"""Keys whose value is a name in somebody's console → what to say instead of an address of that console."""
OF_GIT = re.compile(r"^(refs/|origin/)")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

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
        for part, wanted in OF_TARGET.items():
            said = _at(raw, "targets", key, part)
            if isinstance(said, str) and "/" in said:
                yield said_at(name, tree, ("targets", key, part), f"is {said!r}; say {wanted}")
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
    branch = _at(raw, "source", "branch")
    if isinstance(branch, str) and OF_GIT.search(branch):
        plain = re.sub(r"^(refs/(heads|remotes)/)?(origin/)?", "", branch)
        yield ("source", "branch"), f"is {branch!r}; say the branch as GitHub calls it: {plain}"
    for (section, key), wanted in NAMES.items():
        said = _at(raw, section, key)
        if isinstance(said, str) and "/" in said and not PLACEHOLDER.search(said):
            yield (section, key), f"is {said!r}; say {wanted}"
    for path in _paths(raw):
        said = _at(raw, *path)
        if isinstance(said, str) and said and (not said.startswith("/") or said.startswith("//")):
            yield path, f"is {said!r}; a path begins with one slash: {_path_of(said)}"
    for where, variable in _variables(raw):
        if not VARIABLE.fullmatch(variable):
            yield where, f"is {variable!r}; the name of a variable has letters, digits and _ and begins with no digit"


def _path_of(said: str) -> str:
    """The path that is meant by an address of the site, or by a path without its slash."""
    within = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "", said)
    return f"/{within.lstrip('/')}"


def _variables(raw: Any) -> Iterator[Said]:
    """The names of the variables that are required, and where each stands."""
    required = _at(raw, "environment", "required")
    for number, one in enumerate(required if isinstance(required, list) else ()):
        name = _at(one, "name")
        if isinstance(name, str):
            yield ("environment", "required", number, "name"), name


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
    return f"{name}:{max(line_of(tree, path), 1)}: {dotted(path)}: {says}"


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
