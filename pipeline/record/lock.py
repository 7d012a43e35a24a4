"""One run a target. A lease with an owner, a reason and an expiry; a lock that a person took is never broken.

The store's clock says when a lease is over, not the clocks of those who share it. A process proves that the lock is its
own by a token: name, machine and number of a process may be those of another one, in another container.
"""

import contextlib
import datetime
import hashlib
import os
import secrets
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.clock import Clock
from pipeline.errors import Locked
from pipeline.record.bounded import Store

SEPARATOR = "/"  # between a machine's name and what tells it from others of that name
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
        who = "by a person" if self.by_hand else f"by a run on {self.host.partition(SEPARATOR)[0]}"
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
        self._since, self._token = "", secrets.randbits(31)

    def take(self, reason: str, *, by_hand: bool = False) -> None:
        """Take the lock, or take it over from ourselves, from a lapsed lease or from a dead process of this machine.

        A run that is still alive in another process is somebody else.

        Raises Locked, naming the holder. One statement decides, so that two takers cannot both win.
        """
        held = self.held()
        dead = held is not None and _is_dead(held)
        now = self._now()
        row = (self.holder, reason, machine(), self._pid, now.isoformat(),
               (now + datetime.timedelta(seconds=self.lease)).isoformat(), int(by_hand), self._token)  # fmt: skip
        taken = self._store.execute(
            f"insert into deploy_locks (target, {COLUMNS}, fence) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (target) do update set holder = excluded.holder, reason = excluded.reason,"
            " host = excluded.host, pid = excluded.pid, since = excluded.since, expires = excluded.expires,"
            " by_hand = excluded.by_hand, fence = excluded.fence"
            " where (deploy_locks.holder = excluded.holder"
            " and (deploy_locks.pid = 0 or deploy_locks.fence = excluded.fence))"
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

    @property
    def target(self) -> str:
        return self._target

    def renew(self) -> bool:
        """Extend the lease; False when the lock is not what we took: somebody else has it, or gave it back.

        Who resumes a run takes the lock in the same name; the moment of the taking tells them apart.
        """
        return self._extend(self.lease, self._pid)

    def leave(self, seconds: float) -> bool:
        """Keep the lock in the run's name for so long, for its next process; False when it is not ours any more."""
        return self._extend(seconds, 0)

    def _extend(self, seconds: float, pid: int) -> bool:
        ours = "target = ? and holder = ? and since = ? and fence = ?"
        return bool(
            self._store.execute(
                f"update deploy_locks set expires = ?, pid = ? where {ours} returning holder",
                (self._now() + datetime.timedelta(seconds=seconds)).isoformat(),
                pid,
                self._target,
                self.holder,
                self._since,
                self._token,
            )
        )

    def release(self) -> None:
        """Release the lock if it is ours; who did not take it releases what stands in this name."""
        ours = "target = ? and holder = ? and (? = '' or (? = since and ? = fence))"
        self._store.execute(
            f"delete from deploy_locks where {ours}", self._target, self.holder, self._since, self._since, self._token
        )

    def alive(self) -> Held | None:
        """The holder that is still there: not lapsed, not a dead process of this machine."""
        held = self.held()
        lapsed = held is not None and not held.by_hand and held.expires <= self._now().isoformat()
        return None if held is None or lapsed or _is_dead(held) else held

    def _now(self) -> datetime.datetime:
        return self._store.now() or self._clock.now()

    def held(self) -> Held | None:
        """The holder that the store names, lapsed or not."""
        rows = self._store.execute(f"select {COLUMNS} from deploy_locks where target = ?", self._target)
        return next((Held(*row[:-1], bool(row[-1])) for row in rows), None)  # type: ignore[call-arg]


@cache
def machine() -> str:
    """This machine as no other is called: its name, and what tells its processes' numbers from those of a container."""
    told = [socket.gethostname()]
    with contextlib.suppress(OSError):
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        told.append(os.readlink("/proc/self/ns/pid"))
    return f"{told[0]}{SEPARATOR}{hashlib.sha256(''.join(told).encode()).hexdigest()[:8]}"


def _is_dead(held: Held) -> bool:
    if held.by_hand or held.pid in (0, os.getpid()) or held.host != machine():
        return False
    try:
        os.kill(held.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
