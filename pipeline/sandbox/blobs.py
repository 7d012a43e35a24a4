"""Stores uploaded files, once each, under their SHA-1."""

import hashlib
import os
from collections import OrderedDict
from pathlib import Path

SMALL, MOST_KEPT = 64_000, 2_000_000
"""Bytes of a file that is kept in memory once it was read, and of all those."""


class Blobs:
    """A folder of files that are named by the digest of what is in them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._kept, self._size = folder, OrderedDict[str, bytes](), 0
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes, sha: str = "") -> str:
        """Store ``content`` and give its SHA-1 in lowercase hex, which need not be computed again when it is given."""
        sha = sha or hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if not self.has(sha):
            part = self._folder / f"{sha}.{os.getpid()}.part"
            part.write_bytes(content)
            part.replace(self._folder / sha)
        return sha

    def has(self, sha: str) -> bool:
        return len(sha) == 40 and sha.isalnum() and (self._folder / sha).is_file()

    def read(self, sha: str) -> bytes:
        """Read a file by its SHA-1. Raises FileNotFoundError when it was never uploaded."""
        if sha in self._kept:
            self._kept.move_to_end(sha)
            return self._kept[sha]
        if not self.has(sha):
            raise FileNotFoundError(sha)
        content = (self._folder / sha).read_bytes()
        if len(content) <= SMALL:
            self._keep(sha, content)
        return content

    def _keep(self, sha: str, content: bytes) -> None:
        """Remember a small file, instead of those that were not asked for longest."""
        self._kept[sha], self._size = content, self._size + len(content)
        while self._size > MOST_KEPT:
            self._size -= len(self._kept.popitem(last=False)[1])
