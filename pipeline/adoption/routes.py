"""Reads the routes of a Next.js app from its folders: the App Router's and the Pages Router's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

APP = re.compile(r"^(?:src/)?app/(?P<way>(?:.*/)?)(?P<kind>page|route)\.(?:[jt]sx?|mdx?)$")
PAGES = re.compile(r"^(?:src/)?pages/(?P<way>.*)\.(?:[jt]sx?|mdx?)$")
INNER = re.compile(r"^(_app|_document|_error|_middleware|404|500)$")
LOCALE = re.compile(r"^\[(locale|lang|lng|language)\]$")
HEALTH = (
    re.compile(r"/health[a-z-]*/(db|database)$"), re.compile(r"/health(z|-?check)?$"),
    re.compile(r"^(/api)?(/v\d)?/(readyz?|livez?|heartbeat|status|ping)$"),
)  # fmt: skip
"""What a health check is called, the best first."""
SIGN_IN = re.compile(r"/(log-?in|sign-?in)$")
ELSEWHERE = re.compile(r"/(webhooks?|cron|internal|v\d+/.+/.+)/|/(api-reference|admin)/")


@dataclass(frozen=True)
class FoundRoute:
    """An address that the app answers, and the file that answers it."""

    path: str
    file: str
    interface: bool
    """Whether it is an API route and no page."""


def routes(paths: Iterable[str], place: str = "", base: str = "") -> tuple[FoundRoute, ...]:
    """The routes without parameters among the files ``paths`` of the app in ``place``, shortest first.

    ``base``: the app's ``basePath``. A language in front is left out, as its middleware adds it.
    """
    begin = f"{place}/" if place else ""
    found: dict[str, FoundRoute] = {}
    for path in paths:
        way = _way(path.removeprefix(begin)) if path.startswith(begin) else None
        if way is not None:
            answer = base + way[0] if way[0] != "/" or not base else base
            found.setdefault(answer, FoundRoute(answer, path, way[1]))
    return tuple(sorted(found.values(), key=lambda route: (route.path.count("/"), route.path)))


def _way(path: str) -> tuple[str, bool] | None:
    """The address of a file, and whether it is an interface; None when it answers none, or many."""
    if match := APP.match(path):
        parts = [part for part in match["way"].split("/") if part]
        segments = _segments(parts)
        return None if segments is None else ("/" + "/".join(segments), match["kind"] == "route")
    if match := PAGES.match(path):
        parts = match["way"].split("/")
        if INNER.match(parts[-1]) or "." in parts[-1]:
            return None
        segments = _segments(parts[:-1] if parts[-1] == "index" else parts)
        return None if segments is None else ("/" + "/".join(segments), parts[0] == "api")
    return None


def _segments(parts: list[str]) -> list[str] | None:
    made: list[str] = []
    for at, part in enumerate(parts):
        if part.startswith(("_", "@", "(.)", "(..)", "(...)")):
            return None
        if re.fullmatch(r"\(.*\)", part) or (LOCALE.match(part) and at <= 1):
            continue
        if part.startswith("[["):
            return made if at == len(parts) - 1 else None
        if "." in part and at == 0:  # a folder for a host, which the middleware chooses
            continue
        if part.startswith("["):
            return None
        made.append(part)
    return made


def health_of(found: Iterable[FoundRoute]) -> FoundRoute | None:
    """The route that is called like a health check; None when none is."""
    able = [one for one in found if one.interface and not ELSEWHERE.search(one.path)]
    for pattern in HEALTH:
        for route in able:
            if pattern.search(route.path):
                return route
    return None


def sign_in_of(found: Iterable[FoundRoute]) -> FoundRoute | None:
    """The page that is called like a sign-in page, the shortest; None when none is."""
    return next((one for one in found if not one.interface and SIGN_IN.search(one.path)), None)


def parent(path: str) -> str:
    """The folder of a path; empty for one on top."""
    found = str(PurePosixPath(path).parent)
    return "" if found == "." else found
