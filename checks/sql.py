"""Asks whether the pending migrations can be applied while people use the site, and the live code live with them."""

from dataclasses import replace

from checks.evidence import Change, LiveSchema, LiveTable, PlannedChanges
from checks.gate import Findings, block, gate, warn
from checks.policy import DatabasePolicy
from checks.rules import does, instead

CANNOT_WORK = ("not-alone", "fresh-enum-value", "unparsable", "too-new", "unproved-key")
TAKEN_FROM_READERS = (
    "drop-table", "drop-column", "drop-view", "rename-table", "rename-column", "change-type", "add-required-column",
    "grow-type", "detach-partition", "drop-unique", "carry-enum-value", "rename-type", "rename-enum-value",
)  # fmt: skip
ASKS_LIVE = (*TAKEN_FROM_READERS, "drop-default", "widen-type")
"""What is judged by what the live release reads and writes."""
USED_BY_NAME = ("rename", "drop-schema", "drop-cascade")  # schema.prisma does not say who uses them
LONG = ("long-under-lock", "lock-table", "update-all")
LOSES_ROWS = ("truncate", "truncate-too", "truncate-unknown", "delete-all")
WHOLE_TABLE = ("add-required-column", "drop-table", "drop-view", "rename-table", "detach-partition")
"""Of those, what is felt by whoever uses the table at all, whichever columns."""


def _place(change: Change) -> str:
    return f"{change.migration}:{change.line}"


def _planned(rule: str, kind: str = "expand", **more: object) -> PlannedChanges:
    """Make the planned changes of one change, for the examples."""
    change = Change("20260401000000_example", 3, rule, kind, "Lesson", "title")  # type: ignore[arg-type]
    return PlannedChanges((replace(change, **more),))  # type: ignore[arg-type]


@gate(owner="developer")
def can_run(planned: PlannedChanges) -> Findings:
    """Every pending migration is SQL that Postgres can run the way it will be sent.

    Why: What fails half-way through the deploy could have been known before. What wants no transaction, e.g.
        `CREATE INDEX CONCURRENTLY` or the use of a value that the same file adds to an enum, is sent by itself; inside a
        `BEGIN` of the file's own it is refused, and with `engine: prisma` anywhere, by a Prisma older than 7.4.

    By hand: Run `npx prisma migrate deploy` against a branch or a copy of production's database, never production first.

    If it fails: The file and line are named. Take the statement out of the file's own `BEGIN`, or split the migration.
    """
    for change in planned.changes:
        if change.rule in CANNOT_WORK:
            yield block(_place(change), does(change), fix=instead(change))


can_run.stops_when(
    "an index is built concurrently beside other statements", lambda s: (_planned("not-alone", "contract"),)
)
can_run.stops_when(
    "the SQL has a typing error",
    lambda s: (_planned("unparsable", "unknown", column='syntax error at or near "tabel"'),),
)


@gate(owner="developer")
def live_code_survives(planned: PlannedChanges, live: LiveSchema) -> Findings:
    """No pending migration takes away what the code that is live now reads or writes.

    Why: Between the migration and the promotion, and again after a rollback, old code runs on the new schema. What it
        still reads must still be there, so a column is dropped one release after the last one that uses it.

    By hand:
        Find the live commit: `vercel inspect $DOMAIN`.
        For every `DROP`, `RENAME` and `ALTER … TYPE` under `prisma/migrations` run
        `git show $LIVE_COMMIT:prisma/schema.prisma` and look whether the name is still in there.

    If it fails: Ship in two releases: first the code that no longer uses it, then, when that is live, the migration. To
        change something, add the new one beside it, copy, switch, and drop the old one at last.
    """
    for change in planned.changes:
        if change.rule in USED_BY_NAME:
            yield block(
                _place(change), f"{does(change)}, which the live release may use by its name", fix=instead(change)
            )
        if (
            change.rule in ("widen-type", "grow-type")
            and not is_missed(change, live)
            and live.reads(change.table, change.column)
        ):
            yield warn(_place(change), does(change), fix=instead(change))
        if is_missed(change, live):
            yield block(_place(change), f"{does(change)}; {_who(live)}", fix=instead(change))


