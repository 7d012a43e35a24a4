"""Reads Vercel's lists page by page: ``pagination.next`` is the ``until`` of the page after it."""

from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.clients.base import PAGES, Params, Service
from pipeline.errors import Unreadable

T = TypeVar("T")
ALL = 10_000  # more of anything than a project may have


async def newest(
    service: Service, path: str, parse: Callable[[Any], tuple[T, ...]], params: Params, most: int = ALL
) -> tuple[T, ...]:
    """Read the ``most`` newest of a list, else the whole of it, however many a page holds.

    Raises Unreadable when its pages do not lead on to what is older, or never end.
    """
    found: list[T] = []
    until: int | None = None
    for _ in range(PAGES):
        query = {**params, **({"until": until} if until is not None else {})}
        page, following = await service.read(path, lambda body: (parse(body), _following(body)), query)
        found += page
        if following is None or len(found) >= most:
            return tuple(found[:most])
        if until is not None and following >= until:
            raise Unreadable(service.name, f"GET {path}", f"its list leads back to {following}, and was not read")
        until = following
    raise Unreadable(service.name, f"GET {path}", f"its list goes on after {PAGES} pages, so it was not read")


def _following(body: Any) -> int | None:
    """The ``until`` of the next page, ms since 1970; None when this was the last."""
    following = (body.get("pagination") or {}).get("next")
    return int(following) if following is not None else None
