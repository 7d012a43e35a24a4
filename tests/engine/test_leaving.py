"""A run that is left to another worker: at a safe point, as it is, and never instead of going back."""

import asyncio
import os
from pathlib import Path

import pytest

from checks import healthy
from checks.outcome import Outcome
from pipeline.engine.past import recall
from pipeline.engine.runner import Runner
from pipeline.errors import HandedOver
from pipeline.record.journal import Journal
from pipeline.signals import HAND_OVER, HAND_OVER_UNMOVED, handing_over, left_by
from tests.scripted import Scripted, journal_in, kinds, runner_for, stages


@pytest.fixture
def world() -> Scripted:
    return Scripted()


@pytest.fixture
def journal(world: Scripted, tmp_path: Path) -> Journal:
    return journal_in(tmp_path, world.clock)


@pytest.fixture
def runner(world: Scripted, journal: Journal) -> Runner:
    return runner_for(world, journal)


def left(runner: Runner) -> bool:
    """Run it; whether production had moved when it was left."""
    with pytest.raises(HandedOver) as raised:
        asyncio.run(runner.run())
    return raised.value.moved


def gone_on_with(world: Scripted, journal: Journal) -> Outcome | None:
    """Another worker goes on with it."""
    pipeline = stages()
    past = recall(journal.events(), pipeline, {type(p): p for p in healthy.POLICIES})
    return asyncio.run(runner_for(world, journal, pipeline, past).run())


def test_in_the_watch_nothing_is_taken_back_and_another_one_goes_on(
    world: Scripted, journal: Journal, runner: Runner
) -> None:
    world.clock.at[50] = lambda: (runner.leave(True), runner.leave(True))
    assert left(runner) is True
    assert (world.calls, world.serves) == (["make", "note", "move"], healthy.STAGED)
    assert "run ended" not in kinds(journal.events())
    assert gone_on_with(world, journal) is Outcome.DEPLOYED
    assert world.calls == ["make", "note", "move"]


def test_a_run_that_has_moved_production_stays_when_there_is_nobody_else(
    world: Scripted, journal: Journal, runner: Runner
) -> None:
    world.clock.at[50] = lambda: runner.leave(False)
    assert asyncio.run(runner.run()) is Outcome.DEPLOYED


@pytest.mark.parametrize("moved", [True, False])
def test_a_step_that_is_under_way_ends_first(world: Scripted, journal: Journal, runner: Runner, moved: bool) -> None:
    """And one that moves production while it is asked for: then there has to be another worker."""

    def promoting() -> None:
        world.hangs = True
        asyncio.get_running_loop().call_later(0.05, setattr, world, "hangs", False)
        runner.leave(moved)

    world.promotion = promoting
    if moved:
        assert left(runner) is True
        assert kinds(journal.events())[-1] == "step done move"
    else:
        assert asyncio.run(runner.run()) is Outcome.DEPLOYED


def test_a_run_that_goes_back_goes_back(world: Scripted, journal: Journal, runner: Runner) -> None:
    world.clock.at[50] = lambda: runner.interrupt("interrupted by SIGINT")
    world.rollback = lambda: runner.leave(True)
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK


def test_who_is_interrupted_and_asked_to_leave_goes_back(world: Scripted, journal: Journal, runner: Runner) -> None:
    world.clock.at[50] = lambda: (runner.leave(True), runner.interrupt("interrupted by SIGINT"))
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK


def test_before_its_first_step_nothing_is_done(world: Scripted, journal: Journal, runner: Runner) -> None:
    runner.leave(False)
    assert left(runner) is False
    assert world.calls == []


def test_the_second_signal_says_that_there_is_another_worker_now() -> None:
    told: list[bool] = []

    async def go() -> None:
        left_by(told.append)
        os.kill(os.getpid(), HAND_OVER)
        while len(told) < 2:
            await asyncio.sleep(0.01)

    with handing_over() as handing:
        os.kill(os.getpid(), HAND_OVER_UNMOVED)
        assert (handing.asked, handing.moved) == (True, False)
        asyncio.run(asyncio.wait_for(go(), 20))
    assert told == [False, True]
    os.kill(os.getpid(), HAND_OVER)  # it comes too late, and ends nobody
    left_by(told.append)
    assert len(told) == 2
