"""A run that is killed anywhere is settled, or resumed, to one right end: some points in CI, all with ``CHAOS=all``."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest

from pipeline.record.postgres import PostgresStore
from pipeline.sandbox.postgres import Postgres
from tests.chaos.killing import SEED, Killed, Life, chosen, mortal, must_be_right
from tests.stage import InProcess

SOME = 2
Stage = Callable[[], contextlib.AbstractContextManager[InProcess]]


@pytest.fixture(params=["file", "Postgres"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Callable[[], contextlib.AbstractContextManager[InProcess]]:
    """Makes a sandbox with all that a deploy to it needs, each time; with the journal in a file or in Postgres."""
    numbers = iter(range(1_000_000))

    @contextlib.contextmanager
    def fresh() -> Iterator[InProcess]:
        name = f"chaos{next(numbers)}{request.param.lower()}"
        made = InProcess(tmp_path_factory.mktemp(name), postgres.fresh_database(name))
        record = f"{name}_record"
        if request.param == "Postgres":
            made.store = PostgresStore(postgres.fresh_database(record))  # type: ignore[assignment]
        try:
            yield made
        finally:
            made.store.close()
            made.sandbox.discard()
            for one in (name, record):
                postgres.drop(one)

    return fresh


def points_of(stage: Stage, act: Callable[[InProcess], object], ready: Callable[[InProcess], object]) -> list[str]:
    """The points that ``act`` passes when nobody kills it."""
    life = Life()
    with stage() as inside:
        ready(inside)
        with mortal(inside, life):
            act(inside)
    return life.points


def killed(inside: InProcess, act: Callable[[InProcess], object], point: int) -> str:
    """Do ``act`` until it dies at its ``point``; where that was."""
    life = Life(point)
    with mortal(inside, life), pytest.raises(Killed):
        act(inside)
    return f"seed {SEED}, killed {life.points[-1]} (point {point})"


def migrated(inside: InProcess) -> list[tuple[str, int]]:
    """Each migration, and how often it was finished."""
    with psycopg.connect(inside.database_url) as db:
        rows = db.execute(
            "select migration_name, count(*) from _prisma_migrations where finished_at is not null group by 1"
        )
        return [(str(name), int(count)) for name, count in rows.fetchall()]


def begun(inside: InProcess) -> bool:
    return bool(inside.journal("r1").events())


@pytest.mark.parametrize("then", ["settled", "resumed"])
def test_a_deploy_that_is_killed_anywhere_comes_to_one_right_end(stage: Stage, then: str) -> None:
    def ship(inside: InProcess) -> None:
        inside.deploy(release=inside.release())

    points = points_of(stage, ship, lambda inside: None)
    assert len(points) > 100, "a deploy passes more points than that"
    for point in chosen(points, SOME, f"deploy {then}"):
        with stage() as inside:
            old = inside.serves()
            said = killed(inside, ship, point)
            if inside.report().outcome:
                pass  # killed after its end: there is nothing to do
            elif then == "resumed" and begun(inside):
                inside.deploy(resume=True, release=inside.release())
            elif begun(inside):
                inside.settle()
            else:
                ship(inside)  # it left no trace, so it begins anew
            must_be_right(inside, old, "r1", said)
            assert all(count == 1 for _, count in migrated(inside)), f"{said}: a migration was applied twice"


def test_a_way_back_that_is_killed_anywhere_is_gone_to_its_end(stage: Stage) -> None:
    """The release turns out to be ill in its watch; going back is cut off, and settled by the next person."""

    def fall_ill(inside: InProcess) -> None:
        inside.at_stage(
            "watch", lambda: inside.sandbox.inject("app answer status=500 /api/auth/session where=production")
        )
        inside.deploy(release=inside.release())

    points = points_of(stage, fall_ill, lambda inside: None)
    back = next(number for number, one in enumerate(points, 1) if "going back" in one)
    tail = points[back:]
    for offset in chosen(tail, SOME, "way back"):
        with stage() as inside:
            old = inside.serves()
            said = killed(inside, fall_ill, back + offset)
            inside.listeners.clear()
            inside.sandbox.faults.clear()
            if not inside.report().outcome:
                inside.settle()
            must_be_right(inside, old, "r1", said)
            assert inside.serves() == old, f"{said}: the ill release is live"
