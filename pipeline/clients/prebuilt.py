"""Lists the files of a prebuilt release: ``.vercel/output`` of ``vercel build``, and what its functions point to."""

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

from pipeline.clients.unshippable import must_hold_no_secret
from pipeline.errors import BadReleaseError

OUTPUT = ".vercel/output"
BLOCK = 1 << 20
AT_ONCE = min(8, 2 * (os.cpu_count() or 1))
BATCH = 64  # files a thread hashes before it takes new ones: most are tiny


@dataclass(frozen=True)
class OutputFile:
    """A file of the release; ``name`` is relative to the release with ``/``, ``mode`` as in ``st_mode``.

    A symbolic link is a file whose content is its target.
    """

    name: str
    path: Path
    mode: int
    size: int
    sha: str

    def content(self) -> bytes:
        """Read the bytes that were hashed. Raises BadReleaseError when the file has changed since."""
        try:
            data = os.fsencode(os.readlink(self.path)) if stat.S_ISLNK(self.mode) else self.path.read_bytes()
        except OSError as error:
            raise self.changed() from error
        if _sha(data) != self.sha:
            raise self.changed()
        return data

    async def blocks(self) -> AsyncIterator[bytes]:
        """Read the file in pieces of BLOCK bytes; the last one is held back until the whole is known to be right."""
        digest, read, held = hashlib.sha1(usedforsecurity=False), 0, b""
        try:
            with self.path.open("rb") as file:
                while data := await asyncio.to_thread(file.read, BLOCK):
                    digest.update(data)
                    read += len(data)
                    if read > self.size:  # a request must not be longer than it said, and a log grows for ever
                        raise self.changed()
                    if held:
                        yield held
                    held = data
        except OSError as error:
            raise self.changed() from error
        if digest.hexdigest() != self.sha:
            raise self.changed()
        yield held

    def changed(self) -> BadReleaseError:
        """The BadReleaseError that says that the file has changed since it was hashed."""
        return BadReleaseError(self.name, "changed while it was being uploaded; build again and deploy that")


def output_files(release: Path) -> tuple[OutputFile, ...]:
    """List every file that the deployment needs, hashed, in order of name. Raises BadReleaseError.

    Also for one that no release may hold: see ``unshippable``.
    """
    release, paths = _paths(release)
    batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
    prefix = len(str(release)) + 1
    must_hold_no_secret(release, (path[prefix:] for path in paths))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hashed = pool.map(lambda batch: [_file(path, path[prefix:]) for path in batch], batches)
        return tuple(file for batch in hashed for file in batch)


def _paths(release: Path) -> tuple[Path, list[str]]:
    """The absolute path of the release, and those of the files that the deployment needs, in order of name."""
    release = Path(os.path.abspath(release))
    root = release / OUTPUT
    if not (root / "config.json").is_file():
        raise BadReleaseError(f"{OUTPUT}/config.json", f"is not in {release}; run `vercel build --prod` there first")
    return release, sorted({*_walk(str(root)), *map(str, _mapped(root, release))})


def holding(release: Path, text: bytes) -> Iterator[str]:
    """The names of the release's own files that hold ``text``; what was installed from a registry is left out.

    Raises BadReleaseError.
    """
    release, paths = _paths(release)
    for path in map(Path, paths):
        if "node_modules" not in path.parts and path.is_file() and not path.is_symlink() and _holds(path, text):
            yield path.relative_to(release).as_posix()


def _holds(path: Path, text: bytes) -> bool:
    """Whether the file holds ``text``, read in pieces that overlap."""
    kept = b""
    try:
        with path.open("rb") as file:
            while data := file.read(BLOCK):
                kept += data
                if text in kept:
                    return True
                kept = kept[1 - len(text) :]
    except OSError as error:
        raise BadReleaseError(path.name, f"cannot be read: {error.strerror}") from error
    return False


def _walk(folder: str) -> Iterator[str]:
    """List the paths below a folder as text: there may be ten thousand of them.

    Raises BadReleaseError for one that cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError as error:
        raise BadReleaseError(folder, f"cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        else:
            yield entry.path


def _mapped(root: Path, release: Path) -> Iterator[Path]:
    """List the files outside the output that a function takes along: the ``filePathMap`` of its ``.vc-config.json``."""
    for path in _configurations(root / "functions"):
        for wanted in map(str, _file_path_map(path).values()):
            found = Path(os.path.normpath(release / wanted))
            wrong = _unusable(found, release)
            if wrong:
                raise BadReleaseError(path.relative_to(release).as_posix(), f"wants {wanted}, which {wrong}")
            yield found
            if found.is_symlink() and found.is_file():  # of no use without what it points to
                yield release / found.resolve().relative_to(release.resolve())


def _unusable(path: Path, release: Path) -> str:
    """Say why a function cannot take the file ``path`` along; empty when it can."""
    if not path.is_relative_to(release):
        return "is outside the release"
    if not os.path.lexists(path):
        return "is not there"
    if path.is_symlink() and not path.exists():
        return "is a link to nothing"
    if path.is_symlink() and not path.resolve().is_relative_to(release.resolve()):
        return "is a link that leaves the release"
    return ""


def _configurations(functions: Path) -> Iterator[Path]:
    if functions.is_dir():
        yield from (Path(path) for path in _walk(str(functions)) if path.endswith("/.vc-config.json"))


def _file_path_map(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BadReleaseError(path.name, f"of {path.parent.name} is not a file")
    try:
        found = json.loads(path.read_bytes()).get("filePathMap") or {}
    except (OSError, ValueError, AttributeError) as error:
        raise BadReleaseError(path.name, f"of {path.parent.name} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _file(path: str, name: str) -> OutputFile:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadReleaseError(ascii(name), "has a name that is not UTF-8; rename it") from None
    try:
        seen = os.lstat(path)
        if stat.S_ISLNK(seen.st_mode):
            target = os.fsencode(os.readlink(path))
            target.decode()
            return OutputFile(name, Path(path), seen.st_mode, len(target), _sha(target))
        if not stat.S_ISREG(seen.st_mode):
            raise BadReleaseError(name, "is neither a file nor a link, so it cannot be uploaded")
        size, sha = _hashed(path)
    except UnicodeDecodeError:
        raise BadReleaseError(name, "is a link to a name that is not UTF-8; rename it") from None
    except OSError as error:
        raise BadReleaseError(name, f"cannot be read: {error.strerror}") from error
    return OutputFile(name, Path(path), seen.st_mode, size, sha)


def _hashed(path: str) -> tuple[int, str]:
    """Hash a file: (size, SHA-1) of what was read, which need not be what ``stat`` said."""
    digest, size = hashlib.sha1(usedforsecurity=False), 0
    with open(path, "rb", buffering=0) as file:
        while data := file.read(BLOCK):
            digest.update(data)
            size += len(data)
    return size, digest.hexdigest()


def _sha(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def fingerprint(files: Iterable[OutputFile]) -> str:
    """SHA-256 over name, mode and content of every file: another build has another one."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.mode:o}\0{file.sha}\n".encode())
    return digest.hexdigest()


def must_be_unchanged(files: Iterable[OutputFile], digest: str) -> None:
    """Raises BadReleaseError when the files are not those whose ``fingerprint`` is ``digest``."""
    if fingerprint(files) != digest:
        says = f"and the files outside of {OUTPUT} that it takes along are not those that the run began with"
        raise BadReleaseError(OUTPUT, f"{says}: somebody built anew; start a new run, so that this build is judged")


def total(files: Iterable[OutputFile]) -> int:
    """Add up the sizes of the files, in bytes."""
    return sum(file.size for file in files)
