"""Follows the routes of a deployment's ``config.json`` to what answers a request, through its middleware."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from pipeline.sandbox import middleware
from pipeline.sandbox.found import Found
from pipeline.sandbox.middleware import Answered
from pipeline.sandbox.output import Output
from pipeline.sandbox.routing import Asked, Walk

PHASES = ("", "filesystem", "miss", "rewrite", "resource")
AFTER_CHECK = ("miss", "rewrite")
"""What a path that a fallback rewrite leads to goes through, when it is no file."""

REPEATED = re.compile(r"[/\\]{2,}|\\")
"""What the platform writes as one slash."""

Guard = Callable[[str, Walk], Awaitable[Answered]]
"""Asks the middleware of a name, for a request that the routes have led so far."""


async def find(output: Output, asked: Asked, guard: Guard) -> Found:
    """Follow the routes: those before the files, the files, those after, and at last the error routes."""
    merged = REPEATED.sub("/", asked.path)
    if merged != asked.path:
        return _ended(Walk(asked, asked.path, asked.query, 308, {"location": merged}))
    walk = Walk(asked, asked.path, asked.query)
    if picture := _picture(output, walk):  # no route and no middleware stands between
        return picture
    for phase in PHASES:
        answer = await _routed(output, walk, phase, guard) or output.file(walk)
        if answer:
            done = answer.unsupported or answer.answered or answer.picture
            return answer if done else _hit(output, walk, answer)
        if walk.status and phase == "resource":
            break
    walk.status = walk.status if walk.status >= 400 else 404
    return _error(output, walk)


def error(output: Output, asked: Asked, status: int) -> Found:
    """Find the page for an answer with that status, e.g. when a function failed."""
    return _error(output, Walk(asked, asked.path, asked.query, status))


async def _routed(output: Output, walk: Walk, phase: str, guard: Guard) -> Found | None:
    before = frozenset(walk.headers)
    for route, groups in output.phases[phase].concerning(walk):
        elsewhere = route.in_language(walk)
        if elsewhere:
            walk.status, walk.headers["location"] = 307, elsewhere
            return _ended(walk)
        if route.middleware:
            if walk.redirects:
                break
            answered = middleware.follow(walk, await guard(route.middleware, walk))
            if answered:
                return Found(answered.status, answered=answered)
            before |= frozenset(walk.headers)
        before_it = walk.path, walk.query
        route.apply(walk, groups, before)
        if walk.path.startswith(("http:", "https:")):
            return Found(501, unsupported=f"The sandbox does not pass requests on to {walk.path}")
        if route.continues:
            continue
        if route.checks:
            if found := _picture(output, walk) or output.file(walk) or await _checked(output, walk, phase, guard):
                return found
            if phase == "miss":  # it was only a look whether there is such a file
                walk.path, walk.query = before_it
            continue
        if route.status and not route.leads:
            return _error(output, walk) if route.status in (404, 500) else _ended(walk)
        break
    return _ended(walk) if walk.redirects else None


async def _checked(output: Output, walk: Walk, phase: str, guard: Guard) -> Found | None:
    """Find a dynamic page for a path that only the last phase led to."""
    if phase != "resource":
        return None
    for after in AFTER_CHECK:
        if found := await _routed(output, walk, after, guard) or output.file(walk):
            return found
    return None


def _picture(output: Output, walk: Walk) -> Found | None:
    """Find the picture that is asked for at ``/_next/image``, or why it is refused."""
    if not output.images or walk.path != "/_next/image":
        return None
    refused, walk.path = output.images.wanted(walk.asked)
    found = refused or output.file(walk)
    return replace(found, picture=True) if found else None


def _ended(walk: Walk) -> Found:
    if walk.redirects and walk.asked.query:
        where, mark, fragment = walk.headers["location"].partition("#")
        walk.headers["location"] = f"{where}{'&' if '?' in where else '?'}{walk.asked.query}{mark}{fragment}"
    return Found(walk.status, tuple(walk.headers.items()), cookies=tuple(walk.cookies))


def _hit(output: Output, walk: Walk, answer: Found) -> Found:
    """Add the headers of the routes for whatever was found; they see the path of the page, not of the request."""
    status, walk.path = walk.status, answer.named if answer.function else walk.path
    before = frozenset(walk.headers)
    for route, groups in output.phases["hit"].concerning(walk):
        route.apply(walk, groups, before)
        if not route.continues:
            break
    walk.status = status
    return _told(walk, answer)


def _told(walk: Walk, answer: Found) -> Found:
    """Add what the walk has gathered to what was found."""
    return replace(
        answer,
        page=walk.headers["x-matched-path"] if "x-matched-path" in walk.important else "",
        headers=tuple(walk.headers.items()),
        important=frozenset(walk.important),
        cookies=tuple(walk.cookies),
        sent=walk.asked.headers if walk.changed else None,
    )


def _error(output: Output, walk: Walk) -> Found:
    """Find the page for ``walk.status``: the error routes know it, or it is a file such as ``404.html``.

    They see the path that was asked for: its beginning can be the language of the page.
    """
    status, before, walk.path = walk.status, frozenset(walk.headers), walk.asked.path
    for route, groups in output.phases["error"].concerning(walk):
        if route.status in (0, status):
            route.apply(walk, groups, before)
            walk.status = status
            if found := output.file(walk):
                return _told(walk, found)
    walk.path = f"/{status}"
    found = output.file(walk)
    return _told(walk, found) if found else _ended(walk)
