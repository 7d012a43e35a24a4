"""Asks git and SSH keys on this machine, with a deadline; nothing here changes a repository."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from pipeline.environment import for_child

SECONDS = 30.0
SIGNING_SECONDS = 60.0  # a key may want its passphrase
CONFIGURED = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES")
ASKED_FOR = ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY")
"""Where a key waits, and what asks for its passphrase."""


def asked(folder: Path, words: Sequence[str], seconds: float = SECONDS) -> str | None:
    """Run ``git WORDS`` in ``folder`` and give its output; None when git is missing, refuses or takes longer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=for_child(*CONFIGURED),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return None if done.returncode else done.stdout.decode(errors="replace")


def texts(folder: Path, commit: str, path: str, seconds: float = SECONDS) -> dict[str, str]:
    """Read the file ``path``, seen from ``folder``, at ``commit``, or the .prisma files below it when it is a folder.

    Empty when there are none, or one of them cannot be read.
    """
    named = asked(folder, ["ls-tree", "-r", "-z", "--name-only", commit, "--", f"{path.rstrip('/')}"], seconds)
    found = [one for one in (named or "").split("\0") if one == path or one.endswith(".prisma")]
    read = {one: asked(folder, ["show", f"{commit}:./{one}"], seconds) for one in found}
    return {} if None in read.values() else {one: text for one, text in read.items() if text is not None}


def ssh_keygen(words: Sequence[str], text: str) -> tuple[int, str, str]:
    """Run ``ssh-keygen WORDS`` with ``text`` on stdin; gives exit code, stdout and stderr.

    Raises OSError when it cannot be started, and subprocess.TimeoutExpired.
    """
    done = subprocess.run(
        ["ssh-keygen", *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=SIGNING_SECONDS,
        check=False,
        env=for_child(*ASKED_FOR),
    )
    return done.returncode, done.stdout, done.stderr
