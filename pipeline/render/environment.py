"""The target's variables as a table: names and what they look like, never values."""

import datetime
from collections.abc import Sequence

from checks.evidence import EnvironmentVariables, ReadVariables, Variable


def variables_text(seen: EnvironmentVariables, read: ReadVariables, required: Sequence[str]) -> str:
    """One line a variable: required or not, what its value looks like, when it was changed, who reads it."""
    files = dict(read.names)
    rows = [
        (
            one.name + (f" ({one.branch})" if one.branch else ""),
            "required" if one.name in required else "",
            _looks(one, one.name in required),
            _day(one.updated),
            files.get(one.name, ""),
        )
        for one in sorted(seen.variables, key=lambda one: (one.name, one.branch))
    ]
    rows += [(name, "required", "NOT SET", "", files.get(name, "")) for name in required if name not in seen.names]
    head = ("variable", "", "value", "changed", "read by")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows))


def _looks(one: Variable, looked_at: bool) -> str:
    if not one.readable:
        return "cannot be read" if looked_at else "not looked at"
    if one.length == 0:
        return "EMPTY"
    words = [f"{one.length} characters", *sorted(one.shapes)]
    return ", ".join(words + ([f"sslmode {one.sslmode}"] if one.sslmode else []))


def _day(ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC):%Y-%m-%d}" if ms else ""
