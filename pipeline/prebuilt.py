"""The files of a prebuilt release: ``.vercel/output`` as ``vercel build`` left it, and what its functions point to."""

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import BadRelease

OUTPUT = ".vercel/output"
BLOCK = 1 << 20
AT_ONCE = min(8, 2 * (os.cpu_count() or 1))
BATCH = 64  # files a thread hashes before it takes new ones: most are tiny


@dataclass(frozen=True)
class OutputFile:
    """One file as Vercel wants it: ``name`` relative to the release with ``/``, ``mode`` as in ``st_mode``.

    A symbolic link is a file whose content is its target.
    """

    name: str
    path: Path
    mode: int
    size: int
    sha: str

    def content(self) -> bytes:
        """The bytes that were hashed. Raises BadRelease when the file has changed since."""
        try:
            data = os.fsencode(os.readlink(self.path)) if stat.S_ISLNK(self.mode) else self.path.read_bytes()
        except OSError as error:
            raise self.changed() from error
        if _sha(data) != self.sha:
            raise self.changed()
        return data

    async def blocks(self) -> AsyncIterator[bytes]:
        """The same in pieces of BLOCK bytes; the last one is held back until the whole is known to be right."""
        digest, held = hashlib.sha1(usedforsecurity=False), b""
        try:
            with self.path.open("rb") as file:
                while data := await asyncio.to_thread(file.read, BLOCK):
                    digest.update(data)
                    if held:
                        yield held
                    held = data
        except OSError as error:
            raise self.changed() from error
        if digest.hexdigest() != self.sha:
            raise self.changed()
        yield held

    def changed(self) -> BadRelease:
        """The error that says so."""
        return BadRelease(self.name, "changed while it was being uploaded; build again and deploy that")


def output_files(release: Path) -> tuple[OutputFile, ...]:
    """Every file that the deployment needs, hashed, in order of name. Raises BadRelease."""
    release = release.absolute()
    root = release / OUTPUT
    if not (root / "config.json").is_file():
        raise BadRelease(f"{OUTPUT}/config.json", f"is not in {release}; run `vercel build --prod` there first")
    paths = sorted({*_walk(str(root)), *map(str, _mapped(root, release))})
    batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
    prefix = len(str(release)) + 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hashed = pool.map(lambda batch: [_file(path, path[prefix:]) for path in batch], batches)
        return tuple(file for batch in hashed for file in batch)


def _walk(folder: str) -> Iterator[str]:
    """Paths as text: there may be ten thousand of them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry.path


def _mapped(root: Path, release: Path) -> Iterator[Path]:
    """Files outside the output that a function takes along: the ``filePathMap`` of its ``.vc-config.json``."""
    for path in _configurations(root / "functions"):
        for wanted in _file_path_map(path).values():
            found = Path(os.path.normpath(release / str(wanted)))
            if not found.is_relative_to(release):
                raise BadRelease(path.relative_to(release).as_posix(), f"wants {wanted}, which is outside the release")
            if not os.path.lexists(found):
                raise BadRelease(path.relative_to(release).as_posix(), f"wants {wanted}, which is not there")
            yield found
            if found.is_symlink():  # a link into node_modules is of no use without what it points to
                yield from _target(found, release)


def _target(link: Path, release: Path) -> Iterator[Path]:
    end = link.resolve()
    if end.is_relative_to(release.resolve()) and end.is_file():
        yield release / end.relative_to(release.resolve())


def _configurations(functions: Path) -> Iterator[Path]:
    if functions.is_dir():
        yield from (Path(path) for path in _walk(str(functions)) if path.endswith("/.vc-config.json"))


def _file_path_map(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes()).get("filePathMap") or {}
    except (OSError, ValueError, AttributeError) as error:
        raise BadRelease(path.name, f"of {path.parent.name} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _file(path: str, name: str) -> OutputFile:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadRelease(ascii(name), "has a name that is not UTF-8; rename it") from None
    try:
        seen = os.lstat(path)
        if stat.S_ISLNK(seen.st_mode):
            target = os.fsencode(os.readlink(path))
            return OutputFile(name, Path(path), seen.st_mode, len(target), _sha(target))
        if not stat.S_ISREG(seen.st_mode):
            raise BadRelease(name, "is neither a file nor a link, so it cannot be uploaded")
        size, sha = _hashed(path)
    except OSError as error:
        raise BadRelease(name, f"cannot be read: {error.strerror}") from error
    return OutputFile(name, Path(path), seen.st_mode, size, sha)


def _hashed(path: str) -> tuple[int, str]:
    """(size, SHA-1) of what was read, which need not be what ``stat`` said."""
    digest, size = hashlib.sha1(usedforsecurity=False), 0
    with open(path, "rb", buffering=0) as file:
        while data := file.read(BLOCK):
            digest.update(data)
            size += len(data)
    return size, digest.hexdigest()


def _sha(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def total(files: Iterable[OutputFile]) -> int:
    """Their size in bytes."""
    return sum(file.size for file in files)
