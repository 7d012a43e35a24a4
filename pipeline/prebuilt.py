"""The files of a prebuilt release: what ``vercel build`` left in ``.vercel/output``."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import Mistake

OUTPUT = ".vercel/output"
BLOCK = 1 << 20


@dataclass(frozen=True)
class OutputFile:
    """One file as Vercel wants it: ``name`` relative to the release with ``/``, ``mode`` as in ``st_mode``."""

    name: str
    path: Path
    mode: int
    size: int
    sha: str

    def content(self) -> bytes:
        """The bytes that were hashed. Raises Mistake when the file has changed since."""
        data = os.readlink(self.path).encode() if stat.S_ISLNK(self.mode) else self.path.read_bytes()
        if hashlib.sha1(data, usedforsecurity=False).hexdigest() != self.sha:
            raise Mistake(f"{self.name}: changed while it was being uploaded; build again and deploy that")
        return data


def output_files(release: Path) -> tuple[OutputFile, ...]:
    """Every file under ``.vercel/output``, hashed. Raises Mistake when there is no finished build."""
    root = release / OUTPUT
    if not (root / "config.json").is_file():
        raise Mistake(f"--from {release}: has no {OUTPUT}/config.json; run `vercel build --prod` there first")
    return tuple(_file(path, release) for path in sorted(_walk(root)))


def _walk(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _file(path: Path, release: Path) -> OutputFile:
    seen = path.lstat()
    name = path.relative_to(release).as_posix()
    if stat.S_ISLNK(seen.st_mode):
        target = os.readlink(path).encode()
        return OutputFile(
            name, path, seen.st_mode, len(target), hashlib.sha1(target, usedforsecurity=False).hexdigest()
        )
    digest = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            digest.update(data)
    return OutputFile(name, path, seen.st_mode, seen.st_size, digest.hexdigest())
