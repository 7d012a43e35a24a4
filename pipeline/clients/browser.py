"""Loads a page in a browser of this machine as Lighthouse's mobile laboratory does: slow network, slow processor.

Driven over a pipe with Chrome's DevTools protocol, one page in one fresh profile at a time.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.clock import SystemClock
from pipeline.errors import Unreachable, Unreadable

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SETTLED = 1.0  # seconds without anything new after the page has loaded
LOAD_SECONDS = 45.0
CPU_SLOWDOWN = 4
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
BECOME = """
import fcntl, os, sys
here = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
os.dup2(here[0], 3), os.dup2(here[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""  # the protocol wants exactly the descriptors 3 and 4
OBSERVE = """
window.__lab = {lcp: 0, cls: 0, fcp: 0, long: []};
const on = (type, see) =>
  new PerformanceObserver(list => list.getEntries().forEach(see)).observe({type, buffered: true});
on('largest-contentful-paint', e => { __lab.lcp = e.startTime; });
on('layout-shift', e => { if (!e.hadRecentInput) __lab.cls += e.value; });
on('paint', e => { if (e.name === 'first-contentful-paint') __lab.fcp = e.startTime; });
on('longtask', e => { __lab.long.push([e.startTime, e.duration]); });
"""
READ = """
(() => { const nav = performance.getEntriesByType('navigation')[0] || {};
  const tbt = __lab.long.filter(([at]) => at >= __lab.fcp).reduce((sum, [, ms]) => sum + Math.max(0, ms - 50), 0);
  return JSON.stringify({lcp: __lab.lcp, cls: __lab.cls, fcp: __lab.fcp, tbt, ttfb: nav.responseStart || 0,
                         status: nav.responseStatus || 0}); })()
"""


@dataclass(frozen=True)
class Loaded:
    """The timings of one load of a page, in milliseconds; ``cls`` has no unit."""

    status: int
    lcp_ms: float
    cls: float
    tbt_ms: float
    fcp_ms: float
    ttfb_ms: float


class Browser:
    """Drives Chromium or Chrome, when one is installed.

    ``headers`` go to the page's own origin only: they may be secret.

    ``env``: the environment of its process.
    """

    def __init__(self, headers: Mapping[str, str], env: Mapping[str, str]) -> None:
        self._headers, self._env = dict(headers), dict(env)
        self.path = next((found for name in NAMES if (found := shutil.which(name))), "")

    @property
    def missing(self) -> str:
        """Say why no page can be loaded; empty when one can."""
        return "" if self.path else "there is no Chromium or Chrome on this machine"

    async def load(self, url: str) -> Loaded:
        """Load the page at ``url`` once, with nothing cached.

        Raises Unreachable when the browser or the page does not come.
        """
        try:
            async with asyncio.timeout(LOAD_SECONDS), _running(self.path, self._env) as pipe:
                return await self._load(pipe, url)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise Unreachable("browser", f"load {url}", f"{type(error).__name__} {error}".rstrip()) from None

    async def _load(self, pipe: "Pipe", url: str) -> Loaded:
        target = await pipe.ask("Target.createTarget", url="about:blank")
        attached = await pipe.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = attached["sessionId"]
        await pipe.ask("Page.enable", page)
        await pipe.ask("Network.enable", page)
        await pipe.ask("Network.emulateNetworkConditions", page, **NETWORK)
        await pipe.ask("Emulation.setCPUThrottlingRate", page, rate=CPU_SLOWDOWN)
        await pipe.ask(
            "Emulation.setDeviceMetricsOverride", page, width=412, height=823, deviceScaleFactor=1.75, mobile=True
        )
        await pipe.ask("Page.addScriptToEvaluateOnNewDocument", page, source=OBSERVE)
        if self._headers:
            await pipe.ask("Fetch.enable", page, patterns=[{"urlPattern": f"{_origin(url)}/*"}])
            pipe.on_request(page, self._headers)
        went = await pipe.ask("Page.navigate", page, url=url)
        if went.get("errorText"):
            raise Unreachable("browser", f"load {url}", str(went["errorText"]))
        await pipe.event("Page.loadEventFired", page)
        await SystemClock().sleep(SETTLED)
        read = await pipe.ask("Runtime.evaluate", page, expression=READ)
        try:
            found = json.loads(read["result"]["value"])
            return Loaded(
                int(found["status"]),
                float(found["lcp"]),
                float(found["cls"]),
                float(found["tbt"]),
                float(found["fcp"]),
                float(found["ttfb"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise Unreadable("browser", f"load {url}", f"the page could not be measured: {error!r}") from error


class Pipe:
    """Carries DevTools messages, each ended by a zero byte: commands down, answers and events up."""

    def __init__(self, reader: asyncio.StreamReader, write: int) -> None:
        self._reader, self._write, self._last = reader, write, 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: dict[tuple[str, str], asyncio.Event] = {}
        self._sign: dict[str, dict[str, str]] = {}
        self._task = asyncio.ensure_future(self._listen())

    async def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send one DevTools command and give its result. Raises Unreadable when the browser refuses it."""
        waiting = self._send(method, session, params)
        both: set[asyncio.Future[Any]] = {waiting, self._task}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ConnectionError("the browser ended")
        answer = waiting.result()
        if "error" in answer:
            raise Unreadable("browser", method, str(answer["error"].get("message")))
        return dict(answer["result"])

    async def event(self, method: str, session: str) -> None:
        """Wait until a DevTools event has happened; it may have already."""
        await self._event(method, session).wait()

    def on_request(self, session: str, headers: Mapping[str, str]) -> None:
        """Let every request that the browser holds go on, with ``headers`` added."""
        self._sign[session] = dict(headers)

    def close(self) -> None:
        self._task.cancel()

    def _event(self, method: str, session: str) -> asyncio.Event:
        return self._events.setdefault((method, session), asyncio.Event())

    def _send(self, method: str, session: str, params: Mapping[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        self._last += 1
        message = {"id": self._last, "method": method, "params": params, **({"sessionId": session} if session else {})}
        waiting = self._answers[self._last] = asyncio.get_running_loop().create_future()
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return waiting

    async def _listen(self) -> None:
        while True:
            message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            session, method = message.get("sessionId", ""), message.get("method", "")
            if "id" in message:
                waiting = self._answers.pop(message["id"], None)
                if waiting and not waiting.done():
                    waiting.set_result(message)
            elif method == "Fetch.requestPaused":
                sent = message["params"]["request"]["headers"] | self._sign.get(session, {})
                headers = [{"name": name, "value": value} for name, value in sent.items()]
                self._send(
                    "Fetch.continueRequest", session, {"requestId": message["params"]["requestId"], "headers": headers}
                )
            else:
                self._event(method, session).set()


@contextlib.asynccontextmanager
async def _running(path: str, env: Mapping[str, str]) -> AsyncIterator[Pipe]:
    """Start a browser with a profile of its own; both are gone afterwards, whatever happens."""
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            BECOME,
            str(down_read),
            str(up_write),
            path,
            "--headless=new",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--disable-gpu",
            "--disable-extensions",
            "--disable-background-networking",
            "--mute-audio",
            "--no-default-browser-check",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(down_read, up_write),
            start_new_session=True,
            env=env,
        )
        os.close(down_read)
        os.close(up_write)
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(up_read, "rb")
        )
        pipe = Pipe(reader, down_write)
        try:
            yield pipe
        finally:
            pipe.close()
            transport.close()
            os.close(down_write)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
