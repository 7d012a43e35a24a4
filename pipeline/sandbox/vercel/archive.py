"""Unpacks uploads of one archive: ``.vercel/source.tgz.part1`` … are joined first."""

import gzip
import io
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.vercelstate import FileEntry

PART = re.compile(r"\.vercel/source\.tgz\.part(\d+)")
LINK = 0o120777
MOST_BYTES = 2_000_000_000


class Unpackable(Exception):
    """Raised with why the archive is refused."""


def is_archived(files: list[FileEntry]) -> bool:
    return any(PART.fullmatch(file.file) for file in files)


def unpacked(files: list[FileEntry], blobs: Blobs) -> list[FileEntry]:
    """Unpack an archive into the files as they would have been uploaded one by one. Raises Unpackable."""
    parts = {int(found[1]): file for file in files if (found := PART.fullmatch(file.file))}
    if sorted(parts) != list(range(1, len(parts) + 1)):
        raise Unpackable(f"the archive has the parts {sorted(parts)}")
    content = b"".join(blobs.read(parts[number].sha) for number in sorted(parts))
    others = [one for one in files if not PART.fullmatch(one.file)]
    try:
        return [*others, *_members(content, blobs)]
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise Unpackable(f"the archive cannot be read: {error}") from error


def _members(content: bytes, blobs: Blobs) -> Iterator[FileEntry]:
    seen = dict[str, FileEntry]()
    plain = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MOST_BYTES + 1)  # whole: tarfile overlooks a missing end
    if len(plain) > MOST_BYTES:
        raise Unpackable(f"the archive unpacks to more than {MOST_BYTES} bytes")
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
        for member in tar:
            if member.isdir():
                continue
            name = _safe(member.name)
            seen[name] = _entry(name, member, tar, blobs, seen)
            yield seen[name]


def _entry(
    name: str, member: tarfile.TarInfo, tar: tarfile.TarFile, blobs: Blobs, seen: dict[str, FileEntry]
) -> FileEntry:
    if member.issym():
        _safe(posixpath.join(posixpath.dirname(name), member.linkname))
        target = member.linkname.encode()
        return FileEntry(name, blobs.put(target), len(target), LINK)
    if member.islnk():
        same = seen.get(_safe(member.linkname))
        if same is None:
            raise Unpackable(f"{name} is a link to {member.linkname}, which does not come before it")
        return FileEntry(name, same.sha, same.size, same.mode)
    source = tar.extractfile(member)
    if source is None:
        raise Unpackable(f"{name} is neither a file nor a link")
    content = source.read()
    return FileEntry(name, blobs.put(content), len(content), 0o100000 | (member.mode & 0o777))


def _safe(name: str) -> str:
    """Check the name of a file as it is in an upload. Raises Unpackable for one that leaves the folder."""
    plain = posixpath.normpath(name)
    if name.startswith("/") or plain == ".." or plain.startswith("../") or "\0" in name:
        raise Unpackable(f"the name {name} leaves the folder")
    return plain
