"""What the database commands print."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from checks.amounts import amount
from checks.evidence import Change, Migrations
from checks.rules import does
from pipeline.clients.timing import Took
from pipeline.session.questions import Answered
from pipeline.steps.restore import RestorePlan
from pipeline.steps.restoring import Restored

WIDEST = 60


def answers_text(answers: Iterable[Answered]) -> str:
    """The answers of the database as tables, with what each tells; ``!`` is a row to worry about, ``~`` too little."""
    lines: list[str] = []
    answers = tuple(answers)
    for heading, group in groupby(answers, key=lambda answer: answer.heading):
        lines += [heading.upper(), ""]
        for answer in group:
            lines += [f"  {answer.name}: {answer.tells}", *_answer(answer), ""]
    worries = [answer for answer in answers if answer.alarming]
    lines += [f"{len(worries)} of {len(answers)} are cause for worry" if worries else "nothing to worry about"]
    lines += [f"  ! {answer.name}: {answer.worry}" for answer in worries]
    return "\n".join(lines)


def _answer(answer: Answered) -> list[str]:
    if answer.failure:
        return [f"    ? {answer.failure}"]
    if not answer.rows:
        return ["    none"]
    marks = ["!" if at in answer.alarming else "~" if at in answer.thin else " " for at in range(len(answer.rows))]
    table = aligned([answer.columns, *answer.rows])
    few = ["    ~ too little was seen yet to tell"] if answer.thin else []
    return [f"      {table[0]}", *(f"    {mark} {line}" for mark, line in zip(marks, table[1:], strict=True)), *few]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table under each other; a long value is cut, and its first spaces stay: they indent trees."""
    cut = [[value if len(value) <= WIDEST else value[: WIDEST - 1] + "…" for value in row] for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(cut[0]))]
    return ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in cut]


def plan_text(migrations: Migrations, changes: Sequence[Change], took: Iterable[Took] = ()) -> str:
    """Each pending migration with what its statements do, how grave that is, the lock, and how long each took."""
    if not migrations.pending:
        return f"nothing is pending; applied: {amount(len(migrations.applied), 'migration')}"
    lines, took = [], tuple(took)
    for name in migrations.pending:
        lines.append(name)
        times = {one.line: f"took {_span(one.ms)}" for one in took if one.migration == name and not one.failure}
        rows = [(*_change(change), times.get(change.line, "")) for change in changes if change.migration == name]
        lines += [f"  {line}" for line in aligned(rows)] if rows else ["  nothing but comments"]
    lines += [f"  line {one.line} of {one.migration} fails: {one.failure}" for one in took if one.failure]
    return "\n".join(lines)


def _span(ms: float) -> str:
    return f"{ms / 1000:,.1f} s" if ms >= 1000 else f"{ms:.0f} ms"


def _change(change: Change) -> tuple[str, ...]:
    rows = "" if not change.table else "rows unknown" if change.rows < 0 else f"{change.rows:,} rows"
    return f"line {change.line}", change.kind, does(change), change.lock, rows


def restored_text(restored: Restored) -> str:
    """The tables that a restore brought back, next to those that production has."""
    rows = [
        ("table", "restored", "production"),
        *((table.table, _rows(table.restored), _rows(table.now)) for table in restored.tables),
    ]
    head = "RESTORED" if restored.whole else "NOT WHOLE: most tables are missing, or came back empty"
    lines = [
        f"{head}: {restored.source}",
        f"  took     {restored.seconds:.1f} s, until it could be asked",
        f"  loses    {restored.loses_minutes:.0f} min: what was written since is not in it",
        *(f"  {line}" for line in aligned(rows)),
    ]
    lines += [f"  look     {name} came back empty: was it filled only since?" for name in restored.doubtful]
    lines += [f"  differs  {name}" for name in restored.schema[:10]]
    return "\n".join([*lines, "  deleted  the copy is gone again"])


def restore_text(plan: RestorePlan, type_this: str) -> str:
    """What a restore would bring back and what it would lose, and what to type to have it carried out."""
    rows = [
        ("table", "then", "now", "lost"),
        *(
            (one.table, _rows(one.restored), _rows(one.now), f"{lost:,}" if lost else "")
            for one in plan.tables
            if (lost := max(one.now, 0) - max(one.restored, 0)) > 0 or one.restored > one.now
        ),
    ]
    lines = [
        f"RESTORE {plan.into} to {plan.point.name} ({plan.point.by} of {plan.point.made})",
        f"  loses    {plan.minutes:.0f} min: all that was written since, changed rows included",
        f"  rows     {plan.unknown}"
        if plan.unknown
        else f"  rows     {plan.lost:,} that are there now are not in it; {plan.back:,} come back",
        *(f"  {line}" for line in aligned(rows) if not plan.unknown and len(rows) > 1),
        f"  keeps    what is there now as {plan.keep}; ./inv database.restore --to {plan.keep}   undoes the restore",
        "  before   take the site offline, or its writes go into what is thrown away",
        *(f"  note     {one}" for one in plan.notes),
    ]
    return "\n".join([*lines, f"  carry it out: {type_this}"] if type_this else lines)


def _rows(count: int) -> str:
    return "missing" if count < 0 else f"{count:,}"
