"""Relieves a database in trouble by the statements that a person would type into ``psql``."""

from pipeline.clients.postgres import Postgres

IDLE, WAITING = 10, 1
CROWD = (
    f"select count(*) filter (where state = 'idle in transaction' and now() - state_change > interval '{IDLE} seconds'"
    " and pid <> pg_backend_pid()), count(*), current_setting('max_connections')::int from pg_stat_activity"
    " where backend_type = 'client backend'"
)
BLOCKERS = (
    "select distinct blocker from pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) as blocker"
    f" where a.state_change < now() - interval '{WAITING} seconds'"
    " and cardinality(pg_blocking_pids(blocker)) = 0"
)


async def crowd(database: Postgres) -> tuple[int, int, int]:
    """Count connections: those idle in a transaction for more than ten seconds, all, and how many there may be."""
    _, rows = await database.query(CROWD, asked="count the connections")
    idle, there, most = rows[0]
    return int(idle), int(there), int(most)


async def blockers(database: Postgres) -> tuple[int, ...]:
    """List the process ids of sessions that wait for nobody and keep others waiting for a lock."""
    _, rows = await database.query(BLOCKERS, asked="find who keeps others waiting")
    return tuple(pid for (pid,) in rows)


async def failed_migration(database: Postgres) -> str:
    """Name the migration that began and neither ended nor was taken back; empty when there is none."""
    return next((row.name for row in (await database.history()).rows if not row.finished and not row.rolled_back), "")


async def end_idle_transactions(database: Postgres) -> int:
    """End every connection that is idle in a transaction for more than ten seconds; gives how many those were."""
    sql = (
        "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'"
        f" and now() - state_change > interval '{IDLE} seconds' and pid <> pg_backend_pid()"
    )
    async with database.connection("end idle transactions") as db:
        return len(await (await db.execute(sql.encode())).fetchall())


async def end(database: Postgres, pids: tuple[int, ...]) -> None:
    """Cancel the statements of these processes, and end the ones that still keep others waiting."""
    async with database.connection("cancel a query") as db:
        for pid in pids:
            await db.execute(b"select pg_cancel_backend(%s)", (pid,))
    still = set(await blockers(database)) & set(pids)
    async with database.connection("end a connection") as db:
        for pid in still:
            await db.execute(b"select pg_terminate_backend(%s)", (pid,))


async def mark_rolled_back(database: Postgres, migration: str) -> bool:
    """Mark a failed migration as ``prisma migrate resolve --rolled-back`` does.

    Gives whether there was one of that name.
    """
    sql = (
        b"update _prisma_migrations set rolled_back_at = now() where migration_name = %s"
        b" and finished_at is null and rolled_back_at is null returning id"
    )
    async with database.connection("mark a migration as rolled back") as db:
        return bool(await (await db.execute(sql, (migration,))).fetchall())
