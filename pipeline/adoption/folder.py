"""Looks at an app's folder: which files there are, what is in those that tell something, and what git says of it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.clients import git

SKIPPED = frozenset(
    {
        "node_modules", ".git", ".next", ".turbo", ".yarn", ".venv", "dist", "build", "out", "coverage", "cypress",
        "__tests__", "__mocks__", "e2e", "tests", "test", "fixtures", "examples", "example", "playwright",
    }
)  # fmt: skip
"""Folders that say nothing of what is deployed."""
MOST_FILES, MOST_BYTES = 30_000, 300_000
TOLD = re.compile(
    r"\.(m?[jt]sx?|cjs|cts|mts|prisma|json|toml|ya?ml)$|^\.(nvmrc|neon|node-version|sentryclirc)$|^sentry\.properties$"
)
LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
}
"""Lock file → the package manager that wrote it."""
WHOLE = ("pnpm-workspace.yaml", "package.json")
"""What says something of all packages of a repository, from above them: the versions of a catalog."""
OURS = "# What ./inv reads beside deploy.yml. Copy to .env, which is never committed; the environment wins over it."
"""The line in ``.env.example`` below which the names are this tool's."""
VARIABLE = re.compile(r"^\s*(?:export\s+)?#?\s?([A-Z][A-Z0-9_]+)\s*=", re.M)


@dataclass(frozen=True)
class Folder:
    """A folder as it was found. Paths are relative to it, with slashes.

    ``texts``: path → content of the files that tell something; of ``.env…`` files only the names of their variables,
    one a line, never a value. ``above``: names of files in the folders above it, up to the top of the repository, and
    ``texts_above`` the content of those of WHOLE, the nearest of each.
    """

    name: str
    paths: tuple[str, ...]
    texts: dict[str, str] = field(repr=False)
    remote: str = ""
    """The address of git's remote ``origin``; empty when git does not say."""
    branch: str = ""
    """What ``origin`` calls its default branch, else the one that is checked out."""
    above: frozenset[str] = frozenset()
    texts_above: dict[str, str] = field(default_factory=dict, repr=False)

    def text(self, path: str) -> str:
        """The content of ``path``; empty when there is no such file, or it was not read."""
        return self.texts.get(path, "")


def look(folder: Path) -> Folder:
    """Read ``folder``. What cannot be read is left out; nothing is written."""
    paths = tuple(sorted(_walk(folder)))
    texts = {path: text for path in paths if (text := _told(folder / path)) is not None}
    remote = (git.asked(folder, ["config", "--get", "remote.origin.url"]) or "").strip()
    return Folder(folder.resolve().name, paths, texts, remote, _branch(folder), *_above(folder))


def _walk(folder: Path) -> Iterator[str]:
    count = 0
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        if base.endswith(".vercel"):
            folders.clear()
        for name in files:
            count += 1
            if count > MOST_FILES:
                return
            yield (Path(base) / name).relative_to(folder).as_posix()


def _told(path: Path) -> str | None:
    """The content of a file that tells something; None of all others, and of what cannot be read."""
    names_only = path.name.startswith(".env") and ".ts" not in path.suffixes
    if path.name in LOCKS or not (names_only or TOLD.search(path.name)):
        return None
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return "\n".join(dict.fromkeys(VARIABLE.findall(text.partition(OURS)[0]))) if names_only else text


def _branch(folder: Path) -> str:
    head = (git.asked(folder, ["symbolic-ref", "--short", "refs/remotes/origin/HEAD"]) or "").strip()
    return head.removeprefix("origin/") or (git.asked(folder, ["symbolic-ref", "--short", "HEAD"]) or "").strip()


def _above(folder: Path) -> tuple[frozenset[str], dict[str, str]]:
    """Names of the files beside the folders above, as far as the repository reaches, and what is in some of them."""
    names, texts = set[str](), dict[str, str]()
    place = folder.resolve()
    while not (place / ".git").exists() and place != place.parent:
        place = place.parent
        try:
            names |= {path.name for path in place.iterdir() if path.is_file()}
        except OSError:
            break
        found = {name: _told(place / name) for name in WHOLE if name not in texts}
        texts |= {name: text for name, text in found.items() if text is not None}
    return (frozenset(names), texts) if (place / ".git").exists() else (frozenset(), {})
