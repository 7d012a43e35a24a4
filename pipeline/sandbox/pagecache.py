"""Keeps the answers of prerendered pages as the platform does: fresh, stale and made anew, or made on demand.

A page is stale when its seconds are over or one of its tags was revalidated; then it is served once more while it is
made anew, unless the tag said that nobody may see it any longer. The kept answers are gone when the sandbox ends.
"""

import asyncio
import hashlib
import json
import re
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.types import Scope

from pipeline.sandbox.core import Core
from pipeline.sandbox.found import Found, Prerender
from pipeline.sandbox.middleware import Answered
from pipeline.sandbox.routing import Asked
from pipeline.sandbox.vercelstate import Deployment

TAGS = "x-next-cache-tags"
FRESH = re.compile(r"s-maxage=(\d+)")
NOT_KEPT = re.compile(r"\b(private|no-store|no-cache)\b")
FOR_ROUTER = re.compile(r"(\.segments/.+\.segment)?\.rsc$")
"""How the names of functions end that answer the router of Next.js instead of a reader."""
BROWSERS = "public, max-age=0, must-revalidate"
ALWAYS = 31_536_000
"""The ``s-maxage`` by which Next.js says that a page is never stale."""

Render = Callable[[Scope, Found], Awaitable[Answered]]
"""Calls the function for a request that holds nothing of a visitor's."""


@dataclass(frozen=True)
class Kept:
    """An answer that is kept, since ``made``; ``fresh`` is in seconds."""

    answered: Answered
    made: float
    fresh: float
    by: str = "HIT"
    """What ``x-vercel-cache`` says while it is fresh."""

    @property
    def tags(self) -> list[str]:
        return [tag for tag in self.answered.header(TAGS).split(",") if tag]


class PageCache:
    """Keeps the answers of the pages of all deployments of a sandbox."""

    def __init__(self, core: Core) -> None:
        self._core, self._kept = core, dict[tuple[str, str, str], Kept]()
        self._renewals = dict[tuple[str, str, str], asyncio.Task[None]]()

    def folder(self, deployment: str) -> Path:
        """Where the functions of a deployment keep what they fetch and which tags were revalidated."""
        return self._core.home / "datacache" / deployment

    def forget(self, deployment: str) -> None:
        """Drop what is kept of a deployment."""
        shutil.rmtree(self.folder(deployment), ignore_errors=True)
        for key in [key for key in self._kept if key[0] == deployment]:
            del self._kept[key]

    async def answer(self, scope: Scope, deployment: Deployment, found: Found, render: Render) -> Answered:
        """Give the answer to a request for the page that was found; ``render`` makes it anew. Raises Died."""
        page = found.prerender
        assert page
        query = urlencode([pair for pair in parse_qsl(found.query) if page.query is None or pair[0] in page.query])
        key = (deployment.id, found.function, query)
        plain = _without_visitor(scope, page, query, found.function)
        if page.renews:
            return _shown(await self._renewed(key, page, plain, found, render), "REVALIDATED")
        kept = self._kept.get(key) or self._built(deployment, page, key)
        if kept is None or self._moment("expired", kept, deployment) > kept.made:
            return _shown(await self._renewed(key, page, plain, found, render), "MISS")
        if self._stale(kept, deployment):
            self._renew_later(key, page, plain, found, render)
            return _shown(kept.answered, "STALE")
        return _shown(kept.answered, kept.by)

    def _built(self, deployment: Deployment, page: Prerender, key: tuple[str, str, str]) -> Kept | None:
        """Take the answer that the build made; it is kept from then on."""
        if not page.static:
            return None
        headers = (
            *page.headers,
            *([] if "content-type" in dict(page.headers) else [("content-type", page.content_type)]),
        )
        answered = Answered(page.status, headers, self._core.blobs.read(page.static))
        self._kept[key] = Kept(answered, deployment.created, page.expires, "PRERENDER")
        return self._kept[key]

    async def _renewed(
        self, key: tuple[str, str, str], page: Prerender, scope: Scope, found: Found, render: Render
    ) -> Answered:
        began = self._core.now()
        answered = await render(scope, found)
        told = answered.header("cache-control")
        if answered.status < 500 and not NOT_KEPT.search(told) and not answered.header("set-cookie"):
            seconds = FRESH.search(told)
            fresh = page.expires if seconds is None else float(seconds[1])
            self._kept[key] = Kept(answered, began, float("inf") if fresh >= ALWAYS else fresh)
        return answered

    def _renew_later(
        self, key: tuple[str, str, str], page: Prerender, scope: Scope, found: Found, render: Render
    ) -> None:
        """Make a page anew after it was served once more; when that fails, what is kept stays."""

        async def renew() -> None:
            try:
                await self._renewed(key, page, scope, found, render)
            finally:
                self._renewals.pop(key, None)

        if key not in self._renewals:
            self._renewals[key] = asyncio.create_task(renew())

    def _stale(self, kept: Kept, deployment: Deployment) -> bool:
        over = self._core.now() - kept.made > kept.fresh
        return over or self._moment("stale", kept, deployment) > kept.made

    def _moment(self, kind: str, kept: Kept, deployment: Deployment) -> float:
        """The last moment, until now, at which one of its tags became ``stale`` or ``expired``; 0 when none did."""
        folder, now = self.folder(deployment.id) / "tags", self._core.now()
        moments = [
            _told(folder / hashlib.sha1(tag.encode(), usedforsecurity=False).hexdigest(), kind) for tag in kept.tags
        ]
        return max((moment for moment in moments if moment <= now), default=0.0)


def _told(file: Path, kind: str) -> float:
    try:
        return float(json.loads(file.read_text()).get(kind, 0)) / 1000
    except (OSError, ValueError):
        return 0.0


def _without_visitor(scope: Scope, page: Prerender, query: str, function: str) -> Scope:
    """The request as the function may see it: what it makes is for everybody.

    Which of a page's answers is wanted, its HTML or what the router of Next.js asks for, is said by the path alone.
    """
    headers = [pair for pair in scope["headers"] if pair[0].decode("latin-1") in page.sent]
    path, found = Asked.of(scope).path, FOR_ROUTER.search(function)
    if found and not path.endswith(found[0]):
        path = (path.rstrip("/") or "/index") + found[0]
    raw = {"path": unquote(path), "raw_path": path.encode("latin-1")}
    return {**scope, **raw, "method": "GET", "headers": headers, "query_string": query.encode("latin-1")}


def _shown(answered: Answered, cache: str) -> Answered:
    """The answer as visitors see it: the platform keeps what was meant for it to itself."""
    headers = [(name, value) for name, value in answered.headers if name != TAGS]
    told = dict(headers).get("cache-control", "s-maxage")
    if "s-maxage" in told:
        headers = [(name, value) for name, value in headers if name != "cache-control"] + [("cache-control", BROWSERS)]
    return Answered(answered.status, (*headers, ("x-vercel-cache", cache)), answered.body)
