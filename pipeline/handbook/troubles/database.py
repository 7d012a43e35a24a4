"""The database and its migrations."""

from pipeline.handbook.troubles.trouble import Trouble

DATABASE = (
    Trouble(
        "P1001: Can't reach database server",
        "503, right after a deploy or a change of network",
        "`psql \"$DATABASE_URL\" -c 'select 1'` from your machine; does `DATABASE_URL` name the right host?",
        "Neon: is the compute active? Restart it. Add `connect_timeout=15` to the address when it wakes from sleep",
        "database-unreachable",
        sign=r"\bP1001\b|postgres: .*(connection (failed|refused|is bad)|could not translate|timeout expired)",
    ),
    Trouble(
        "P1002: The database server was reached but timed out",
        "A migration hangs for 10 s, then fails: somebody else holds Prisma's lock, 72707369",
        "The message names who holds it: pid, application, user and since when. Query *Who holds Prisma's lock*. An `idle`"
        " holder behind a `-pooler` address is an orphan: its client is gone and the pooler kept the session",
        "Let the other migration end. An orphan is ended with `SELECT pg_terminate_backend($PID);`, and its"
        " address replaced by the direct one",
        "database-unreachable",
        sign=r"\bP1002\b",
    ),
    Trouble(
        "P1000: Authentication failed",
        "503 after a password was changed",
        "Neon console → Roles: when was it last reset?",
        "Set the new `DATABASE_URL` and `DIRECT_URL`, redeploy",
        "database-unreachable",
        sign=r"\bP1000\b|password authentication failed|\b28P01\b",
    ),
    Trouble(
        "A `-pooler` address where the direct one belongs",
        '`DIRECT_URL: is a Neon -pooler address`, or `prepared statement "s0" already exists`, or P1002 for no reason',
        "Does the host in `DIRECT_URL` contain `-pooler`, or its query `pgbouncer=true`?",
        "Take `-pooler` out of the host name, for migrations only; the app keeps the pooled address in `DATABASE_URL`",
        sign=r"-pooler|pgbouncer|prepared statement .* already exists",
    ),
    Trouble(
        "P2024: Timed out fetching a new connection from the connection pool",
        "Slow pages, then 500, under load",
        "Query *Idle transactions* and *Connections against the limit*",
        "Use the `-pooler` address in the app; shorten transactions; raise `connection_limit` last",
        "performance-degradation",
        sign=r"\bP2024\b",
    ),
    Trouble(
        "53300: Too many connections",
        "`remaining connection slots are reserved`, P2037; new functions fail, old ones go on",
        "Query *Connections by client*: who holds them? Query *Connections against the limit*",
        "End what is idle: `SELECT pg_terminate_backend($PID);`. Use the `-pooler` address in the app. A larger Neon"
        " compute has more connections",
        "database-unreachable",
        sign=r"\b53300\b|\bP2037\b|too many (clients|connections)|remaining connection slots",
    ),
    Trouble(
        "53100: Disk full",
        "`could not extend file`; writes fail, reads go on",
        "Query *Table sizes* and *Database size*; Neon console → Usage: the project's storage limit",
        "Raise the limit or the plan first. Then drop what is not needed; `DELETE` alone gives nothing back",
        "database-unreachable",
        sign=r"\b53100\b|could not extend file|No space left on device|project size limit",
    ),
    Trouble(
        "42501: Permission denied",
        "A migration stops: `must be owner of table`, `permission denied for schema`, `permission denied to create database`",
        "`psql \"$DIRECT_URL\" -c 'select current_user'`, and the owner of the table: `psql \"$DIRECT_URL\" -c '\\dt'`",
        "Migrate as the role that owns the tables (`DIRECT_URL`), or let the owner give it:"
        " `ALTER TABLE … OWNER TO …`. Only the drift check creates databases: name another server in `database.scratch`",
        sign=r"\b42501\b|permission denied|must be owner",
    ),
    Trouble(
        "P2021 / P2022: The table or column does not exist",
        "500 on some pages after a deploy",
        "`npx prisma migrate status`",
        "A migration is missing: `npx prisma migrate deploy` over the direct address. Or the code is older than a"
        " migration that took something away: add it back with a new one",
        "error-spike",
        sign=r"\bP202[12]\b|\b42P01\b|\b42703\b",
    ),
    Trouble(
        "P3009: migrate found failed migrations",
        "No migration is applied any more",
        "Query *Migrations that did not finish*: `logs` says what failed. One that this tool began says which part was under"
        " way; what is one transaction was rolled back by Postgres, and the next run clears it away by itself",
        "Look at what it left behind. Nothing, or you took it away: `npx prisma migrate resolve --rolled-back $MIGRATION`."
        " All of it is there: `npx prisma migrate resolve --applied $MIGRATION`. Then deploy again",
        "deployment-failure",
        sign=r"\bP3009\b",
    ),
    Trouble(
        "P3018: A migration failed to apply",
        "The migrate stage stops",
        "The line and Postgres' error are in the message, and in `select logs from _prisma_migrations`",
        "Correct the SQL and start a new run. Only when the message says that a part of it stays: repair that by hand and"
        " mark it, as for P3009. Production still runs the old code",
        "deployment-failure",
        sign=r"\bP3018\b",
    ),
    Trouble(
        "P3005: The database schema is not empty",
        "The very first `migrate deploy` on an existing database",
        "There are tables, but no `_prisma_migrations`",
        "Baseline it: `npx prisma migrate resolve --applied $MIGRATION` for every migration that is already there",
        sign=r"\bP3005\b",
    ),
    Trouble(
        "P3008 / P3012: cannot be marked",
        "`migrate resolve` refuses: already applied, or not in a failed state",
        "Query *Migrations that did not finish*: only a row without both dates can be resolved. A migration that succeeded"
        " cannot be marked as rolled back (P3012)",
        "To take back one that succeeded, write a new migration that does the opposite. To run a corrected file again,"
        " give it a new name",
        sign=r"\bP3008\b|\bP3011\b|\bP3012\b",
    ),
    Trouble(
        "P3015: Could not find the migration file",
        "Preflight, or `migrate deploy`, names a folder under `prisma/migrations`",
        "`ls prisma/migrations/$MIGRATION`: is there a `migration.sql`? A merge or a `.vercelignore` may have lost it",
        "Restore the file from git, or delete the empty folder",
        sign=r"\bP3015\b",
    ),
    Trouble(
        "P3019: The datasource provider does not match migration_lock.toml",
        "`migrate deploy` stops before it looks at anything",
        "`cat prisma/migrations/migration_lock.toml`",
        'It must say `provider = "postgresql"`; restore it from git. Migrations of another database cannot be reused',
        sign=r"\bP3019\b",
    ),
    Trouble(
        "55P03: canceling statement due to lock timeout",
        "The migrate stage says who blocks it, tries for a while and stops; users noticed nothing",
        "The message names the session: pid, application, user, for how long. Query *Who blocks whom*",
        "Let it end, or end it: `SELECT pg_cancel_backend($PID);`. Start again at a quiet time. That a migration gives up"
        " quickly is on purpose: readers queue behind a waiting one",
        sign=r"\b55P03\b|lock timeout",
    ),
    Trouble(
        "57014: canceling statement due to statement timeout",
        "One statement ran longer than `database.statement_timeout`",
        "Which line? How long did the rehearsal take?",
        "Split the migration, fill in batches outside of the deploy, or raise the timeout for this release",
        sign=r"\b57014\b|statement timeout",
    ),
    Trouble(
        "40P01: deadlock detected",
        "A migration and the app locked two tables in opposite order; Postgres ended one of them",
        "The migration touches several tables that the app also writes together",
        "Start again; it was rolled back. If it comes back, one table a migration",
        sign=r"\b40P01\b|deadlock detected",
    ),
    Trouble(
        "25001: cannot run inside a transaction block",
        "`CREATE INDEX CONCURRENTLY`, `VACUUM` and the like beside other statements",
        "Prisma sends a file as one transaction",
        "Put the statement alone into a migration of its own",
        sign=r"\b25001\b|cannot run inside a transaction block",
    ),
    Trouble(
        "23505 / 23502 / 23514 / 23503: the rows do not fit the new constraint",
        "A migration stops at a unique index, NOT NULL, CHECK or foreign key; the rehearsal finds it first",
        "Count the rows that break it before you migrate: e.g."
        ' `select email, count(*) from "User" group by 1 having count(*) > 1`',
        "Clean the rows in a release of its own, then add the constraint",
        sign=r"\b2350[2-5]\b|\b23514\b",
    ),
    Trouble(
        "BRANCHES_LIMIT_EXCEEDED, SNAPSHOTS_LIMIT_EXCEEDED: no room for a restore point",
        "The rehearsal or the restore point cannot be made; nothing was migrated",
        "Neon console → Branches, Backup & Restore: which of them are old `before-…` and `rehearsal-…`?",
        "Delete those that nobody needs; they would expire by themselves. Shorten `database.keep`",
        sign=r"(BRANCHES|SNAPSHOTS)_LIMIT_EXCEEDED",
    ),
)
