"""The runs of the past in words, as a table for a spreadsheet, and as figures."""

import csv
import io
from collections.abc import Iterable

from pipeline.record.dora import Delivery, Spread
from pipeline.record.history import GateRecord, PersonRecord
from pipeline.record.report import Report
from pipeline.redact import one_line
from pipeline.render.report import COMMIT, duration

COLUMNS = (
    "run", "target", "pipeline", "commit", "by", "began", "committed", "live_at", "ended", "outcome", "accepted_by",
    "accepted_because", "reason", "ms", "waited_ms",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@")
DEFINITIONS = """\
deployment frequency  runs that reached users, per day of the period, whatever became of them
lead time             from the commit's date to the moment when users got it; of releases of which both are known
change failure rate   releases that were taken back, by the run or by hand, or stranded, of those that reached users
recovery time         from the moment when users got a bad release to the end of the run that put it right
before the run        what of a lead time was over when the run began
people, machine       what of a lead time was waiting for people within the run, and what was its own work"""


def history_text(reports: list[Report], record: str) -> str:
    """Runs, a line each and what they ended for below it, newest first; ``record`` says where they are written down."""
    if not reports:
        return f"no such runs: ./inv deploy starts one\n  record   {record}"
    rows = [("run", "target", "commit", "began (UTC)", "outcome"), *map(_row, reports)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    said = ["", *(one_line(report.accepted_because or report.reason) for report in reports)]
    lines = []
    for row, because in zip(rows, said, strict=True):
        lines.append("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        lines += [f"  because  {because}"] if because else []
    return "\n".join([*lines, f"  record   {record}"])


def _row(report: Report) -> tuple[str, ...]:
    began = report.began[:16].replace("T", " ")
    return report.run, report.target, report.commit[:COMMIT], began, report.ended_as


def history_csv(reports: Iterable[Report]) -> str:
    """Runs as CSV with a line of headings. What a spreadsheet would take for a formula is text."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(COLUMNS)
    for report in reports:
        write([inert(getattr(report, name)) for name in COLUMNS])
    return file.getvalue().rstrip("\n")


def inert(cell: object) -> object:
    """``cell`` with an apostrophe before what a spreadsheet calculates, and in one line; numbers are as they are."""
    if not isinstance(cell, str):
        return cell
    text = " ".join(cell.split())
    return f"'{text}" if text.startswith(FORMULA) else text


def delivery_text(seen: Delivery, target: str) -> str:
    """The four figures of a target, and what each means."""
    open_ones = f"; {seen.open} not put right yet" if seen.open else ""
    lines = [
        f"{target}, {seen.days:.3g} days",
        f"  deployment frequency  {seen.a_day:.3g} a day: {seen.releases} releases",
        f"  lead time             {_spread(seen.lead, seen.releases)}",
        f"    before the run      {_spread(seen.before)}",
        f"    machine             {_spread(seen.machine)}",
        f"    people              {_spread(seen.people)}",
        f"  change failure rate   {seen.failure_rate:.0%}: {seen.failed} of {seen.releases}",
        f"  recovery time         {_spread(seen.recovery)}{open_ones}",
        "",
        DEFINITIONS,
    ]
    return "\n".join(lines)


def _spread(seen: Spread, of: int = 0) -> str:
    if not seen.known:
        return "nothing to say"
    known = f"; known of {seen.known} of {of}" if of > seen.known else ""
    return f"{long(seen.median)} usually, {long(seen.longest)} at most{known}"


def long(seconds: float) -> str:
    """A duration of which nobody wants the seconds: ``3.2 days``, ``5.0 hours``, or as ``duration`` has it."""
    for size, unit in ((86400, "days"), (3600, "hours")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return duration(round(seconds * 1000))


def gates_text(gates: Iterable[GateRecord]) -> str:
    """How often each gate stopped a run; those that never did are named at the end."""
    gates = tuple(gates)
    lines = [f"{'gate':<44} {'stopped':>7} {'warned':>7} {'asked':>7} {'usually':>10}"]
    lines += [
        f"{one.name:<44} {one.stopped:>7} {one.warned:>7} {one.asked:>7} {duration(one.ms):>10}"
        for one in gates
        if one.stopped or one.warned
    ]
    never = [one.name for one in gates if not one.stopped]
    return "\n".join([*lines, f"never stopped a run: {', '.join(never) or 'none'}"])


def people_text(people: Iterable[PersonRecord]) -> str:
    """What each person began, and what became of it."""
    lines = [f"{'who':<24} {'runs':>5} {'released':>9} {'taken back':>11} {'accepted':>9}"]
    lines += [
        f"{one.name:<24} {one.runs:>5} {one.released:>9} {one.taken_back:>11} {one.accepted:>9}" for one in people
    ]
    return "\n".join(lines)
