"""The target's variables as a table: names and what they look like, never values."""

import datetime
from collections.abc import Sequence

from checks.evidence import EnvironmentVariables, ReadVariables, Variable


def variables_text(seen: EnvironmentVariables, read: ReadVariables, required: Sequence[str]) -> str:
    """A line for each variable: required or not, what its value looks like, when it was changed, who reads it."""
    files = dict(read.names)
    rows = [
        (
            variable.name + (f" ({variable.branch})" if variable.branch else ""),
            "required" if variable.name in required else "",
            _looks(variable, variable.name in required),
            _day(variable.updated),
            files.get(variable.name, ""),
        )
        for variable in sorted(seen.variables, key=lambda variable: (variable.name, variable.branch))
    ]
    rows += [(name, "required", "NOT SET", "", files.get(name, "")) for name in required if name not in seen.names]
    head = ("variable", "", "value", "changed", "read by")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows))


def _looks(variable: Variable, looked_at: bool) -> str:
    if not variable.readable:
        return "cannot be read" if looked_at else "not looked at"
    if variable.length == 0:
        return "EMPTY"
    words = [f"{variable.length} characters", *sorted(variable.shapes)]
    return ", ".join(words + ([f"sslmode {variable.sslmode}"] if variable.sslmode else []))


def _day(ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC):%Y-%m-%d}" if ms else ""
