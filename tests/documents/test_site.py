"""The static site: whole, inert, usable from a file in a real browser, on a phone and on paper."""

import asyncio
import base64
import json
import os
import re
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import tasks
from pipeline.clients.browser import Browser, Pipe, _running
from pipeline.config import load
from pipeline.documents import writing as documents
from pipeline.documents.completeness import anchors
from pipeline.documents.site.build import build
from pipeline.documents.site.diagrams import svg
from pipeline.documents.site.writing import write_site
from pipeline.errors import Mistake

ROOT = Path(__file__).resolve().parent.parent.parent
CHROME = Browser({}, {}).path
in_a_browser = pytest.mark.skipif(not CHROME, reason="there is no Chromium: install chromium")


# A second of work that every worker would do while it collects, also for a test of one gate.
@cache
def pages() -> dict[str, str]:
    """Every page, as it is now."""
    sources = documents.Sources(load(ROOT / "deploy.yml"), ROOT, tasks.command_words())
    return documents.pages(documents.generated(sources))


@cache
def files() -> dict[str, str]:
    """The site that is made of them."""
    return build(pages())


@cache
def html() -> dict[str, str]:
    """Its pages."""
    return {name: text for name, text in files().items() if name.endswith(".html")}


def test_every_page_is_there_and_every_link_leads_somewhere() -> None:
    assert {name.replace(".md", ".html") for name in pages()} | {"index.html"} == set(html())
    ids = {name: set(re.findall(r' id="([^"]+)"', text)) for name, text in html().items()}
    for name, text in html().items():
        for target in map(unescape, re.findall(r'(?:href|src)="([^"]+)"', text)):
            if target.startswith("http"):
                continue
            path, _, fragment = target.partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            assert there in files(), f"{name}: {target}"
            assert not fragment or fragment in ids[there], f"{name}: {target}"


def test_headings_have_the_ids_that_github_gives_them() -> None:
    for name, text in pages().items():
        assert anchors(text) == set(re.findall(r'<h\d id="([^"]+)"', html()[name.replace(".md", ".html")]))


def test_the_search_knows_every_heading() -> None:
    known = {(page, id) for page, id, _, _ in json.loads(files()["search.js"].partition("=")[2].strip().rstrip(";"))}
    for name, text in pages().items():
        assert {(name.replace(".md", ".html"), one) for one in anchors(text)} <= known


def test_nothing_comes_from_elsewhere_and_no_script_is_inline() -> None:
    for text in html().values():
        assert not re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?:https?:)?//', text)
        assert not re.search(r"<script(?![^>]*src=)", text)
        assert not re.search(r" on\w+=\"| style=\"", text)
        assert "default-src 'none'" in text
    assert "fetch(" not in files()["site.js"]


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "[x](javascript:alert(1))"]
)
def test_what_is_hostile_stays_text(hostile: str) -> None:
    page = build({"t.md": f"# {hostile}\n\n| a |\n| --- |\n| {hostile} |\n\n```sh\necho {hostile}\n```\n"})
    text = page["t.html"]
    assert "<script>alert" not in text
    assert "<img" not in text
    assert 'href="javascript' not in text


def test_a_flag_is_whole_and_what_is_around_it_stays_text() -> None:
    files = build({"a.md": "# A\n\nRun `./inv lock --target <b> --x` and\n\n```sh\nvercel --yes && rm\n```\n"})
    assert './inv lock <span class="flag">--target</span> &lt;b&gt; <span class="flag">--x</span>' in files["a.html"]
    assert 'vercel <span class="flag">--yes</span> &amp;&amp; rm' in files["a.html"]
    assert "&lt;span" not in files["a.html"]


def test_a_check_list_a_table_and_a_name_become_what_they_are() -> None:
    text = build(
        {"t.md": "# T\n\n- [ ] one\n- [ ] two\n\n| a |\n| --- |\n| b |\n\n```sh\nvercel inspect $DOMAIN\n```\n"}
    )["t.html"]
    assert text.count('type="checkbox"') == 2
    assert '<div class="scroll" tabindex="0"><table>' in text
    assert '<var data-name="DOMAIN">$DOMAIN</var>' in text


