"""The sandbox for the demo app: its student, its stores, and two releases behind it."""

from pipeline.sandbox import schema, seed, stocking
from pipeline.sandbox.core import Core


def furnish(core: Core, first: bool) -> None:
    """Put everything there; the history only when the world is opened the ``first`` time."""
    schema.set_password(core.database_url, core.state.student["password"])  # also when the database is a new one
    stocking.stock(core)
    if first:
        seed.write_history(core)
