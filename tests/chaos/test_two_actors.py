"""Two who deploy and a person beside them, in any order: killed, unlocked, settled, with a clock that is set."""

import asyncio
import contextlib
import datetime
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="there is no hypothesis: it is among the packages of the group dev")
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from checks import healthy
from checks.evidence import StagedDeployment
from checks.outcome import Outcome
from pipeline.engine.past import recall
from pipeline.engine.plan import Step
from pipeline.engine.runner import Runner
from pipeline.engine.stop import Stop
from pipeline.errors import Locked, Lost
from pipeline.record.journal import Journal, events_of, latest_runs
from pipeline.record.ledger import check
from pipeline.record.lock import Lock
from pipeline.record.report import report_of
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.session.accepting import accepted
from pipeline.session.deploy import _refuse_after_cut_off, _unjudged
from pipeline.session.ownership import is_ours
from pipeline.world.world import World
from tests.chaos.killing import SEED, WHOLE, Killed, Life, Mortal
from tests.scripted import PROBES, Scripted, stages

TARGET, FIRST = "sandbox", "dpl_live"
HOUR = datetime.timedelta(hours=1)
KNOWN = {type(value): value for value in healthy.POLICIES}
MEANWHILE = (
    "nothing",
    "the lock is taken away",
    "the clock is set back",
    "the other deploys",
    "the other settles",
    "the lease lapses and the other settles",
    "the release falls ill",
    "the record is opened anew",
)


async def make_own(world: World) -> StagedDeployment:
    """Make a deployment that no other run has.

    Why: x
    By hand: x
    If it fails: x
    """
    return StagedDeployment(f"dpl_{world.run}", "https://new", healthy.COMMIT)


PLAIN = stages()
PIPELINE = replace(PLAIN, stages=(replace(PLAIN.stages[0], does=(Step(make_own, "x", False),)), *PLAIN.stages[1:]))


