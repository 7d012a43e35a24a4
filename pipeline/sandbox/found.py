"""Says what was found to answer a request: a file, a function, a page that is kept, or just a status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.sandbox.middleware import Answered


@dataclass(frozen=True)
class Prerender:
    """A page whose answers are kept, as its ``.prerender-config.json`` says."""

    expires: float
    """Seconds that the build's answer, or one that names no ``s-maxage``, is fresh; infinite when it always is."""
    headers: tuple[tuple[str, str], ...]
    """Of the build's answer, and ``status`` too."""
    status: int
    static: str = ""
    """SHA-1 of the build's answer; empty when the build made none."""
    content_type: str = ""
    query: frozenset[str] | None = None
    """The names in the query that make another page; None: all of them."""
    sent: frozenset[str] = frozenset()
    """Names of the request's headers that the function is told while it renders."""
    renews: bool = False
    """Whether this request is one of those by which the app has the page made anew."""

    @classmethod
    def of(cls, config: Mapping[str, Any], static: str, content_type: str, renews: bool) -> "Prerender":
        """Read a ``.prerender-config.json``."""
        expires, query = config.get("expiration"), config.get("allowQuery")
        headers = {str(key).lower(): str(value) for key, value in (config.get("initialHeaders") or {}).items()}
        return cls(
            float("inf") if expires is False or expires is None else float(expires),
            tuple(headers.items()),
            int(config.get("initialStatus") or 200),
            static,
            headers.get("content-type", content_type),
            None if query is None else frozenset(map(str, query)),
            frozenset({"host", *(str(name).lower() for name in config.get("allowHeader") or ())}),
            renews,
        )


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
    sent: Mapping[str, str] | None = None
    """The request's headers, where routes or middleware changed them."""
    cookies: tuple[str, ...] = ()
    """The values of ``set-cookie`` that middleware added."""
    answered: Answered | None = None
    """What middleware answered itself."""
    unsupported: str = ""
    """Why nothing can answer here."""
    page: str = ""
    """What the routes for whatever was found call it, where that is not the function's name: without a ``basePath``."""
    picture: bool = False
    """Whether it is the answer of ``/_next/image``."""

    @property
    def matched(self) -> str:
        """The header ``x-matched-path``: the page that answers, e.g. ``/courses/[slug]``."""
        return self.page or self.named

    @property
    def named(self) -> str:
        """The path that the function's name stands for."""
        return "/" if self.function == "index" else f"/{self.function}"
