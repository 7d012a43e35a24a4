"""What GitHub knows of a run: before it goes live, when it was judged, and afterwards when it could not be told."""

import asyncio
import dataclasses

import pytest

from checks.evidence import Release
from checks.outcome import Outcome
from pipeline.definitions.deploy import FROM_GITHUB, PEOPLE
from pipeline.engine.waivers import broken_glass
from pipeline.record.journal import latest_runs
from pipeline.record.sqlite import SqliteStore
from pipeline.record.untold import owed
from pipeline.session.accepting import accepted
from pipeline.session.news import tell_end, tell_kept, tell_what_is_owed
from pipeline.session.session import Session
from tests.chaos.killing import Killed
from tests.session.test_accepting import begun, held, opened
from tests.stage import InProcess


def states(inside: InProcess) -> list[list[str]]:
    """The states of each deployment that GitHub was told of, oldest first."""
    return [[status["state"] for status in one.statuses] for one in inside.sandbox.state.github.deployments]


def ended(inside: InProcess, outcome: Outcome, run: str = "r1") -> None:
    """What a process does once its run has ended."""

    async def go() -> None:
        async with inside.world(inside.release(), run) as world:
            events = inside.journal(run).events()
            await tell_end(opened(inside), world, inside.report(run), events, outcome)

    asyncio.run(go())


def paid(inside: InProcess) -> tuple[int, int]:
    """What the next command does before its run begins."""

    async def go() -> tuple[int, int]:
        async with inside.world(inside.release(), "next") as world:
            return await tell_what_is_owed(opened(inside), world.github)

    return asyncio.run(go())


def lost_in_watch(inside: InProcess, release: Release) -> None:
    """Begin a run whose process ends in the watch."""

    def die() -> None:
        raise Killed

    inside.at_stage("watch", die)
    begun(inside, "r1")
    with pytest.raises(Killed):
        inside.deploy(release=release)
    inside.listeners.clear()


def lost(inside: InProcess) -> Release:
    """A release whose run was lost in the watch, and its record with it."""
    release = inside.release()
    lost_in_watch(inside, release)
    inside.store.close()
    inside.store = SqliteStore(inside.folder / "another.db")
    return release


def test_a_run_that_was_lost_with_its_record_stops_the_next_one_until_somebody_says_that_its_release_is_well(
    inside: InProcess,
) -> None:
    release = lost(inside)
    assert states(inside) == [["in_progress"]]
    outcome, report = inside.deploy(run="r2", release=release)
    assert outcome is Outcome.BLOCKED
    (line,) = [one for stage in report.stages for one in stage.lines if one.name == "order.live-is-judged"]
    (found,) = line.findings
    assert "run r1" in found["says"]
    assert "in_progress" in found["says"]
    assert "state=success" in found["fix"]
    record = inside.sandbox.state.github.deployments[0]
    record.statuses.append({"id": 10**6, "state": "success", "at": "2026-11-24T03:00:00Z"})
    outcome, report = inside.deploy(run="r3", release=release)
    assert outcome is Outcome.DEPLOYED, report.reason


def test_github_hears_of_a_release_before_it_is_live_and_of_one_that_was_taken_back(inside: InProcess) -> None:
    seen = list[str]()
    inside.tap(before=lambda request: seen.append(f"{request.method} {request.url.path}"))
    inside.at_stage("watch", lambda: inside.sandbox.inject("app answer status=500 /api/auth/session where=production"))
    begun(inside, "r1")
    outcome, _ = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    told = next(n for n, one in enumerate(seen) if one.startswith("POST") and one.endswith("/statuses"))
    moved = next(n for n, one in enumerate(seen) if "/promote/" in one)
    assert told < moved
    ended(inside, outcome)
    assert states(inside) == [["in_progress", "failure"]]
    (record,) = inside.sandbox.state.github.deployments
    assert record.body["payload"] == {"deployRun": "r1"}
    assert record.statuses[-1]["description"].startswith("run r1: rolled back: ")
    assert len(record.statuses[-1]["description"]) <= 140


@pytest.fixture
def without_github(inside: InProcess) -> tuple[Outcome | None, str]:
    """How a run ends whose glass is broken because GitHub is down, and what served before."""
    release = dataclasses.replace(inside.release(), glass="orders fail", glass_by="dana")
    inside.sandbox.inject("github answer status=401")
    before = inside.serves()
    begun(inside, "r1").append("break glass", reason=release.glass, by=release.glass_by)

    async def go() -> Outcome | None:
        async with inside.world(release) as world:
            waivers = broken_glass(release, PEOPLE, FROM_GITHUB)
            return await inside.runner(world, inside.journal("r1"), waivers=waivers).run()

    return asyncio.run(go()), before


def test_what_github_could_not_be_told_is_told_by_the_next_command_and_once(
    inside: InProcess, without_github: tuple[Outcome | None, str]
) -> None:
    outcome, before = without_github
    assert outcome is Outcome.DEPLOYED, inside.report().reason
    assert inside.serves() != before
    ended(inside, outcome)
    assert states(inside) == []
    assert [(one.run, one.state) for one in owed(inside.store, "sandbox")] == [("r1", "success")]
    assert owed(inside.store, "production") == ()
    assert paid(inside) == (0, 1), "it is still down"
    inside.sandbox.faults.clear()
    assert paid(inside) == (1, 0)
    assert states(inside) == [["success"]]
    assert paid(inside) == (0, 0)
    assert states(inside) == [["success"]]
    assert latest_runs(inside.store, 9) == ("r1",), "telling is no run"


def test_a_held_release_is_unjudged_on_github_until_a_person_keeps_it(inside: InProcess) -> None:
    live = held(inside).staged["id"]
    ended(inside, Outcome.HELD)
    assert states(inside) == [["in_progress"]]
    session = opened(inside)
    _kept(inside, session, live)
    assert states(inside) == [["in_progress", "success"]]


def test_that_it_was_kept_is_owed_to_github_as_well_and_settles_what_was_owed_before(inside: InProcess) -> None:
    live = held(inside).staged["id"]
    inside.sandbox.inject("github answer status=401")
    _kept(inside, opened(inside), live)
    assert [one.state for one in owed(inside.store, "sandbox")] == ["success"]
    inside.sandbox.faults.clear()
    ended(inside, Outcome.HELD)
    assert owed(inside.store, "sandbox") == ()


def _kept(inside: InProcess, session: Session, live: str) -> None:
    report = accepted(session, "r1", "looked at it", "dana", live)

    async def go() -> None:
        async with inside.world(inside.release()) as world:
            await tell_kept(session, world.github, report)

    asyncio.run(go())


def test_a_run_that_was_cut_off_and_goes_back_tells_github_so(inside: InProcess) -> None:
    lost_in_watch(inside, inside.release())
    outcome = inside.settle()
    assert outcome is Outcome.ROLLED_BACK
    ended(inside, outcome)
    assert states(inside) == [["in_progress", "failure"]]
