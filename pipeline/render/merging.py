"""What is said of a pull request: on a terminal, at the lines of its files, and on the page of its job."""

from collections.abc import Iterable
from typing import Any

from pipeline.redact import markdown, one_line
from pipeline.render.annotation import annotation, shown_whole
from pipeline.render.markdown import bullets, fence, table
from pipeline.session.merging import Remark

LEVELS = {"block": "error", "not yet": "error", "unknown": "error", "warn": "warning"}
LONGEST_DIFF = 20_000
"""Characters of a diff on a page; the whole of it is one command away."""


def remarks_text(remarks: Iterable[Remark]) -> str:
    """A line for each remark, with its place as an editor opens it, and what to do below it."""
    return "\n".join(
        f"{_place(one)}: {LEVELS[one.finding.verdict.word]}: {one_line(one.finding.says)}  ({one.gate})"
        + (f"\n  → {one.finding.fix}" if one.finding.fix else "")
        for one in remarks
    )


def plain_remark(remark: Remark) -> dict[str, Any]:
    """A remark as JSON has it; ``line`` is 0 for the whole of the file."""
    return {"gate": remark.gate, "file": remark.file, "line": remark.line, **remark.finding.plain}


def remarks_annotations(remarks: Iterable[Remark]) -> str:
    """The remarks as GitHub workflow commands: each shows at its line of the pull request."""
    return "\n".join(
        shown_whole(
            annotation(
                LEVELS[one.finding.verdict.word],
                one.finding.says + (f"\n{one.finding.fix}" if one.finding.fix else ""),
                file=one.file,
                line=one.line or 1,
                title=one.gate,
            )
            for one in remarks
        )
    )


def merging_markdown(remarks: tuple[Remark, ...], stale: str) -> str:
    """The whole answer for the page of a job: the remarks, and what is stale of the generated files."""
    rows = [
        (markdown(f"`{_place(one)}`"), LEVELS[one.finding.verdict.word], markdown(one.finding.says), one.gate)
        for one in remarks
    ]
    migrations = table(("where", "", "what", "gate"), rows) if rows else "The migrations: nothing to say."
    parts = ["## Before the merge", migrations]
    if stale:
        cut = stale if len(stale) <= LONGEST_DIFF else f"{stale[:LONGEST_DIFF]}\n… and so on"
        parts += ["### Generated files are stale", bullets(["`./inv runbooks` writes them; commit what it wrote"])]
        parts += [fence(cut, "diff")]
    else:
        parts += ["The generated files are current."]
    return "\n\n".join(parts) + "\n\n"


def _place(remark: Remark) -> str:
    return f"{remark.file}:{remark.line}" if remark.line else remark.file
