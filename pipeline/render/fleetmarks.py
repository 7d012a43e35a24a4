"""The signs that stand for how a project of a fleet stands, and how many names are said."""

from collections.abc import Sequence

GOOD, BAD, NEXT, UNDONE = "✓", "✗", "…", "↩"
SHOWN = 12  # projects that a finding names


def some(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
