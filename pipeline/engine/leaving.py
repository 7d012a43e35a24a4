"""Whether a run is left to another worker of a fleet, where that is safe: never in the middle of a step."""

import contextlib
from collections.abc import Iterator

from pipeline.engine.past import Past
from pipeline.errors import HandedOver


class Leaving:
    """Asked for at any moment, and done at the next safe point. ``past``: what ``run`` has done so far."""

    def __init__(self, past: Past, run: str) -> None:
        self._past, self._run = past, run
        self._asked = self._also_moved = self._acts = False

    def now(self, moved: bool) -> bool:
        """Ask for it; one that has ``moved`` production is left only if that is said. Whether this is a safe point."""
        self._asked, self._also_moved = True, self._also_moved or moved
        return self._leaves and not self._acts

    @property
    def _leaves(self) -> bool:
        return self._asked and (self._also_moved or not self._past.moved_production)

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """While a step changes the world, and is not left."""
        self._acts = True
        try:
            yield
        finally:
            self._acts = False

    def must_stay(self) -> None:
        """Raises HandedOver when the run is to be left; to be asked at safe points only."""
        if self._leaves:
            moved = self._past.moved_production
            says = "production has moved" if moved else "production has not moved"
            raise HandedOver(f"run {self._run} is left to another worker; {says}", moved=moved)

    def interrupted(self) -> str:
        """What a run is that was cut off at a safe point, and is not left. Raises HandedOver when it is."""
        self.must_stay()
        return "interrupted"
