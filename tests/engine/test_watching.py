"""What stops a run without being a reason to go back, what only advises, and how often each source is asked."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import ProductionHealth, VercelProject
from checks.gate import Finding, Gate, Verdict, block, not_yet, too_little, warn
from checks.outcome import Outcome
from pipeline.engine.plan import Pipeline, Stage
from pipeline.errors import Unreachable
from tests import scripted
from tests.scripted import Scripted, journal_in, played, runner_for, stages

WORDS = """It is well.

Why: x
By hand: x
If it fails: x
"""


def gate_of(judge: Callable[[ProductionHealth], Any], name: str) -> Gate:
    judge.__doc__, judge.__name__ = WORDS, name
    return Gate(judge, "x")


def watching(*, asks: tuple[Gate, ...] = (), advises: tuple[Gate, ...] = (), **more: Any) -> Pipeline:
    """The scripted pipeline with another watch."""
    made = stages()
    *others, watch = made.stages
    return replace(made, stages=(*others, replace(watch, asks=asks or watch.asks, advises=advises, **more)))


def quiet(seen: ProductionHealth) -> Any:
    yield too_little("the release", "got 3 requests")


def grumbling(seen: ProductionHealth) -> Any:
    yield not_yet("storage", "is down")


def of_status(seen: ProductionHealth) -> Any:
    if seen.status != 200:
        yield not_yet("it", f"answers {seen.status}")


def test_too_little_to_tell_is_borne_to_the_end_and_then_a_person_decides(tmp_path: Path) -> None:
    world = Scripted()
    outcome, journal = played(world, tmp_path, watching(asks=(gate_of(quiet, "quiet"),)))
    assert outcome is Outcome.HELD
    assert world.serves != "dpl_live", "nothing was taken back"
    assert world.clock.seconds >= 600, "it was watched to the end: somebody might still have come"
    assert not [event for event in journal.events() if event.kind == "release bad"]


def test_too_little_at_first_passes_when_somebody_comes(tmp_path: Path) -> None:
    world = Scripted()
    visitors: list[int] = []
    world.clock.at[400] = lambda: visitors.append(1)

    def later(seen: ProductionHealth) -> Any:
        if not visitors:
            yield too_little("the release", "got nobody")

    outcome, _ = played(world, tmp_path, watching(asks=(gate_of(later, "later"),)))
    assert outcome is Outcome.DEPLOYED


def test_illness_beside_too_little_goes_back_within_its_own_patience(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[200] = lambda: setattr(world, "health", 503)
    pipeline = watching(asks=(gate_of(quiet, "quiet"), gate_of(of_status, "status")))
    outcome, _ = played(world, tmp_path, pipeline)
    assert outcome is Outcome.ROLLED_BACK
    assert world.clock.seconds < 200 + 120 + 31, "thin data had not used up, nor lengthened, the patience"


def test_blindness_alone_never_takes_a_settled_release_back(tmp_path: Path) -> None:
    world = Scripted()

    async def blind(_: Any) -> ProductionHealth:
        if world.clock.seconds > 100:
            raise Unreachable("sentry", "GET", "no answer")
        return await scripted.production_health(world)  # type: ignore[arg-type]

    journal = journal_in(tmp_path, world.clock)
    runner = runner_for(world, journal)
    runner.probes[ProductionHealth] = blind
    assert asyncio.run(runner.run()) is Outcome.HELD
    assert world.serves != "dpl_live"
    assert "move back" not in world.calls


def test_what_only_advises_warns_and_stops_nothing(tmp_path: Path) -> None:
    world = Scripted()
    outcome, journal = played(world, tmp_path, watching(advises=(gate_of(grumbling, "grumbling"),)))
    assert outcome is Outcome.DEPLOYED
    said = [event.body for event in journal.events() if event.subject.endswith("grumbling")]
    assert said[0]["verdict"] == "warn"
    assert "is down" in said[0]["findings"][0]["says"]
    assert "not yet" in said[0]["findings"][0]["says"], "it says what it would have done"


def test_a_gate_in_shadow_reports_and_cannot_stop(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    pipeline = watching(asks=(gate_of(of_status, "shady"),))
    name = pipeline.stages[-1].asks[0].name
    shaded = pipeline.with_shadows([name])
    assert shaded.stages[-1].asks == ()
    outcome, journal = played(world, tmp_path, shaded)
    assert outcome is Outcome.DEPLOYED
    warned = [event for event in journal.events() if event.subject == name and event.body.get("verdict") == "warn"]
    assert warned, "it was asked, and said what it saw"


def test_flapping_ends_with_the_budget_although_each_illness_is_short(tmp_path: Path) -> None:
    def flapping(world: Scripted) -> None:
        for at in range(60, 600, 60):
            world.clock.at[at] = lambda: setattr(world, "health", 503)
            world.clock.at[at + 16] = lambda: setattr(world, "health", 200)

    for budget, expected in ((None, Outcome.DEPLOYED), (3, Outcome.ROLLED_BACK)):
        world = Scripted()
        flapping(world)
        folder = tmp_path / str(budget)
        folder.mkdir()
        outcome, _ = played(world, folder, watching(budget=budget))
        assert outcome is expected, budget


def test_it_is_settled_only_after_so_many_good_rounds_in_a_row(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[595] = lambda: setattr(world, "health", 503)
    world.clock.at[610] = lambda: setattr(world, "health", 200)
    outcome, _ = played(world, tmp_path, watching(in_a_row=4))
    assert outcome is Outcome.DEPLOYED
    assert world.clock.seconds >= 610 + 3 * 15


def test_each_source_has_its_rhythm_and_a_bad_round_reads_everything_anew(tmp_path: Path) -> None:
    world, reads = Scripted(), list[float]()

    async def counted(_: Any) -> ProductionHealth:
        reads.append(world.clock.seconds)
        return await scripted.production_health(world)  # type: ignore[arg-type]

    journal = journal_in(tmp_path, world.clock)
    pipeline = watching(asks=(gate_of(of_status, "status"),), rhythm={ProductionHealth: 4})
    runner = runner_for(world, journal, pipeline)
    runner.probes[ProductionHealth] = counted
    world.clock.at[300] = lambda: setattr(world, "health", 503)
    world.clock.at[340] = lambda: setattr(world, "health", 200)
    assert asyncio.run(runner.run()) is Outcome.DEPLOYED
    watched = [at for at in reads if at >= 1]
    calm = [b - a for a, b in itertools.pairwise(watched) if b < 290]
    assert set(calm) == {60.0}
    ill = [at for at in watched if 300 <= at <= 350]
    assert len(ill) >= 2, "once it was bad it was read in every round"


def waiting_for(ready: Callable[[], bool], other: Callable[[VercelProject], Any], **more: Any) -> Pipeline:
    """The scripted pipeline after a stage that waits for ``ready``, where ``other`` looks at something else."""

    def waits(seen: ProductionHealth) -> Any:
        if not ready():
            yield not_yet("the build", "is not there")

    other.__doc__, other.__name__ = WORDS, "other"
    asks = (gate_of(waits, "waits"), Gate(other, "x"))  # type: ignore[arg-type]
    made = stages()
    return replace(
        made, stages=(Stage("before", "x", asks=asks, **{"patience": 100, "every": 1, **more}), *made.stages)
    )


def test_while_a_stage_waits_only_what_it_waits_for_is_read_every_time(tmp_path: Path) -> None:
    world, reads = Scripted(), list[float]()

    async def counted(_: Any) -> VercelProject:
        reads.append(world.clock.seconds)
        return await scripted.vercel_project(world)  # type: ignore[arg-type]

    def other(seen: VercelProject) -> Any:
        return ()

    pipeline = waiting_for(lambda: world.clock.seconds >= 42, other)
    runner = runner_for(world, journal_in(tmp_path, world.clock), pipeline)
    runner.probes[VercelProject] = counted
    assert asyncio.run(runner.run()) is Outcome.DEPLOYED
    waited = [round(at) for at in reads if at < 43]
    assert waited[:9] == [0, 5, 10, 15, 20, 25, 30, 35, 40], "every fifth time all are asked"
    assert waited[9:] == [42, 42], "and at the end, no old yes lets it pass; then the next stage reads it"


def test_a_no_that_comes_while_another_gate_waits_stops_the_stage_at_its_end(tmp_path: Path) -> None:
    world = Scripted()

    def other(seen: VercelProject) -> Any:
        if world.clock.seconds >= 2:
            yield block("the project", "is frozen")

    outcome, _ = played(world, tmp_path, waiting_for(lambda: world.clock.seconds >= 3, other))
    assert (outcome, world.serves) == (Outcome.BLOCKED, "dpl_live")
    assert world.clock.seconds == 3


@pytest.mark.parametrize(
    ("finding", "holds"),
    [
        (too_little("a", "b"), True),
        (Finding(Verdict.UNKNOWN, "a", "b"), True),
        (Finding(Verdict.BLOCK, "a", "b", shared=True), True),
        (not_yet("a", "b"), False),
        (warn("a", "b"), False),
    ],
)
def test_which_findings_are_no_reason_to_go_back(finding: Finding, holds: bool) -> None:
    assert finding.holds is holds


def test_the_reason_is_the_broken_page_and_not_the_error_that_it_made(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[200] = lambda: setattr(world, "health", 503)

    def counted(seen: ProductionHealth) -> Any:
        if seen.status != 200:
            yield block("TypeError", "is a new error")

    counting = gate_of(counted, "nothing_new_breaks")
    counting.__dict__["name"] = "watch.nothing-new-breaks"
    _, journal = played(world, tmp_path, watching(asks=(counting, gate_of(of_status, "status"))))
    said = next(event.body["reason"] for event in journal.events() if event.kind == "going back")
    assert said == "watch: it answers 503"