def test_every_chart_is_drawn_with_all_its_words_and_nothing_overlaps() -> None:
    charts = [c for text in pages().values() for c in re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)]
    assert len(charts) >= 3
    for chart in charts:
        drawn = svg(chart, "t")
        words = re.sub(r"\s+", "", unescape(re.sub(r"<[^>]+>", "", drawn)))
        for label in re.findall(r'\["?([^"\]]+)"?\]|\{"([^"]+)"\}', chart):
            for word in "".join(label).replace("<br/>", " ").split():
                assert word.strip("()") in words
        boxes = [
            tuple(map(float, one))
            for one in re.findall(r'<rect class="\w+" x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', drawn)
        ]
        for index, (x, y, w, h) in enumerate(boxes):
            assert not [
                b for b in boxes[index + 1 :] if x < b[0] + b[2] and b[0] < x + w and y < b[1] + b[3] and b[1] < y + h
            ]


def test_no_id_is_there_twice_on_a_page() -> None:
    for name, text in html().items():
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), name


def test_either_way_is_copied_alone() -> None:
    text = build(
        {"t.md": "# T\n\n```sh\n./inv rollback   # with the tool\nvercel rollback $PREVIOUS  # by hand\n```\n"}
    )["t.html"]
    assert len(re.findall("<pre", text)) == 2
    assert (
        text.index("With the tool:")
        < text.index("./inv rollback\n")
        < text.index("By hand:")
        < text.index("vercel rollback")
    )


def test_a_tick_belongs_to_its_words_not_to_its_place() -> None:
    def keys(text: str) -> list[str]:
        return re.findall('data-task="([^"]+)"', build({"t.md": text})["t.html"])

    old = keys("# T\n\n## A\n\n- [ ] one\n- [ ] two\n")
    new = keys("# T\n\n## A\n\n- [ ] none\n- [ ] one\n- [ ] two\n- [ ] two\n")
    assert old == new[1:3]
    assert len(new) == len(set(new)) == 4


def test_the_words_of_a_tick_are_its_label_also_when_they_begin_with_code() -> None:
    text = build({"t.md": "# T\n\n- [ ] `A_KEY`: set [`x.y`](#t)\n  *By hand:* look\n- [ ] `B_KEY`: set\n"})["t.html"]
    labels = re.findall(r"<label>(.*?)</label>", text, re.DOTALL)
    said = [re.sub(r"<[^>]+>", "", one).strip() for one in labels]
    assert said == ["A_KEY: set x.y", "B_KEY: set"]
    assert len(set(re.findall('data-task="([^"]+)/', text))) == 2, "a tick belongs to its words"


def test_every_link_has_words() -> None:
    for name, text in html().items():
        assert not re.search(r"<a [^>]*></a>", text), name


def test_every_error_code_of_the_guide_is_in_the_index() -> None:
    codes = set(re.findall(r"^\| ([A-Z0-9]{5}):", pages()["troubleshooting.md"], re.MULTILINE))
    assert len(codes) > 10
    assert not [one for one in codes if one not in files()["search.js"]]


def test_commands_in_a_sentence_have_names_to_fill_in_and_the_legend_does_not() -> None:
    text = build({"t.md": "# T\n\nRun `vercel inspect $DOMAIN`.\n\n| a |\n| --- |\n| `$DOMAIN` |\n"})["t.html"]
    assert text.count("<var ") == 1
    assert "<code>$DOMAIN</code>" in text


def test_a_chart_without_nodes_is_said() -> None:
    with pytest.raises(ValueError, match="no node"):
        svg("flowchart TD\n", "t")


def test_it_is_written_into_a_folder_of_its_own_and_into_no_other(tmp_path: Path) -> None:
    written = write_site(pages(), tmp_path / "site")
    assert len(written) == len(files())
    assert write_site(pages(), tmp_path / "site") == written
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(Mistake, match="there is something else in it"):
        write_site(pages(), tmp_path / "mine")
    (tmp_path / "site/index.html").unlink()
    (tmp_path / "site/index.html").symlink_to(tmp_path / "mine/thesis.txt")
    with pytest.raises(Mistake, match=r"index\.html is a link"):
        write_site(pages(), tmp_path / "site")
    assert (tmp_path / "mine/thesis.txt").read_text() == "x"


