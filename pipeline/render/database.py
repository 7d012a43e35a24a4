"""What the database commands print."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from checks.evidence import Change, Migrations
from checks.rules import does
from pipeline.session.questions import Answered
from pipeline.steps.restoring import Restored

WIDEST = 60


def answers_text(answers: Iterable[Answered]) -> str:
    """Tables with what each tells; ``!`` marks the rows to worry about."""
    lines: list[str] = []
    answers = tuple(answers)
    for heading, group in groupby(answers, key=lambda one: one.heading):
        lines += [heading.upper(), ""]
        for one in group:
            lines += [f"  {one.name}: {one.tells}", *_answer(one), ""]
    worries = [one for one in answers if one.alarming]
    lines += [f"{len(worries)} of {len(answers)} are cause for worry" if worries else "nothing to worry about"]
    lines += [f"  ! {one.name}: {one.worry}" for one in worries]
    return "\n".join(lines)


def _answer(one: Answered) -> list[str]:
    if one.failure:
        return [f"    ? {one.failure}"]
    if not one.rows:
        return ["    none"]
    marks = ["!" if index in one.alarming else " " for index in range(len(one.rows))]
    table = aligned([one.columns, *one.rows])
    return [f"      {table[0]}", *(f"    {mark} {line}" for mark, line in zip(marks, table[1:], strict=True))]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under each other; a long value is cut, and its first spaces stay: they indent trees."""
    cut = [[value if len(value) <= WIDEST else value[: WIDEST - 1] + "…" for value in row] for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(cut[0]))]
    return ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in cut]


def plan_text(found: Migrations, changes: Sequence[Change]) -> str:
    """Each pending migration with what its statements do, how grave that is, and the lock it takes."""
    if not found.pending:
        return f"nothing is pending; {len(found.applied)} migrations are applied"
    lines = []
    for name in found.pending:
        lines.append(name)
        rows = [_change(one) for one in changes if one.migration == name]
        lines += [f"  {line}" for line in aligned(rows)] if rows else ["  nothing but comments"]
    return "\n".join(lines)


def _change(one: Change) -> tuple[str, ...]:
    rows = "" if not one.table else "rows unknown" if one.rows < 0 else f"{one.rows:,} rows"
    return f"line {one.line}", one.kind, does(one), one.lock, rows


def restored_text(seen: Restored) -> str:
    """What came back, next to what production has."""
    rows = [("table", "restored", "production"), *((t.table, _rows(t.restored), _rows(t.now)) for t in seen.tables)]
    head = "RESTORED" if seen.whole else "NOT WHOLE: most tables are missing, or came back empty"
    lines = [
        f"{head}: {seen.source}",
        f"  took     {seen.seconds:.1f} s, until it could be asked",
        f"  loses    {seen.loses_minutes:.0f} min: what was written since is not in it",
        *(f"  {line}" for line in aligned(rows)),
    ]
    lines += [f"  look     {name} came back empty: was it filled only since?" for name in seen.doubtful]
    lines += [f"  differs  {name}" for name in seen.schema[:10]]
    return "\n".join([*lines, "  deleted  the copy is gone again"])


def _rows(count: int) -> str:
    return "missing" if count < 0 else f"{count:,}"
