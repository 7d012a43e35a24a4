"""Reads the Build Output API v3 of one deployment: which file, function or redirect answers a request.

Covered: the phases of ``config.json`` with ``src``, ``dest``, ``methods``, ``has``, ``missing``, ``status``,
``headers``, ``continue``, ``check``, ``override``, ``important`` and ``caseSensitive``; ``overrides``; functions that
are links to others; ``filePathMap``; prerendered pages. ``/_next/image`` gives the picture as it is.

Not covered, and answered with 501: middleware, and a ``dest`` on another host. Ignored: ``transforms`` and ``locale``.
"""

import json
import mimetypes
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.routing import Asked, Walk, conditions_hold, phases
from pipeline.sandbox.vercelstate import Deployment, FileEntry

ROOT = ".vercel/output/"
FUNCTIONS = ROOT + "functions/"
MOST_LINKS = 5
KINDS = {"rsc": "text/x-component", "html": "text/html; charset=utf-8", "map": "application/json"}


@dataclass(frozen=True)
class Prerender:
    """A page that was rendered by the build: ``static`` of the ``Found`` is served instead of calling its function.

    ``expires`` seconds after the deployment was made the function answers, every time: nothing it says is kept.
    """

    expires: float
    """Infinite when it never does."""
    headers: tuple[tuple[str, str], ...]
    status: int


@dataclass(frozen=True)
class Found:
    """What was found to answer a request: a static file, a function, or just a status.

    ``headers`` are those of matching routes.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    static: str = ""
    """SHA-1 of the file."""
    content_type: str = ""
    function: str = ""
    """Name of the function, as in ``functions/NAME.func``."""
    query: str = ""
    """Of the request, with what the routes added."""
    important: frozenset[str] = frozenset()
    """Lower case names of headers that win over the function's own."""
    prerender: Prerender | None = None
    unsupported: str = ""
    """Why nothing can answer here."""

    @property
    def matched(self) -> str:
        """The header ``x-matched-path``: the page that answers, e.g. ``/courses/[slug]``."""
        return "/" if self.function == "index" else f"/{self.function}"