# -- in a browser


class Tab:
    """One page, opened from a file."""

    def __init__(self, pipe: Pipe, session: str, folder: Path) -> None:
        self._pipe, self._session, self._folder = pipe, session, folder

    async def open(self, name: str, *, width: int = 1440, dark: bool = False) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self._pipe.ask("Emulation.setEmulatedMedia", self._session, features=scheme)
        await self._pipe.ask(
            "Emulation.setDeviceMetricsOverride",
            self._session,
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 800,
        )
        await self._pipe.ask("Page.navigate", self._session, url="about:blank")
        await self._pipe.ask("Page.navigate", self._session, url=f"file://{self._folder / name}")
        for _ in range(100):
            if await self.run("document.readyState === 'complete' && location.protocol === 'file:'"):
                return
            await asyncio.sleep(0.02)

    async def run(self, script: str) -> Any:
        answer = await self._pipe.ask("Runtime.evaluate", self._session, expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def printed(self) -> bytes:
        answer = await self._pipe.ask("Page.printToPDF", self._session)
        return base64.b64decode(answer["data"])

    async def shot(self, to: Path) -> None:
        answer = await self._pipe.ask("Page.captureScreenshot", self._session)
        to.write_bytes(base64.b64decode(answer["data"]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    write_site(pages(), made / "s")
    return made / "s"


def browse(folder: Path, act: Any) -> None:
    async def go() -> None:
        async with _running(CHROME, {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}) as pipe:
            target = await pipe.ask("Target.createTarget", url="about:blank")
            attached = await pipe.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            await pipe.ask("Page.enable", attached["sessionId"])
            await act(Tab(pipe, attached["sessionId"], folder))

    asyncio.run(asyncio.wait_for(go(), 120))


TYPE = "(() => {{ const f = document.getElementById('search'); f.focus(); f.value = {!r}; f.oninput(); return [...document.querySelectorAll('#found a')].map(a => a.getAttribute('href')); }})()"


@in_a_browser
def test_the_search_finds_the_section_from_a_file_also_with_a_typo(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("index.html")
        for code in ("P3009", "P3018", "55P03"):
            assert "troubleshooting.html#database-and-migrations" in await tab.run(TYPE.format(code)), code
        assert (await tab.run(TYPE.format("site donw")))[0] == "incident-response.html#site-down"
        assert (await tab.run(TYPE.format("site down")))[0] == "incident-response.html#site-down"
        assert any("rollback-procedure" in href for href in await tab.run(TYPE.format("rolback procedure")))
        assert await tab.run(TYPE.format("xyzzyplugh")) == []
        await tab.run(TYPE.format("site down"))
        await tab.run("document.querySelector('#found a').click()")
        await asyncio.sleep(0.3)
        assert await tab.run("location.pathname.endsWith('incident-response.html') && location.hash") == "#site-down"
        await tab.open("drills/README.md".replace(".md", ".html"))
        assert "../incident-response.html#site-down" in await tab.run(TYPE.format("site down"))

    browse(folder, act)


@in_a_browser
def test_a_name_that_is_filled_in_shows_in_commands_and_a_secret_has_no_field(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("deployment-runbook.html")
        names = await tab.run("[...document.querySelectorAll('.fill')].map(f => f.previousElementSibling.textContent)")
        assert "$DOMAIN" in names
        assert not [one for one in names if re.search("TOKEN|SECRET|DATABASE_URL|DIRECT_URL|KEY", one)]
        fill = "(() => { const f = [...document.querySelectorAll('.fill')].find(f => f.previousElementSibling.textContent === '$PREVIOUS'); f.value = 'dpl_abc'; f.oninput(); })()"
        await tab.run(fill)
        assert await tab.run(
            "[...document.querySelectorAll('pre')].some(p => p.textContent.includes('vercel rollback dpl_abc'))"
        )
        assert await tab.run("localStorage.length") == 0
        await tab.run(fill.replace("dpl_abc", "x; rm -rf ~"))
        assert not await tab.run("document.body.textContent.includes('rm -rf ~')"), "that is no one word of a shell"
        assert await tab.run(
            "[...document.querySelectorAll('li code')].some(c => c.textContent.includes('inspect lms.'))"
        )

    browse(folder, act)


@in_a_browser
def test_ticks_stay_until_they_are_cleared(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("deployment-runbook.html")
        await tab.run(
            "(() => { const b = document.querySelectorAll('[data-task]')[2]; b.checked = true; b.onchange(); })()"
        )
        await tab.open("deployment-runbook.html")
        assert await tab.run("[...document.querySelectorAll('[data-task]')].filter(b => b.checked).length") == 1
        await tab.run("document.querySelector('.clear').click()")
        assert await tab.run("[...document.querySelectorAll('[data-task]')].filter(b => b.checked).length") == 0

    browse(folder, act)


@in_a_browser
def test_kept_ticks_that_cannot_be_read_cost_nothing_else(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("incident-response.html")
        await tab.run("localStorage.setItem(`ticks:${location.pathname}`, 'broken')")
        await tab.open("incident-response.html")
        assert await tab.run("document.querySelectorAll('pre button').length") > 0
        assert await tab.run("document.querySelectorAll('[data-task]:not(label *)').length") == 0, "each has its words"

    browse(folder, act)


@in_a_browser
def test_on_a_phone_the_first_thing_to_do_is_near_the_top(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("incident-response.html", width=390)
        top = await tab.run("document.getElementById('you-have-been-paged').getBoundingClientRect().top")
        assert top < 900

    browse(folder, act)


@in_a_browser
def test_on_a_phone_no_page_is_wider_than_the_screen(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        for name in html():
            await tab.open(name, width=390)
            assert await tab.run("document.scrollingElement.scrollWidth") <= 390, name

    browse(folder, act)


@in_a_browser
def test_dark_is_dark_by_the_system_and_by_the_button_and_paper_is_not_empty(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        colour = "getComputedStyle(document.body).backgroundColor"
        await tab.open("incident-response.html")
        assert await tab.run(colour) == "rgb(255, 255, 255)"
        assert len(await tab.printed()) > 50_000
        await tab.run("document.getElementById('theme').click()")
        assert await tab.run(colour) == "rgb(18, 22, 28)"
        await tab.run("localStorage.clear()")
        await tab.open("incident-response.html", dark=True)
        assert await tab.run(colour) == "rgb(18, 22, 28)"

    browse(folder, act)


@in_a_browser
def test_on_a_phone_a_wide_table_is_a_list_and_no_flag_is_cut(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("monitoring.html", width=375)
        assert await tab.run("document.querySelectorAll('.labelled').length") > 3
        tables = "[...document.querySelectorAll('.labelled')].map(one => one.parentElement)"
        assert await tab.run(f"{tables}.filter(one => one.scrollWidth > one.clientWidth).length") == 0
        cell = "document.querySelector('.labelled td:nth-child(3)')"
        assert await tab.run(f"getComputedStyle({cell}, '::before').content") == '"well: "'
        await tab.open("incident-response.html", width=375)
        assert await tab.run("document.querySelectorAll('li code .flag').length") > 0
        assert await tab.run("[...document.querySelectorAll('.flag')].every(f => f.getClientRects().length === 1)")

    browse(folder, act)


@in_a_browser
def test_at_a_desk_every_tab_of_the_site_is_whole(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("incident-response.html", width=1280)
        assert await tab.run("(n => n.scrollWidth - n.clientWidth)(document.querySelector('header nav'))") <= 0
        assert await tab.run("document.querySelector('header').clientHeight") < 60, "the button is one line"

    browse(folder, act)


@in_a_browser
def test_on_a_phone_what_burns_is_read_without_moving_sideways(folder: Path) -> None:
    async def act(tab: Tab) -> None:
        await tab.open("incident-response.html", width=375)
        assert await tab.run("document.querySelectorAll('.burning').length") == 1
        wide = "(() => { const t = document.querySelector('.burning').parentElement; return t.scrollWidth - t.clientWidth; })()"
        assert await tab.run(wide) <= 0

    browse(folder, act)