class TwoActors(RuleBasedStateMachine):
    """Production, a record and a clock that two processes and a person share."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store: Any = SqliteStore(self.folder / "journal.db")
        self.world: Any = Scripted()
        self.runs = 0
        self.kept: set[str] = set()
        self.inside = False

    def teardown(self) -> None:
        """Whatever happened: once leases are over, a person brings it to one right end."""
        self.world.health = 200
        self.time_passes()
        for run in list(_unjudged(self.session)):
            self.settle(run, 0)
        with contextlib.suppress(Locked):
            self.lock("person").take("looks")
            self.lock("person").release()
        assert not list(_unjudged(self.session))
        self.is_right()
        self.store.close()
        shutil.rmtree(self.folder)

    @property
    def session(self) -> Any:
        def past(run: str) -> Any:
            return recall(events_of(self.store, run), PIPELINE, KNOWN)

        return SimpleNamespace(
            settings=SimpleNamespace(name=TARGET),
            store=self.store,
            clock=self.world.clock,
            past=past,
            redactor=Redactor(),
            report=lambda run: report_of(run, events_of(self.store, run)),
        )

    def lock(self, run: str) -> Lock:
        return Lock(self.store, TARGET, run, self.world.clock, pid=0)

    def act(self, run: str, dies_at: int, *, back: bool, begins: bool) -> Outcome | None:
        """A process of a run, from its lock to its end, or to the point where it dies."""
        lock, life = self.lock(run), Life(dies_at)
        lock.take("deploys")
        self.world.run = run
        journal = Journal(Mortal(self.store, life), run, self.world.clock.now, Redactor())  # type: ignore[arg-type]
        try:
            if begins:
                journal.append("run begins", pipeline="deploy", target=TARGET, commit="c", by="x", production="x")
            past = self.session.past(run)
            runner = Runner(
                PIPELINE, self.world, KNOWN, PROBES, journal, past=past, ours=lambda: is_ours(lock, journal)
            )
            going = runner.go_back(Stop("cut off", cut=True)) if back else runner.run()
            with ThreadPoolExecutor(1) as apart:  # one process may act in the middle of another
                outcome = apart.submit(asyncio.run, going).result()
        except (Killed, Lost):
            return None
        lock.release()
        return outcome

    def meanwhile(self, what: str) -> None:
        """What others do right after production has moved."""
        if self.inside:
            return
        self.inside, run = True, self.world.run
        self.world.clock.seconds += 2
        if what == "the lock is taken away":
            self.lock(run).release()
        elif what == "the clock is set back":
            self.world.clock.began -= HOUR
        elif what == "the other deploys":
            with pytest.raises(Locked):
                self.begin("other", 0)
        elif what == "the other settles":
            with pytest.raises(Locked):
                Lock(self.store, TARGET, "other", self.world.clock, pid=0).take(f"settle {run}")
        elif what == "the lease lapses and the other settles":
            self.world.clock.began += HOUR
            self.settle(run, 0)
        elif what == "the release falls ill":
            self.world.health = 500
        elif what == "the record is opened anew":
            self.reopen()
        self.inside, self.world.run = False, run

    def begin(self, run: str, dies_at: int) -> Outcome | None:
        _refuse_after_cut_off(self.session, run)
        return self.act(run, dies_at, back=False, begins=True)

    @rule(dies_at=st.one_of(st.just(0), st.integers(1, 40)), what=st.sampled_from(MEANWHILE))
    def deploy(self, dies_at: int, what: str) -> None:
        self.runs += 1
        run = f"r{self.runs}"
        self.world.health, self.world.promotion = 200, lambda: self.meanwhile(what)
        waits = list(_unjudged(self.session))
        try:
            outcome = self.begin(run, dies_at)
        except Locked:
            assert waits or self.lock(run).held(), "nobody stood in its way"
            return
        finally:
            self.world.promotion, self.world.health = None, 200
        if outcome is not None:
            assert self.lock(run).held() is None, "a lock is left"
            well = what != "the release falls ill"
            assert outcome is (Outcome.DEPLOYED if well else Outcome.ROLLED_BACK)

    @precondition(lambda self: bool(list(_unjudged(self.session))))
    @rule(dies_at=st.one_of(st.just(0), st.integers(1, 12)))
    def somebody_settles(self, dies_at: int) -> None:
        self.settle(next(iter(_unjudged(self.session))), dies_at)

    def settle(self, run: str, dies_at: int) -> None:
        with contextlib.suppress(Locked):
            if not self.session.past(run).outcome:
                self.act(run, dies_at, back=True, begins=False)

    @precondition(lambda self: bool(list(_unjudged(self.session))))
    @rule(dies_at=st.one_of(st.just(0), st.integers(1, 40)))
    def somebody_resumes(self, dies_at: int) -> None:
        with contextlib.suppress(Locked):
            self.act(next(iter(_unjudged(self.session))), dies_at, back=False, begins=False)

    @precondition(lambda self: bool(list(_unjudged(self.session))))
    @rule()
    def a_person_keeps_it(self) -> None:
        run = next(iter(_unjudged(self.session)))
        staged = self.session.report(run).staged.get("id", "")
        if staged == self.world.serves:
            with contextlib.suppress(Locked):
                accepted(self.session, run, "it is well", "dana", staged)
                self.kept.add(run)

    @rule()
    def time_passes(self) -> None:
        self.world.clock.seconds += 4000

    @rule(hours=st.sampled_from([-2, 2]))
    def the_clock_is_set(self, hours: int) -> None:
        self.world.clock.began += hours * HOUR

    @rule()
    def reopen(self) -> None:
        """The connection that everybody has is gone, and there is a new one."""
        self.store.close()
        self.store._open()

    @invariant()
    def is_right(self) -> None:
        assert not check(self.store).faults
        open_runs = set(_unjudged(self.session)) if not self.inside else set()
        well = {FIRST}
        for run in latest_runs(self.store, 1000):
            ends = [event for event in events_of(self.store, run) if event.kind == "run ended"]
            assert len(ends) <= 1, f"{run} has ended twice"
            report = self.session.report(run)
            alive = self.lock("x").alive()
            if report.outcome == "deployed" or run in self.kept or run in open_runs or (alive and alive.holder == run):
                well.add(f"dpl_{run}")
        assert self.world.serves in well, f"production serves {self.world.serves}"


TwoActors.TestCase.settings = settings(
    max_examples=400 if WHOLE else 25,
    stateful_step_count=40 if WHOLE else 12,
    deadline=None,
    database=None,
    print_blob=True,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
)


def test_two_who_deploy_and_a_person_always_come_to_one_right_end() -> None:
    """The seed is printed by a failure, with the steps that lead to it; ``CHAOS_SEED`` tries the same again."""
    from hypothesis import seed
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(seed(SEED)(TwoActors), settings=TwoActors.TestCase.settings)
