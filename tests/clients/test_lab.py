"""Pages in a real browser: what is measured, who is sent the secret, and what is left behind."""

import asyncio
import http.server
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.clients import browser
from pipeline.clients.browser import Browser
from pipeline.errors import Unreachable
from tests.processes import running, slowness

pytestmark = pytest.mark.skipif(bool(Browser({}, {}).missing), reason=Browser({}, {}).missing)
PAGE = """<!doctype html><html><body><h1>Courses</h1><p id="first">All of them</p>
<img src="OTHER/logo.svg" alt="">
<script>SCRIPT</script></body></html>"""
JUMPS = """
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
  const late = document.createElement('div'); late.style.height = '400px'; document.body.prepend(late); }, 700)));
"""
BLOCKS = """
new PerformanceObserver(() => setTimeout(() => {
  const until = performance.now() + 400; while (performance.now() < until); }, 50))
  .observe({type: 'paint', buffered: true});
"""


class Site:
    """Two origins on this machine; the page is on the first and loads a picture from the second."""

    def __init__(self) -> None:
        self.script, self.slow = "", 0.0
        self.asked: list[tuple[str, str, str | None]] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                origin = "first" if self.server is site.first else "second"
                site.asked.append((origin, self.path, self.headers.get("x-vercel-protection-bypass")))
                time.sleep(site.slow)
                page = PAGE.replace("OTHER", site.url(site.second)).replace("SCRIPT", site.script)
                body = page.encode() if self.path == "/" else b"<svg xmlns='http://www.w3.org/2000/svg'/>"
                self.send_response(200)
                self.send_header("content-type", "text/html" if self.path == "/" else "image/svg+xml")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                pass

        self.first, self.second = (http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2))
        for server in (self.first, self.second):
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def url(self, server: http.server.ThreadingHTTPServer) -> str:
        return f"http://127.0.0.1:{server.server_address[1]}"

    def load(self, **headers: str) -> browser.Loaded:
        return asyncio.run(Browser(headers, os.environ).load(self.url(self.first) + "/"))


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    for server in (made.first, made.second):
        server.shutdown()
        server.server_close()


def test_a_quiet_page_is_measured(site: Site) -> None:
    seen = site.load()
    assert seen.status == 200
    assert seen.lcp_ms >= seen.fcp_ms > seen.ttfb_ms > 0
    assert seen.lcp_ms > 150, "the network has a latency that this machine has not"
    assert seen.cls < 0.01
    assert seen.tbt_ms < 200


def test_a_page_that_moves_and_one_that_blocks_are_told_from_a_quiet_one(site: Site) -> None:
    site.script = JUMPS
    assert site.load().cls > 0.05
    site.script = BLOCKS
    assert site.load().tbt_ms > 200


def test_the_bypass_secret_goes_to_the_page_s_own_origin_only(site: Site) -> None:
    site.load(**{"x-vercel-protection-bypass": "s3cret"})
    sent = {(origin, secret) for origin, path, secret in site.asked if path in ("/", "/logo.svg")}
    assert sent == {("first", "s3cret"), ("second", None)}


def test_a_site_that_is_not_there_is_unreachable(site: Site) -> None:
    with pytest.raises(Unreachable, match="ERR_"):
        asyncio.run(Browser({}, os.environ).load("http://127.0.0.1:9/"))


def test_a_page_that_never_loads_costs_its_limit_and_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = tempfile.mkdtemp(prefix="q-")  # a short one: the browser makes sockets in it
    monkeypatch.setattr(tempfile, "tempdir", profiles)
    monkeypatch.setattr(browser, "LOAD_SECONDS", 4.0)
    site.slow = 30.0
    began = time.monotonic()
    with pytest.raises(Unreachable, match="TimeoutError"):
        site.load()
    assert time.monotonic() - began < 15 * slowness()
    time.sleep(1)
    left = [one.command for one in running() if profiles in one.command]
    assert not left, "no browser of ours is left running"
    assert not list(Path(profiles).iterdir()), "nor its profile"
    Path(profiles).rmdir()
