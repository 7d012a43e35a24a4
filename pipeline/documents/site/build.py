"""Pages in, files out: Markdown becomes HTML that needs no network, no server and, but for the search, no script."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.documents.pages.sections import FACT, unsealed
from pipeline.documents.pages.words import NAME, NOTICE
from pipeline.documents.site.diagrams import svg
from pipeline.handbook.playbooks import PLAYBOOKS
from pipeline.render.markdown import anchor

HERE = Path(__file__).parent
OPEN, FOLDED = "[ ] ", "what-to-fill-in"
LF = "\n"
WAY = re.compile(r"(.+?)\s+# (with the tool|by hand)")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
PAGES = {
    "deployment-runbook.md": ("Deployment", "How a commit gets to production, and back again"),
    "incident-response.md": ("Incidents", "Users are affected: how bad, what to do, whom to tell"),
    "troubleshooting.md": ("Troubleshooting", "Errors and fixes, logs, database queries, slow pages"),
    "monitoring.md": ("Monitoring", "What the dashboards say, thresholds, daily and weekly checks"),
    "reference.md": ("Reference", "Every command, gate, step, exit code, key and variable"),
    "by-hand.md": ("By hand", "Every command of these pages, and when it was last run"),
    "drills/README.md": ("Drills", "Tabletop exercises: sheets and results"),
}
FIRST = (
    ("You have been paged", "incident-response.md", "You Have Been Paged"),
    ("Roll back now", "deployment-runbook.md", "Rollback Procedure"),
    ("Site down", "incident-response.md", "Site Down"),
)


@dataclass(frozen=True)
class Heading:
    """One heading of a page."""

    level: int
    id: str
    words: str
    text: str


def build(pages: Mapping[str, str]) -> dict[str, str]:
    """Path → text. ``pages``: name as links have it, e.g. ``drills/README.md`` → Markdown."""
    files, index = {}, []
    for name, text in pages.items():
        body, headings = _rendered(name, _clean(text))
        files[_html(name)] = _document(name, headings[0].words if headings else name, body, headings, pages)
        index += [[_html(name), one.id, one.words, one.text] for one in headings]
    files["index.html"] = _document("index.md", "Runbooks", _front(pages), [], pages)
    files["search.js"] = f"window.SECTIONS = {json.dumps(index, ensure_ascii=False, separators=(',', ':'))};\n"
    for name in ("style.css", "site.js"):
        files[name] = (HERE / name).read_text(encoding="utf-8")
    return files


def _clean(text: str) -> str:
    return unsealed(text).replace(f" {FACT}", "").replace(NOTICE, "", 1)


def _html(name: str) -> str:
    return f"{name.removesuffix('.md')}.html"


def _rendered(name: str, text: str) -> tuple[str, list[Heading]]:
    markdown: Any = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    headings = _headings(tokens)
    for token in tokens:
        for child in token.children or ():
            _link(child)
    _tick(tokens)
    tokens = _folded(tokens)
    markdown.renderer.rules["fence"] = lambda found, at, options, env: _code(found[at])
    markdown.renderer.rules["code_inline"] = lambda found, at, options, env: f"<code>{_named(found[at].content)}</code>"
    html = markdown.renderer.render(tokens, markdown.options, {})
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    html = re.sub(r"\n<em>(By hand|If not):", r"<br>\n<em>\1:", html)
    return html, headings


def _tick(tokens: list[Token]) -> None:
    """``- [ ]`` becomes a box, kept under its section and words: a page that is made anew ticks nothing else."""
    section, seen = "", Counter[str]()
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            section = str(token.attrGet("id"))
        first = token.children[0] if token.children else token
        if first.type == "text" and first.content.startswith(OPEN) and tokens[index - 2].type == "list_item_open":
            words = first.content.removeprefix(OPEN)
            key = f"{section}/{anchor(words)}"
            seen[key] += 1
            tokens[index - 2].attrSet("class", "task")
            first.type = "html_inline"
            first.content = (
                f'<label><input type="checkbox" data-task="{escape(key)}/{seen[key]}"> {escape(words)}</label>'
            )


def _folded(tokens: list[Token]) -> list[Token]:
    """What is under *What to fill in* is folded: it is longer than a phone, and it stands before the first thing to do."""
    begin = next((at for at, one in enumerate(tokens) if one.attrGet("id") == FOLDED), None)
    if begin is None:
        return tokens
    begin += 3  # the heading's own tokens
    end = next((at for at in range(begin, len(tokens)) if tokens[at].type == "heading_open"), len(tokens))
    opened = Token("html_block", "", 0, content='<details class="names"><summary>Show the names</summary>\n')
    closed = Token("html_block", "", 0, content="</details>\n")
    return [*tokens[:begin], opened, *tokens[begin:end], closed, *tokens[end:]]


def _headings(tokens: list[Token]) -> list[Heading]:
    """All of them, with the text up to the next; each token gets the id that GitHub would give it."""
    found: list[Heading] = []
    seen = Counter[str]()
    text: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            words = tokens[index + 1].content.replace("`", "")
            name = anchor(words)
            id = f"{name}-{seen[name]}" if seen[name] else name
            seen[name] += 1
            token.attrSet("id", id)
            if found:
                found[-1] = _with(found[-1], text)
            found.append(Heading(int(token.tag[1]), id, words, ""))
            text = []
        elif token.type in ("inline", "fence"):
            text.append(token.content)
    if found:
        found[-1] = _with(found[-1], text)
    return found


def _with(one: Heading, text: list[str]) -> Heading:
    words = " ".join(" ".join(text[1:]).split())  # the first is the heading itself
    return Heading(one.level, one.id, one.words, re.sub(r"\]\([^)]*\)|[`*\[\]]", "", words))


def _link(token: Token) -> None:
    if token.type != "link_open":
        return
    href = str(token.attrGet("href") or "")
    if href.startswith(("http:", "https:")):
        token.attrSet("rel", "noopener noreferrer")
        token.attrSet("class", "outside")
    else:
        token.attrSet("href", re.sub(r"\.md(?=#|$)", ".html", href))


def _code(token: Token) -> str:
    if token.info == "mermaid":
        return svg(token.content, "A chart; the text beside it says the same")
    lines = token.content.rstrip().splitlines()
    ways = [found for line in lines if (found := WAY.fullmatch(line))]
    if not ways or len(ways) < len(lines):
        return _block(token.info, token.content)
    return "".join(  # either will do: whoever copies both runs both
        f'<p class="way">{words.capitalize()}:</p>{_block(token.info, "".join(way[1] + LF for way in same))}'
        for words, same in groupby(ways, lambda way: way[2])
    )


def _block(language: str, text: str) -> str:
    return f'<pre class="{escape(language)}" tabindex="0"><code>{_named(text)}</code></pre>\n'


def _named(text: str) -> str:
    """Code whose names can be filled in; one that stands alone is spoken of, not used."""
    if NAME.fullmatch(text):
        return escape(text)
    return NAME.sub(lambda m: f'<var data-name="{m[1]}">${m[1]}</var>', escape(text))


def _document(name: str, title: str, body: str, headings: list[Heading], pages: Mapping[str, str]) -> str:
    up = "../" * name.count("/")
    tabs = "".join(
        f'<a href="{up}{_html(page)}"{_here(page, name)}>{escape(words)}</a>'
        for page, (words, _) in PAGES.items()
        if page in pages
    )
    contents = "".join(
        f'<li class="l{one.level}"><a href="#{one.id}">{escape(one.words)}</a></li>'
        for one in headings
        if one.level in (2, 3)
    )
    aside = (
        f'<nav class="contents" aria-label="On this page"><details open><summary>On this page</summary><ul>{contents}</ul></details></nav>'
        if contents
        else ""
    )
    return f"""<!doctype html>
