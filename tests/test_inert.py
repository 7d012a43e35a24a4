"""What others write (names of checks, log lines, commits, logins, notes, answers) is only words, wherever it leaves."""

import asyncio
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from markdown_it import MarkdownIt

from checks.gate import Verdict, block
from pipeline import log
from pipeline.cli import build as building
from pipeline.cli.summary import fenced, to_summary
from pipeline.cli.terminal import as_json, aside, fail, out
from pipeline.clients import channels
from pipeline.clients.channels import Channels
from pipeline.clients.vercelshapes import LogLine
from pipeline.clients.webhook import Webhook
from pipeline.clock import SystemClock
from pipeline.documents.pages.sections import Section
from pipeline.documents.reviews import Signature, read_by
from pipeline.incidents.review import Review
from pipeline.record.incidents import Incident, IncidentEvent
from pipeline.record.report import Line, Report, StageReport
from pipeline.redact import JOINER, Redactor, chat, inert, markdown, one_line
from pipeline.render.annotation import annotation
from pipeline.render.incident import incident_text, review_markdown
from pipeline.render.links import Places
from pipeline.render.logs import log_text
from pipeline.render.report import report_text, summary_markdown, summary_text

TERMINAL = (
    "\x1b[2J\x1b[31m", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "\x9b31m",
    "\x9d52;c;x\x9c", "\x85next", "good\rbad", "good\x08\x08\x08\x08evil", "\x7f", "\x00", "\u202egnp.exe",
    "\u2066x\u2069", "\u061c", "\u2028new", "\ufeff", "\U000e0061",
)  # fmt: skip
COMMANDS = (
    "x\n::set-output name=a::b", "x\n  ::add-mask::e", "::stop-commands::x", "x\r\n::error::forged",
    "x ##[add-path]/evil", "##[error]x", "\x0b::warning::x", "x\n\xa0::set-env name=PATH::/evil",
)  # fmt: skip
MARKUP = (
    "[free](http://evil.example)", "![x](http://evil.example/p.png)", "<img src=x onerror=alert(1)>",
    "<script>x</script>", "a | b | c", "<details open>", "`code` <b>", "``<img src=x>`", "\\`<img src=x>`",
    "x\n\n# Deployed\n", "x\n```mermaid\ngraph TD\n```\n", "[x]: http://evil.example", "&lt;img&gt;",
    "<http://evil.example>", "x\n---\n", "> quoted", "- item", "a\\|b", "`a|b`", "*x* _y_",
)  # fmt: skip
CALLS = (
    "@dana please", "(@acme/team)", "@here", "@channel @everyone", "<!channel> <!here|x> <@U123> <#C1>",
    "http://evil.example www.evil.example",
)  # fmt: skip
ATTACKS = (*TERMINAL, *COMMANDS, *MARKUP, *CALLS)
READABLE = (
    "Grüße, José",
    "你好，世界",
    "こんにちは",
    "שלום",
    "नमस्ते",
    "👩‍👩‍👧 🎉 é",
    "a_b_c dpl_1",
    "5 < 6 & 7",
    "dana@example.com",
    "50 %",
)
LIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028\u202a-\u202e\u2066-\u2069\ufeff\U000e0061]")
OBEYED = re.compile(r"^\s*::|##\[", re.MULTILINE)
MARKDOWN = MarkdownIt("commonmark").enable("table")
OURS = "p|code|em|strong|br|h[1-6]|ul|ol|li|table|thead|tbody|tr|th|td|hr|pre|blockquote"
HARMLESS = re.compile(rf'</?({OURS})\b[^>]*>|<a href="https://github.com/[^"]*">|</a>')


def assert_inert(text: str) -> None:
    assert not LIVE.search(text), ascii(text)
    assert not OBEYED.search(text), text


def tags(text: str) -> list[str]:
    """The tags of what a Markdown page becomes that are none of ours."""
    return re.findall(r"<[^>]*>", HARMLESS.sub("", MARKDOWN.render(text)))


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_it_moves_no_cursor_and_commands_no_runner(text: str) -> None:
    for cleaned in (inert(text), one_line(text), markdown(text), chat(text)):
        assert_inert(cleaned)
    assert len(one_line(text).splitlines()) == 1


@pytest.mark.parametrize("text", READABLE)
def test_writing_of_any_language_stays_as_it_is(text: str) -> None:
    assert inert(text) == one_line(text) == chat(text) == text
    shown = re.sub(r"<[^>]+>", "", MARKDOWN.render(markdown(text)))
    assert shown.strip().replace("&lt;", "<").replace("&amp;", "&").replace(JOINER, "") == text


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_in_markdown_it_is_a_part_of_its_line_and_nothing_else(text: str) -> None:
    page = f"| a | b |\n|---|---|\n| {markdown(text)} | end |\n\n* {markdown(text)}\n\nafter {markdown(text)} it\n"
    assert tags(page) == []
    html = MARKDOWN.render(page)
    assert (html.count("<tr>"), html.count("<td>"), html.count("<li>"), html.count("<p>")) == (2, 2, 1, 1), html
    assert html.count("<h") == 0
    assert not re.search(r"(?<![\w.])@\w|https?://|\bwww\.", re.sub("<code>.*?</code>", "", html))


def test_nothing_that_others_write_is_lost() -> None:
    assert inert("\x1b[31m") == "\\u001b[31m"
    assert one_line("first\nsecond\r\n third") == "first / second / third"
    assert json.loads(inert(json.dumps({"x": "\x9b\u202e##[y]"}, ensure_ascii=False))) == {"x": "\x9b\u202e##[y]"}


