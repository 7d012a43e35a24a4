"""Measures a build: how large each function is, what it asks for, how many routes there are, and its cron jobs."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.clients.prebuilt import OUTPUT

WORTH_SAYING = 100_000_000
"""Bytes below which the size of a function that asks for nothing is not worth a line in the record."""


@dataclass(frozen=True)
class Sized:
    """A function of the build: sizes in bytes, ``packed`` (of edge functions alone) compressed; memory in MB."""

    name: str
    runtime: str
    size: int
    packed: int = 0
    seconds: int = 0
    memory: int = 0


def functions_of(release: Path) -> tuple[Sized, ...]:
    """The functions that ask for something or are large, by name; what cannot be read is left to the upload to say."""
    root = release / OUTPUT / "functions"
    found = (_sized(root, release, path) for path in sorted(root.rglob(".vc-config.json")))
    return tuple(one for one in found if one and (one.packed or one.seconds or one.memory or one.size > WORTH_SAYING))


def config_of(release: Path) -> tuple[int, tuple[tuple[str, str], ...]]:
    """How many routes the build has, and (path, schedule) of each cron job."""
    config = _read(release / OUTPUT / "config.json")
    crons = (one for one in config.get("crons") or () if isinstance(one, dict))
    return len(config.get("routes") or ()), tuple((str(one.get("path")), str(one.get("schedule"))) for one in crons)


def _sized(root: Path, release: Path, path: Path) -> Sized | None:
    if path.parent.is_symlink():
        return None
    config, name = _read(path), path.parent.relative_to(root).as_posix().removesuffix(".func")
    files = {*_files(path.parent), *(release / str(one) for one in (config.get("filePathMap") or {}).values())}
    runtime = str(config.get("runtime") or "")
    code = path.parent / str(config.get("entrypoint") or "")
    packed = len(gzip.compress(code.read_bytes(), 6)) if runtime == "edge" and code.is_file() else 0
    seconds, memory = (_number(config.get(key)) for key in ("maxDuration", "memory"))
    return Sized(name, runtime, sum(map(_size, files)), packed, seconds, memory)


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where, name) for name in names)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
