"""What the processes that the sandbox starts know of its environment: nothing that could be a secret."""

import os

READY_MADE = "SANDBOX_CLUSTER"
"""Names the home of a stopped, seeded cluster. Who starts a hundred sandboxes makes one and has the others copied."""
KNOWN = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def environment(*names: str, **more: str) -> dict[str, str]:
    """KNOWN and those of ``names`` that are set, and ``more``."""
    return {name: os.environ[name] for name in (*KNOWN, *names) if name in os.environ} | more
