"""Whether this version is one that ``requires`` of ``deploy.yml`` asks for."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.config.shapes import said_at
from pipeline.errors import Mistake
from pipeline.home import NAME, VERSION

PART = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)\s*")
OPERATORS: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def must_be_for_us(raw: Mapping[str, Any], tree: Any, name: str) -> None:
    """Raises Mistake when the file is written for other versions of this tool: nothing else in it can be judged."""
    requires = raw.get("requires")
    if not requires:
        return
    try:
        if is_one_of(VERSION, str(requires)):
            return
        says = f"wants {requires}, and this is {VERSION}; type   pip install '{NAME}{requires}'"
    except ValueError as error:
        says = str(error)
    raise Mistake(said_at(name, tree, ("requires",), says))


def is_one_of(version: str, requires: str) -> bool:
    """Whether ``version`` fits all parts of ``requires``, e.g. ``>=0.1,<0.2``. Raises ValueError for other words."""
    fits = True
    for part in requires.split(","):
        found = PART.fullmatch(part)
        if not found:
            raise ValueError(f"{part.strip()!r} is no version; say e.g. >=0.1,<0.2")
        fits &= OPERATORS[found[1]](_numbers(version), _numbers(found[2]))
    return fits


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, three of them at least, so that 0.1 is 0.1.0."""
    numbers = [int(part) for part in version.split(".")]
    return (*numbers, *(0 for _ in range(3 - len(numbers))))