def is_missed(change: Change, by: LiveSchema) -> bool:
    """Whether ``change`` takes something from readers, or writers, that the release ``by`` uses."""
    match change.rule:
        case "drop-unique":
            return by.upserts(change.table, change.column.split(", "))
        case "grow-type":  # Prisma's client takes it for what it was
            return not by.found
        case "drop-default":
            return by.leaves_out(change.table, change.column)
        case "rename-type" | "rename-enum-value":
            return by.names(*change.column.split(".", 1))
        case rule if rule in TAKEN_FROM_READERS:
            return by.reads(change.table, "" if rule in WHOLE_TABLE else change.column)
    return False


def _who(live: LiveSchema) -> str:
    if live.found:
        return f"the live release ({live.commit[:12]}) still uses it"
    return f"nobody can tell whether the live release uses it: {live.says}"


def _reading(*columns: str) -> LiveSchema:
    return LiveSchema("a" * 40, True, (LiveTable("Lesson", ("id", *columns)),))


live_code_survives.stops_when(
    "a column is dropped that live code reads", lambda s, v: (_planned("drop-column", "contract"), _reading("title"))
)
live_code_survives.stops_when(
    "a new column is required and has no default",
    lambda s, v: (_planned("add-required-column", "contract"), _reading()),
)
live_code_survives.stops_when(
    "nobody knows what live code reads",
    lambda s, v: (
        _planned("rename-table", "contract"),
        LiveSchema("", False, says="production does not name its commit"),
    ),
)


@gate(owner="developer")
def nobody_waits(policy: DatabasePolicy, planned: PlannedChanges) -> Findings:
    """No pending migration keeps users waiting: nothing long happens under a lock on a large table.

    Why: A lock that is held while millions of rows are read stops every request to that table for as long. On a small
        table the same statement is over before anybody notices. And a transaction that began before a table was
        rewritten sees it empty afterwards: another reason to rewrite in a quiet hour.

    By hand:
        Look at the size of each table that is altered: query *Table sizes* in the troubleshooting guide.
        On a large one only what takes its lock for a moment may run: add columns without a computed default, build
        indexes `CONCURRENTLY`, add constraints `NOT VALID` and validate them in a later migration.

    If it fails: The safe way to write it is printed. If it must be so, choose a quiet hour and waive this gate for
        that migration in `deploy.yml`, with the file and line that are printed as its subject.
    """
    for change in planned.changes:
        costly = change.scans or change.rewrites or change.rule in LONG
        if not costly or change.rule in LOSES_ROWS:
            continue
        if change.rows >= policy.large_rows or change.rows < 0:
            size = f"{change.rows:,} rows" if change.rows >= 0 else "nobody knows how many rows"
            yield block(_place(change), f"{does(change)} ({size})", fix=instead(change))


nobody_waits.stops_when(
    "an index is built on a large table",
    lambda p, s: (p, _planned("create-index", lock="SHARE", scans=True, rows=2_400_000)),
)
nobody_waits.stops_when(
    "a large table is rewritten",
    lambda p, s: (p, _planned("add-volatile-column", rewrites=True, rows=900_000)),
)


@gate(owner="developer")
def data_are_kept(planned: PlannedChanges) -> Findings:
    """No pending migration empties a table, and what nobody can judge is read by a person.

    Why: Rows that a migration deletes come back only from a backup, with everything that was written since missing.
        And code in a migration does what only running it would tell.

    By hand: Read every `TRUNCATE`, every `DELETE` without `WHERE`, every `DO` block and function call in the pending
        migrations.

    If it fails: Delete by hand after a restore point was made, or waive this gate for that migration in `deploy.yml`,
        with the file and line that are printed as its subject.
    """
    for change in planned.changes:
        if change.rule in LOSES_ROWS and (change.rows != 0 or change.rule == "truncate-unknown"):
            yield block(_place(change), does(change), fix=instead(change))
        elif change.kind == "unknown" and change.rule not in CANNOT_WORK:
            yield warn(_place(change), does(change), fix=instead(change))
        elif change.kind == "contract" and change.rule not in (*TAKEN_FROM_READERS, *USED_BY_NAME, *CANNOT_WORK):
            yield warn(_place(change), f"{does(change)}, which live code may run into", fix=instead(change))


data_are_kept.stops_when("a table is emptied", lambda s: (_planned("truncate", "data", rows=31_000),))
