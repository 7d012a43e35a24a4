"""Packs the whole release into one compressed archive in parts, the way ``vercel deploy --archive=tgz`` sends it."""

import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from pipeline.clients.prebuilt import BLOCK, OutputFile
from pipeline.errors import BadReleaseError

NAME = ".vercel/source.tgz.part"
PART = 90 * BLOCK  # Vercel takes files of up to 100 MB

LINE = 4 * BLOCK  # bytes a second that an office line carries up
PACKING = 40 * BLOCK  # bytes a second that get read, compressed and unpacked again
SHRINKS = 0.4  # JavaScript, HTML and CSS; pictures do not shrink


def is_faster(missing: Iterable[OutputFile], files: Iterable[OutputFile], answer: float, at_once: int) -> bool:
    """Whether one archive of all ``files`` arrives sooner than each of the ``missing`` ones by itself.

    ``answer``: seconds that one request takes; ``at_once``: how many of them run at the same time.
    """
    wanted, all_bytes = [file.size for file in missing], sum(file.size for file in files)
    one_by_one = len(wanted) * answer / at_once + sum(wanted) / LINE
    packed = all_bytes / PACKING + all_bytes * SHRINKS / LINE + 2 * answer
    return packed < one_by_one


def pack(files: Iterable[OutputFile], folder: Path) -> tuple[OutputFile, ...]:
    """Write the archive into ``folder`` and give its parts.

    Raises BadRelease when a file has changed, or when there is no room for the archive.
    """
    parts = _Parts(folder)
    with (
        gzip.GzipFile(fileobj=parts, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in files:
            _add(archive, file)
    return parts.finished()


def _add(archive: tarfile.TarFile, file: OutputFile) -> None:
    info = tarfile.TarInfo(file.name)
    info.mode = stat.S_IMODE(file.mode)
    if stat.S_ISLNK(file.mode):
        info.type, info.linkname = tarfile.SYMTYPE, file.content().decode()
        archive.addfile(info)
    elif file.size <= BLOCK:
        info.size = file.size
        archive.addfile(info, io.BytesIO(file.content()))
    else:
        info.size = file.size
        try:
            with file.path.open("rb") as content:
                reading = _Hashed(content)
                archive.addfile(info, reading)
                more = content.read(1)
        except OSError as error:  # it is gone, or has become shorter
            raise file.changed() from error
        if more or reading.digest.hexdigest() != file.sha:
            raise file.changed()


class _Hashed:
    """Reads an output file and hashes what it read, so that a file that changed meanwhile is noticed."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file, self.digest = file, hashlib.sha1(usedforsecurity=False)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


class _Parts(io.RawIOBase):
    """Writes the archive into part files of at most PART bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._done = folder, list[OutputFile]()
        self._begin()

    def _begin(self) -> None:
        self._name = f"{NAME}{len(self._done) + 1}"
        self._path = self._folder / self._name.rpartition("/")[2]
        self._file, self._digest, self._size = self._path.open("wb"), hashlib.sha1(usedforsecurity=False), 0

    def _end(self) -> None:
        self._or_full(self._file.close)
        self._done.append(
            OutputFile(self._name, self._path, stat.S_IFREG | 0o644, self._size, self._digest.hexdigest())
        )

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        rest = memoryview(data)
        while rest:
            if self._size == PART:
                self._end()
                self._begin()
            now = rest[: PART - self._size]
            self._or_full(partial(self._file.write, now))
            self._digest.update(now)
            self._size += len(now)
            rest = rest[len(now) :]
        return len(data)

    def _or_full(self, act: Callable[[], object]) -> None:
        """Raise the error of a full disk as itself: it must not be taken for a file that has changed."""
        try:
            act()
        except OSError as error:
            raise BadReleaseError(self._name, f"cannot be written to {self._folder}: {error.strerror}") from error

    def finished(self) -> tuple[OutputFile, ...]:
        """Close the last part and give all parts, in order."""
        self._end()
        return tuple(self._done)
