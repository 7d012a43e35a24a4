"""The door of HTML: every value that a template shows is escaped and made mere words, and a page lets nothing in."""

import base64
import hashlib
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.redact import one_line
from pipeline.render.timeline import STEPS

FLAG = re.compile(r"(?<!\S)(--[\w-]+)")
WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)


@cache
def environment() -> Environment:
    """The environment of all pages: a name that nobody has given is an error."""
    made = Environment(
        loader=PackageLoader("pipeline.render"),
        autoescape=True,
        finalize=_words,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["address"] = address
    made.filters["moment"] = moment
    made.filters["command"] = command
    return made


def _words(value: object) -> object:
    """Others' words are one line of writing; what is ours already, and numbers, stay as they are."""
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def address(url: object) -> str:
    """``url`` when a link may lead there, i.e. when it is one of the web; else nothing, which leads nowhere."""
    text = str(url)
    return text if WEB.match(text) else ""


def whole_flags(code: str) -> Markup:
    """Some code as HTML whose flags no line ends within: a browser breaks a line after each hyphen."""
    return Markup(FLAG.sub(r'<span class="flag">\1</span>', str(escape(code))))


def command(text: object) -> Markup:
    """What is to be typed, in one line of writing, its flags whole."""
    return whole_flags(one_line(str(text)))


def moment(text: object) -> str:
    """A time of ISO 8601 as people read it: ``2026-11-28 17:13:08 UTC``; empty for none."""
    return f"{str(text)[:19].replace('T', ' ')} UTC" if text else ""


@cache
def style() -> Markup:
    """The stylesheet of all pages, with the places that a bar may have."""
    places = "".join(
        f".l{at}{{left:{at * 100 / STEPS:g}%}}.w{at}{{width:{at * 100 / STEPS:g}%}}" for at in range(STEPS + 1)
    )
    return Markup(_source("style.css") + places)


@cache
def policy() -> str:
    """The content policy of a page that is a file: its own style, and nothing else from anywhere."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def live_policy() -> str:
    """The content policy of a page that is served: besides, the script of this server, and what that asks it."""
    return f"{policy()}; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"


@cache
def live_script() -> str:
    """The script of pages that are served: it looks again when the record has grown."""
    return _source("live.js")


def _source(name: str) -> str:
    loader = environment().loader
    assert loader
    return loader.get_source(environment(), name)[0]


def page(name: str, **facts: Any) -> str:
    """The page of the template ``name`` with ``facts`` in it. Raises UndefinedError for a fact that is missing."""
    shown = {"live": "", "places": (), "here": "", **facts}
    return environment().get_template(f"{name}.html.jinja").render(style=style(), policy=policy(), **shown)
