"""The dashboard: every page says what the record says, to this machine alone, and as files that need no server."""

import asyncio
import contextlib
import datetime
import html
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

import tasks
from pipeline.clock import SystemClock
from pipeline.commands.board import RecordBoard
from pipeline.commands.dashboard import export_dashboard, show_dashboard
from pipeline.commands.report import facts_of, write_report
from pipeline.commands.serving import application, bound
from pipeline.config import Config, load
from pipeline.documents.writing import Sources
from pipeline.errors import Mistake, Unreachable
from pipeline.record.journal import Journal
from pipeline.record.lock import Lock
from pipeline.record.report import report_of
from pipeline.record.samples import Samples
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.render import charts
from tests.render.runs import BEGAN, Telling, promoted
from tests.scripted import MovingClock

ROOT = Path(__file__).resolve().parent.parent.parent
HOSTILE = "<script>alert(1)</script>"


class Place:
    """A record with runs, an incident and readings, and the dashboard of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, MovingClock()
        self.store = SqliteStore(folder / ".runs/journal.db")
        loaded = load(ROOT / "deploy.yml")
        self.config: Config = replace(loaded, file=replace(loaded.file, state=""))
        self.board = RecordBoard(self.config, folder, self.sources)
        self.app: Starlette = application(self.board, self.clock)

    def sources(self) -> Sources:
        return Sources(self.config, ROOT, tasks.command_words())

    def write(self, told: Telling) -> None:
        for event in told.events:
            self.tell(event.run, event.kind, event.subject, at=event.at, **event.body)

    def tell(self, run: str, kind: str, subject: str = "", *, at: str = "", **body: Any) -> None:
        moment = datetime.datetime.fromisoformat(at) if at else datetime.datetime.now(datetime.UTC)
        Journal(self.store, run, lambda: moment, Redactor()).append(kind, subject, exact=body)

    def get(self, path: str, host: str = "127.0.0.1:8420") -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=self.app), base_url=f"http://{host}"
            ) as http:
                return await http.get(path)

        return asyncio.run(ask())

    def says(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer.text)


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.board.close()
    made.store.close()


@pytest.fixture
def busy(place: Place) -> Place:
    """A good release, one that was taken back, and an incident."""
    place.write(promoted("r1").tell(60, "run ended", outcome="deployed"))
    place.write(promoted("r2", commit="b" * 40).tell(60, "run ended", outcome="rolled back", reason=f"bad {HOSTILE}"))
    said = {"severity": "P1", "reason": "x", "since": BEGAN.isoformat(), "by": "kim", "lead": "", "cause": ""}
    opened = {"target": "production", "playbook": "site-down", "evidence": [], **said}
    place.tell("incident-1", "incident opened", HOSTILE, at=BEGAN.isoformat(), **opened)
    Samples(place.store, "production").add(BEGAN, "r2", "c", (("health.ms", 40), (f"x {HOSTILE}", 1)))
    return place


def test_an_empty_record_has_all_pages_and_they_say_how_it_begins(place: Place) -> None:
    for path in ("/", "/runs", "/delivery", "/baselines", "/readiness"):
        place.says(path)
    assert "No run is written down yet: ./inv deploy starts one." in place.says("/")
    assert "No run has moved it yet: ./inv deploy --target production" in place.says("/")
    assert place.get("/runs/nothing").status_code == 404


def test_commands_are_as_whoever_looks_types_them(busy: Place, tmp_path: Path) -> None:
    asked = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application(busy.board, busy.clock, "/opt/tool/inv")),
        base_url="http://127.0.0.1:8420",
    )
    said = asyncio.run(asked.get("/")).text
    assert "<code>/opt/tool/inv playbook.site-down --target production</code>" in said
    assert "./inv" not in said
    export_dashboard(busy.config, busy.folder, tmp_path / "out", busy.sources)
    for file in (tmp_path / "out").rglob("*.*"):
        assert "./inv" not in file.read_text(encoding="utf-8"), "it is sent on"
    assert "deploy-runbook status" in (tmp_path / "out/index.html").read_text(encoding="utf-8")


def test_the_first_look_at_a_run_does_not_wait_for_the_library_of_charts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    library, made = charts._pygal(), charts._chart
    monkeypatch.setattr(charts, "_chart", lambda kind, **more: drawn.append(kind) or made(kind, **more))  # type: ignore[func-returns-value]
    charts.reading_chart.cache_clear()
    place.board.warm()
    assert len(set(drawn)) == 2, "a line and bars, although the record is empty"
    known = library.graph.base.SerieConfig
    assert dir(known()) == dir(known.__mro__[1]()), "the names that it remembers are those that there are"


def test_now_says_what_production_serves_since_when_and_what_is_open(busy: Place) -> None:
    said = busy.says("/")
    assert "production 0ddba110ddba went back by itself dpl_old since 2026-11-02 10:01 UTC" in said
    assert f"P1 {HOSTILE} incident-1 on production" in said
    assert "./inv playbook.site-down --target production" in said
    assert "r2 rolled back production" in said
    busy.tell("incident-1", "incident resolved", "a cable", works="it loads", by="kim")
    assert "incident-1 on production" not in busy.says("/")
    assert "incident-1, resolved" in busy.says("/readiness"), "a P1 wants a review"


def test_a_run_that_goes_on_is_shown_as_it_is_now(busy: Place) -> None:
    busy.write(promoted("r3"))
    assert "Under way" not in busy.says("/")
    assert "r3 cut off production" in busy.says("/")
    Lock(busy.store, "production", "r3", SystemClock(), lease=60).take("deploys")
    assert "Under way … running r3 to production" in busy.says("/")
    assert "r3 running production" in busy.says("/runs")
    assert "RUNNING: now in watch" in busy.says("/runs/r3")
    busy.tell("r3", "run ended", outcome="deployed")
    assert "DEPLOYED" in busy.says("/runs/r3")
    assert "Under way" not in busy.says("/")


def test_a_run_is_the_same_page_as_its_report(busy: Place, tmp_path: Path) -> None:
    path = write_report(busy.config, busy.folder, "r2", str(tmp_path / "r2.html"))
    file, served = path.read_text(encoding="utf-8"), busy.get("/runs/r2").text
    inside = [re.search(r"<main[^>]*>(.*)</main>", page, re.DOTALL) for page in (file, served)]
    assert inside[0]
    assert inside[1]
    assert "./inv " in served
    assert "./inv " not in file, "it is sent on to who stands in another folder"
    assert inside[0][1] == inside[1][1].replace("./inv ", "deploy-runbook ")
    assert "health.ms" in words(file)
    assert "<script" not in file
    with pytest.raises(Mistake, match="cannot be written"):
        write_report(busy.config, busy.folder, "r2", str(tmp_path / "no/such/folder.html"))


def test_all_runs_are_on_pages(place: Place) -> None:
    for number in range(60):
        place.write(Telling(f"r{number:02}"))
    first, second = place.says("/runs"), place.says("/runs?page=2")
    assert "60 runs, page 1 of 2" in first
    assert "Older" in first
    assert "60 runs, page 2 of 2" in second
    assert "Newer" in second
    assert len(set(re.findall(r"\br\d\d\b", first)) | set(re.findall(r"\br\d\d\b", second))) == 60
    for odd in ("x", "-1", "0", "99999999999"):
        assert "page 1 of 2" in place.says(f"/runs?page={odd}"), odd


def test_figures_come_with_their_definitions_and_a_table_of_each_chart(place: Place) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for run in promoted("r1").tell(60, "run ended", outcome="deployed").events:
        at = now - datetime.timedelta(days=1) + (datetime.datetime.fromisoformat(run.at) - BEGAN)
        place.tell(run.run, run.kind, run.subject, at=at.isoformat(), **run.body)
    page = place.get("/delivery").text
    said = words(page)
    assert "deployment frequency 0.0333 a day: 1 releases in 30 days" in said
    assert "change failure rate releases that were taken back" in said
    assert page.count("<figure") == 4
    assert "deployment frequency, releases a week week from value" in said


def test_what_others_write_is_only_words_on_every_page(busy: Place) -> None:
    busy.board.compute()
    for path in ("/", "/runs", "/runs/r2", "/delivery", "/baselines", "/readiness"):
        assert "<script>alert" not in busy.get(path).text, path
    assert f"x {HOSTILE}" in busy.says("/baselines")
    assert "sections" in busy.says("/readiness")


def test_only_this_machine_is_answered_and_nobody_frames_or_keeps_it(busy: Place) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8420"):
        assert busy.get("/", host).status_code == 400, host
    for host in ("127.0.0.1:8420", "localhost:8420"):
        answer = busy.get("/", host)
        assert answer.status_code == 200
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
    at = bound(0)
    assert at.getsockname()[0] == "127.0.0.1"
    with socket.create_connection(at.getsockname(), 5):
        pass  # it listens before anybody is told of it
    with pytest.raises(Mistake, match="--port 0 takes one that is free"):
        bound(at.getsockname()[1])
    at.close()


def test_a_record_that_cannot_be_read_is_a_sentence_and_no_traceback(
    busy: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> int:
        raise Unreachable("journal", "select", "disk I/O error")

    monkeypatch.setattr(busy.board, "newest", gone)
    answer = busy.get("/")
    assert (answer.status_code, "could not be read" in answer.text) == (503, True)
    assert "Traceback" not in answer.text


def test_without_its_packages_it_is_said_what_to_type(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sse_starlette", None)
    monkeypatch.delitem(sys.modules, "pipeline.commands.serving")
    with pytest.raises(Mistake, match="sse_starlette: not installed; type"):
        show_dashboard(place.config, place.folder, 0, place.sources, print)


def test_the_stream_says_when_the_record_has_grown(busy: Place) -> None:
    async def listen() -> list[str]:
        heard: list[str] = []

        async def send(message: Any) -> None:
            heard.extend(re.findall(r"data: (\d+)", message.get("body", b"").decode()))
            if len(heard) == 1 and not written:
                written.append(1)
                busy.tell(
                    "r9", "run begins", pipeline="deploy", target="production", commit="c", by="kim", production="x"
                )
            if len(heard) == 2:
                gone.set()

        async def receive() -> Any:
            if not asked:
                asked.append(1)
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        gone, written, asked = asyncio.Event(), list[int](), list[int]()
        scope = {
            "type": "http", "method": "GET", "path": "/events", "raw_path": b"/events", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:8420")], "http_version": "1.1", "scheme": "http", "root_path": "",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8420), "asgi": {"version": "3.0"},
        }  # fmt: skip
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(busy.app(scope, receive, send), 20)
        return heard

    heard = asyncio.run(listen())
    assert len(heard) == 2
    assert int(heard[1]) == int(heard[0]) + 1


def test_an_export_is_whole_and_every_link_in_it_leads_somewhere(busy: Place, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    written = export_dashboard(busy.config, busy.folder, folder, busy.sources)
    assert {"index.html", "runs.html", "delivery.html", "baselines.html", "readiness.html", "r1.html", "r2.html"} == {
        Path(path).name for path in written
    }
    for path in map(Path, written):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "/events" not in text
        for link in re.findall(r'href="([^"]+)"', text):
            if not link.startswith(("http", "#")):
                assert (path.parent / link).is_file(), f"{path.name}: {link}"
    assert export_dashboard(busy.config, busy.folder, folder, busy.sources) == written
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(Mistake, match="there is something else in it"):
        export_dashboard(busy.config, busy.folder, tmp_path / "mine", busy.sources)


def test_a_target_that_deploy_yml_has_no_more_still_has_its_runs(place: Place) -> None:
    place.write(promoted("r1", target="gone").tell(60, "run ended", outcome="deployed"))
    assert "DEPLOYED" in place.says("/runs/r1")
    facts = facts_of(place.config, place.folder, place.store, report_of("r1", promoted("r1", target="gone").events))
    assert facts.places is None


def test_what_people_approved_with_a_key_is_on_the_page(place: Place) -> None:
    place.write(promoted("r1").tell(41, "plan read", "f00d"))
    given = {"run": "r1", "target": "production", "plan": "f00d", "commit": "c", "by": "dana", "at": BEGAN.isoformat(),
             "parts": [], "proof": "", "via": "signature"}  # fmt: skip
    place.tell("approval-1", "approval given", "f00d", approval=given)
    assert "dana signed with a key, for exactly this plan" in place.says("/runs/r1")
