"""Shares what all addresses of GitHub's API have in common: pages with a ``Link`` header, pull requests, errors."""

import base64
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.githubshapes import Shapes
from pipeline.sandbox.githubstate import Pull
from pipeline.sandbox.web import Payload, Problem, number

DOCS = "https://docs.github.com/rest"


class Requests:
    def __init__(self, core: Core, shapes: Shapes) -> None:
        self._core, self._shapes = core, shapes

    def pull(self, request: Request) -> Pull:
        for pull in self._core.state.github.pulls:
            if str(pull.number) == request.path_params["number"]:
                return pull
        raise problem(404, "Not Found")

    def listed(self, request: Request, items: list[Payload]) -> Response:
        shown, headers = self.page(request, items)
        return JSONResponse(shown, headers=headers)

    def page(self, request: Request, items: list[Payload]) -> tuple[list[Payload], dict[str, str]]:
        """Cut one page out of a list, and make the Link header when there is another."""
        size, page = number(request, "per_page", 30, 100), number(request, "page", 1, 10000)
        size = min(size, self._core.state.github.most_listed)
        last = max(1, -(-len(items) // size))
        links: dict[str, Any] = {}
        if page > 1:
            links |= {"first": 1, "prev": page - 1}
        if page < last:
            links |= {"next": page + 1, "last": last}
        url = self._shapes.api + request.url.path
        others = "&".join(f"{key}={value}" for key, value in request.query_params.items() if key != "page")
        start = f"{url}?{others}&" if others else f"{url}?"
        header = ", ".join(f'<{start}page={to}>; rel="{name}"' for name, to in links.items())
        return items[(page - 1) * size : page * size], {"link": header} if header else {}

    def by_cursor(self, request: Request, items: list[Payload]) -> tuple[list[Payload], dict[str, str]]:
        """Cut one page out of a list that has cursors instead of numbers. Raises Problem when a page is asked for."""
        query = request.query_params
        if "page" in query:
            raise problem(400, "Pagination using the `page` parameter is not supported.")
        size = min(number(request, "per_page", 30, 100), self._core.state.github.most_listed)
        begin = int(base64.urlsafe_b64decode(query.get("after", "MA==")))
        if begin + size >= len(items):
            return items[begin:], {}
        after = base64.urlsafe_b64encode(str(begin + size).encode()).decode()
        others = urlencode({**{key: value for key, value in query.items() if key != "after"}, "after": after})
        header = f'<{self._shapes.api}{request.url.path}?{others}>; rel="next"'
        return items[begin : begin + size], {"link": header}


def problem(status: int, message: str) -> Problem:
    return Problem(status, {"message": message, "documentation_url": DOCS, "status": str(status)})
