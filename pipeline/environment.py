"""The environment variables of this process, and the file that stands in for them: the only place that reads them."""

import contextlib
import os
from pathlib import Path


def variable(name: str, default: str = "") -> str:
    """The value of ``name``; ``default`` when it is not set."""
    return os.environ.get(name, default)


def variable_or_file(name: str, root: Path) -> str:
    """The value of ``name``, else what the ``.env`` in ``root`` says; empty when neither has it."""
    if value := variable(name):
        return value
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if (root / ".env").is_file():
            from dotenv import dotenv_values

            return dotenv_values(root / ".env", interpolate=False).get(name) or ""
    return ""


def inherited() -> dict[str, str]:
    """A copy of all of them, for a process that we start."""
    return dict(os.environ)
