"""The log of a busy site: its stream never pauses and never ends, and is answered all the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from pipeline.clients import vercel as client
from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import LogLine
from pipeline.clock import SystemClock
from pipeline.session.logs import Filter, following, matching

EVERY = 0.02


class Busy(httpx.AsyncByteStream):
    """A line every EVERY seconds, for ever."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        number = 0
        while True:
            number += 1
            line = {"timestampInMs": number, "level": "info", "message": f"line {number}", "source": "serverless"}
            yield json.dumps(line).encode() + b"\n"
            await asyncio.sleep(EVERY)


class Site(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Busy(), request=request)


def asked(http: httpx.AsyncClient) -> Vercel:
    return Vercel("https://api.example.com", "t", "team_x", "prj", http, SystemClock())


def test_it_answers_with_what_came_in_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "COLLECTED", 0.5)

    async def go() -> list[LogLine]:
        async with httpx.AsyncClient(transport=Site()) as http:
            return await matching(asked(http).runtime_log("dpl_x"), Filter(text="line"))

    began = time.monotonic()
    lines = asyncio.run(go())
    assert time.monotonic() - began < 10
    assert len(lines) > 3
    assert [line.at for line in lines] == sorted(line.at for line in lines)


def test_followed_it_gives_each_line_as_it_comes_for_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "COLLECTED", 0.1)

    async def go() -> list[str]:
        found = []
        async with httpx.AsyncClient(transport=Site()) as http:
            async for line in following(asked(http).runtime_log("dpl_x", follow=True), Filter(text="0")):
                found.append(line.message)
                if len(found) == 3:
                    break
        return found

    assert asyncio.run(go()) == ["line 10", "line 20", "line 30"]
