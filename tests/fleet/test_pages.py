"""One report of an order, and its page: waves as rows, projects as cells, what several share once, what is left."""

import asyncio
import datetime
import html
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.clock import SystemClock
from pipeline.commands.fleetboard import FleetBoard
from pipeline.commands.fleetdashboard import MARK, export_fleet, show_report
from pipeline.commands.fleetserving import fleet_application
from pipeline.commands.serving import changes
from pipeline.errors import Mistake
from pipeline.fleet.ends import LOST, Fault, ProjectEnd
from pipeline.fleet.file import load_fleet
from pipeline.fleet.order import OrderState
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Journal
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.render.fleetpage import order_page
from pipeline.render.fleetreport import left_to_do, report_text, report_values
from tests.commands.test_in_a_browser import LOOKS, violations, with_axe
from tests.documents.test_answers import misfits
from tests.documents.test_site import Tab, browse, in_a_browser
from tests.fleet.test_deciding import T0, Story

HOSTILE = "<script>alert(1)</script>"
LOGIN = (Fault("smoke.journeys-work", "login fails"),)


def story() -> Story:
    """Canaries that went well, a second wave with every bad end, a third that waits for a yes."""
    waves = (
        PlannedWave("canaries", ("a", "b")),
        PlannedWave("some", ("c", "d", "e", "f", "g")),
        PlannedWave("rest", ("h", "i"), approval=True),
    )
    told = Story(*waves, budget=9, by="dana", proof="x")
    told.then("wave begins", "canaries").ended("a").ended("b").then("wave ended", "canaries", findings=[])
    told.then("wave begins", "some")
    told.ended("c", ProjectEnd("blocked", "login fails", LOGIN)).ended("d", ProjectEnd("blocked", HOSTILE, LOGIN))
    told.ended("e", ProjectEnd("stranded", "the way back failed"))
    told.ended("f", ProjectEnd("held", "who knows", before="dpl_old")).ended("g", ProjectEnd(LOST, "gone"))
    return told.then("wave ended", "some", findings=[])


HOMES = {name: f"apps/{name}" for name in "abcdefghi"}


def test_the_report_says_by_wave_what_was_done_what_is_shared_and_what_is_left() -> None:
    text = report_text(story().state, HOMES)
    assert text.startswith("Order o to deploy 9 projects goes on: 2 well, 5 badly, 2 to go")
    assert "given by         dana, signed" in text
    assert "1. canaries: ended, 2 well\n" in text
    assert "2. some: ended, 0 well, 5 badly" in text
    assert "3. rest: waits for somebody to agree, 0 well, 2 not ended" in text
    assert "smoke.journeys-work: login fails\n    shared by 2: c, d" in text
    assert [line for line in text.splitlines() if line.strip().startswith("✓")] == [], "what is well is only counted"
    left = [(one.says.partition(":")[0], one.command) for one in left_to_do(story().state, HOMES)]
    assert left == [
        ("nobody knows how it ended", "./inv --home apps/g settle --run o.g"),
        ("is stranded", "./inv --home apps/e report o.e"),
        ("is live, and held for somebody to decide", './inv --home apps/f accept o.f --because "…"'),
        ("rest waits for somebody to agree", "./inv fleet.deploy --resume o --agreed-by NAME"),
    ]


def test_an_order_that_was_stopped_says_whom_to_mend_and_who_was_not_begun() -> None:
    told = Story(PlannedWave("all", ("a", "b", "c")), budget=0)
    told.then("wave begins", "all").ended("a", ProjectEnd("blocked", "x")).then("budget spent", says="1 ended badly")
    told.then("wave ended", "all").then("order ended", outcome="stopped")
    text = report_text(told.state, {})
    assert "was stopped: 0 well, 1 badly, 2 not begun" in text
    assert "./inv fleet.deploy --select 'project=a'" in text
    assert "b, c: were not begun\n    ./inv fleet.deploy --select 'project=b|c'" in text
    values = report_values(told.state, {}, T0)
    assert misfits("fleet.report", values) == []
    assert (values["outcome"], values["spent"], len(values["projects"])) == ("stopped", "1 ended badly", 3)  # type: ignore[arg-type]
    well = Story(PlannedWave("all", ("a",))).then("wave begins", "all").ended("a").then("wave ended", "all")
    assert report_text(well.then("order ended", outcome="done").state, {}).endswith("Nothing is left to do.")


def shown(state: OrderState, **frame: Any) -> str:
    return order_page(state, HOMES, lambda run: f"runs/{run}.html" if run != "o.b" else "", "now", "here", **frame)


