"""``label=value,label=value``: which projects are meant. All of it has to be so; ``value`` may be ``a|b``."""

import re
from collections.abc import Mapping

PART = re.compile(r"([\w./@-]+)=([\w./@|-]+)")


def parsed(text: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Label → the values of which it must have one. Raises ValueError; empty for no text, which means everything."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = PART.fullmatch(part)
        if not match:
            raise ValueError(f"{part!r} is no label=value, e.g. country=de, group=shops, project=a|b")
        found.append((match[1], frozenset(match[2].split("|"))))
    return tuple(found)


def selected(text: str, labels: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """The projects of ``labels`` (project → its labels) that ``text`` means, in their order. Raises ValueError."""
    wanted = parsed(text)
    return tuple(name for name, has in labels.items() if all(has.get(label) in values for label, values in wanted))
