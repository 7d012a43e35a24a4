"""The time in which a run does nothing but wait for people, journalled apart from its work."""

from collections.abc import Sequence
from types import TracebackType

from checks.gate import Finding, Verdict
from pipeline.errors import PipelineError
from pipeline.record.journal import Journal
from pipeline.world.world import World

BEGINS, ENDS = "waiting for people begins", "waiting for people ends"


class Waiting:
    """Notes when a stage begins to wait for people and when that ends, however it does. Use as ``with``.

    ``over``: they were waited for as long as there was time.
    """

    def __init__(self, world: World, journal: Journal) -> None:
        self._world, self._journal = world, journal
        self._for, self._since, self.over = "", 0.0, False

    def __enter__(self) -> "Waiting":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at_: TracebackType | None
    ) -> None:
        if not isinstance(error, PipelineError):  # else the run is somebody else's, or nothing can be written
            self._end()

    def waits(self, stopping: Sequence[Finding], verdict: Verdict) -> bool:
        """Whether there is nothing but people to wait for, and still time; notes when that begins and ends."""
        patience = min((finding.waits for finding in stopping), default=0.0)
        if not patience or verdict is not Verdict.NOT_YET:
            self._end()
            return False
        if not self._for:
            self._for, self._since = stopping[0].subject, self._world.clock.monotonic()
            self._journal.append(BEGINS, self._for, says=str(stopping[0]), patience=patience)
        left = patience - (self._world.clock.monotonic() - self._since)
        if left <= 0:
            self._end()
            self.over = True
            return False
        self._world.progress(f"waiting for people, another {int(left) // 60}:{int(left) % 60:02}: {stopping[0]}")
        return True

    def _end(self) -> None:
        if self._for:
            ms = round((self._world.clock.monotonic() - self._since) * 1000)
            self._journal.append(ENDS, self._for, ms=ms)
            self._for = ""
