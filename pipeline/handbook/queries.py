"""Questions to the database: read-only, for PostgreSQL 15 and later; printed in the guide, asked by `diagnose`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Query:
    """One question. ``needs``: an extension that must be there. ``alarms``: is this row one to worry about?"""

    name: str
    sql: str
    tells: str
    worry: str
    needs: str = ""
    alarms: Callable[[Row], bool] | None = None


def always(row: Row) -> bool:
    """Any row is one to worry about."""
    return True


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
        """SELECT coalesce(state, 'all together') AS state, count(*), current_setting('max_connections')::int AS allowed
FROM pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY ROLLUP (state)
ORDER BY count(*) DESC;""",
        "what the connections are doing",
        "more than 80 % of `allowed`, or many `idle in transaction`",
        alarms=lambda row: row["count"] > 0.8 * row["allowed"],
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
        """SELECT pid, application_name, extract(epoch FROM now() - xact_start)::int AS seconds,
       left(query, 80) AS last_query
FROM pg_stat_activity
WHERE state = 'idle in transaction'
ORDER BY xact_start;""",
        "transactions that somebody forgot to end",
        "one that is older than a minute: it holds locks",
        alarms=lambda row: row["seconds"] > 60,
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
        alarms=always,
    ),
    Query(
        "Who blocks whom",
        """WITH RECURSIVE waiting AS (
  SELECT pid, unnest(pg_blocking_pids(pid)) AS blocker FROM pg_stat_activity
  WHERE cardinality(pg_blocking_pids(pid)) > 0
), tree AS (
  SELECT blocker AS pid, 0 AS depth, ARRAY[blocker] AS path FROM waiting
  WHERE blocker NOT IN (SELECT pid FROM waiting) GROUP BY blocker
  UNION ALL
  SELECT w.pid, tree.depth + 1, path || w.pid FROM waiting AS w JOIN tree ON w.blocker = tree.pid
  WHERE NOT w.pid = ANY (path)
)
SELECT repeat('  ', depth) || CASE depth WHEN 0 THEN '' ELSE 'waits: ' END || tree.pid AS pid, application_name, state,
       extract(epoch FROM now() - xact_start)::int AS seconds, left(query, 80) AS query
FROM tree LEFT JOIN pg_stat_activity AS a USING (pid) ORDER BY path;""",
        "who waits for a lock, indented below the one that holds it",
        "any row that is still there when you ask again",
        alarms=always,
    ),
    Query(
        "Who holds Prisma's lock",
        """SELECT pid, application_name, usename, client_addr, state,
       extract(epoch FROM now() - backend_start)::int AS seconds
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND objid = 72707369 AND granted;""",
        "which session migrates, or has forgotten that it does not any more (P1002)",
        "an `idle` one that is older than a minute: a pooler kept it",
        alarms=lambda row: row["state"] == "idle" and row["seconds"] > 60,
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
        alarms=lambda row: row["mean_ms"] > 100 and row["calls"] > 100,
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
        alarms=lambda row: row["n_live_tup"] > 10_000 and row["seq_scan"] > 10 * (row["idx_scan"] or 0),
    ),
    Query(
        "Cache hit ratio",
        """SELECT round(100.0 * sum(blks_hit) / nullif(sum(blks_hit) + sum(blks_read), 0), 2) AS percent
FROM pg_stat_database
WHERE datname = current_database();""",
        "how much is read from memory",
        "below 99 % on a busy database: the compute is too small, or a query reads too much",
        alarms=lambda row: row["percent"] is not None and row["percent"] < 99,
    ),
    Query(
        "Dead rows",
        """SELECT relname, n_live_tup, n_dead_tup, last_autovacuum
FROM pg_stat_user_tables
WHERE n_dead_tup > 1000
ORDER BY n_dead_tup DESC;""",
        "rows that wait to be cleaned up",
        "more dead than live ones, and no recent autovacuum: an old transaction keeps it from working",
        alarms=lambda row: row["n_dead_tup"] > row["n_live_tup"],
    ),
    Query(
        "Indexes that nobody uses",
        """SELECT relname, indexrelname, pg_size_pretty(pg_relation_size(indexrelid)) AS size,
       pg_relation_size(indexrelid) / 1000000 AS megabytes
FROM pg_stat_user_indexes
JOIN pg_index USING (indexrelid)
WHERE idx_scan = 0 AND NOT indisunique
ORDER BY pg_relation_size(indexrelid) DESC;""",
        "indexes that only cost",
        "large ones on tables that are written often; look again after a month before you drop one",
        alarms=lambda row: row["megabytes"] > 100,
    ),
)

SIZES = (
    Query(
        "Bloat",
        """SELECT relname, pg_size_pretty(pg_relation_size(relid)) AS size, n_live_tup, n_dead_tup,
       round(100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0)) AS percent_dead,
       round(pg_relation_size(relid) / greatest(n_live_tup, 1)) AS bytes_per_row
FROM pg_stat_user_tables
WHERE pg_relation_size(relid) > 1000000
ORDER BY pg_relation_size(relid) DESC
LIMIT 20;""",
        "how much of a table's file holds rows that are dead",
        "more than 30 % dead, or far more bytes a row than its columns need",
        alarms=lambda row: (row["percent_dead"] or 0) > 30,
    ),
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
        alarms=always,
    ),
    Query(
        "Constraints that were never validated",
        """SELECT conrelid::regclass AS on_table, conname, contype
FROM pg_constraint
WHERE NOT convalidated;""",
        "rules that old rows may break",
        "any row: `ALTER TABLE … VALIDATE CONSTRAINT …` tells",
        alarms=always,
    ),
    Query(
        "Broken indexes",
        """SELECT indexrelid::regclass AS broken, indrelid::regclass AS on_table
FROM pg_index
WHERE NOT indisvalid;""",
        "indexes left by a failed `CREATE INDEX CONCURRENTLY`",
        "any row: drop it and make it again; a broken unique index does not keep duplicates out",
        alarms=always,
    ),
    Query(
        "Foreign keys without an index",
        """SELECT c.conrelid::regclass AS on_table, c.conname, r.reltuples::bigint AS rows
FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
WHERE c.contype = 'f'
  AND NOT EXISTS (
    SELECT FROM pg_index AS i
    WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
  );""",
        "deleting a parent row reads the whole child table",
        "large tables",
        alarms=lambda row: row["rows"] > 10_000,
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
        alarms=lambda row: row["percent_used"] > 70,
    ),
)

QUERIES = {
    "Connection health": CONNECTIONS,
    "Performance bottlenecks": PERFORMANCE,
    "Sizes": SIZES,
    "Data integrity": INTEGRITY,
}
