"""Log lines in words."""

import datetime
from collections.abc import Iterable

from pipeline.clients.vercelshapes import LogLine
from pipeline.redact import inert, one_line


def log_text(lines: Iterable[LogLine]) -> str:
    """A line for each log message: time (UTC), level, request, message; the further lines of a message are indented."""
    return "\n".join(map(_text, lines))


def _text(line: LogLine) -> str:
    at = datetime.datetime.fromtimestamp(line.at / 1000, datetime.UTC)
    asked = f" {line.method} {one_line(line.path)} {line.status}" if line.method else ""
    first, *more = [inert(part) for part in line.message.rstrip().splitlines()] or [""]
    head = f"{at:%m-%d %H:%M:%S}.{line.at % 1000:03} {line.level:<7}{asked}  {first}".rstrip()
    return "\n".join([head, *(f"    {text}" for text in more)])
