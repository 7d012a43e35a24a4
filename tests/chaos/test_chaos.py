"""A run that is killed anywhere is settled, or resumed, to one right end: some points in CI, all with ``CHAOS=all``."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest

from checks.outcome import Outcome
from pipeline.record.journal import Event
from pipeline.record.ledger import check
from pipeline.record.postgres import PostgresStore
from pipeline.sandbox.postgres import Postgres
from tests.chaos.killing import SEED, Killed, Life, chosen, mortal, must_be_right
from tests.emergency.test_way import go_back
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


def cut_off(inside: InProcess) -> None:
    """A run whose process ended in its watch: its release is live, and nobody has judged it."""

    def die() -> None:
        raise Killed

    inside.at_stage("watch", die)
    with pytest.raises(Killed):
        inside.deploy(release=inside.release())
    inside.listeners.clear()


@pytest.mark.parametrize("victim", ["resume", "settle"])
def test_a_resume_or_settle_that_is_killed_as_well_is_brought_to_one_right_end(stage: Stage, victim: str) -> None:
    def act(inside: InProcess) -> None:
        if victim == "resume":
            inside.deploy(resume=True, release=inside.release())
        else:
            inside.settle()

    points = points_of(stage, act, cut_off)
    assert len(points) > 5, f"a {victim} passes more points than that"
    for point in chosen(points, 1, victim):
        with stage() as inside:
            old = inside.serves()
            cut_off(inside)
            said = killed(inside, act, point)
            if not inside.report().outcome:
                inside.settle()
            must_be_right(inside, old, "r1", said)


def test_a_rollback_by_hand_that_is_killed_anywhere_is_begun_again_and_proved(stage: Stage) -> None:
    with stage() as inside:
        good = inside.serves()
        inside.deploy()
        life = Life()
        with mortal(inside, life):
            go_back(inside)
        assert inside.serves() == good
    for point in chosen(life.points, 1, "rollback"):
        with stage() as inside:
            good = inside.serves()
            inside.deploy()
            bad = inside.serves()
            said = killed(inside, go_back, point)
            assert inside.serves() in (good, bad), f"{said}: production serves what nobody asked for"
            if inside.serves() == bad:
                go_back(inside)
            assert inside.serves() == good, f"{said}: the bad release is live"
            moves = inside.asked("POST", "/v1/projects/*/rollback/*")
            assert {path.rpartition("/")[2] for path in moves} == {good}, f"{said}: it went elsewhere, too"


CUT = (
    b"select pg_terminate_backend(pid) from pg_stat_activity"
    b" where datname = current_database() and pid <> pg_backend_pid()"
)


def test_no_event_is_lost_when_the_records_connections_are_cut_between_events(
    inside: InProcess, postgres: Postgres
) -> None:
    """As when a shared Postgres is restarted, or its pooler lets go of everybody."""
    url, seen, cuts = postgres.fresh_database("chaos_restarted"), list[str](), list[int]()
    inside.store.close()
    inside.store = PostgresStore(url)  # type: ignore[assignment]

    def cut(event: Event) -> None:
        seen.append(f"{event.kind} {event.subject}")
        if len(seen) % 7 == 0:
            with psycopg.connect(url, autocommit=True) as db:
                cuts.append(len(db.execute(CUT).fetchall()))

    inside.listeners.append(cut)
    try:
        outcome, report = inside.deploy()
        assert outcome is Outcome.DEPLOYED, report.reason
        assert sum(cuts) > 3, "some connections were there to be cut"
        assert [f"{event.kind} {event.subject}" for event in inside.journal("r1").events()] == seen
        assert not check(inside.store).faults
    finally:
        inside.store.close()
        postgres.drop("chaos_restarted")