class Output:
    """Reads ``config.json``, ``static/`` and ``functions/`` of a deployment."""

    def __init__(self, deployment: Deployment, blobs: Blobs) -> None:
        self._blobs = blobs
        self.files = {entry.file: entry for entry in deployment.files}
        config = self._json(ROOT + "config.json")
        self._phases = phases(config.get("routes") or [])
        self._images = bool(config.get("images"))
        self._static = self._static_files(config.get("overrides") or {})
        folders = {name.rpartition("/")[0] for name in self.files if name.endswith("/.vc-config.json")}
        links = {name: self._linked(name) for name in self.files if name.endswith(".func")}
        self._functions = {
            name.removeprefix(FUNCTIONS).removesuffix(".func"): where
            for name, where in ({folder: folder for folder in folders} | links).items()
            if where in folders
        }

    def find(self, asked: Asked) -> Found:
        """Follow the routes: those before the files, the files, those after, and at last the error routes."""
        walk = Walk(asked, asked.path, asked.query)
        if self._images and asked.path == "/_next/image":
            walk.path = parse_qs(asked.query).get("url", [""])[0]
        for phase in ("", "filesystem", "miss", "rewrite", "resource"):
            answer = self._routed(walk, phase) or self._file(walk)
            if answer:
                return answer if answer.unsupported else self._hit(walk, answer)
            if walk.status and phase == "resource":
                break
        walk.status = walk.status if walk.status >= 400 else 404
        return self._error(walk)

    def error(self, asked: Asked, status: int) -> Found:
        """Find the page for an answer with that status, e.g. when a function failed."""
        return self._error(Walk(asked, asked.path, asked.query, status))

    def content(self, function: str) -> Iterator[tuple[str, FileEntry]]:
        """List (name inside the function's folder, what was uploaded) of each file of a function.

        Those that its ``filePathMap`` names lie elsewhere in the project. Raises ValueError for one that is missing.
        """
        prefix = self._functions[function] + "/"
        for target, name in (self.settings(function).get("filePathMap") or {}).items():
            if name not in self.files:
                raise ValueError(f"{function}: its filePathMap wants {name}, which was not uploaded")
            yield str(target), self.files[name]
        for name, entry in self.files.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), entry

    def settings(self, function: str) -> dict[str, Any]:
        """Read the function's ``.vc-config.json``."""
        return self._json(self._functions[function] + "/.vc-config.json")

    def home(self, function: str) -> str:
        """The name of the function that this one is a link to; its own when it is none."""
        return self._functions[function].removeprefix(FUNCTIONS).removesuffix(".func")

    def _routed(self, walk: Walk, phase: str) -> Found | None:
        before = frozenset(walk.headers)
        for route in self._phases[phase]:
            groups = route.match(walk)
            if groups is None:
                continue
            if route.middleware:
                return Found(501, unsupported=f"Middleware is not run by the sandbox: {route.middleware}")
            route.apply(walk, groups, before)
            if walk.path.startswith(("http:", "https:")):
                return Found(501, unsupported=f"The sandbox does not pass requests on to {walk.path}")
            if route.continues:
                continue
            if route.checks:
                if found := self._file(walk):
                    return found
                continue
            if route.status and not route.leads:
                return self._error(walk) if route.status in (404, 500) else self._ended(walk)
            break
        return self._ended(walk) if 300 <= walk.status < 400 and "location" in walk.headers else None

    def _ended(self, walk: Walk) -> Found:
        return Found(walk.status, tuple(walk.headers.items()))

    def _hit(self, walk: Walk, answer: Found) -> Found:
        """Add the headers of the routes for whatever was found; they see the path of the page, not of the request."""
        status, walk.path = walk.status, answer.matched if answer.function else walk.path
        before = frozenset(walk.headers)
        for route in self._phases["hit"]:
            groups = route.match(walk)
            if groups is not None:
                route.apply(walk, groups, before)
                if not route.continues:
                    break
        walk.status = status
        return replace(answer, headers=tuple(walk.headers.items()), important=frozenset(walk.important))

    def _error(self, walk: Walk) -> Found:
        """Find the page for ``walk.status``: the error routes know it, or it is a file such as ``404.html``."""
        status, before = walk.status, frozenset(walk.headers)
        for route in self._phases["error"]:
            groups = route.match(walk) if route.status in (0, status) else None
            if groups is not None:
                route.apply(walk, groups, before)
                walk.status = status
                if found := self._file(walk):
                    return found
        walk.path = f"/{status}"
        return self._file(walk) or self._ended(walk)

    def _file(self, walk: Walk) -> Found | None:
        path = unquote(walk.path).strip("/")
        status, headers = walk.status if walk.status >= 400 else 200, tuple(walk.headers.items())
        for name in (path, f"{path}/index.html".lstrip("/"), f"{path}.html" if walk.status >= 400 else path):
            if name in self._static:
                sha, kind = self._static[name]
                return Found(status, headers, static=sha, content_type=kind, query=walk.query)
        name = path or "index"
        if name not in self._functions:
            return None
        return self._prerendered(walk.asked, Found(status, headers, function=name, query=walk.query))

    def _prerendered(self, asked: Asked, found: Found) -> Found:
        """Serve the page of the build instead of the function, unless the request wants to go past it."""
        name = f"{FUNCTIONS}{found.function}.prerender-config.json"
        if name not in self.files:
            return found
        config = self._json(name)
        fallback = config.get("fallback") or ""
        file = str(fallback.get("fsPath") if isinstance(fallback, dict) else fallback)
        entry = self.files.get(_join(name, file.rpartition("/")[2])) if file else None
        token = [str(config.get("bypassToken"))]
        past = token in (asked.values("header", "x-prerender-revalidate"), asked.values("cookie", "__prerender_bypass"))
        past |= conditions_hold(config.get("experimentalBypassFor") or [], asked)
        if entry is None or past or asked.method not in ("GET", "HEAD") or config.get("chain"):
            return found
        expires = config.get("expiration")
        page = Prerender(
            float("inf") if expires is False or expires is None else float(expires),
            tuple((str(key).lower(), str(value)) for key, value in (config.get("initialHeaders") or {}).items()),
            int(config.get("initialStatus") or 200),
        )
        return replace(found, static=entry.sha, content_type=_kind(file), prerender=page)

    def _static_files(self, overrides: dict[str, Any]) -> dict[str, tuple[str, str]]:
        """List the (SHA-1, content type) of each static file, by path."""
        found = {}
        for file, entry in self.files.items():
            if file.startswith(ROOT + "static/"):
                name = file.removeprefix(ROOT + "static/")
                special = overrides.get(name) or {}
                kind = str(special.get("contentType") or _kind(name))
                if kind.startswith("text/") and "charset" not in kind:
                    kind += "; charset=utf-8"
                found[str(special.get("path", name))] = (entry.sha, kind)
        return found

    def _linked(self, name: str) -> str:
        """Follow the links that begin at the function ``name``."""
        for _ in range(MOST_LINKS):
            entry = self.files.get(name)
            if entry is None or not stat.S_ISLNK(entry.mode):
                break
            name = _join(name, self._blobs.read(entry.sha).decode())
        return name

    def _json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._blobs.read(self.files[name].sha))
        return found


def _kind(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return KINDS.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _join(link: str, target: str) -> str:
    parts = link.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
