"""What all projects read alike is asked once for all of them, by one; and nobody waits long for him."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.clients import sharing
from pipeline.clients.nursery import Nursery
from pipeline.clients.sharing import ASKING, FRESH
from pipeline.clients.statuspages import ComponentStatus, StatusPages
from pipeline.errors import ServiceError
from pipeline.fleet.children import carry
from pipeline.fleet.readings import LARGEST, MOST, SharedReadings
from tests.processes import LONGEST
from tests.scripted import MovingClock

ROOT = Path(__file__).resolve().parents[2]
WELL = {"status": {"indicator": "minor"}, "incidents": [{"name": "Slow builds"}]}
BEGIN = f"""
import asyncio, json, os, socket, sys
sys.path[:0] = [{str(ROOT)!r}]
import httpx
from pipeline.cli.nursery import serve
from pipeline.clients.statuspages import StatusPages
from pipeline.clock import SystemClock
async def read():
    async with httpx.AsyncClient() as http:
        seen = await StatusPages(sys.argv[1], "http://neon", http, SystemClock()).vercel()
    print(json.dumps({{"outcome": "deployed", "reason": f"{{seen.indicator}} {{' '.join(seen.incidents)}}"}}))
serve(socket.socket(fileno=0), lambda: asyncio.run(read()))
"""


class Page(BaseHTTPRequestHandler):
    """A status page that is slow, and counts who asks."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        threading.Event().wait(0.3)
        body = json.dumps(WELL).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def page() -> Iterator[tuple[str, list[str]]]:
    asked = list[str]()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Counting", (Page,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.process
def test_a_status_page_is_asked_once_by_all_projects_of_a_worker(page: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = page
    readings = SharedReadings()

    async def all_of_them() -> list[str]:
        nursery = Nursery((sys.executable, "-c", BEGIN))
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        homes = [tmp_path / name for name in "abcde"]
        for home in homes:
            home.mkdir()
        try:
            reading = (carry(nursery, ["inv", url], known, home, readings.answer) for home in homes)
            return [end.reason for end in await asyncio.wait_for(asyncio.gather(*reading), LONGEST)]
        finally:
            nursery.close()

    assert asyncio.run(all_of_them()) == ["minor Slow builds"] * 5
    assert asked == ["/api/v2/summary.json"]


class Line:
    """A project's line to a worker that answers at once."""

    def __init__(self, readings: SharedReadings, *, gone: bool = False) -> None:
        self.readings, self.gone = readings, gone

    def asked(self, what: Mapping[str, Any]) -> Mapping[str, Any]:
        return {} if self.gone else self._answer({**what, "number": 1}) or {}

    def say(self, what: Mapping[str, Any]) -> bool:
        return self.gone or self._answer(json.loads(json.dumps(what))) is None

    def _answer(self, what: Mapping[str, Any]) -> Any:
        try:
            self.readings.answer(what).send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waited")


class Reading:
    """A project of a fleet that reads Vercel's page. ``answers``: what that says, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.answers, self.asked = MovingClock(), list[httpx.Response](), 0
        self.readings = SharedReadings(self.clock)
        self.line = Line(self.readings)
        monkeypatch.setattr(sharing, "pace", lambda: self.line)

    def __call__(self) -> ComponentStatus:
        def answer(request: httpx.Request) -> httpx.Response:
            self.asked += 1
            return self.answers.pop(0) if self.answers else httpx.Response(200, json=WELL)

        async def go() -> ComponentStatus:
            async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
                return await StatusPages("http://vercel", "http://neon", http, self.clock).vercel()

        return asyncio.run(go())


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


def test_a_reading_counts_for_a_while_only(reading: Reading) -> None:
    assert reading() == reading() == ComponentStatus("minor", ("Slow builds",))
    assert reading.asked == 1
    reading.clock.seconds += FRESH - 0.1
    reading()
    assert reading.asked == 1
    reading.clock.seconds += 0.2
    reading()
    assert reading.asked == 2


def test_who_is_not_answered_says_so_and_the_next_one_asks_at_once(reading: Reading) -> None:
    reading.answers = [httpx.Response(403)]
    with pytest.raises(ServiceError):
        reading()
    assert reading() == ComponentStatus("minor", ("Slow builds",))
    assert (reading.asked, reading.clock.seconds) == (2, 0)


def test_who_asks_and_dies_holds_the_others_up_for_so_long_and_no_longer(reading: Reading) -> None:
    reading.line.asked({"reading": "http://vercel/api/v2/summary.json"})
    reading()
    assert reading.asked == 1
    assert ASKING <= reading.clock.seconds < ASKING + 1


def test_without_a_worker_or_with_one_that_says_something_odd_everybody_asks_for_himself(reading: Reading) -> None:
    reading.readings._known["http://vercel/api/v2/summary.json"] = (0.0, {"what": "is this"})
    reading()
    reading.line.gone = True
    reading()
    assert reading.asked == 2


def test_a_worker_keeps_neither_many_nor_large_readings() -> None:
    readings = SharedReadings(MovingClock())

    async def go() -> None:
        for number in range(3 * MOST):
            await readings.answer({"read": f"http://{number}", "value": {"indicator": "none", "incidents": []}})
        await readings.answer({"read": "http://large", "value": {"indicator": "x" * LARGEST, "incidents": []}})
        assert len(readings._known) <= MOST + 1
        assert await readings.answer({"reading": "http://large", "number": 1}) == {"number": 1}
        assert await readings.answer({"turn": "b", "number": 1}) is None

    asyncio.run(go())
