"""A page taken apart into the sections that people read, sign and prove; and the seal that shows a hand's edit."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.render.markdown import anchor

HEADING = re.compile(r"^(##{1,2}) (.+)$")
FACT = "<!-- fact -->"
ENTRY = re.compile(r"^#### ([a-z0-9]+\.[a-z0-9-]+|Step: [a-z-]+)$", re.MULTILINE)
"""Headings of gates and steps."""
SEAL = re.compile(r"\n<!-- sealed: ([0-9a-f]{64}) -->\n$")
SEALED = re.compile(r"^<!-- sealed: [0-9a-f]{64} -->$", re.MULTILINE)
"""A seal wherever it stands: somebody may have written below it."""


@dataclass(frozen=True)
class Section:
    """A section of a page: from a heading of the second or third level to the next. ``text`` has the heading in it."""

    page: str
    heading: str
    text: str

    @property
    def id(self) -> str:
        """The address of the section, as in a link: ``page.md#anchor``."""
        return f"{self.page}#{anchor(self.heading)}"

    @property
    def digest(self) -> str:
        """The digest of the section, which a signature is for: it changes with every word."""
        return hashlib.sha256(f"{self.id}\n{self.text.strip()}".encode()).hexdigest()[:16]


def sections(page: str, text: str) -> tuple[Section, ...]:
    """All sections of a page that have more than a heading; what is inside a code block is no heading."""
    found = [(head, "\n".join(_without_fact(lines))) for head, lines in _parts(unsealed(text)) if head]
    return tuple(Section(page, head, body) for head, body in found if body.partition("\n")[2].strip())


def with_facts(text: str, fact: Callable[[str], str]) -> str:
    """The page with ``fact(heading)`` in italics under each heading, where there is one."""
    out = []
    for head, lines in _parts(text):
        says = fact(head) if head else ""
        out += [lines[0], "", f"*{says}* {FACT}", *lines[1:]] if says else lines
    return "\n".join(out) + "\n"


def _without_fact(lines: list[str]) -> list[str]:
    return lines[:1] + lines[3:] if len(lines) > 2 and lines[2].endswith(FACT) else lines


def _parts(text: str) -> Iterator[tuple[str, list[str]]]:
    """The heading of each part of a page, and its lines; the first part has no heading."""
    head, lines, fenced = "", list[str](), False
    for line in text.removesuffix("\n").split("\n"):
        fenced ^= line.lstrip().startswith("```")
        found = None if fenced else HEADING.match(line)
        if found:
            yield head, lines
            head, lines = found[2], []
        lines.append(line)
    yield head, lines


def sealed(text: str) -> str:
    """The page with its own checksum as the last line."""
    return f"{text}\n<!-- sealed: {_sum(text)} -->\n"


def unsealed(text: str) -> str:
    """The page without its checksum."""
    return SEAL.sub("", text)


def is_sealed(text: str) -> bool:
    """Whether a page was generated, changed since or not."""
    return SEALED.search(text) is not None


def is_broken(text: str) -> bool:
    """Whether somebody has changed a sealed page since it was generated, or has written on below its seal."""
    found = SEAL.search(text)
    return is_sealed(text) and (found is None or found[1] != _sum(unsealed(text)))


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
