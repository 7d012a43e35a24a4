"""What values of ``deploy.yml`` must look like beyond their type, and which of them nobody has filled in yet."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"REPLACE_?ME|CHANGE_?ME|^your[-_ ]|^<.*>$", re.IGNORECASE)
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")

Said = tuple[tuple[str | int, ...], str]
"""The path of a key, and what is wrong with its value."""


def misshapen(raw: Mapping[str, Any]) -> Iterator[Said]:
    """The values among some sections, as they are in the file, that cannot be meant."""
    repository = _at(raw, "source", "repository")
    if isinstance(repository, str) and not REPOSITORY.fullmatch(repository):
        yield ("source", "repository"), f"is {repository!r}; say it as owner/name"
    for path in _paths(raw):
        said = _at(raw, *path)
        if isinstance(said, str) and said and not said.startswith("/"):
            yield path, f"is {said!r}; a path begins with a slash: /{said.lstrip('/')}"


def _paths(raw: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """The keys whose value is a path of the site."""
    yield from (("health", "path"), ("smoke", "journeys", "course"), ("smoke", "journeys", "upload"))
    routes = _at(raw, "smoke", "routes")
    yield from (("smoke", "routes", number, "path") for number in range(len(routes) if isinstance(routes, list) else 0))


def unfilled(target: Mapping[str, Any]) -> Iterator[Said]:
    """The values of a target that still are what an example put there."""
    for key in ("project", "team", "domain"):
        value = target.get(key)
        if isinstance(value, str) and PLACEHOLDER.search(value):
            yield (key,), f"is still the placeholder {value}; put your own there"


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
