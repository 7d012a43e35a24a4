"""Answers as other people got them: what the sandbox would say, changed on its way to the client."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.stage import InProcess

Change = Callable[[httpx.Request, httpx.Response], httpx.Response | None]
NOT_KEPT = ("content-length", "content-encoding", "transfer-encoding")


class Changed(httpx.AsyncBaseTransport):
    """Reads every answer whole and hands on what ``change`` makes of it; None leaves it as it is."""

    def __init__(self, inner: httpx.AsyncBaseTransport, change: Change) -> None:
        self._inner, self._change = inner, change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        content = await answer.aread()
        whole = httpx.Response(answer.status_code, headers=_kept(answer), content=content, request=request)
        return self._change(request, whole) or whole


def answering(inside: InProcess, change: Change) -> None:
    """From now on every answer goes through ``change``."""
    inside.wire = Changed(inside.wire, change)


def said(answer: httpx.Response, content: bytes | None = None, status: int = 0, **headers: str) -> httpx.Response:
    """The same answer with another body, status or headers."""
    new = {name.replace("_", "-"): value for name, value in headers.items()}
    body = answer.content if content is None else content
    return httpx.Response(
        status or answer.status_code, headers={**_kept(answer), **new}, content=body, request=answer.request
    )


def saying(answer: httpx.Response, **fields: Any) -> httpx.Response:
    """The same JSON object with these fields changed."""
    return said(answer, json.dumps({**answer.json(), **fields}).encode())


def _kept(answer: httpx.Response) -> list[tuple[str, str]] | dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in NOT_KEPT}
