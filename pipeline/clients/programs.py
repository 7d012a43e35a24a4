"""Asks programs of this machine which version they are."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pipeline.environment import NODE, for_child

SECONDS = 20.0
VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)*")


def version_of(words: Sequence[str], folder: Path | None = None) -> str | None:
    """What ``WORDS`` says its version is, numbers with dots; None when it is not there, fails or takes too long."""
    try:
        done = subprocess.run(
            list(words),
            cwd=folder,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=for_child(*NODE),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = VERSION.search(done.stdout.decode(errors="replace"))
    return found[0] if found and not done.returncode else None
