"""The templates of pages, site and workflows: where they are, how they are written, and how they are filled.

Values stand in ``[[ ]]``, blocks in ``[% %]`` or, where the file has to stay YAML, after ``#%``: GitHub's own
expressions, in doubled braces, and Markdown's links stand as they are.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.render import markdown
from pipeline.render.html import whole_flags

FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in ("pages", "site"))
FILTERS = (
    markdown.anchor, markdown.bullets, markdown.fence, markdown.flow, markdown.link, markdown.numbered, markdown.spell,
    markdown.stop, markdown.upper,
)  # fmt: skip
BLANKS = re.compile(r"\n{3,}")


@cache
def environment() -> Environment:
    """The one environment of all templates: a name that nobody has given is an error, and HTML is escaped."""
    templates = Environment(
        loader=FileSystemLoader(FOLDERS),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        line_statement_prefix="#%",
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.jinja"),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {function.__name__: function for function in FILTERS}
    templates.filters["tabled"] = tabled
    templates.filters["whole_flags"] = whole_flags
    return templates


def tabled(rows: Iterable[Sequence[object]], *headers: str) -> str:
    """The rows as a Markdown table; it is a filter, so that the headings of the columns stand in the template."""
    return markdown.table(headers, rows)


def filled(name: str, **facts: object) -> str:
    """The text of the template ``name`` with ``facts`` in it. Raises UndefinedError for a fact that is missing."""
    return environment().get_template(f"{name}.jinja").render(facts)


def part(name: str, **facts: object) -> str:
    """The Markdown of the template ``name`` without blank lines around it, and with one where it left several."""
    return BLANKS.sub("\n\n", filled(f"{name}.md", **facts)).strip()
