"""The pages in a real browser: accessible in every look, on a phone and by keyboard, and live while a run goes on."""

import asyncio
import datetime
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from pipeline.clock import SystemClock
from pipeline.commands.dashboard import exported
from pipeline.commands.serving import application, bound
from pipeline.documents.site.writing import write_site
from pipeline.handbook.limits import ReadingLimit
from pipeline.record.lock import Lock
from pipeline.render.readings import readings
from pipeline.render.runpage import RunFacts, run_page
from tests.commands.test_dashboard import Place
from tests.documents.test_site import Tab, browse, in_a_browser
from tests.documents.test_site import pages as site_pages
from tests.render import runs
from tests.render.runs import BEGAN, promoted
from tests.render.test_run_page import KINDS, largest, series

AXE = Path(__file__).resolve().parent.parent / "npm/node_modules/axe-core/axe.min.js"
with_axe = pytest.mark.skipif(not AXE.is_file(), reason="not installed in tests/npm: axe-core; ./inv test --wide")
AUDIT = "axe.run().then(found => JSON.stringify(found.violations.map(one => [one.id, one.nodes.map(n => n.html)])))"
LOOKS: tuple[dict[str, Any], ...] = ({"dark": False}, {"dark": True}, {"width": 375})
SIDEWAYS = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)"
"""The tables of a page that somebody would have to move sideways."""
OPENS_WITHIN = 1000  # ms


def pages() -> dict[str, str]:
    """A page of each kind of run, with readings."""
    limit = ReadingLimit(50, "health.slowest_ms")
    seen = readings(series("health.ms", [30, 40, 60]), BEGAN, {"health.ms": (35.0,)}, {"health.ms": limit})
    kinds = {f"{name.replace(' ', '-')}.html": make for name, make in KINDS.items()}
    return {name: run_page(RunFacts(make(), seen, alive=name == "running.html")) for name, make in kinds.items()}


async def violations(tab: Tab) -> Any:
    await tab.run(AXE.read_text(encoding="utf-8"))
    answer = await tab._pipe.ask(
        "Runtime.evaluate", tab._session, expression=AUDIT, awaitPromise=True, returnByValue=True
    )
    return json.loads(answer["result"]["value"])