@pytest.mark.parametrize("text", CALLS)
def test_a_channel_calls_nobody(text: str) -> None:
    said = chat(text)
    assert not re.search(r"(?<![\w.])@\w|<[!@#]", said), said


# -- by the way that it leaves


def hostile(text: str) -> Report:
    """A run in which everything that others write is ``text``."""
    finding = {"verdict": "block", "subject": text, "says": text, "fix": ""}
    lines = [
        Line("gate", "ci.checks-passed", "block", "", 4, findings=[finding, {**finding, "verdict": "warn"}]),
        Line("step", "build", "failed", "", 4, says=text),
    ]
    stage = StageReport("preflight", "stopped", "", 9, lines)
    undone = [Line("undo", "restore", "undo failed", "", 3, says=text)]
    return dataclasses.replace(
        Report("r1"),
        target="production",
        outcome="stranded",
        reason=text,
        stages=[stage],
        undone=undone,
        production="https://github.com/x",
        commit="c" * 40,
        by_hand=[text],
        pipeline="deploy",
    )


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_a_run_on_the_terminal_and_on_the_page_of_its_job(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = hostile(text)
    out(report_text(report))
    out(summary_text(report))
    aside(text)
    out(as_json({"x": text}))
    said = capsys.readouterr()
    assert_inert(said.out)
    assert_inert(said.err)
    assert not re.search(r"^(# Deployed|new|bad|forged)", said.out, re.MULTILINE), "no line begins with others' words"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    places = Places("https://github.com", "acme/lms", "https://github.com/sentry", "acme", True)
    to_summary(summary_markdown(report, places))
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert_inert(page)
    assert tags(page) == [], page
    rows = len(re.findall("<tr>", MARKDOWN.render(page)))
    plain = len(re.findall("<tr>", MARKDOWN.render(summary_markdown(hostile("x"), places))))
    assert rows == plain


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_an_error_and_its_annotation(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with pytest.raises(SystemExit):
        fail(f"vercel: answered 400: {text}", 1)
    said = capsys.readouterr().err
    ours = [line for line in said.splitlines() if line.startswith("::")]
    assert [line[:9] for line in ours] == ["::error::"]
    assert_inert("\n".join(line for line in said.splitlines() if line not in ours))
    assert not LIVE.search(said)
    assert tags((tmp_path / "summary.md").read_text(encoding="utf-8").replace("<code", "<code")) == []
    assert annotation("error", text, title=text).count("\n") == 0


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_an_incident_its_review_and_the_log_of_the_site(text: str) -> None:
    incident = dataclasses.replace(
        Incident("incident-1"),
        what=text,
        reason=text,
        severity="P1",
        since="2026-11-28T14:00:00+00:00",
        evidence=(text,),
        moments=(IncidentEvent("2026-11-28T14:00:00+00:00", text),),
    )
    said = incident_text(incident, _Board())
    assert_inert(said)
    assert len(said.splitlines()) == len(
        incident_text(
            dataclasses.replace(
                incident,
                what="x",
                reason="x",
                evidence=("x",),
                moments=(IncidentEvent("2026-11-28T14:00:00+00:00", "x"),),
            ),
            _Board(),
        ).splitlines()
    )
    fields = {field.name: text if field.type is str else () for field in dataclasses.fields(Review)}
    review = Review(**{**fields, "timeline": ((text, text, text),), "steps": (text,), "evidence": (text,)})  # type: ignore[arg-type]
    assert tags(review_markdown(review)) == []
    assert_inert(review_markdown(review))
    section = Section("a.md", "A", "## A")
    line = LogLine(at=0, level="info", message=text, method="GET", path=text, status=200, source="lambda")
    assert_inert(log_text([line]))
    assert tags(read_by(section, [Signature(section.id, section.digest, text, "2026-11-28")])) == []


class _Board:
    now = SystemClock().now()

    def due(self, incident: Incident) -> list[Any]:
        return []

    def call(self, incident: Incident) -> str:
        return ""


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_a_channel(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content)["text"])
        return httpx.Response(200)

    monkeypatch.setattr(channels, "_apprise", lambda address, title, text: sent.extend((title, text)))

    async def tell() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await Webhook("https://hooks.example/x", http, SystemClock()).tell(text)
            both = Channels({"team": "slack://a/b/c https://hooks.example/y"}, http, SystemClock())
            assert (await both.tell("team", text, text))[1] == ()

    asyncio.run(tell())
    assert len(sent) == 4
    for said in sent:
        assert not LIVE.search(said), ascii(said)
        assert not re.search(r"(?<![\w.])@\w|<[!@#a-z]|\]\(", said), said


def test_the_log_of_this_tool(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug", Redactor())
    try:
        for text in ATTACKS:
            log.debug("answered", body=text, more=[text])
    finally:
        log.configure("", Redactor())
    said = capsys.readouterr().err
    assert_inert(said)
    assert len(said.splitlines()) == len(ATTACKS)


def test_what_a_build_prints_is_no_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.commands import build

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(build, "install_tools", lambda out, home: out("::set-output name=x::y"))
    building.tools.body(None)
    first, inside, last = capsys.readouterr().out.splitlines()
    word = first.removeprefix("::stop-commands::")
    assert (len(word), last) == (32, f"::{word}::")
    assert inside == "\\u003a:set-output name=x::y"


def test_text_in_a_block_cannot_end_it() -> None:
    assert tags(fenced("h", "x\n```\n[x](http://evil.example) <img src=x>\n````\n<b>")) == []
    assert str(block("a", "b")) == "a b"
    assert Verdict.BLOCK.stops
