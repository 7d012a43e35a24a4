"""Git and SSH keys on this machine, asked with a deadline; nothing here changes a repository."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

SECONDS = 30.0
SIGNING_SECONDS = 60.0  # a key may want its passphrase


def asked(folder: Path, words: Sequence[str], seconds: float = SECONDS) -> str | None:
    """What ``git WORDS`` prints in ``folder``; None when git is missing, refuses or takes longer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return None if done.returncode else done.stdout.decode(errors="replace")


def ssh_keygen(words: Sequence[str], text: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``ssh-keygen WORDS`` with ``text`` on stdin.

    Raises OSError when it cannot be started, and subprocess.TimeoutExpired.
    """
    done = subprocess.run(
        ["ssh-keygen", *words], input=text, capture_output=True, text=True, timeout=SIGNING_SECONDS, check=False
    )
    return done.returncode, done.stdout, done.stderr