async def press(tab: Tab, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        await tab._pipe.ask(
            "Input.dispatchKeyEvent", tab._session, type=kind, key=key, code=key, windowsVirtualKeyCode=9
        )


async def until(tab: Tab, script: str) -> bool:
    for _ in range(400):
        if await tab.run(script):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@in_a_browser
@with_axe
def test_every_kind_of_run_is_accessible_in_light_dark_and_on_a_phone(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        for name in pages():
            for look in LOOKS:
                await tab.open(name, **look)
                assert await violations(tab) == [], (name, look)

    browse(folder, act)


@in_a_browser
def test_no_page_is_wider_than_a_phone_and_the_keyboard_gets_everywhere(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        for name in pages():
            await tab.open(name, width=390)
            assert await tab.run("document.scrollingElement.scrollWidth") <= 390, name
            assert await tab.run(f"{SIDEWAYS}.length") == 0, name
        await tab.open("rolled-back.html")
        await press(tab, "Tab")
        assert await tab.run("document.activeElement.className") == "skip"
        wanted = await tab.run("document.querySelectorAll('a, [tabindex=\"0\"]').length")
        reached = 1
        for _ in range(wanted + 3):
            await press(tab, "Tab")
            reached += await tab.run("document.activeElement.matches('a, [tabindex=\"0\"]') ? 1 : 0")
        assert reached >= wanted

    browse(folder, act)


@in_a_browser
def test_the_style_counts_and_lines_are_told_apart_without_colour(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("deployed.html")
        width = "getComputedStyle(document.querySelector('.track i')).position"
        assert await tab.run(width) == "absolute", "the policy of the page lets its own style in"
        dashes = (
            "['0', '1', '2'].map(n => getComputedStyle(document.querySelector(`.serie-${n} .line`)).strokeDasharray)"
        )
        assert len(set(await tab.run(dashes))) == 3
        await tab.open("deployed.html", dark=True)
        assert await tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 26)"
        assert (await tab.printed())[:4] == b"%PDF"

    browse(folder, act)


@in_a_browser
def test_the_largest_run_opens_at_once(tmp_path: Path) -> None:
    (tmp_path / "largest.html").write_text(run_page(largest()[1]), encoding="utf-8")

    async def act(tab: Tab) -> None:
        took = []
        for _ in range(3):
            await tab.open("largest.html")
            took.append(await tab.run("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        assert 0 < min(took) < OPENS_WITHIN, took

    browse(tmp_path, act)


def served(place: Place, act: Callable[[Tab, str], Any]) -> None:
    """``act`` in a browser, with the dashboard of ``place`` on a port of this machine, in the same loop."""

    async def both(tab: Tab) -> None:
        at = bound(0)
        app = application(place.board, SystemClock())
        config = uvicorn.Config(app, lifespan="off", http="h11", log_level="critical")
        config.load()
        make = functools.partial(config.http_protocol_class, config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg, arg-type]
        server = await asyncio.get_running_loop().create_server(make, sock=at)
        try:
            await act(tab, f"http://127.0.0.1:{at.getsockname()[1]}")
        finally:
            server.close()

    browse(place.folder, both)


async def visit(tab: Tab, address: str, **look: Any) -> None:
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if look.get("dark") else "light"}]
    await tab._pipe.ask("Emulation.setEmulatedMedia", tab._session, features=scheme)
    size = {"width": look.get("width", 1280), "height": 900, "deviceScaleFactor": 1, "mobile": "width" in look}
    await tab._pipe.ask("Emulation.setDeviceMetricsOverride", tab._session, **size)
    await tab._pipe.ask("Page.navigate", tab._session, url="about:blank")
    await tab._pipe.ask("Page.navigate", tab._session, url=address)
    assert await until(tab, "document.readyState === 'complete' && location.protocol === 'http:'")


@in_a_browser
def test_a_run_that_goes_on_is_followed_by_its_page_without_a_reload(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write(promoted("r1"))
    Lock(place.store, "production", "r1", SystemClock(), lease=60).take("deploys")

    async def act(tab: Tab, address: str) -> None:
        await visit(tab, f"{address}/runs/r1")
        assert await until(tab, "document.getElementById('beat').textContent === 'live'")
        await tab.run("window.same = true")
        assert "RUNNING" in await tab.run("document.querySelector('h1').textContent")
        await asyncio.to_thread(place.tell, "r1", "run ended", outcome="deployed")
        assert await until(tab, "document.querySelector('h1').textContent === 'DEPLOYED'")
        assert await tab.run("window.same === true"), "it is the same page still"
        assert await tab.run("document.getElementById('beat').textContent") == "DEPLOYED", "and it is said"

    served(place, act)


@in_a_browser
@with_axe
def test_every_page_of_the_dashboard_is_accessible_and_fits_a_phone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    now = datetime.datetime.now(datetime.UTC)
    for event in runs.promoted("r1").tell(60, "run ended", outcome="rolled back", reason="bad").events:
        at = now - datetime.timedelta(days=1) + (datetime.datetime.fromisoformat(event.at) - BEGAN)
        place.tell(event.run, event.kind, event.subject, at=at.isoformat(), **event.body)
    place.board.compute()

    async def act(tab: Tab, address: str) -> None:
        for path in ("/", "/runs", "/runs/r1", "/delivery", "/baselines", "/readiness"):
            for look in LOOKS:
                await visit(tab, address + path, **look)
                assert await violations(tab) == [], (path, look)
            assert await tab.run("document.scrollingElement.scrollWidth") <= 390, path
            assert await tab.run(f"{SIDEWAYS}.length") == 0, path

    served(place, act)
    assert "index.html" in exported(place.board)


@in_a_browser
@with_axe
def test_every_page_of_the_runbooks_is_accessible(tmp_path: Path) -> None:
    write_site(site_pages(), tmp_path / "site")
    looked_at = ("deployment-runbook", "incident-response", "monitoring", "troubleshooting", "by-hand")
    names = ["index.html", *(f"{name}.html" for name in looked_at)]

    async def act(tab: Tab) -> None:
        for name in names:
            look: dict[str, Any] = {"dark": True} if name in names[:3] else {"width": 375}
            await tab.open(name, **look)
            assert await violations(tab) == [], (name, look)

    browse(tmp_path / "site", act)
