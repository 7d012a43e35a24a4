"""Shares what the emulators have in common of HTTP: a router by method and path, problems as exceptions, paging."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Handler = Callable[[Request], Awaitable[Response]]
Payload = dict[str, Any]


class Problem(Exception):
    """Raised for an answer that is an error, from anywhere below a handler. ``body`` is the vendor's own shape."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, dict(headers or {})

    def response(self) -> Response:
        return JSONResponse(self.body, self.status, self.headers)


class Router:
    """Finds the handler of a request. In a pattern ``{name}`` is one path segment, ``{name*}`` any number of them, and
    ``{v}`` an API version.

    ``authorize`` is asked first for every request; ``missing`` makes the problem for an unknown path.
    """

    def __init__(
        self, missing: Callable[[Request], Problem], authorize: Callable[[Request], None] = lambda request: None
    ) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._missing, self._authorize = missing, authorize

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        found = re.sub(r"\{(\w+)(\*?)\}", _segment, pattern)
        self._routes.append((method, re.compile(found), handler))

    async def __call__(self, request: Request) -> Response:
        try:
            self._authorize(request)
            for method, pattern, handler in self._routes:
                match = pattern.fullmatch(request.scope["path"])
                if match and method == request.method:
                    request.scope["path_params"] = match.groupdict()
                    return await handler(request)
            raise self._missing(request)
        except Problem as problem:
            return problem.response()


def _segment(name: re.Match[str]) -> str:
    return r"\d+" if name[1] == "v" else f"(?P<{name[1]}>.*)" if name[2] else f"(?P<{name[1]}>[^/]+)"


async def body(request: Request) -> Payload:
    """Read the JSON object that was sent; empty when nothing was. Raises ValueError for anything else."""
    raw = await request.body()
    found = json.loads(raw) if raw.strip() else {}
    if not isinstance(found, dict):
        raise ValueError("the body is not a JSON object")
    return found


def number(request: Request, name: str, default: int, most: int = 1000) -> int:
    """Read a query parameter as a whole number between 1 and ``most``; ``default`` when it is not one."""
    value = request.query_params.get(name, "")
    return max(1, min(int(value), most)) if value.isdigit() else default


def bearer(request: Request) -> str:
    """Read the token of the Authorization header; empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") else ""
