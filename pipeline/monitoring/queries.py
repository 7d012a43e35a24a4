"""Questions to the database: read-only, for PostgreSQL 15 and later."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """One question. ``needs`` names an extension that must be there."""

    name: str
    sql: str
    tells: str
    worry: str
    needs: str = ""


CONNECTIONS = (
    Query("Connection health check", "SELECT 1;", "the database answers", "an error, or more than a second"),
    Query(
        "Active connections count",
        "SELECT count(*) FROM pg_stat_activity;",
        "connections, ours and the server's own",
        "near the limit that the next query shows",
    ),
    Query(
        "Connections against the limit",
        """SELECT state, count(*), current_setting('max_connections') AS allowed
FROM pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY state
ORDER BY count(*) DESC;""",
        "what the connections are doing",
        "more than 80 % of `allowed`, or many `idle in transaction`",
    ),
    Query(
        "Connections by client",
        """SELECT application_name, client_addr, state, count(*)
FROM pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY application_name, client_addr, state
ORDER BY count(*) DESC;""",
        "who holds them",
        "something that you do not know, or one client with most of them",
    ),
    Query(
        "Idle transactions",
        """SELECT pid, now() - xact_start AS open_for, left(query, 80) AS last_query
FROM pg_stat_activity
WHERE state = 'idle in transaction'
ORDER BY xact_start;""",
        "transactions that somebody forgot to end",
        "one that is older than a minute: it holds locks",
    ),
)

PERFORMANCE = (
    Query(
        "Long-running queries (> 5 seconds)",
        """SELECT pid, now() - query_start AS duration, state, left(query, 200) AS query
FROM pg_stat_activity
WHERE state <> 'idle'
  AND pid <> pg_backend_pid()
  AND now() - query_start > interval '5 seconds'
ORDER BY duration DESC;""",
        "what takes long right now",
        "anything from the app; `SELECT pg_cancel_backend(pid)` stops one",
    ),
    Query(
        "Who blocks whom",
        """SELECT blocked.pid, left(blocked.query, 80) AS waits,
       blocking.pid AS blocked_by, left(blocking.query, 80) AS holds
FROM pg_stat_activity AS blocked
CROSS JOIN LATERAL unnest(pg_blocking_pids(blocked.pid)) AS holder(pid)
JOIN pg_stat_activity AS blocking ON blocking.pid = holder.pid;""",
        "queries that wait for a lock, and the one that holds it",
        "any row that is still there when you ask again",
    ),
    Query(
        "Slowest queries overall",
        """SELECT calls, round(mean_exec_time) AS mean_ms, round(total_exec_time) AS total_ms, left(query, 120) AS query
FROM pg_stat_statements
ORDER BY total_exec_time DESC
LIMIT 20;""",
        "where the database's time goes",
        "a mean above 100 ms with many calls: `EXPLAIN (ANALYZE, BUFFERS)` it",
        needs="pg_stat_statements",
    ),
    Query(
        "Tables read from end to end",
        """SELECT relname, seq_scan, seq_tup_read, idx_scan, n_live_tup
FROM pg_stat_user_tables
WHERE seq_scan > 0
ORDER BY seq_tup_read DESC
LIMIT 20;""",
        "tables whose queries find no index",
        "more than 10 000 rows (`n_live_tup`) and far more `seq_scan` than `idx_scan`",
    ),
    Query(
        "Cache hit ratio",
        """SELECT round(100.0 * sum(blks_hit) / nullif(sum(blks_hit) + sum(blks_read), 0), 2) AS percent
FROM pg_stat_database
WHERE datname = current_database();""",
        "how much is read from memory",
        "below 99 % on a busy database: the compute is too small, or a query reads too much",
    ),
    Query(
        "Dead rows",
        """SELECT relname, n_live_tup, n_dead_tup, last_autovacuum
FROM pg_stat_user_tables
WHERE n_dead_tup > 1000
ORDER BY n_dead_tup DESC;""",
        "rows that wait to be cleaned up",
        "more dead than live ones, and no recent autovacuum: an old transaction keeps it from working",
    ),
    Query(
        "Indexes that nobody uses",
        """SELECT relname, indexrelname, pg_size_pretty(pg_relation_size(indexrelid)) AS size
FROM pg_stat_user_indexes
JOIN pg_index USING (indexrelid)
WHERE idx_scan = 0 AND NOT indisunique
ORDER BY pg_relation_size(indexrelid) DESC;""",
        "indexes that only cost",
        "large ones on tables that are written often; look again after a month before you drop one",
    ),
)

SIZES = (
    Query(
        "Database size",
        "SELECT pg_size_pretty(pg_database_size(current_database()));",
        "its size on disk",
        "above 80 % of the plan's storage, or growing faster than last week",
    ),
    Query(
        "Table sizes",
        """SELECT schemaname, tablename,
       pg_size_pretty(pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)) AS size
FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
ORDER BY pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass) DESC;""",
        "size of each table with its indexes; `format('%I.%I')` quotes names such as `\"User\"`, which Prisma makes",
        "one that has doubled since last week",
    ),
)

INTEGRITY = (
    Query(
        "Migrations that did not finish",
        """SELECT migration_name, started_at, left(logs, 200) AS logs
FROM _prisma_migrations
WHERE finished_at IS NULL AND rolled_back_at IS NULL;""",
        "what blocks the next migration (P3009)",
        "any row",
    ),
    Query(
        "Constraints that were never validated",
        """SELECT conrelid::regclass AS on_table, conname, contype
FROM pg_constraint
WHERE NOT convalidated;""",
        "rules that old rows may break",
        "any row: `ALTER TABLE … VALIDATE CONSTRAINT …` tells",
    ),
    Query(
        "Broken indexes",
        """SELECT indexrelid::regclass AS broken, indrelid::regclass AS on_table
FROM pg_index
WHERE NOT indisvalid;""",
        "indexes left by a failed `CREATE INDEX CONCURRENTLY`",
        "any row: drop it and make it again; a broken unique index does not keep duplicates out",
    ),
    Query(
        "Foreign keys without an index",
        """SELECT c.conrelid::regclass AS on_table, c.conname
FROM pg_constraint AS c
WHERE c.contype = 'f'
  AND NOT EXISTS (
    SELECT FROM pg_index AS i
    WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
  );""",
        "deleting a parent row reads the whole child table",
        "large tables",
    ),
    Query(
        "Sequences that run out",
        """SELECT schemaname, sequencename, last_value, max_value,
       round(100.0 * last_value / max_value, 1) AS percent_used
FROM pg_sequences
WHERE last_value IS NOT NULL
ORDER BY percent_used DESC
LIMIT 10;""",
        "how many ids are left; for an `integer` column the end is 2 147 483 647",
        "above 70 %",
    ),
)

QUERIES = {
    "Connection health": CONNECTIONS,
    "Performance bottlenecks": PERFORMANCE,
    "Sizes": SIZES,
    "Data integrity": INTEGRITY,
}
