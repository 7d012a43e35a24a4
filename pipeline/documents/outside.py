"""Keeps what is written into a folder in that folder, and off files that are somebody else's."""

import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.documents.pages.sections import is_sealed
from pipeline.errors import Mistake


def must_stay_inside(folder: Path, names: Mapping[str, str], said: str) -> None:
    """Raises Mistake when a file of ``names``, relative to ``folder``, is a link, or is reached by one that leads out.

    ``said``: the option that named the folder.
    """
    home = folder.resolve()
    for path in (folder / name for name in names):
        if path.is_symlink() or not path.parent.resolve().is_relative_to(home):
            raise Mistake(f"{said}: {path} is a link, and what it leads to would be overwritten; remove the link")


def must_be_ours(folder: Path, pages: Mapping[str, str], said: str) -> None:
    """Raises Mistake for files of other people's under the names of ``pages``: they have no seal of ours."""
    theirs = [name for name, text in pages.items() if (folder / name).exists() and not _is_ours(folder / name, text)]
    if theirs:
        raise Mistake(f"{said}: {', '.join(theirs)}: not written by ./inv runbooks; name a folder of its own")


def _is_ours(path: Path, text: str) -> bool:
    try:
        found = path.read_text(encoding="utf-8")
        return found == text or (is_sealed(found) if path.suffix == ".md" else _titles(found) == _titles(text))
    except (OSError, ValueError):
        return False


def _titles(text: str) -> tuple[object, ...]:
    """What a JSON schema is called. Raises ValueError for what is none."""
    found = json.loads(text)
    if not isinstance(found, dict) or "title" not in found:
        raise ValueError("no schema")
    return found.get("$schema"), found["title"]
