"""Decides about ``/_next/image`` as a deployment's ``images`` in ``config.json`` says: which picture, or why none.

The picture is given as it is: it is neither made smaller nor another format, and ``x-sandbox-image`` says so.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.sandbox.found import Found
from pipeline.sandbox.middleware import Answered
from pipeline.sandbox.routing import Asked

WIDTH, QUALITY = '"w" parameter (width)', '"q" parameter (quality)'
REFUSED = (("x-vercel-error", "INVALID_IMAGE_OPTIMIZE_REQUEST"),)
AS_IT_IS = ("x-sandbox-image", "as it is: the sandbox does not optimise pictures")


class Images:
    """The rules of one deployment about pictures."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def wanted(self, asked: Asked) -> tuple[Found | None, str]:
        """Find (why the platform refuses, or None; the path of the picture)."""
        query = parse_qs(asked.query, keep_blank_values=True)
        url, width, quality = (query.get(name, [""])[-1] for name in ("url", "w", "q"))
        why = self._why_not(url, width, quality)
        if why:
            return Found(400, answered=Answered(400, REFUSED, why.encode())), ""
        if not url.startswith("/"):
            return Found(501, unsupported=f"The sandbox does not fetch pictures from {urlsplit(url).netloc}"), ""
        return None, urlsplit(url).path

    def headers(self, asked: Asked) -> dict[str, str]:
        """The headers that the platform gives with a picture."""
        seconds = int(self._config.get("minimumCacheTTL") or 60)
        found = {"cache-control": f"public, max-age={seconds}, must-revalidate", "vary": "Accept"}
        policy = self._config.get("contentSecurityPolicy")
        name = urlsplit(parse_qs(asked.query)["url"][-1]).path.rpartition("/")[2]
        found["content-disposition"] = f'{self._config.get("contentDispositionType") or "inline"}; filename="{name}"'
        return found | ({"content-security-policy": str(policy)} if policy else {}) | dict([AS_IT_IS])

    def _why_not(self, url: str, width: str, quality: str) -> str:
        sizes, qualities = self._config.get("sizes") or (), self._config.get("qualities")
        if not url:
            return '"url" parameter is required'
        if not url.startswith(("/", "http://", "https://")) or url.startswith("//"):
            return '"url" parameter is invalid'
        if missing := next((words for value, words in ((width, WIDTH), (quality, QUALITY)) if not value), ""):
            return f"{missing} is required"
        if not width.isdigit() or int(width) not in sizes:
            return f"{WIDTH} of {width} is not allowed"
        if not quality.isdigit() or not 1 <= int(quality) <= 100 or (qualities and int(quality) not in qualities):
            return f"{QUALITY} of {quality} is not allowed"
        return "" if self._allowed(url) else '"url" parameter is not allowed'

    def _allowed(self, url: str) -> bool:
        parts = urlsplit(url)
        if url.startswith("/"):
            patterns = self._config.get("localPatterns")
            return patterns is None or any(
                _fits(one, "", parts.path, f"?{parts.query}" if parts.query else "") for one in patterns
            )
        host = parts.hostname or ""
        if host in (self._config.get("domains") or ()):
            return True
        patterns = self._config.get("remotePatterns") or ()
        return any(
            str(one.get("protocol") or parts.scheme).rstrip(":") == parts.scheme and _fits(one, host, parts.path, "")
            for one in patterns
        )


def _fits(pattern: Mapping[str, Any], host: str, path: str, search: str) -> bool:
    wanted, paths, query = pattern.get("hostname"), pattern.get("pathname"), pattern.get("search")
    return (
        (not host or re.fullmatch(str(wanted), host) is not None)
        and (paths is None or re.fullmatch(str(paths), path) is not None)
        and (query is None or search == query)
    )
