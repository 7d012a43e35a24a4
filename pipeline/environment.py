"""The environment variables of this process: the only place that reads them."""

import os


def variable(name: str, default: str = "") -> str:
    """The value of ``name``; ``default`` when it is not set."""
    return os.environ.get(name, default)


def inherited() -> dict[str, str]:
    """A copy of all of them, for a process that we start."""
    return dict(os.environ)
