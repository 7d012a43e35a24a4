"""Says how long a migration may wait for a lock, and may hold one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LockBudget:
    """The seconds that a migration may take: ``lock`` for one wait, ``patience`` while a blocked part is tried again.

    ``statement`` for the longest statement.
    """

    lock: float
    patience: float
    statement: float

    def timeouts(self, local: str) -> bytes:
        """The statement that sets the budget for a session, or with ``local`` for a transaction."""
        lock = round(self.lock * 1000 * 0.95)  # who waits behind us shall not wait longer than the budget
        statement = round(self.statement * 1000)
        return f"set {local} lock_timeout = {lock}; set {local} statement_timeout = {statement}".encode()
