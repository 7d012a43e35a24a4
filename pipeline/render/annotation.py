"""A GitHub workflow command: what the page of a job, and of a pull request, shows at a line."""

import re
from collections.abc import Iterable

from pipeline.redact import inert

MOST = 10
"""Annotations of a level that GitHub shows of a step; the others it leaves out in silence (docs/problem-matchers.md of
actions/toolkit)."""
PLACE = re.compile(r"^([\w./-]+\.\w+):(\d+): (.+)$")


def annotated(message: str) -> str:
    """An error message as annotations: what begins with ``FILE:LINE:`` at its line, and the rest as one."""
    lines = message.splitlines()
    placed = [found for line in lines if (found := PLACE.match(line))]
    rest = "\n".join(line for line in lines if not PLACE.match(line))
    said = [annotation("error", found[3], file=found[1], line=found[2]) for found in placed]
    return "\n".join([*said, *([annotation("error", rest)] if rest else [])])


def annotation(level: str, text: str, **properties: object) -> str:
    """A workflow command: ``level`` is error, warning or notice; ``properties`` are title, file, line and the like."""
    said = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{level}{' ' + said if said else ''}::{_command(text)}"


def shown_whole(commands: Iterable[str]) -> list[str]:
    """The annotations that GitHub shows; where there are more of a level than that, the last one says how many."""
    by_level: dict[str, list[str]] = {}
    for line in commands:
        by_level.setdefault(line[2:].partition(":")[0].partition(" ")[0], []).append(line)
    kept = []
    for level, lines in by_level.items():
        many = len(lines) > MOST
        kept += lines[: MOST - 1] if many else lines
        if many:
            kept.append(annotation(level, f"and {len(lines) - MOST + 1} more: the log of this step has them all"))
    return kept


def mask(secret: str) -> str:
    """A workflow command after which the runner shows ``***`` wherever ``secret``, or a line of it, would stand."""
    return f"::add-mask::{secret.replace('%', '%25').replace(chr(13), '%0D').replace(chr(10), '%0A')}"


def _command(text: str) -> str:
    return inert(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _command(text).replace(":", "%3A").replace(",", "%2C")
