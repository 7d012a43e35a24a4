"""Stores uploaded files, once each, under their SHA-1."""

import hashlib
import os
from pathlib import Path


class Blobs:
    """A folder of files that are named by the digest of what is in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        if not self.has(sha):
            raise FileNotFoundError(sha)
        return (self._folder / sha).read_bytes()
