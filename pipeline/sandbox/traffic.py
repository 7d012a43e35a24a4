"""Remembers what visitors of the app asked and got: the source of runtime logs, visit counts and response times.

Kept as one line of JSON per request, so that a killed server loses nothing and no request rewrites the state.
"""

import json
import os
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MOST = 5000


@dataclass(frozen=True)
class Hit:
    """A request that the app was sent.

    ``at`` is seconds since 1970, ``seconds`` how long it took, ``level`` info or error.
    """

    at: float
    deployment: str
    production: bool
    host: str
    method: str
    path: str
    status: int
    seconds: float
    level: str = "info"
    message: str = ""
    route: str = ""
    """The page with parameters that answered, e.g. ``/courses/[slug]``; empty when it has none."""

    @property
    def transaction(self) -> str:
        """The request as an SDK of Sentry names it: one name for all that a route answers."""
        return f"{self.method} {self.route or self.path}"


class Traffic:
    """Keeps the newest MOST requests to the app."""

    def __init__(self, path: Path) -> None:
        self._path, self._hits, self._written = path, deque[Hit](maxlen=MOST), 0
        self._file: int | None = None
        self._close: Callable[[], object] = lambda: None
        if path.exists():
            self._read()

    def add(self, hit: Hit) -> None:
        self._hits.append(hit)
        self._written += 1
        if self._written > 2 * MOST:
            self._rewrite()
            return
        if self._file is None:  # kept open: a file is opened slower than it is answered
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self._close = weakref.finalize(self, os.close, self._file)
        os.write(self._file, (json.dumps(vars(hit)) + "\n").encode())

    def __iter__(self) -> Iterator[Hit]:
        """Iterate over the requests, oldest first."""
        return iter(tuple(self._hits))

    def since(self, moment: float, production: bool = True) -> list[Hit]:
        return [hit for hit in self if hit.at >= moment and (hit.production or not production)]

    def _read(self) -> None:
        for line in self._path.read_text(errors="replace").splitlines():
            try:
                self._hits.append(Hit(**json.loads(line)))
            except (ValueError, TypeError):  # the last line of a server that was killed while writing it
                continue
        self._rewrite()

    def _rewrite(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text("".join(json.dumps(vars(hit)) + "\n" for hit in self._hits))
        new.replace(self._path)
        self._written = len(self._hits)
        self._close()
        self._file = None
