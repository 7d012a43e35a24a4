"""Folders and files that only their owner may read: what a run leaves behind is nobody else's to see."""

import os
import stat
from pathlib import Path

from pipeline.errors import Mistake

RUNS = ".runs"
"""The folder under the root for what runs leave on this machine."""
OTHERS = 0o077


def private_folder(path: Path) -> None:
    """Make the folder, 0700; one that others could look into is narrowed.

    Raises OSError, and Mistake when it is not ours to narrow.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _narrow(path, 0o700)


def private_file(path: Path) -> None:
    """Make the file, 0600, unless it is there; one that others could read is narrowed. Raises OSError and Mistake."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _narrow(path, 0o600)


def _narrow(path: Path, mode: int) -> None:
    if not stat.S_IMODE(path.stat().st_mode) & OTHERS:
        return
    try:
        path.chmod(mode)
    except PermissionError as error:
        raise Mistake(
            f"{path}: belongs to somebody else, and more people may read it than you; what runs leave there is for its "
            f"owner only. Have its owner type   chmod go= {path}"
        ) from error