def test_the_page_has_waves_as_rows_and_cells_with_sign_word_and_way_to_the_run() -> None:
    text = shown(story().state)
    rows = re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', text, re.DOTALL)
    assert [name for name, _ in rows] == ["canaries", "some", "rest"]
    assert '<span aria-hidden="true">✓</span> deployed</span> <a href="runs/o.a.html">a</a>' in rows[0][1]
    assert "</span> b</li>" in rows[0][1], "what has no page leads nowhere"
    assert '<span aria-hidden="true">✗</span> stranded</span> <a href="runs/o.e.html">e</a>' in rows[1][1]
    assert '<span aria-hidden="true">…</span> waits</span> h' in rows[2][1]
    assert text.count("smoke.journeys-work") == 1
    assert "shared by 2" in text
    assert HOSTILE not in text
    assert html.escape(HOSTILE) in text


@in_a_browser
@with_axe
def test_the_pages_are_accessible_in_light_dark_and_on_a_phone(tmp_path: Path) -> None:
    (tmp_path / "order.html").write_text(shown(story().state, places=[("Now", "#"), ("Orders", "#")], here="Now"))

    async def act(tab: Tab) -> None:
        for look in LOOKS:
            await tab.open("order.html", **look)
            assert await violations(tab) == [], look
        assert await tab.run("document.scrollingElement.scrollWidth") <= 390
        assert await tab.run("getComputedStyle(document.querySelector('.waves td')).display") == "block"

    browse(tmp_path, act)


class Recorded:
    """A fleet's folder whose record has the order of ``story``."""

    def __init__(self, folder: Path) -> None:
        lines = "".join(f"  {name}: {{home: apps/{name}}}\n" for name in HOMES)
        (folder / "fleet.yml").write_text(f"projects:\n{lines}")
        self.folder, self.store = folder, SqliteStore(folder / ".runs/journal.db")

    def write(self) -> None:
        for event in story().events:
            moment = datetime.datetime.fromisoformat(event.at)
            self.journal(moment).append(event.kind, event.subject, exact=event.body)

    def journal(self, moment: datetime.datetime) -> Journal:
        return Journal(self.store, "o", lambda: moment, Redactor())

    @property
    def board(self) -> FleetBoard:
        return FleetBoard(self.folder, load_fleet(self.folder / "fleet.yml"), self.store, "here")

    def get(self, path: str, host: str = "127.0.0.1") -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=fleet_application(self.board, SystemClock(), "/opt/inv"))
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
                return await http.get(path)

        return asyncio.run(ask())


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path)


def test_the_pages_are_served_to_this_machine_alone_and_live(recorded: Recorded) -> None:
    assert "No order is written down yet" in recorded.get("/").text
    recorded.write()
    answer = recorded.get("/")
    assert "Order o to deploy 9 projects" in answer.text
    assert '<a href="/runs/o.a">a</a>' in answer.text
    assert "<code>/opt/inv fleet.deploy --resume o --agreed-by NAME</code>" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert "live.js" in answer.text
    assert '<a href="/orders/o">o</a>' in recorded.get("/orders").text
    for path in ("/orders/nothing", "/runs/o.a", "/runs/o.nobody", "/runs/x"):
        assert recorded.get(path).status_code == 404, path
    assert recorded.get("/", "evil.example.com").status_code == 400

    async def first() -> dict[str, str]:
        async for said in changes(recorded.board, SystemClock()):
            return said
        raise AssertionError

    before = asyncio.run(first())["data"]
    recorded.journal(T0).append("order waits", says="x")
    assert int(asyncio.run(first())["data"]) == int(before) + 1


def test_an_export_needs_no_server_and_is_not_written_over_something_else(recorded: Recorded, tmp_path: Path) -> None:
    recorded.write()
    to = tmp_path / "out"
    names = [Path(one).relative_to(to).as_posix() for one in export_fleet(tmp_path, to)]
    assert names == ["index.html", "orders.html", "orders/o.html"]
    text = (to / "index.html").read_text()
    assert "live.js" not in text
    assert 'href="runs/' not in text, "no run of it has a page"
    assert 'href="orders.html"' in text
    assert 'href="../orders.html"' in (to / "orders/o.html").read_text()
    assert "./inv" not in text
    export_fleet(tmp_path, to)
    (to / MARK).unlink()
    with pytest.raises(Mistake, match="something else in it"):
        export_fleet(tmp_path, to)
    said: list[str] = []
    show_report(tmp_path, "", said.append, as_json=False, to=str(tmp_path / "one.html"))
    assert "Order o to deploy" in (tmp_path / "one.html").read_text()
