"""The runner on the bad day, with a scripted world and a clock that moves when somebody sleeps."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from checks import healthy
from checks.evidence import ProductionBefore, StagedDeployment, VercelProject
from checks.gate import Gate
from checks.outcome import Outcome
from checks.policy import Waiver
from pipeline.engine.past import Past, recall
from pipeline.engine.plan import Stage, Step
from pipeline.engine.runner import Runner
from pipeline.errors import Lost, Mistake, Refused, Unreachable
from pipeline.world.world import World
from tests.scripted import PROBES, Scripted, journal_in, kinds, played, runner_for, stages


def refuse() -> None:
    raise Refused("vercel", "POST", 500, "", "internal error")


def test_a_good_release_is_deployed_and_stays(tmp_path: Path) -> None:
    world = Scripted()
    outcome, journal = played(world, tmp_path)
    assert outcome is Outcome.DEPLOYED
    assert world.serves == healthy.STAGED
    assert world.clock.seconds >= 600, "it was watched for as long as the stage says"
    assert kinds(journal.events())[-1] == "run ended"


def test_a_step_is_recorded_before_it_acts(tmp_path: Path) -> None:
    world = Scripted()
    journal = journal_in(tmp_path, world.clock)
    seen: list[list[str]] = []
    world.promotion = lambda: seen.append(kinds(journal.events()))
    asyncio.run(runner_for(world, journal).run())
    assert seen[0][-1] == "step begins move"


def test_a_promotion_that_happened_but_answered_500_is_rolled_back(tmp_path: Path) -> None:
    world = Scripted()
    world.promotion = refuse
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK
    assert world.serves == "dpl_live"


def test_a_step_that_does_not_end_is_cut_off_and_taken_back_and_the_release_is_not_called_bad(tmp_path: Path) -> None:
    world = Scripted()
    world.hangs = True
    outcome, journal = played(world, tmp_path, stages().at_pace({"promote": {"acts": 0.05}}))
    assert (outcome, world.serves) == (Outcome.ROLLED_BACK, "dpl_live")
    assert "`pace: promote: acts:`" in next(e for e in journal.events() if e.kind == "step failed").body["error"]
    assert "release bad" not in kinds(journal.events()), "nothing was learnt about it"


def test_a_step_of_a_stage_that_may_fail_is_cut_off_and_the_release_stays(tmp_path: Path) -> None:
    world = Scripted()

    async def announce(world: World) -> None:
        """Tell it.

        Why: x
        By hand: x
        If it fails: x
        """
        await asyncio.sleep(3600)

    last = Stage("announce", "x", (Step(announce, "x", False),), acts=0.05, may_fail=True)
    outcome, journal = played(world, tmp_path, stages(last))
    assert (outcome, world.serves) == (Outcome.DEPLOYED, healthy.STAGED)
    assert "0.05 s" in journal.events()[-2].body["warning"]


def test_a_promotion_that_never_lands_is_undone_when_patience_ends(tmp_path: Path) -> None:
    world = Scripted()
    world.lands = False
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK
    assert world.calls[-1] == "move back"
    assert 30 <= world.clock.seconds < 35


def test_illness_shorter_than_patience_is_borne(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    world.clock.at[190] = lambda: setattr(world, "health", 200)
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.DEPLOYED


def test_illness_longer_than_patience_goes_back(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK
    assert world.serves == "dpl_live"
    assert 100 + 120 <= world.clock.seconds <= 100 + 120 + 15 + 1


def test_illness_at_the_very_end_of_the_watch_is_not_missed(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[599] = lambda: setattr(world, "health", 503)
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK


def test_blindness_is_no_pass_and_no_instant_rollback(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[0.5] = lambda: setattr(world, "blind", True)
    world.lands = False
    world.rollback = lambda: setattr(world, "blind", False)
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK
    assert world.clock.seconds >= 30


def test_a_rollback_that_fails_is_stranded_and_says_what_to_type(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    world.rollback = refuse
    outcome, journal = played(world, tmp_path)
    assert outcome is Outcome.STRANDED
    failed = next(event for event in journal.events() if event.kind == "undo failed")
    assert failed.body["by_hand"] == "Type this."
    assert "points to" in failed.body["error"], "what is not proved stands beside the refusal"


def test_a_rollback_that_is_accepted_but_never_proved_is_stranded(tmp_path: Path) -> None:
    world = Scripted()
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    world.rollback = lambda: setattr(world, "blind", True)
    outcome, _ = played(world, tmp_path)
    assert outcome is Outcome.STRANDED


def test_a_bug_of_ours_goes_back_and_ends_with_the_word_that_says_so(tmp_path: Path) -> None:
    world = Scripted()

    def bug() -> None:
        raise ZeroDivisionError("ours")

    world.promotion = bug
    outcome, journal = played(world, tmp_path)
    assert outcome is Outcome.ROLLED_BACK
    assert journal.events()[-1].body["reason"] == "a bug in this tool: ZeroDivisionError: ours"
    assert world.serves == "dpl_live"


def test_ctrl_c_during_the_watch_goes_back(tmp_path: Path) -> None:
    world = Scripted()
    runner = runner_for(world, journal_in(tmp_path, world.clock))
    world.clock.at[50] = lambda: (runner.interrupt("interrupted by SIGINT"), runner.interrupt("again"))
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK
    assert world.serves == "dpl_live"


def test_ctrl_c_while_going_back_does_not_stop_it(tmp_path: Path) -> None:
    world = Scripted()
    runner = runner_for(world, journal_in(tmp_path, world.clock))
    world.clock.at[50] = lambda: runner.interrupt("interrupted by SIGINT")
    world.rollback = lambda: runner.interrupt("interrupted by SIGTERM")
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK
    assert world.serves == "dpl_live"


def test_one_failed_undo_does_not_stop_the_others(tmp_path: Path) -> None:
    world = Scripted()
    undone: list[str] = []

    async def late(world: object) -> None:
        """Late.

        Why: x
        By hand: x
        If it fails: x
        """

    async def late_undo(world: object) -> None:
        """Undo."""
        undone.append("late")
        refuse()

    step = Step(late, "x", False)
    step.undone_by(late_undo)
    pipeline = stages(Stage("late", "x", (step,)), Stage("never", "x", asks=()))
    journal = journal_in(tmp_path, world.clock)
    runner = runner_for(world, journal, pipeline)
    world.clock.at[599] = lambda: None

    async def play() -> Outcome | None:
        stopped = Stage("stop", "x", asks=(), during=100, every=1)
        runner.pipeline = stages(Stage("late", "x", (step,)), stopped)
        world.clock.at[650] = lambda: runner.interrupt("stop")
        return await runner.run()

    assert asyncio.run(play()) is Outcome.STRANDED
    assert len(undone) > 3, "what may pass is asked for again"
    assert set(undone) == {"late"}
    assert world.serves == "dpl_live", "the older undo ran all the same"


def test_a_step_that_left_nothing_behind_does_not_unsay_that_production_moved(tmp_path: Path) -> None:
    """What was moved is moved: only the step that moves production can say that it had not."""
    world = Scripted()

    async def tidy(world: object) -> None:
        """Make something beside production.

        Why: x
        By hand: x
        If it fails: x
        """

    async def nothing_left(world: object) -> bool:
        """Find nothing of it."""
        return False

    beside = Step(tidy, "x", False)
    beside.undone_by(nothing_left)
    pipeline = stages()
    early = Stage("early", "x", (beside,))
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    outcome, journal = played(world, tmp_path, replace(pipeline, stages=(early, *pipeline.stages)))
    assert outcome is Outcome.ROLLED_BACK
    assert "release bad" in kinds(journal.events())


def test_several_stages_may_be_one_process_and_the_rest_another(tmp_path: Path) -> None:
    world, pipeline = Scripted(), stages()
    names = [stage.name for stage in pipeline.stages]
    first = runner_for(world, journal_in(tmp_path, world.clock))
    assert asyncio.run(first.run(only=names[:2])) is None
    assert [event.subject for event in first.journal.events() if event.kind == "stage settled"] == names[:2]
    assert asyncio.run(first.run(only=())) is None, "none is not all"
    assert [event.subject for event in first.journal.events() if event.kind == "stage settled"] == names[:2]


def test_before_promotion_nothing_is_moved(tmp_path: Path) -> None:
    world = Scripted()
    pipeline = stages()
    first = Stage("first", "x", asks=pipeline.stages[2].asks, patience=10)
    world.health = 500
    only = type(pipeline)("deploy", "x", (pipeline.stages[0], first))
    outcome, _ = played(world, tmp_path, only)
    assert outcome is Outcome.BLOCKED
    assert "move" not in world.calls


def test_a_journal_that_breaks_on_the_way_back_does_not_stop_the_rollback(tmp_path: Path) -> None:
    world = Scripted()
    journal = journal_in(tmp_path, world.clock)
    runner = runner_for(world, journal)

    def full_disk() -> None:
        journal._store.close()
        runner.interrupt("stop")

    world.clock.at[50] = full_disk
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK
    assert world.serves == "dpl_live"


def test_a_journal_that_breaks_on_the_way_forward_goes_back(tmp_path: Path) -> None:
    world = Scripted()
    journal = journal_in(tmp_path, world.clock)
    world.clock.at[50] = lambda: (journal._store.close(), setattr(world, "health", 503))
    assert asyncio.run(runner_for(world, journal).run()) is Outcome.ROLLED_BACK
    assert world.serves == "dpl_live"


def test_a_warning_stage_warns_and_every_step_of_it_is_tried(tmp_path: Path) -> None:
    world = Scripted()

    async def first(world: object) -> None:
        """First.

        Why: x
        By hand: x
        If it fails: x
        """
        raise Unreachable("sentry", "POST", "no answer")

    async def second(world: object) -> None:
        """Second.

        Why: x
        By hand: x
        If it fails: x
        """
        world.calls.append("second")  # type: ignore[attr-defined]

    stage = Stage("announce", "x", (Step(first, "x", False), Step(second, "x", False)), may_fail=True)
    outcome, _ = played(world, tmp_path, stages(stage))
    assert outcome is Outcome.DEPLOYED
    assert world.calls[-1] == "second"


def test_a_waiver_turns_a_no_into_a_warning_until_its_day_is_over(tmp_path: Path) -> None:
    import datetime

    world = Scripted()
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    runner = runner_for(world, journal_in(tmp_path, world.clock))
    gate = runner.pipeline.stages[3].asks[0].name
    runner.watch.waivers = (Waiver(gate, datetime.date(2026, 11, 24), "Dana", "known"),)
    assert asyncio.run(runner.run()) is Outcome.DEPLOYED

    late = Scripted()
    late.clock.at[100] = lambda: setattr(late, "health", 503)
    (tmp_path / "late").mkdir()
    runner = runner_for(late, journal_in(tmp_path / "late", late.clock))
    runner.watch.waivers = (Waiver(gate, datetime.date(2026, 11, 23), "Dana", "known"),)
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK


@pytest.mark.parametrize("cut", range(1, 14))
def test_killed_after_any_event_settle_leaves_production_as_it_was(tmp_path: Path, cut: int) -> None:
    """kill -9 between any two lines: what is in the journal is enough to go back."""

    class Killed(BaseException):
        pass

    world = Scripted()
    count = [0]

    def kill(event: object) -> None:
        count[0] += 1
        if count[0] == cut:
            raise Killed

    journal = journal_in(tmp_path, world.clock, listeners=[kill])

    async def forward_only() -> None:
        runner = runner_for(world, journal)
        await runner._go_forward(list(runner.pipeline.stages[:3]))

    with pytest.raises(Killed):
        asyncio.run(forward_only())
    pipeline = stages()
    past = recall(journal.events(), pipeline, {type(p): p for p in healthy.POLICIES})
    again = runner_for(world, journal_in(tmp_path, world.clock), pipeline, past)
    from pipeline.engine.stop import Stop

    outcome = asyncio.run(again.go_back(Stop("cut off")))
    assert world.serves == "dpl_live"
    assert outcome is (Outcome.ROLLED_BACK if past.moved_production else Outcome.BLOCKED)


@pytest.mark.parametrize("cut", range(1, 14))
def test_killed_after_any_event_resume_finishes_without_doing_anything_twice(tmp_path: Path, cut: int) -> None:
    class Killed(BaseException):
        pass

    world = Scripted()
    count = [0]

    def kill(event: object) -> None:
        count[0] += 1
        if count[0] == cut:
            raise Killed

    journal = journal_in(tmp_path, world.clock, listeners=[kill])

    async def forward_only() -> None:
        runner = runner_for(world, journal)
        await runner._go_forward(list(runner.pipeline.stages[:3]))

    with pytest.raises(Killed):
        asyncio.run(forward_only())
    pipeline = stages()
    past = recall(journal.events(), pipeline, {type(p): p for p in healthy.POLICIES})
    done = list(past.done)
    world.calls.clear()
    again = runner_for(world, journal_in(tmp_path, world.clock), pipeline, past)
    assert asyncio.run(again.run()) is Outcome.DEPLOYED
    assert not set(done) & set(world.calls), "a step that is recorded as done is not done again"
    assert world.serves == healthy.STAGED


def failing(error: BaseException) -> Step:
    async def announce(world: object) -> None:
        """Announce.

        Why: x
        By hand: x
        If it fails: x
        """
        raise error

    return Step(announce, "x", False)


def test_a_bug_in_a_stage_that_may_fail_is_its_warning_and_its_traceback_is_kept(tmp_path: Path) -> None:
    world = Scripted()
    stage = Stage("announce", "x", (failing(ValueError("Invalid port: '80x'")),), may_fail=True)
    outcome, journal = played(world, tmp_path, stages(stage))
    assert outcome is Outcome.DEPLOYED
    assert world.serves == healthy.STAGED
    events = journal.events()
    settled = next(event for event in events if (event.kind, event.subject) == ("stage settled", "announce"))
    assert "Invalid port: '80x'" in settled.body["warning"]
    failed = next(event for event in events if event.kind == "step failed")
    assert "Traceback" in failed.body["traceback"]


def test_a_gate_with_a_bug_in_a_stage_that_may_fail_takes_nothing_back(tmp_path: Path) -> None:
    world = Scripted()

    def broken(seen: VercelProject) -> object:
        """Is broken.

        Why: x
        By hand: x
        If it fails: x
        """
        raise ZeroDivisionError

    outcome, _ = played(world, tmp_path, stages(Stage("announce", "x", asks=(Gate(broken, "x"),), may_fail=True)))  # type: ignore[arg-type]
    assert outcome is Outcome.DEPLOYED


def test_ctrl_c_in_a_stage_that_may_fail_takes_nothing_back(tmp_path: Path) -> None:
    world = Scripted()
    stage = Stage("announce", "x", during=100, every=1, may_fail=True)
    runner = runner_for(world, journal_in(tmp_path, world.clock), stages(stage))
    world.clock.at[650] = lambda: runner.interrupt("interrupted by SIGINT")
    assert asyncio.run(runner.run()) is Outcome.DEPLOYED
    assert world.serves == healthy.STAGED


def test_a_step_that_was_begun_before_and_is_begun_again_is_undone_once(tmp_path: Path) -> None:
    world = Scripted()
    pipeline = stages()
    moved = pipeline.steps[2]
    before = ProductionBefore("dpl_live", "https://x", healthy.DOMAIN)
    staged = StagedDeployment(healthy.STAGED, "https://new", healthy.COMMIT)
    past = Past(begun=[(moved, (staged, before))], given={ProductionBefore: before, StagedDeployment: staged})
    past.done |= {"make", "note"}
    world.clock.at[100] = lambda: setattr(world, "health", 503)
    runner = runner_for(world, journal_in(tmp_path, world.clock), pipeline, past)
    assert asyncio.run(runner.run()) is Outcome.ROLLED_BACK
    assert world.calls.count("move back") == 1, "a second undo would take away what a colleague released meanwhile"


@pytest.mark.parametrize("health", [200, 503])
def test_a_run_that_is_somebody_elses_touches_nothing_any_more(tmp_path: Path, health: int) -> None:
    world = Scripted()
    journal, ours = journal_in(tmp_path, world.clock), [True]
    known = {type(value): value for value in healthy.POLICIES}
    runner = Runner(stages(), world, known, PROBES, journal, ours=lambda: ours[0])  # type: ignore[arg-type]
    world.clock.at[100] = lambda: (ours.clear(), ours.append(False), setattr(world, "health", health))
    with pytest.raises(Lost, match="run r1 is somebody else's now") as lost:
        asyncio.run(runner.run())
    assert lost.value.moved
    assert world.calls[-1] == "move"
    assert "going back" not in kinds(journal.events())
    assert "run ended" not in kinds(journal.events())


def test_who_has_just_heard_no_is_not_sure_a_moment_later(tmp_path: Path) -> None:
    """The gates of a round are answered side by side: the first one hears it, and the others must not write either."""
    world = Scripted()
    known = {type(value): value for value in healthy.POLICIES}
    journal = journal_in(tmp_path, world.clock)
    runner = Runner(stages(), world, known, PROBES, journal, ours=lambda: False)  # type: ignore[arg-type]
    runner._sure_at = world.clock.monotonic() - 60
    for _ in range(3):
        with pytest.raises(Lost):
            runner._still_ours()


def test_a_run_that_lost_its_lock_before_promoting_does_not_promote(tmp_path: Path) -> None:
    world = Scripted()
    known = {type(value): value for value in healthy.POLICIES}
    journal = journal_in(tmp_path, world.clock)
    runner = Runner(stages(), world, known, PROBES, journal, ours=lambda: "note" not in world.calls)  # type: ignore[arg-type]
    with pytest.raises(Lost) as lost:
        asyncio.run(runner.run())
    assert not lost.value.moved
    assert "move" not in world.calls


def written_by_another_version(tmp_path: Path, kind: str, subject: str, key: str, value: object) -> Past:
    """The past of a run that was cut off in the watch, with ``key`` of one event's body changed."""
    world = Scripted()
    journal = journal_in(tmp_path, world.clock)
    runner = runner_for(world, journal)
    asyncio.run(runner._go_forward(list(runner.pipeline.stages[:2])))
    events = [
        replace(event, body={**event.body, key: value}) if (event.kind, event.subject) == (kind, subject) else event
        for event in journal.events()
    ]
    return recall(events, stages(), {type(p): p for p in healthy.POLICIES})


