"""Events that the journal could not take, kept beside it until it can: JSON lines that only their owner may read."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from pipeline import log
from pipeline.errors import ServiceError
from pipeline.record.chain import Row
from pipeline.record.private import private_folder


class Taking(Protocol):
    """What events can be written to."""

    def append(self, row: Row) -> None: ...


class Spill:
    """The file of one process of a run, locked as long as that process lives: nobody takes it in meanwhile.

    No other process ever has the same file; in containers all of them have the same process id.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"spill-{run}-{os.getpid()}-{secrets.token_hex(3)}.jsonl"
        self._file: int | None = None

    def add(self, rows: Iterable[Row]) -> None:
        """Raises OSError."""
        if self._file is None:
            private_folder(self.path.parent)
            self._file = _locked(self.path)
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        while text:
            text = text[os.write(self._file, text) :]

    def remove(self) -> None:
        """All of it stands in the journal now."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
            os.close(self._file)
            self._file = None


def _locked(path: Path) -> int:
    """Make the file, ours from the moment it has its name. Raises OSError."""
    hidden = path.with_name(f".{path.name}")
    file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    hidden.rename(path)
    return file


def left_over(folder: Path) -> tuple[Path, ...]:
    """The files of runs that are over, oldest first: what ``take_in`` could not write."""
    return tuple(path for path in _all(folder) if not _is_held(path))


def _all(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.glob("spill-*.jsonl"), key=lambda path: path.stat().st_mtime)
    return []


def _is_held(path: Path) -> bool:
    """Whether its process lives, or somebody is taking it in."""
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # taken in meanwhile
        return True
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def take_in(store: Taking, folder: Path) -> None:
    """Write into ``store`` what runs that are over could not; what still cannot be written stays where it is."""
    with contextlib.suppress(OSError):
        for path in _all(folder):
            with path.open(encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    for row in rows_of(file):
                        store.append(row)
                except BlockingIOError:
                    continue
                except ServiceError as error:
                    log.warning("spill stays", file=path.name, error=str(error))
                    return
                path.unlink(missing_ok=True)


def rows_of(lines: Iterable[str]) -> Iterable[Row]:
    """The events of a spill; a line that was cut off, as its process was, is left out."""
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):
            run, at, kind, subject, body = json.loads(line)
            yield run, at, kind, subject, body
