"""One run a target. A lease with an owner, a reason and an expiry; a lock that a person took is never broken."""

import datetime
import os
import socket
from dataclasses import dataclass

from pipeline.clock import Clock
from pipeline.errors import Locked
from pipeline.record.store import Store

COLUMNS = "holder, reason, host, pid, since, expires, by_hand"


@dataclass(frozen=True)
class Held:
    """The holder of a target's lock. ``since`` and ``expires`` are ISO 8601."""

    holder: str
    reason: str
    host: str
    pid: int
    since: str
    expires: str
    by_hand: bool

    def __str__(self) -> str:
        who = "by a person" if self.by_hand else f"by a run on {self.host}"
        return f"{self.holder} ({who}, since {self.since[:19]}, until {self.expires[:19]}): {self.reason}"


class Lock:
    """The lock of one target for one holder. ``lease``: seconds until it lapses unless renewed.

    ``pid`` 0 means that the holder is no single process, e.g. a run whose stages are separate processes.
    """

    def __init__(
        self, store: Store, target: str, holder: str, clock: Clock, *, lease: float = 60, pid: int | None = None
    ) -> None:
        self._store, self._target, self.holder, self._clock, self.lease = store, target, holder, clock, lease
        self._pid = os.getpid() if pid is None else pid
        self._since = ""

    def take(self, reason: str, *, by_hand: bool = False) -> None:
        """Take the lock, or take it over from ourselves, from a lapsed lease or from a dead process of this machine.

        A run that is still alive in another process is somebody else.

        Raises Locked, naming the holder. One statement decides, so that two takers cannot both win.
        """
        held = self.held()
        dead = held is not None and _is_dead(held)
        now = self._clock.now()
        row = (self.holder, reason, socket.gethostname(), self._pid, now.isoformat(),
               (now + datetime.timedelta(seconds=self.lease)).isoformat(), int(by_hand))  # fmt: skip
        taken = self._store.execute(
            f"insert into deploy_locks (target, {COLUMNS}, fence) values (?, ?, ?, ?, ?, ?, ?, ?, 1)"
            " on conflict (target) do update set holder = excluded.holder, reason = excluded.reason,"
            " host = excluded.host, pid = excluded.pid, since = excluded.since, expires = excluded.expires,"
            " by_hand = excluded.by_hand, fence = deploy_locks.fence + 1"
            " where (deploy_locks.holder = excluded.holder and deploy_locks.pid in (0, excluded.pid))"
            " or deploy_locks.by_hand = 0"
            " and (deploy_locks.expires <= excluded.since or (deploy_locks.holder = ? and deploy_locks.pid = ?))"
            " returning since",
            self._target,
            *row,
            held.holder if dead and held else "",
            held.pid if dead and held else -1,
        )
        if not taken:
            raise Locked(f"{self._target} is locked by {self.held()}")
        self._since = str(taken[0][0])

    def renew(self) -> bool:
        """Extend the lease; False when the lock is not what we took: somebody else has it, or gave it back.

        Who resumes a run takes the lock in the same name; the moment of the taking tells them apart.
        """
        expires = (self._clock.now() + datetime.timedelta(seconds=self.lease)).isoformat()
        return bool(
            self._store.execute(
                "update deploy_locks set expires = ? where target = ? and holder = ? and since = ? returning holder",
                expires,
                self._target,
                self.holder,
                self._since,
            )
        )

    def release(self) -> None:
        """Release the lock if it is ours; who did not take it releases what stands in this name."""
        ours = "target = ? and holder = ? and ? in ('', since)"
        self._store.execute(f"delete from deploy_locks where {ours}", self._target, self.holder, self._since)

    def alive(self) -> Held | None:
        """The holder that is still there: not lapsed, not a dead process of this machine."""
        held = self.held()
        lapsed = held is not None and not held.by_hand and held.expires <= self._clock.now().isoformat()
        return None if held is None or lapsed or _is_dead(held) else held

    def held(self) -> Held | None:
        """The holder that the store names, lapsed or not."""
        rows = self._store.execute(f"select {COLUMNS} from deploy_locks where target = ?", self._target)
        return next((Held(*row[:-1], bool(row[-1])) for row in rows), None)  # type: ignore[call-arg]


def _is_dead(held: Held) -> bool:
    if held.by_hand or held.pid in (0, os.getpid()) or held.host != socket.gethostname():
        return False
    try:
        os.kill(held.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
