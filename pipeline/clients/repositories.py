"""Reads others' git repositories: which commit a branch or tag is at, and its files. It changes none of them.

Git signs in as it does for whoever runs this (credential helper, SSH agent), and asks nobody anything.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.clients.command import GRACE
from pipeline.clients.git import CONFIGURED
from pipeline.environment import OUTSIDE, for_child
from pipeline.errors import Mistake, Unreachable

COMMIT = re.compile(r"[0-9a-f]{40}")
REF = re.compile(r"[A-Za-z0-9_][\w./@+#-]*")
BY_SSH = re.compile(r"[\w.-]+@[\w.-]+:[\w./~-]+")
SCHEMES = ("https", "ssh", "file")
SIGNED_IN = re.compile(r"(?<=://)[^/\s@]*@")
ASKING, FETCHING = 30.0, 300.0  # seconds
DEEP = 200  # commits below a branch's newest, of a server that gives no commit by its name
MOST_SAID = 300
SWITCHED_OFF = ("protocol.ext.allow=never", "credential.interactive=false", "advice.detachedHead=false", "gc.auto=0")


def wrong_address(address: str) -> str:
    """Why ``address`` is no repository that is read, in words without it; empty when it is one."""
    if BY_SSH.fullmatch(address) or (address.startswith("/") and not address.startswith("//")):
        return ""
    try:
        parts = urlsplit(address)
        host, secret = parts.hostname or "", parts.password is not None
    except ValueError:
        return "is no address of a repository; say e.g. https://github.com/acme/shop.git"
    if secret or (parts.username and parts.scheme != "ssh"):
        return (
            "holds a password or a token; leave it out: git signs in with what this machine has (a credential helper, "
            "an SSH key), e.g. https://github.com/acme/shop.git"
        )
    if parts.scheme not in SCHEMES or (parts.scheme != "file" and not host) or not parts.path.strip("/"):
        return (
            "is no address of a repository; say e.g. https://github.com/acme/shop.git or git@github.com:acme/shop.git"
        )
    return ""


def must_have_git() -> None:
    """Raises Mistake when git is not installed."""
    if not shutil.which("git"):
        raise Mistake("git: is not installed here, and fleet.yml has homes in repositories; install it, or say folders")


def commit_at(address: str, ref: str) -> str:
    """The commit that ``ref`` (a branch, a tag, a commit; empty: the usual branch) of a repository is at.

    Raises Unreachable.
    """
    if COMMIT.fullmatch(ref):
        return ref
    wanted = [ref, f"{ref}^{{}}"] if ref else ["HEAD"]
    with tempfile.TemporaryDirectory() as nowhere:  # no repository's own settings count
        said = _git(Path(nowhere), ["ls-remote", "--", address, *wanted], address, ASKING)
    found = {name: commit for commit, _, name in (line.partition("\t") for line in said.splitlines())}
    names = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", ref] if ref else ["HEAD"]
    commit = next((found[name] for name in names if name in found), "")
    if not COMMIT.fullmatch(commit):
        raise Unreachable("git", address, f"has no branch or tag {ref}" if ref else "has no branch yet")
    return commit


def check_out(address: str, ref: str, commit: str, folder: Path) -> None:
    """Make ``folder`` with the files of a commit, whole or not at all; one that is there is left as it is.

    Raises Unreachable.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        _git(made, ["init", "--quiet"], address, ASKING)
        _fetch(made, address, ref, commit)
        _git(made, ["checkout", "--quiet", "--detach", commit], address, FETCHING)
        with contextlib.suppress(OSError):  # somebody else was quicker
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    if not folder.is_dir():
        raise Unreachable("git", address, f"its files cannot be put into {folder}")


def head_in(folder: Path) -> str:
    """The commit that is checked out in ``folder``, empty when none is by itself."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (folder / ".git" / "HEAD").read_text(encoding="utf-8").strip()
    return ""


def _fetch(folder: Path, address: str, ref: str, commit: str) -> None:
    """Fetch one commit alone; of a server that does not give it by its name, by the branch or tag that has it."""
    how = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"]
    try:
        _git(folder, [*how, "--depth=1", "--", address, commit], address, FETCHING)
    except Unreachable as by_name:
        try:
            _git(folder, [*how, f"--depth={DEEP}", "--", address, ref or "HEAD"], address, FETCHING)
            _git(folder, ["cat-file", "-e", f"{commit}^{{commit}}"], address, ASKING)
        except Unreachable:
            raise by_name from None


def _git(folder: Path, words: Sequence[str], address: str, seconds: float) -> str:
    """What ``git WORDS`` in ``folder`` prints. Raises Unreachable with its last words, without who has signed in."""
    options = [word for setting in SWITCHED_OFF for word in ("-c", setting)]
    environment = for_child(
        *CONFIGURED,
        *OUTSIDE,
        "SSH_AUTH_SOCK",
        "GIT_SSH_COMMAND",
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="",
        LC_ALL="C",
    )
    try:
        with _started(["git", *options, "-C", str(folder), *words], environment) as process:
            printed, complained = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise Unreachable("git", address, f"has not answered in {seconds:g} s") from error
    except OSError as error:
        raise Unreachable("git", address, f"cannot be started: {error.strerror}") from error
    if process.returncode:
        said = [line for line in complained.decode(errors="replace").splitlines() if line.strip()]
        says = SIGNED_IN.sub("", " / ".join(said[-3:]))[:MOST_SAID]
        raise Unreachable("git", address, says or f"git {words[0]} ended with {process.returncode}")
    return printed.decode(errors="replace")


@contextlib.contextmanager
def _started(words: Sequence[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own, so that it has no terminal to ask; all that it started ends with it."""
    process = subprocess.Popen(
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=GRACE)
