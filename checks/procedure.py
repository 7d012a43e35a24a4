"""The human words of a gate or a step, read from its docstring."""

import inspect
import re
from dataclasses import dataclass

HEADINGS = ("Why", "By hand", "If it fails")
_HEADING = re.compile(rf"^({'|'.join(HEADINGS)}):[ \t]*", re.MULTILINE)


@dataclass(frozen=True)
class Procedure:
    """What a person reads about one gate or step. Text is Markdown; ``owner`` is a role from ``contacts``."""

    title: str
    why: str
    by_hand: str
    if_it_fails: str
    owner: str


def procedure(docstring: str | None, *, owner: str, of: str) -> Procedure:
    """Read the words of ``of`` from its docstring.

    The first paragraph is the title, what follows it is for whoever calls the code; ``Why:``, ``By hand:`` and ``If it fails:`` each open a section that
    lasts until the next. Raises TypeError when one is missing, empty or given twice, so a gate without a
    manual cannot be imported.
    """
    title, *rest = _HEADING.split(inspect.cleandoc(docstring or ""))
    sections = dict(zip(rest[::2], (inspect.cleandoc(text) for text in rest[1::2]), strict=True))
    missing = [heading for heading in HEADINGS if not sections.get(heading)]
    if missing or not title.strip() or len(rest) != 2 * len(HEADINGS):
        raise TypeError(f"{of}: its docstring needs a title and, once each, {', '.join(HEADINGS)}; missing: {missing}")
    return Procedure(
        title=" ".join(title.split("\n\n")[0].split()),
        why=sections["Why"],
        by_hand=sections["By hand"],
        if_it_fails=sections["If it fails"],
        owner=owner,
    )
