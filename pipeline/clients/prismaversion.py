"""Finds out which Prisma a project pins, and so how it sends a file: whole, or since 7.4 statement by statement."""

import json
import re
from pathlib import Path
from typing import Any

SENDS_EACH = (7, 4)  # prisma-engines #5767
NUMBERS = re.compile(r"(\d+)\.(\d+)")
LOCKED = (
    ("pnpm-lock.yaml", re.compile(r"^\s+'?/?prisma@(\d+)\.(\d+)", re.M)),
    ("yarn.lock", re.compile(r'^"?prisma@[^\n]*:\n\s+version:?\s+"?(\d+)\.(\d+)', re.M)),
    ("bun.lock", re.compile(r'"prisma":\s*\["prisma@(\d+)\.(\d+)')),
)


def sends_each(folder: Path) -> bool:
    """Whether the Prisma of the project in ``folder`` sends every statement by itself. Not when nobody can tell."""
    found = pinned(folder)
    return found is not None and found >= SENDS_EACH


def pinned(folder: Path) -> tuple[int, int] | None:
    """The version of Prisma's command: what is installed, else a lock file's, else the least of package.json."""
    installed = _json(folder / "node_modules/prisma/package.json").get("version")
    packages = _json(folder / "package-lock.json").get("packages") or {}
    locked = (packages.get("node_modules/prisma") or {}).get("version")
    for said in (installed, locked):
        if numbers := NUMBERS.match(str(said or "")):
            return int(numbers[1]), int(numbers[2])
    for name, pattern in LOCKED:
        if numbers := pattern.search(_text(folder / name)):
            return int(numbers[1]), int(numbers[2])
    package = _json(folder / "package.json")
    wanted = {**(package.get("dependencies") or {}), **(package.get("devDependencies") or {})}.get("prisma", "")
    numbers = NUMBERS.match(str(wanted).lstrip("^~>=v "))
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
