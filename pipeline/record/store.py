"""Where runs are remembered: one SQLite file, or Postgres so that laptops and CI share it. Same tables in both."""

from pathlib import Path

from pipeline.record.bounded import Store
from pipeline.record.private import RUNS
from pipeline.record.spill import take_in


def open_store(state: str, root: Path) -> Store:
    """``state`` is a Postgres URL, a path, or empty for ``.runs/journal.db`` under ``root``.

    What earlier runs could not write is taken in first."""
    postgres = state.startswith(("postgres://", "postgresql://"))
    store: Store
    if postgres:
        from pipeline.record.postgres import PostgresStore

        store = PostgresStore(state)
    else:
        from pipeline.record.sqlite import SqliteStore

        store = SqliteStore(root / (state or ".runs/journal.db"))
    take_in(store, root / RUNS)
    return store
