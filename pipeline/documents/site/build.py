"""Pages in, files out: Markdown becomes HTML that needs no network, no server and, but for the search, no script."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from pipeline.documents.pages.sections import FACT, unsealed
from pipeline.documents.pages.words import NAME, NOTICE
from pipeline.documents.site.diagrams import svg
from pipeline.documents.templates import filled
from pipeline.handbook.playbooks import PLAYBOOKS
from pipeline.render.markdown import anchor

HERE = Path(__file__).parent
OPEN, FOLDED = "[ ] ", "what-to-fill-in"
WHAT_BURNS = re.compile(r"<table>(\s*<thead>\s*<tr>\s*<th>you see</th>)")
"""The table that somebody who was paged reads on a phone: there each line of it is a card."""
WIDE = 4
"""Columns from which on a table is a list on a phone, each cell with its heading."""
BREAKS = ("softbreak", "hardbreak")
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
    """One heading of a page, with the text up to the next one."""

    level: int
    id: str
    words: str
    text: str


@dataclass(frozen=True)
class PageLink:
    """A link to a page. ``here``: it is the page that the link is on, or one of its folder."""

    address: str
    words: str
    about: str = ""
    here: bool = False


@dataclass(frozen=True)
class CodeBlock:
    """Code in pieces: text, and the name that is filled in after it. ``way``: by hand, or with the tool."""

    pieces: tuple[tuple[str, str], ...]
    way: str = ""


def build(pages: Mapping[str, str]) -> dict[str, str]:
    """The files of the site, path → text. ``pages``: name as links have it, e.g. ``drills/README.md`` → Markdown."""
    files, index = {}, []
    for name, text in pages.items():
        body, headings = _rendered(_clean(text))
        files[_html(name)] = _document(name, headings[0].words if headings else name, body, headings, pages)
        index += [[_html(name), heading.id, heading.words, heading.text] for heading in headings]
    files["index.html"] = _document("index.md", "Runbooks", _front(pages), [], pages)
    files["search.js"] = f"window.SECTIONS = {json.dumps(index, ensure_ascii=False, separators=(',', ':'))};\n"
    for name in ("style.css", "site.js"):
        files[name] = (HERE / name).read_text(encoding="utf-8")
    return files


def _clean(text: str) -> str:
    return unsealed(text).replace(f" {FACT}", "").replace(NOTICE, "", 1)


def _html(name: str) -> str:
    return f"{name.removesuffix('.md')}.html"


def _rendered(text: str) -> tuple[str, list[Heading]]:
    markdown: Any = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    headings = _headings(tokens)
    for token in tokens:
        for child in token.children or ():
            _link(child)
    _tick(tokens)
    _label(tokens)
    tokens = _folded(tokens)
    markdown.renderer.rules["fence"] = lambda found, at, options, env: _code(found[at])
    markdown.renderer.rules["code_inline"] = lambda found, at, options, env: _inline_code(found[at])
    html = markdown.renderer.render(tokens, markdown.options, {})
    html = WHAT_BURNS.sub(r'<table class="burning">\1', html)
    html = re.sub(r"<table( [^>]*)?>", r'<div class="scroll" tabindex="0"><table\1>', html)
    html = html.replace("</table>", "</table></div>")
    html = re.sub(r"\n<em>(By hand|If not):", r"<br>\n<em>\1:", html)
    return html, headings


def _tick(tokens: list[Token]) -> None:
    """A ``- [ ]`` of a page becomes a box, kept under its section and words: a page that is made anew ticks nothing else."""
    section, seen = "", Counter[str]()
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            section = str(token.attrGet("id"))
        first = token.children[0] if token.children else token
        if first.type == "text" and first.content.startswith(OPEN) and tokens[index - 2].type == "list_item_open":
            key = f"{section}/{anchor(token.content.removeprefix(OPEN))}"
            seen[key] += 1
            tokens[index - 2].attrSet("class", "task")
            first.type = "html_inline"
            words = Token("text", "", 0, content=first.content.removeprefix(OPEN))
            first.content = filled("task.html", key=f"{key}/{seen[key]}").rstrip("\n")
            rest = (token.children or [])[1:]
            end = next((at for at, child in enumerate(rest) if child.type in BREAKS), len(rest))
            closed = Token("html_inline", "", 0, content="</label>")
            token.children = [first, words, *rest[:end], closed, *rest[end:]]


def _label(tokens: list[Token]) -> None:
    """Every cell of a wide table knows the heading of its column, for where there is no room for columns."""
    heads, table, column = list[str](), Token("", "", 0), 0
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            heads, table = [], token
        elif token.type == "th_open":
            heads.append(tokens[at + 1].content.replace("`", ""))
        elif token.type == "tr_open":
            column = 0
        elif token.type == "tbody_open" and len(heads) >= WIDE and heads[0] != "you see":
            table.attrSet("class", "labelled")
        elif token.type == "td_open" and table.attrGet("class"):
            token.attrSet("data-label", heads[column])
            column += 1


def _folded(tokens: list[Token]) -> list[Token]:
    """The section *What to fill in* is folded: it is longer than a phone, and it stands before the first thing to do."""
    begin = next((at for at, token in enumerate(tokens) if token.attrGet("id") == FOLDED), None)
    if begin is None:
        return tokens
    begin += 3  # the heading's own tokens
    end = next((at for at in range(begin, len(tokens)) if tokens[at].type == "heading_open"), len(tokens))
    opened = Token("html_block", "", 0, content='<details class="names"><summary>Show the names</summary>\n')
    closed = Token("html_block", "", 0, content="</details>\n")
    return [*tokens[:begin], opened, *tokens[begin:end], closed, *tokens[end:]]


def _headings(tokens: list[Token]) -> list[Heading]:
    """All headings of a page, each with the text up to the next; its token gets the id that GitHub would give it."""
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


def _with(heading: Heading, text: list[str]) -> Heading:
    words = " ".join(" ".join(text[1:]).split())  # the first is the heading itself
    return replace(heading, text=re.sub(r"\]\([^)]*\)|[`*\[\]]", "", words))


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
    """The HTML of a block of code, or of either way of two: whoever copied both would run both."""
    if token.info == "mermaid":
        return svg(token.content, "A chart; the text beside it says the same")
    lines = token.content.rstrip().splitlines()
    ways = [found for line in lines if (found := WAY.fullmatch(line))]
    if not ways or len(ways) < len(lines):
        blocks = [CodeBlock(_pieces(token.content))]
    else:
        blocks = [
            CodeBlock(_pieces("".join(f"{line[1]}\n" for line in same)), way.capitalize())
            for way, same in groupby(ways, lambda line: line[2])
        ]
    return filled("block.html", language=token.info, blocks=blocks)


def _inline_code(token: Token) -> str:
    """The HTML of code in a line; a name that stands alone is spoken of, not used, and cannot be filled in."""
    alone = NAME.fullmatch(token.content)
    pieces = ((token.content, ""),) if alone else _pieces(token.content)
    return filled("inline.html", pieces=pieces).strip("\n")


def _pieces(code: str) -> tuple[tuple[str, str], ...]:
    """The pieces of some code: each text, and the name after it; the last has no name."""
    parts = [*NAME.split(code), ""]
    return tuple(zip(parts[::2], parts[1::2], strict=True))


def _document(name: str, title: str, body: str, headings: list[Heading], pages: Mapping[str, str]) -> str:
    return filled(
        "document.html",
        up="../" * name.count("/"),
        policy=Markup(POLICY),
        title=title,
        tabs=[PageLink(_html(page), words, about, _is_here(page, name)) for page, words, about in _known(pages)],
        contents=[heading for heading in headings if heading.level in (2, 3)],
        body=Markup(body),
    )


def _front(pages: Mapping[str, str]) -> str:
    return filled(
        "front.html",
        first=[PageLink(f"{_html(page)}#{anchor(heading)}", words) for words, page, heading in FIRST if page in pages],
        playbooks=PLAYBOOKS,
        documents=[PageLink(_html(page), words, about) for page, words, about in _known(pages)],
    ).rstrip("\n")


def _known(pages: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The pages that have a tab: name, words and description of each."""
    return [(page, words, about) for page, (words, about) in PAGES.items() if page in pages]


def _is_here(page: str, name: str) -> bool:
    return page == name or (page.startswith("drills/") and name.startswith("drills/"))