<html lang="en" data-root="{up}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{up}style.css">
<script src="{up}search.js" defer></script>
<script src="{up}site.js" defer></script>
</head>
<body>
<a class="skip" href="#main">To the text</a>
<header>
<nav aria-label="Documents"><a href="{up}index.html" class="home">Runbooks</a>{tabs}</nav>
<div class="tools"><div class="search" role="search" hidden><input type="search" id="search" placeholder="Search  /"
 aria-label="Search all pages" autocomplete="off" role="combobox" aria-controls="found" aria-expanded="false">
<ol id="found" role="listbox" hidden></ol></div><button id="theme" type="button" hidden>Dark</button></div>
</header>
<div class="page">
{aside}
<main id="main">
{body}
</main>
</div>
</body>
</html>
"""


def _coded(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _here(page: str, name: str) -> str:
    same = page == name or (page.startswith("drills/") and name.startswith("drills/"))
    return ' aria-current="page"' if same else ""


def _front(pages: Mapping[str, str]) -> str:
    first = "".join(
        f'<a class="big" href="{_html(page)}#{anchor(heading)}">{escape(words)}</a>'
        for words, page, heading in FIRST
        if page in pages
    )
    books = "".join(
        f'<li><a href="incident-response.html#{anchor(one.title)}">{escape(one.title)}</a> <span class="{one.severity.name}">'
        f"{one.severity.name}</span><br>{_coded(one.symptom)}</li>"
        for one in PLAYBOOKS
    )
    documents = "".join(
        f'<li><a href="{_html(page)}">{escape(words)}</a><br>{escape(about)}</li>'
        for page, (words, about) in PAGES.items()
        if page in pages
    )
    return (
        f'<h1>Runbooks</h1><p class="bigs">{first}</p><h2>What do you see?</h2><ul class="cards">{books}</ul>'
        f'<h2>All documents</h2><ul class="cards">{documents}</ul>'
    )
