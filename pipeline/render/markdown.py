"""Markdown, and the anchors that GitHub gives headings."""

import re
from collections.abc import Iterable, Sequence
from textwrap import indent


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")


def link(heading: str, words: str = "", page: str = "") -> str:
    """A link to ``heading``, on another page when one is named."""
    return f"[{words or heading}]({page}#{anchor(heading)})"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table of the rows; pipes and line breaks in cells are taken care of."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(_cell(str(cell)) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def bullets(items: Iterable[str], mark: str = "*") -> str:
    """A Markdown list of the items; further lines of an item are indented under it."""
    return "\n".join(f"{mark} {_hanging(item, 2)}" for item in items)


def numbered(items: Iterable[str]) -> str:
    """A numbered Markdown list of the items; further lines of an item are indented under it."""
    return "\n".join(f"{number}. {_hanging(item, 3)}" for number, item in enumerate(items, 1))


def _hanging(text: str, by: int) -> str:
    first, _, rest = text.partition("\n")
    return f"{first}\n{indent(rest, ' ' * by)}" if rest else first


def fence(text: str, language: str = "sh") -> str:
    """A Markdown code block around ``text``, whatever backticks are in it."""
    marks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks}{language}\n{text.strip()}\n{marks}"


def flow(text: str) -> str:
    """The text of a docstring as one line of Markdown."""
    return " ".join(text.replace("``", "`").split())


def upper(text: str) -> str:
    """The sentence ``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]


def stop(text: str) -> str:
    """The sentence ``text``, ending in one full stop."""
    return text if text.endswith((".", ":", "!", "?")) else f"{text}."


def spell(seconds: float) -> str:
    """A duration in words: ``10 minutes``, ``1 hour``, ``15 seconds``."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} seconds"
