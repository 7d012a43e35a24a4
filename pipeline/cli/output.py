"""Standard output and error of a command: that nobody can read them any more changes nothing of what it does."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from pipeline.cli.summary import on_github
from pipeline.redact import of_this_process


class Steadfast:
    """A stream that can always be written to: once that fails (closed, full, gone), nobody reads what follows."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream if stream is not None else _nowhere()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(of_this_process()(text))  # a traceback, and what libraries say, come only through here
        except UnicodeEncodeError:
            self._stream.write(text.encode(self._stream.encoding, "replace").decode(self._stream.encoding))
        except (OSError, ValueError):
            self._give_up()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        """What is buffered goes nowhere too: Python flushes at its end, and would fail there."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            self._stream = _nowhere()


@contextlib.contextmanager
def only_ours() -> Iterator[None]:
    """Let what processes of others print meanwhile go to standard error: standard output is one JSON document."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def folded_for(stream: Any, text: str) -> str:
    """``text`` as it fits the terminal that ``stream`` is; as it is for a file, a pipe or a job's log."""
    try:
        terminal = stream is not None and stream.isatty() and not on_github()
    except ValueError:  # closed
        return text
    if not terminal:
        return text
    from pipeline.render.folding import folded

    return folded(text, shutil.get_terminal_size().columns)


NOT_OURS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOSPC, errno.EDQUOT}
)
"""What a file system says of a place that cannot be written; that something is missing may be a mistake of ours."""


def unusable(error: Exception) -> str:
    """In a sentence, which file or folder cannot be used and why; empty for any other error."""
    if not (isinstance(error, OSError) and error.errno in NOT_OURS and error.filename):
        return ""
    return f"{error.filename}: cannot be used: {error.strerror}; files are written below the home, --home says which"


def _nowhere() -> Any:
    return open(os.devnull, "w", encoding="utf-8")  # as long as the process


@contextlib.contextmanager
def steadfast() -> Iterator[None]:
    """Make both streams steadfast for a command."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Steadfast(sys.stdout), Steadfast(sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
