"""Makes a place of its own for a drill that nobody takes part in: its own sandbox and journal, gone afterwards."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.sandbox.launch import reset
from pipeline.world.sandbox import SANDBOX

NEEDED = ("tasks.py", "checks", "pipeline")


@contextlib.contextmanager
def own_place(root: Path) -> Iterator[Path]:
    """Make a folder in which every command of ``root`` works, as in a checkout of its own."""
    with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        for name in NEEDED:
            (place / name).symlink_to((root / name).resolve())
        try:
            yield place
        finally:
            if (place / SANDBOX).is_dir():
                reset(place / SANDBOX)
