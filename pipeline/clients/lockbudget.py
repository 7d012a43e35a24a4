"""Says how long a migration may wait for a lock, and may hold one."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class LockBudget:
    """The seconds that a migration may take: ``lock`` for one wait, ``patience`` while a blocked part is tried again.

    ``statement`` for the longest statement. ``lock`` 0: a wait may last as long as the statement.
    """

    @property
    def behind_nobody(self) -> "LockBudget":
        """The budget of what holds nobody up while it waits: an index that is built or dropped CONCURRENTLY.

        It waits for older transactions to end, with a lock that readers and writers do not mind. Cut off, it leaves an
        INVALID index.
        """
        return dataclasses.replace(self, lock=0)

    lock: float
    patience: float
    statement: float

    def timeouts(self, local: str) -> bytes:
        """The statement that sets the budget for a session, or with ``local`` for a transaction."""
        lock = round(self.lock * 1000 * 0.95)  # who waits behind us shall not wait longer than the budget
        statement = round(self.statement * 1000)
        return f"set {local} lock_timeout = {lock}; set {local} statement_timeout = {statement}".encode()
