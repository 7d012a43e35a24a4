"""Tallies what Redis was asked, minute by minute: the statistics of the management API are made of nothing else."""

from pipeline.sandbox.core import Core
from pipeline.sandbox.storestate import Minute

MINUTE = 60.0
KEPT_MINUTES = 1500  # a little more than a day
KEPT_LATENCIES = 200  # a minute
TIMED_MINUTES = 60


class Tally:
    def __init__(self, core: Core) -> None:
        self._core = core

    def now(self) -> Minute:
        minutes = self._core.state.upstash.minutes
        minute = self._core.now() // MINUTE * MINUTE
        if not minutes or minutes[-1].at != minute:
            minutes.append(Minute(minute))
            del minutes[:-KEPT_MINUTES]
            for old in minutes[-TIMED_MINUTES - 1 : -TIMED_MINUTES]:
                old.reads, old.writes = [], []
        self._core.dirty = True
        return minutes[-1]

    def looked(self, hit: bool) -> None:
        minute = self.now()
        minute.hits += hit
        minute.misses += not hit

    def ran(self, command: str, writes: bool, milliseconds: float) -> None:
        minute = self.now()
        minute.commands[command] = minute.commands.get(command, 0) + 1
        latencies = minute.writes if writes else minute.reads
        latencies.append(round(milliseconds, 4))
        del latencies[:-KEPT_LATENCIES]
        minute.keys = len(self._core.state.upstash.keys)
        self._core.state.upstash.monthly_requests += 1

    def sent(self, bytes: int) -> None:
        self.now().bandwidth += bytes

    def total(self, name: str) -> int:
        """Sum the ``hits`` or ``misses`` of all minutes that are remembered."""
        return sum(getattr(minute, name) for minute in self._core.state.upstash.minutes)

    def commands(self) -> int:
        return sum(sum(minute.commands.values()) for minute in self._core.state.upstash.minutes)
