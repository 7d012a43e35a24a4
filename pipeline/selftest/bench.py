"""Makes the labs in which gates are tried, with one Postgres for all of them, and the pipelines that are run there."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from checks.policy import PromotionPolicy
from pipeline.config import Config
from pipeline.definitions.deploy import DEPLOY, PREVIEW, rolling_out
from pipeline.engine.plan import Pipeline
from pipeline.sandbox.postgres import Postgres
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import Act
from pipeline.selftest.lab import Lab, Ran, lab


class Bench:
    """Makes labs, and remembers which runs went well in one that is at rest."""

    def __init__(self, folder: Path, postgres: Postgres, config: Config) -> None:
        self._folder, self._postgres, self._config = folder, postgres, config
        self._labs = 0
        self._rests: dict[tuple[str, Act], Ran] = {}

    @contextlib.contextmanager
    def lab(self) -> Iterator[Lab]:
        """Make a new lab at rest."""
        self._labs += 1
        home = self._folder / str(self._labs)
        name = f"lab{self._labs}"
        with lab(home, self._postgres.fresh_database(name), self._config) as made:
            yield made
        self._postgres.drop(name)

    def at_rest(self, breakage: Breakage) -> Ran:
        """Make a run in which nothing is broken; once for all gates that are asked in the same way."""
        key = (breakage.run, breakage.rests)
        if key not in self._rests:
            with self.lab() as made:
                breakage.rests(made)
                self._rests[key] = made.run(pipeline_of(made, breakage.run))
        return self._rests[key]


@contextlib.contextmanager
def bench(config: Config) -> Iterator[Bench]:
    """Open a folder and a Postgres for labs; nothing of both is left."""
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        postgres = Postgres(Path(folder) / "postgres")
        postgres.start()
        try:
            yield Bench(Path(folder), postgres, config)
        finally:
            postgres.destroy()


def pipeline_of(made: Lab, name: str) -> Pipeline:
    """Make the pipeline of that name by the lab's policies."""
    if name == PREVIEW.name:
        made.settings = replace(made.settings, kind="preview")
        return PREVIEW
    return replace(rolling_out(DEPLOY, made.settings.policies[PromotionPolicy]), name=name)
