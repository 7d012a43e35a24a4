"""What a command leaves on the page of a GitHub job: its summary, annotations, outputs. Nothing anywhere else."""

import contextlib
import re
from collections.abc import Mapping

from pipeline.environment import variable
from pipeline.redact import leaving, one_line

MOST = 1_000_000
"""Bytes. GitHub takes 1 MiB a step, and of a longer summary nothing at all."""
CUT = "\n\n… cut here: the whole of it is in the log of this step.\n"


def on_github() -> bool:
    return variable("GITHUB_ACTIONS") == "true"


def to_summary(text: str) -> None:
    """Add Markdown to the summary of the job, if this is one. A summary that cannot be written stops nothing."""
    path = variable("GITHUB_STEP_SUMMARY")
    if not on_github() or not path:
        return
    with contextlib.suppress(OSError), open(path, "ab") as file:
        file.write(fitting(leaving(text), MOST - file.tell()))


def to_outputs(values: Mapping[str, str]) -> None:
    """Give later steps of the job, if this is one, these outputs. None can be more than its one line."""
    path = variable("GITHUB_OUTPUT")
    if not on_github() or not path:
        return
    with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as file:
        file.writelines(f"{name}={one_line(leaving(value))}\n" for name, value in values.items())


def fitting(text: str, room: int) -> bytes:
    """The text, or as many whole lines of it as there is room for in that many bytes, and a word about the rest."""
    data, cut = text.encode(), CUT.encode()
    if len(data) <= room:
        return data
    kept = data[: max(room - len(cut), 0)].rpartition(b"\n")[0]
    return kept + cut if room > len(cut) else b""


def fenced(heading: str, text: str) -> str:
    """A part of a summary: a heading, and below it text as a terminal shows it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"## {heading}\n\n{fence}text\n{text.strip()}\n{fence}\n\n"
