"""Makes a place of its own for a drill that nobody takes part in: its own sandbox and journal, gone afterwards."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.sandbox.launch import reset
from pipeline.world.sandbox import SANDBOX


@contextlib.contextmanager
def own_place() -> Iterator[Path]:
    """Make an empty folder that is a home for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        try:
            yield place
        finally:
            if (place / SANDBOX).is_dir():
                reset(place / SANDBOX)
