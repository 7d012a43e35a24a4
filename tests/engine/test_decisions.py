"""Decisions of the runner, each of which a planted fault has survived once."""

import asyncio
import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import ProductionHealth
from checks.gate import Finding, Verdict, block, not_yet, too_little
from checks.outcome import Outcome
from checks.policy import Waiver
from pipeline.engine.past import recall
from pipeline.engine.plan import Stage, Step
from pipeline.engine.waivers import waive
from pipeline.errors import Refused
from pipeline.world.world import World
from tests import scripted
from tests.engine.test_watching import gate_of, watching
from tests.scripted import Scripted, journal_in, kinds, played, runner_for, stages


def test_too_little_before_production_has_moved_blocks_and_holds_nothing(tmp_path: Path) -> None:
    def quiet(seen: ProductionHealth) -> Any:
        yield too_little("the release", "got 3 requests")

    made = stages()
    early = Stage("early", "x", asks=(gate_of(quiet, "early"),), patience=10, during=20, every=5)
    outcome, _ = played(Scripted(), tmp_path, replace(made, stages=(early, *made.stages)))
    assert outcome is Outcome.BLOCKED


async def open_it(world: World) -> None:
    """Open it.

    Why: x
    By hand: x
    If it fails: x
    """
    world.calls.append("open")  # type: ignore[attr-defined]


async def close_it(world: World) -> None:
    """Close it."""
    world.calls.append("close")  # type: ignore[attr-defined]


def test_what_was_begun_last_is_undone_first(tmp_path: Path) -> None:
    world, made = Scripted(), stages()
    opened = Step(open_it, "x", False)
    opened.undone_by(close_it)
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    pipeline = replace(made, stages=(Stage("open", "x", (opened,)), *made.stages))
    outcome, _ = played(world, tmp_path, pipeline)
    assert outcome is Outcome.ROLLED_BACK
    assert world.calls[-2:] == ["move back", "close"]


def test_an_interrupted_run_says_nothing_bad_of_its_release(tmp_path: Path) -> None:
    world = Scripted()
    journal = journal_in(tmp_path, world.clock)
    runner = runner_for(world, journal)
    world.clock.at[100] = lambda: runner.interrupt("Ctrl-C")
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK
    assert "release bad" not in kinds(journal.events())


def test_a_block_does_not_wait_for_patience(tmp_path: Path) -> None:
    world = Scripted()

    def blocking(seen: ProductionHealth) -> Any:
        if world.clock.seconds >= 200:
            yield block("data", "is lost")

    outcome, _ = played(world, tmp_path, watching(asks=(gate_of(blocking, "blocking"),)))
    assert outcome is Outcome.ROLLED_BACK
    assert world.clock.seconds < 200 + 2 * 15


def test_a_token_that_ends_in_the_watch_is_borne_as_long_as_patience_lasts(tmp_path: Path) -> None:
    """Before production moves such an answer is final; afterwards somebody may still renew the token."""
    world = Scripted()

    async def refused(_: Any) -> ProductionHealth:
        if world.clock.seconds > 100:
            raise Refused("sentry", "GET", 401, "", "the token is not valid")
        return await scripted.production_health(world)  # type: ignore[arg-type]

    runner = runner_for(world, journal_in(tmp_path, world.clock))
    runner.probes[ProductionHealth] = refused
    assert asyncio.run(runner.run()) is Outcome.HELD
    assert world.clock.seconds >= 100 + 120


@pytest.mark.parametrize(("bad", "expected"), [(3, Outcome.DEPLOYED), (4, Outcome.ROLLED_BACK)])
def test_the_budget_is_the_number_of_bad_rounds_that_are_borne(tmp_path: Path, bad: int, expected: Outcome) -> None:
    asked: list[int] = []

    def flapping(seen: ProductionHealth) -> Any:
        asked.append(1)
        if len(asked) % 3 == 0 and len(asked) <= 3 * bad:
            yield not_yet("it", "flaps")

    outcome, _ = played(Scripted(), tmp_path, watching(asks=(gate_of(flapping, "flapping"),), budget=3))
    assert outcome is expected


def test_a_rollback_that_was_accepted_has_a_minute_to_be_seen(tmp_path: Path) -> None:
    world = Scripted()

    def slow() -> None:
        world.blind = True
        world.clock.at[world.clock.seconds + 20] = lambda: setattr(world, "blind", False)

    world.rollback = slow
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize(
    ("verdict", "then"), [(Verdict.BLOCK, Verdict.WARN), (Verdict.NOT_YET, Verdict.WARN), (Verdict.UNKNOWN,) * 2]
)
def test_nobody_can_waive_what_could_not_be_looked_at(verdict: Verdict, then: Verdict) -> None:
    until = datetime.date(2026, 12, 1)
    waiver = Waiver("errors.are-few", until, "Dana Ops", "fix ships on Monday")
    (finding,) = waive([waiver], "errors.are-few", (Finding(verdict, "sentry", "x"),), until)
    assert finding.verdict is then


def test_what_was_begun_twice_is_undone_once_and_an_undo_that_only_began_is_not_done(tmp_path: Path) -> None:
    world, pipeline = Scripted(), stages()
    journal = journal_in(tmp_path, world.clock)
    for _ in range(2):
        journal.append("step begins", "move", exact={"inputs": []})
    journal.append("undo begins", "move", undo="move-back")
    assert [step.name for step, _ in recall(journal.events(), pipeline, {}).begun] == ["move"]
    journal.append("undo done", "move")
    assert recall(journal.events(), pipeline, {}).begun == []
