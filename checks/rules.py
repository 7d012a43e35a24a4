"""What migrations do that hurts: why, and how to write it so that it does not."""

from collections.abc import Mapping
from dataclasses import dataclass

from checks.evidence import Change


@dataclass(frozen=True)
class Rule:
    """A rule says what a kind of change does that hurts.

    ``does``: the end of a sentence that begins with the statement's place. ``instead``: the safe rewrite.

    Both may name ``{table}`` and ``{column}``. An empty ``instead`` means that nothing is wrong with it.
    """

    does: str
    instead: str = ""


STOP_USING = "ship a release that no longer uses {it} first (in Prisma: `@ignore`, or take it out of schema.prisma),"
ALONE = "in a migration of its own: Prisma sends a file as one transaction"
BY_STEPS = "1. add the new one beside it, 2. let the code write both and copy the old rows, 3. read the new one, 4. drop the old"

RULES: Mapping[str, Rule] = {
    # additive
    "create": Rule("makes {column}"),
    "comment": Rule("changes nothing that code or rows notice"),
    "setting": Rule("changes a setting"),
    "transaction": Rule("begins or ends a transaction of its own"),
    "add-column": Rule("adds {table}.{column}"),
    "add-enum-value": Rule("adds the value {column}"),
    "loosen": Rule("takes a restriction from {table}.{column} away"),
    "brief-lock": Rule("locks {table} for a moment, for {column}"),
    "set-default": Rule("gives {table}.{column} a default"),
    "widen-type": Rule(
        "widens {table}.{column}, which rewrites nothing; sessions that prepared a statement with it fail with 0A000",
        "nothing is to be rewritten; a client that keeps prepared statements needs a new connection, so restart a pooler"
        " and let Prisma's clients reconnect",
    ),
    "change-enum": Rule(
        "puts an enum that has all the values in the place of that of {table}.{column}, so the table is rewritten",
        "ALTER TYPE … ADD VALUE, which rewrites nothing",
    ),
    "sort-anew": Rule(
        "gives {table}.{column} another order, so its indexes are built anew while nobody can read {table}",
        "a new column with that collation, indexed CONCURRENTLY, " + BY_STEPS,
    ),
    "check-new-rows": Rule(
        "checks {column} of rows that are written to {table} from now on (NOT VALID), and reads none"
    ),
    "reference-new-rows": Rule("adds the foreign key {column} to {table} without reading its rows"),
    "not-null-new-rows": Rule(
        "forbids NULL in {table}.{column} (NOT VALID): rows that hold one already can no longer be updated",
        "fill those rows first, or add a CHECK (… IS NOT NULL) NOT VALID, which says the same",
    ),
    "keep-not-null": Rule("forbids NULL in {table}.{column}, which a CHECK keeps from being null already"),
    "key-by-index": Rule("makes {column} the primary key of {table} by an index that is there"),
    "trigger-anew": Rule("makes the trigger {column} of {table} anew, as it was"),
    "made-anew": Rule("makes {column} anew in the same transaction"),
    "view-same": Rule("makes the view {column} anew with the columns that it had"),
    "view-anew": Rule("makes the view {table} anew with columns that nobody can tell", "name its columns instead of *"),
    "unique-anew": Rule("drops a unique key on {table} ({column}) beside another one"),
    "attach-proved": Rule(
        "attaches {column}; its rows are read under the lock unless its CHECK implies the bounds",
        "try it in the rehearsal: the log says `partition constraint … is implied`",
    ),
    "beside-proved": Rule(
        "makes a partition of {column} beside {table}, whose rows are read under the lock unless its CHECK rules them out",
        "try it in the rehearsal",
    ),
    "create-index-concurrently": Rule("builds an index on {table} without locking writers out"),
    "validate-constraint": Rule("checks the rows of {table} against {column} while everybody goes on"),
    "rename-index": Rule("renames an index or a constraint, which code does not name"),
    "maintenance": Rule("looks after {table} without locking anybody out"),
    # takes time under a lock
    "create-index": Rule(
        "builds an index on {table} and locks writers out meanwhile", "CREATE INDEX CONCURRENTLY … " + ALONE
    ),
    "add-volatile-column": Rule(
        "adds {table}.{column} with a default that is computed for each row, so the table is rewritten",
        "add the column without a default, set the default for new rows, and fill old rows in batches",
    ),
    "add-identity-column": Rule(
        "adds the numbered column {table}.{column}, so the table is rewritten",
        "add it without a default, fill it in batches, then attach the sequence",
    ),
    "add-domain-column": Rule(
        "adds {table}.{column} of a domain that checks its values, so the table is rewritten, whether or not it has a"
        " default",
        "add it with the domain's own type and a CHECK NOT VALID, and VALIDATE that in a later migration",
    ),
    "add-generated-column": Rule(
        "adds the stored generated column {table}.{column}, so the table is rewritten",
        "add a plain column, let a trigger or the code fill it, and copy old rows in batches",
    ),
    "add-unique-column": Rule(
        "adds {table}.{column} with an index that is built under the lock",
        "add the column, then CREATE UNIQUE INDEX CONCURRENTLY … " + ALONE,
    ),
    "rewrite": Rule("rewrites {table} while nobody can read it", "pg_repack, or a new table that is filled beside it"),
    "reindex": Rule("builds an index of {table} anew and locks writers out", "REINDEX … CONCURRENTLY, " + ALONE),
    "lock-table": Rule(
        "locks {table} until the migration ends", "leave it out; the statements take the locks they need"
    ),
    "refresh": Rule("fills {table} anew while nobody can read it", "REFRESH MATERIALIZED VIEW CONCURRENTLY …"),
    "refill": Rule(
        "drops the materialized view {table} and fills it anew while nobody can read it",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY, or a view of another name that is filled before the switch",
    ),
    "check-domain": Rule(
        "checks every row of {table} against the domain {column} while writers wait",
        "ALTER DOMAIN … ADD CONSTRAINT … NOT VALID; VALIDATE locks writers out, too: do it in a quiet hour",
    ),
    "enforce": Rule(
        "enforces {column} of {table} and reads all rows under the lock",
        "add another constraint NOT VALID, VALIDATE it in a later migration, then drop this one",
    ),
    "beside-default": Rule(
        "reads the whole DEFAULT partition {table} of {column} under a lock, for rows of the new partition",
        "first add a CHECK to {table} that rules the new range out, NOT VALID, and VALIDATE it: the lock stays, and is"
        " brief",
    ),
    "attach-partition": Rule(
        "attaches {column} and reads all of its rows under a lock",
        "add a CHECK that implies the bounds NOT VALID, VALIDATE it in a later migration, then attach",
    ),
    "long-under-lock": Rule(
        "works for long while {table} is still locked by an earlier statement of the file",
        "put the statement that locks {table} and the long one into two migrations",
    ),
    # takes away, or narrows
    "drop-table": Rule("drops {table}", STOP_USING.format(it="it") + " then drop it"),
    "drop-column": Rule("drops {table}.{column}", STOP_USING.format(it="it") + " then drop it"),
    "drop-view": Rule("drops the view {table}", STOP_USING.format(it="it") + " then drop it"),
    "drop-schema": Rule(
        "drops the schema {column}, and nobody can tell what is in it", STOP_USING.format(it="it") + " then drop it"
    ),
    "drop-object": Rule("drops {column}", STOP_USING.format(it="it") + " then drop it"),
    "drop-index": Rule("drops the index {column}", "DROP INDEX CONCURRENTLY … " + ALONE),
    "drop-unique": Rule(
        "drops the unique key on {table} ({column}), without which an upsert on it fails with 42P10",
        "ship a release that no longer has `@unique` or `@@unique` there first, then drop it",
    ),
    "drop-cascade": Rule(
        "drops {column} with everything that depends on it, and nobody can tell what that is",
        "leave CASCADE out: Postgres then names what depends on it",
    ),
    "carry-enum-value": Rule(
        "writes a value into {table}.{column} that the enum has only now: Prisma's client cannot read such a row",
        "ship a release that knows the value first, then write it",
    ),
    "rename-type": Rule("renames or moves the type {column}", BY_STEPS + "; or keep the name and use `@@map`"),
    "rename-table": Rule("renames {table}", BY_STEPS + "; or keep the name in the database and use `@@map`"),
    "rename-column": Rule("renames {table}.{column}", BY_STEPS + "; or keep the name in the database and use `@map`"),
    "rename": Rule("renames or moves {column}", BY_STEPS),
    "grow-type": Rule(
        "puts a larger type in the place of that of {table}.{column}, so the table is rewritten; sessions that prepared"
        " a statement with it fail with 0A000 until they reconnect",
        BY_STEPS,
    ),
    "change-type": Rule("changes the type of {table}.{column}", BY_STEPS),
    "add-required-column": Rule(
        "adds {table}.{column} NOT NULL without a default, so every INSERT of the live code fails",
        "add it with a default, or nullable and NOT NULL in a later migration",
    ),
    "set-not-null": Rule(
        "forbids NULL in {table}.{column} and reads all rows under the lock",
        "1. ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID, 2. VALIDATE CONSTRAINT in a later migration,"
        " 3. SET NOT NULL, which then reads nothing",
    ),
    "drop-default": Rule(
        "takes the default of {table}.{column} away", "ship a release that always sets it first, then drop the default"
    ),
    "add-unique": Rule(
        "makes {table}.{column} unique and builds the index under the lock",
        "CREATE UNIQUE INDEX CONCURRENTLY … " + ALONE + "; then ADD CONSTRAINT … UNIQUE USING INDEX",
    ),
    "add-primary-key": Rule(
        "builds the primary key of {table} under the lock",
        "CREATE UNIQUE INDEX CONCURRENTLY … " + ALONE + "; then ADD PRIMARY KEY USING INDEX",
    ),
    "add-check": Rule(
        "adds the constraint {column} to {table} and reads all rows under the lock",
        "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a later migration",
    ),
    "add-foreign-key": Rule(
        "adds the foreign key {column} to {table} and reads all rows while writers wait",
        "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a later migration",
    ),
    "add-exclusion": Rule("adds an exclusion constraint to {table} and builds its index under the lock", BY_STEPS),
    "narrow": Rule("narrows what may be written to {table}: {column}"),
    "rename-enum-value": Rule("renames the value {column}", "add the new value, move the rows, leave the old one"),
    "detach-partition": Rule("detaches {column} from {table}", "DETACH PARTITION … CONCURRENTLY, " + ALONE),
    "revoke": Rule("takes privileges on {table} away", "make sure that the app's role keeps what it uses"),
    "row-security": Rule("changes who may see or write which rows of {table}", "try it as the app's role first"),
    # changes rows
    "insert": Rule("adds rows to {table}"),
    "update": Rule("changes rows of {table}"),
    "delete": Rule("deletes rows of {table}"),
    "update-all": Rule(
        "changes every row of {table} in one transaction",
        "fill in batches, from a script that runs outside of the deploy",
    ),
    "delete-all": Rule(
        "deletes every row of {table}", "if that is meant: do it by hand, with the restore point at hand"
    ),
    "truncate": Rule("empties {table}", "if that is meant: do it by hand, with the restore point at hand"),
    "truncate-too": Rule(
        "empties {table}, which refers to a table that is emptied by TRUNCATE … CASCADE",
        "leave CASCADE out, and name the tables that are to be emptied",
    ),
    "truncate-unknown": Rule(
        "empties every table that refers to it, and nobody can tell which those are",
        "leave CASCADE out, and name the tables that are to be emptied",
    ),
    # nobody knows
    "code": Rule("runs code that only running it would explain ({column})", "try it in the rehearsal; read it twice"),
    "replace": Rule("replaces {column}, which the live code may use", "give the new one another name"),
    "trigger": Rule("makes {column} run on every write to {table}", "try it in the rehearsal; read it twice"),
    "other": Rule("is a statement that this tool has no opinion about ({column})", "read it twice"),
    # cannot work
    "not-alone": Rule(
        "cannot run inside a transaction, and Prisma sends a file with several statements as one",
        "put it alone into a file",
    ),
    "fresh-enum-value": Rule(
        "uses the value {column}, which the same file adds: Postgres refuses that until the transaction has ended",
        "put the ALTER TYPE … ADD VALUE into a migration of its own, before this one",
    ),
    "unread": Rule(
        "is not understood here, though Postgres may run it, so nobody can tell what it does: {column}",
        "try it in the rehearsal; read it twice",
    ),
    "too-new": Rule("uses {column}", "write it as the server's release has it"),
    "unproved-key": Rule(
        "makes {column} the primary key of {table}, where its NOT NULL is NOT VALID: Postgres refuses that (55000)",
        "VALIDATE CONSTRAINT in a migration before this one",
    ),
    "unparsable": Rule("is not SQL that Postgres' parser takes: {column}", "correct it; the line is named"),
}


def does(change: Change) -> str:
    """Say what ``change`` does, as the end of a sentence that begins with its place."""
    return RULES[change.rule].does.format(table=change.table or "a table", column=change.column or "something")


def instead(change: Change) -> str:
    """Say how to write a change so that it does not hurt; empty when it does not."""
    return RULES[change.rule].instead.format(table=change.table, column=change.column)
