"""Reads the Build Output API v3 of one deployment: its files, its functions, its pages that are kept.

Covered: the phases of ``config.json`` with ``src``, ``dest``, ``methods``, ``has``, ``missing``, ``status``,
``headers``, ``continue``, ``check``, ``override``, ``important``, ``caseSensitive``, ``transforms`` and
``middlewarePath``; ``overrides``; functions that are links to others; ``filePathMap``; prerendered pages.

``locale`` sends a visitor to the language that he reads.

Not covered, and answered with 501: a ``dest`` on another host. ``following`` walks the routes.
"""

import json
import mimetypes
import stat
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.found import Found, Prerender
from pipeline.sandbox.images import Images
from pipeline.sandbox.routing import Asked, Walk, conditions_hold, phases
from pipeline.sandbox.vercelstate import Deployment, FileEntry

ROOT = ".vercel/output/"
FUNCTIONS = ROOT + "functions/"
MOST_LINKS = 5
JAVASCRIPT = "application/javascript; charset=utf-8"
KINDS = {
    "rsc": "text/x-component",
    "html": "text/html; charset=utf-8",
    "map": "application/json; charset=utf-8",
    "js": JAVASCRIPT,
    "mjs": JAVASCRIPT,
    "avif": "image/avif",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "md": "text/markdown; charset=utf-8",
    "xml": "application/xml",
    "vtt": "text/vtt; charset=utf-8",
    "webmanifest": "application/manifest+json; charset=utf-8",
}
"""By the end of a file's name; also what not every Python knows."""
OTHERS = mimetypes.MimeTypes()  # without what this machine has been told


class Output:
    """Reads ``config.json``, ``static/`` and ``functions/`` of a deployment."""

    def __init__(self, deployment: Deployment, blobs: Blobs) -> None:
        self._blobs, self._read = blobs, dict[str, dict[str, Any]]()
        self.files = {entry.file: entry for entry in deployment.files}
        config = self._json(ROOT + "config.json")
        self.phases = phases(config.get("routes") or [])
        self.images = Images(config["images"]) if config.get("images") else None
        self._static = self._static_files(config.get("overrides") or {})
        folders = {name.rpartition("/")[0] for name in self.files if name.endswith("/.vc-config.json")}
        links = {name: self._linked(name) for name in self.files if name.endswith(".func")}
        self._functions = {
            name.removeprefix(FUNCTIONS).removesuffix(".func"): where
            for name, where in ({folder: folder for folder in folders} | links).items()
            if where in folders
        }

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

    def homes(self) -> list[str]:
        """List the names of all functions that are no links to others."""
        return sorted(where.removeprefix(FUNCTIONS).removesuffix(".func") for where in set(self._functions.values()))

    def has(self, function: str) -> bool:
        return function in self._functions

    def file(self, walk: Walk) -> Found | None:
        """Find the static file or the function whose name is the path that the routes have led to."""
        path = unquote(walk.path).strip("/")
        status, headers = walk.status if walk.status >= 400 else 200, tuple(walk.headers.items())
        for name in (path, f"{path}/index.html".lstrip("/"), f"{path}.html" if walk.status >= 400 else path):
            if name in self._static:
                sha, kind = self._static[name]
                return Found(status, headers, static=sha, content_type=kind, query=walk.query)
        name = next((one for one in (path or "index", f"{path}/index") if one in self._functions), "")
        if not name:
            return None
        return self._prerendered(walk.asked, Found(status, headers, function=name, query=walk.query))

    def _prerendered(self, asked: Asked, found: Found) -> Found:
        """Say that the answers of the function are kept, unless the request wants to go past them."""
        name = f"{FUNCTIONS}{found.function}.prerender-config.json"
        if name not in self.files or asked.method not in ("GET", "HEAD"):
            return found
        config = self._json(name)
        token = [str(config.get("bypassToken"))]
        past = token == asked.values("cookie", "__prerender_bypass")
        if past or config.get("chain") or conditions_hold(config.get("experimentalBypassFor") or [], asked):
            return found
        fallback = config.get("fallback") or ""
        file = str(fallback.get("fsPath") if isinstance(fallback, dict) else fallback)
        entry = self.files.get(_join(name, file.rpartition("/")[2])) if file else None
        renews = token == asked.values("header", "x-prerender-revalidate")
        page = Prerender.of(config, entry.sha if entry else "", kind_of(file), renews)
        return replace(found, prerender=page)

    def _static_files(self, overrides: dict[str, Any]) -> dict[str, tuple[str, str]]:
        """List the (SHA-1, content type) of each static file, by path."""
        found = {}
        for file, entry in self.files.items():
            if file.startswith(ROOT + "static/"):
                name = file.removeprefix(ROOT + "static/")
                special = overrides.get(name) or {}
                kind = _in_utf8(str(special.get("contentType") or kind_of(name)))
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
        if name not in self._read:
            self._read[name] = json.loads(self._blobs.read(self.files[name].sha))
        return self._read[name]


def kind_of(name: str) -> str:
    """The content type that a file's name stands for."""
    suffix = name.rpartition(".")[2]
    return KINDS.get(suffix) or _in_utf8(OTHERS.guess_type(name)[0] or "application/octet-stream")


def _in_utf8(kind: str) -> str:
    """Say the encoding of what is text, as the platform does."""
    text = kind.startswith("text/") or kind in ("application/json", "application/manifest+json")
    return f"{kind}; charset=utf-8" if text and "charset" not in kind else kind


def _join(link: str, target: str) -> str:
    parts = link.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
