"""Shows what the repository held at a commit, as far as the sandbox knows, as GitHub shows files and folders."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request

from pipeline.sandbox import releases, seed
from pipeline.sandbox.core import Core
from pipeline.sandbox.web import Payload

RAW = "application/vnd.github.raw+json; charset=utf-8"
IGNORED = (".git", ".vercel", "node_modules", "__pycache__")  # on the disk beside the sources, but never committed
INLINE = 1_000_000  # bytes; larger files are only given raw


def find(core: Core, sha: str, path: str) -> Path | None:
    """Find the file or folder ``path`` as it was at ``sha``; None when nobody said where that commit's files are."""
    historic = sha in {seed.commit_of(message) for message, _ in seed.HISTORY}
    known = core.state.vercel.folders.get(sha, "")
    root = Path(known).resolve() if known else releases.before(core) if historic else None
    if root is None or set(Path(path).parts) & {*IGNORED, ".."}:
        return None
    found = root / path
    return found if found.exists() and found.resolve().is_relative_to(root.resolve()) else None


def wants_raw(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/vnd.github.raw" in accepted or "application/vnd.github.v3.raw" in accepted


def shape(entry: Path, path: str, ref: str, repo: str, web: str) -> Payload | list[Payload]:
    """Shape a file or folder for an answer.

    ``repo`` is the repository's address in the API, ``web`` the one for people.
    """
    if entry.is_dir():
        return [_entry(one, f"{path}/{one.name}".lstrip("/"), ref, repo, web) for one in _listed(entry)]
    content = entry.read_bytes()
    inline = len(content) <= INLINE
    text = base64.encodebytes(content).decode() if inline else ""
    return {**_entry(entry, path, ref, repo, web), "encoding": "base64" if inline else "none", "content": text}


def _entry(entry: Path, path: str, ref: str, repo: str, web: str) -> Payload:
    folder, sha = entry.is_dir(), _sha(entry)
    kind, git = ("tree", "trees") if folder else ("blob", "blobs")
    url, page, blob = f"{repo}/contents/{path}?ref={ref}", f"{web}/{kind}/{ref}/{path}", f"{repo}/git/{git}/{sha}"
    raw = f"{web.replace('github.com', 'raw.githubusercontent.com', 1)}/{ref}/{path}"
    return {
        "type": "dir" if folder else "file",
        "size": 0 if folder else entry.stat().st_size,
        "name": entry.name,
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": blob,
        "html_url": page,
        "download_url": None if folder else raw,
        "_links": {"self": url, "git": blob, "html": page},
    }


def _listed(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.iterdir()) if one.name not in IGNORED)


def _sha(path: Path) -> str:
    """Hash a file's content as git does; for a folder only something alike."""
    if path.is_dir():
        return hashlib.sha1("".join(map(_sha, _listed(path))).encode(), usedforsecurity=False).hexdigest()
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