ODD = [[{"type": "Unheard", "value": {}}], [{"type": "Production", "value": {"new": 1}}], [{}], None, 7, "x", []]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_another_version_wrote_of_a_step_that_needs_no_undo_is_not_needed(tmp_path: Path, odd: object) -> None:
    past = written_by_another_version(tmp_path, "step begins", "note", "inputs", odd)
    past.must_be_read("r1", "production", past.unread, past.ungiven)
    assert past.moved_production


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_another_version_wrote_and_an_undo_needs_is_a_mistake_with_two_commands(
    tmp_path: Path, odd: object
) -> None:
    past = written_by_another_version(tmp_path, "step begins", "move", "inputs", odd)
    assert past.moved_production
    with pytest.raises(Mistake, match=r"rollback --target production.*settle --target production --run r1"):
        past.must_be_read("r1", "production", past.unread)


@pytest.mark.parametrize("odd", [{"type": "Unheard", "value": {}}, 7, [1]], ids=str)
def test_what_another_version_gave_keeps_a_run_from_going_on_but_not_from_going_back(
    tmp_path: Path, odd: object
) -> None:
    past = written_by_another_version(tmp_path, "step done", "note", "gives", odd)
    past.must_be_read("r1", "production", past.unread)
    with pytest.raises(Mistake, match="of note cannot be read"):
        past.must_be_read("r1", "production", past.unread, past.ungiven)
