"""The Build Output API v3 of one deployment: which file, function or redirect answers a path."""

import json
import mimetypes
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.state import Deployment

ROOT = ".vercel/output/"
MOST_LINKS = 5


@dataclass(frozen=True)
class Found:
    """What answers a path: a static file, a function, or just a status. ``headers`` are those of matching routes."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    static: str = ""
    """SHA-1 of the file."""
    content_type: str = ""
    function: str = ""
    """Name of the function, as in ``functions/NAME.func``."""


@dataclass
class _Walk:
    """Where a request stands on its way through the routes."""

    path: str
    method: str
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)


class Output:
    """Reads ``config.json``, ``static/`` and ``functions/`` of a deployment."""

    def __init__(self, deployment: Deployment, blobs: Blobs) -> None:
        self._blobs = blobs
        self.files = {entry.file: entry for entry in deployment.files}
        sha = self.files[ROOT + "config.json"].sha
        config = json.loads(blobs.read(sha))
        self._phases = _phases(config.get("routes") or [])
        self._static = self._static_files(config.get("overrides") or {})
        self._functions = {
            name.removeprefix(ROOT + "functions/").removesuffix(".func"): name
            for name in {file.rpartition("/")[0] for file in self.files if file.endswith("/.vc-config.json")}
        }
        for name, entry in self.files.items():  # a function may be a link to another one's folder
            if stat.S_ISLNK(entry.mode) and name.endswith(".func"):
                self._functions[name.removeprefix(ROOT + "functions/").removesuffix(".func")] = self._linked(name)

    def find(self, method: str, path: str) -> Found:
        """Follow the routes: those before the files, the files, those after, and at last the error routes."""
        walk = _Walk(path, method)
        answer = self._routed(walk, "") or self._file(walk)
        if answer:
            return answer
        for phase in ("filesystem", "miss", "rewrite"):
            answer = self._routed(walk, phase) or self._file(walk)
            if answer:
                return answer
        walk.status = 404
        walk.path = "/404"
        return self._file(walk) or Found(404, tuple(walk.headers))

    def folder(self, function: str) -> Iterator[tuple[str, str]]:
        """(name inside the function's folder, SHA-1) of each of its files."""
        prefix = self._functions[function] + "/"
        for name, entry in self.files.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), entry.sha

    def settings(self, function: str) -> dict[str, Any]:
        """The function's ``.vc-config.json``."""
        found: dict[str, Any] = json.loads(
            self._blobs.read(self.files[self._functions[function] + "/.vc-config.json"].sha)
        )
        return found

    def _routed(self, walk: _Walk, phase: str) -> Found | None:
        for route in self._phases.get(phase, []):
            match = re.fullmatch(route["src"], walk.path)
            if not match or walk.method not in route.get("methods", [walk.method]):
                continue
            named = [(str(name), _put(str(value), match)) for name, value in (route.get("headers") or {}).items()]
            walk.headers += named
            walk.status = int(route.get("status") or walk.status)
            if "dest" in route:
                walk.path = _put(str(route["dest"]), match).partition("?")[0]
            elif route.get("status") and not route.get("continue"):
                return Found(walk.status, tuple(walk.headers))
            if not route.get("continue"):
                break
        return None

    def _file(self, walk: _Walk) -> Found | None:
        path = walk.path.strip("/")
        status = walk.status if walk.status >= 400 else 200
        for name in (path, f"{path}/index.html".lstrip("/"), f"{path}.html" if walk.status == 404 else path):
            if name in self._static:
                sha, kind = self._static[name]
                return Found(status, tuple(walk.headers), static=sha, content_type=kind)
        if (path or "index") in self._functions:
            return Found(status, tuple(walk.headers), function=path or "index")
        return None

    def _static_files(self, overrides: dict[str, Any]) -> dict[str, tuple[str, str]]:
        """(SHA-1, content type) by path."""
        found = {}
        for file, entry in self.files.items():
            if file.startswith(ROOT + "static/"):
                name = file.removeprefix(ROOT + "static/")
                special = overrides.get(name) or {}
                kind = special.get("contentType") or mimetypes.guess_type(name)[0] or "application/octet-stream"
                if kind.startswith("text/") and "charset" not in kind:
                    kind += "; charset=utf-8"
                found[str(special.get("path", name))] = (entry.sha, str(kind))
        return found

    def _linked(self, name: str) -> str:
        for _ in range(MOST_LINKS):
            entry = self.files.get(name)
            if entry is None or not stat.S_ISLNK(entry.mode):
                break
            name = _join(name, self._blobs.read(entry.sha).decode())
        return name


def _phases(routes: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The routes by the ``handle`` they come after; those before any under the empty name."""
    phases: dict[str, list[dict[str, Any]]] = {"": []}
    now = ""
    for route in routes:
        if "handle" in route:
            now = str(route["handle"])
            phases.setdefault(now, [])
        else:
            phases[now].append(route)
    return phases


def _put(text: str, match: re.Match[str]) -> str:
    """Fill ``$1`` and ``$name`` from the match."""

    def one(reference: re.Match[str]) -> str:
        try:
            return match.group(int(reference[1]) if reference[1].isdigit() else reference[1]) or ""
        except IndexError:
            return ""

    return re.sub(r"\$(\w+)", one, text)


def _join(link: str, target: str) -> str:
    parts = link.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
