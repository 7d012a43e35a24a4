"""Production moves once, to what was said, and back only when it is ours to move."""

import asyncio
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from httpx._transports.asgi import ASGIResponseStream

from checks.evidence import Production, ProductionBefore, StagedDeployment, VercelProject
from checks.gate import Verdict
from checks.outcome import Outcome
from checks.policy import PromotionPolicy
from checks.release import is_live
from pipeline.definitions.deploy import rolling_out
from pipeline.sandbox import rollout
from pipeline.sandbox.vercel import life
from pipeline.sandbox.vercelstate import AliasJob
from tests.stage import InProcess

SHARES = [
    {"targetPercentage": 10, "requireApproval": True},
    {"targetPercentage": 50, "requireApproval": True},
    {"targetPercentage": 100},
]
ID = re.compile(r"dpl_\w{24}")
PROMOTE, ROLL_BACK = "*/promote/*", "*/rollback/*"


class Killed(BaseException):
    """What ``kill -9`` is to the run: nothing of ours runs any more."""


def killed(*_: Any) -> None:
    raise Killed


def a_third(inside: InProcess) -> str:
    """A deployment that a colleague has made: it is ready, and nobody serves it."""
    vercel = inside.sandbox.state.vercel
    live, slot = vercel.deployments[vercel.production], life.free_slot(vercel, inside.clock.now().timestamp())
    theirs = dataclasses.replace(
        live, id="dpl_" + "c" * 24, slot=slot, meta={}, created=live.created + 1, auto_assign=False, was_production=True
    )
    vercel.deployments[theirs.id] = theirs
    return theirs.id


def colleague(inside: InProcess, kind: str, id: str) -> None:
    """Somebody else asks Vercel for ``kind`` (promote or rollback) now; it takes as long as it takes there."""
    vercel = inside.sandbox.state.vercel
    vercel.job = AliasJob(kind, vercel.production, id, inside.clock.now().timestamp(), 30)


def colleague_rolls_out(inside: InProcess, id: str) -> None:
    """Somebody else switches rolling releases on, and begins one."""
    vercel = inside.sandbox.state.vercel
    vercel.rolling_config = {"target": "production", "stages": SHARES}
    rollout.begin(vercel, id, inside.clock.now().timestamp(), inside.sandbox.state.next_id())


def patiently(inside: InProcess) -> None:
    """Ask every second, as at a real Vercel: there are tests that wait until the patience ends."""
    inside.pipeline = inside.pipeline.at_pace({"promote": {"every": 1}})


def test_whatever_is_moved_is_named_by_its_id(inside: InProcess) -> None:
    """Without an id Vercel's own tools mean "the last one", whichever that is by then."""
    outcome, report = inside.deploy("broken-health")
    assert outcome is Outcome.ROLLED_BACK
    moves = inside.asked("POST", PROMOTE) + inside.asked("POST", ROLL_BACK)
    assert [path.rpartition("/")[2] for path in moves] == [report.staged["id"], report.before["id"]]
    assert all(ID.fullmatch(path.rpartition("/")[2]) for path in moves)
    assert inside.serves() == report.before["id"]


def test_already_current_is_as_good_as_promoted(inside: InProcess) -> None:
    """A colleague was quicker, with the very deployment that we made: Vercel answers 409, the domain decides."""
    inside.before_step("promote", lambda: inside.colleague_promotes(inside.report().staged["id"]))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert inside.sandbox.asked["vercel"]
    assert any(
        one["status"] == 409 for one in inside.sandbox.asked["vercel"] if one["path"].endswith(report.staged["id"])
    )
    assert inside.serves() == report.staged["id"]


def test_a_409_is_no_success_while_the_domain_serves_something_else(inside: InProcess) -> None:
    patiently(inside)
    before = inside.serves()
    inside.at_stage("promote", lambda: inside.sandbox.inject(f"vercel answer status=409 POST {PROMOTE}"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert report.reason.startswith("promote: ")
    assert inside.serves() == before


def test_a_promotion_that_lands_late_is_waited_for(inside: InProcess) -> None:
    patiently(inside)
    inside.sandbox.patch({"timing": {"alias": 6}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert inside.serves() == report.staged["id"]


def says_of_our_promotion(inside: InProcess, status: str) -> None:
    """Vercel accepts promotions, moves nothing, and says ``status`` of them in the project."""
    inside.sandbox.inject(f"vercel never-finishes POST {PROMOTE}")

    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        project = f"/v9/projects/{inside.settings.project}"
        if (request.method, request.url.path) != ("GET", project) or not response.is_success:
            return None
        stream = cast(ASGIResponseStream, response.stream)
        body = json.loads(b"".join(stream._body))
        if (body.get("lastAliasRequest") or {}).get("type") == "promote":
            body["lastAliasRequest"]["jobStatus"] = status
        return httpx.Response(response.status_code, json=body)

    inside.tap(after=after)


@pytest.mark.parametrize(("status", "says"), [("failed", "the promotion failed"), ("skipped", "was skipped")])
def test_a_promotion_that_vercel_gave_up_stops_the_run_at_once(inside: InProcess, status: str, says: str) -> None:
    before = inside.serves()
    says_of_our_promotion(inside, status)
    moments: dict[str, float] = {}
    inside.at_stage("promote", lambda: moments.update(begun=inside.clock.seconds))
    inside.listeners.append(
        lambda e: moments.update(ended=inside.clock.seconds) if e.kind == "going back" else None  # type: ignore[func-returns-value]
    )
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED, "traffic never moved, so nothing is taken back and nothing is pinned"
    assert inside.asked("POST", "*/rollback/*") == []
    assert says in report.reason
    assert moments["ended"] - moments["begun"] < 2, "the patience of the stage is ten seconds"
    assert inside.serves() == before


def test_a_promotion_that_goes_on_for_ever_is_not_deployed(inside: InProcess) -> None:
    patiently(inside)
    before = inside.serves()
    says_of_our_promotion(inside, "in-progress")
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert "still points to" in report.reason
    assert inside.serves() == before


def test_queued_behind_a_colleague_is_not_deployed_and_theirs_goes_on(inside: InProcess) -> None:
    """Vercel answers 202. Going back would end the colleague's rolling release; ours never had a visitor."""
    patiently(inside)
    before, theirs = inside.serves(), a_third(inside)
    inside.before_step("promote", lambda: colleague_rolls_out(inside, theirs))
    outcome, report = inside.deploy()
    assert inside.asked("POST", PROMOTE), "it was asked for"
    assert inside.asked("POST", ROLL_BACK) == []
    assert outcome is Outcome.STRANDED
    waits = f"{report.staged['id']} goes live when somebody else's rolling release of {theirs} is complete"
    assert waits in report.by_hand[0]
    rolling = inside.sandbox.state.vercel.rolling
    assert rolling
    assert (rolling.state, rolling.canary) == ("ACTIVE", theirs)
    assert {inside.serves() for _ in range(20)} == {before, theirs}, "and not to ours"


def test_queued_behind_a_colleague_it_is_deployed_once_the_domain_serves_it(inside: InProcess) -> None:
    patiently(inside)
    theirs = a_third(inside)
    inside.before_step("promote", lambda: colleague_rolls_out(inside, theirs))

    def finishes(*_: Any) -> None:
        """Theirs is complete, rolling releases are off again, and ours is given its turn."""
        vercel = inside.sandbox.state.vercel
        assert vercel.rolling
        assert inside.asked("POST", PROMOTE)
        queued, now = vercel.rolling.queued, inside.clock.now().timestamp()
        vercel.rolling_config = None
        rollout.complete(vercel, vercel.rolling, now, inside.sandbox.state.next_id())
        rollout.move(vercel, queued, now)

    inside.before_step("promote", lambda: inside.clock.at.update({inside.clock.seconds + 5: finishes}))
    outcome, report = inside.deploy()
    assert inside.serves() == report.staged["id"]
    assert outcome is Outcome.DEPLOYED, report.reason


@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_a_colleagues_move_that_is_under_way_is_noticed_and_not_undone(inside: InProcess, kind: str) -> None:
    """Theirs was asked for right after ours: the domain has not moved yet, and Vercel says to whom it will."""
    theirs = a_third(inside)

    def after(request: httpx.Request, response: httpx.Response) -> None:
        if request.method == "POST" and "/promote/" in request.url.path:
            colleague(inside, kind, theirs)

    inside.tap(after=after)
    outcome, report = inside.deploy()
    assert outcome in (Outcome.ROLLED_BACK, Outcome.STRANDED)
    assert f"is being moved to {theirs} by a {kind} that is not ours" in report.reason
    assert inside.asked("POST", ROLL_BACK) == []
    inside.clock.seconds += 60
    assert inside.serves() == theirs


def test_a_colleagues_promotion_that_landed_first_is_noticed_and_not_undone(inside: InProcess) -> None:
    patiently(inside)
    theirs = a_third(inside)
    inside.sandbox.inject(f"vercel never-finishes POST {PROMOTE}")
    inside.before_step(
        "promote", lambda: inside.clock.at.update({inside.clock.seconds + 2: lambda: inside.colleague_promotes(theirs)})
    )
    outcome, report = inside.deploy()
    assert outcome is Outcome.STRANDED
    assert f"serves {theirs}: somebody else promoted it" in report.by_hand[0]
    assert inside.asked("POST", ROLL_BACK) == []
    assert inside.serves() == theirs


@pytest.mark.parametrize("fault", ["vercel cut GET *", "vercel answer status=500 GET *", "vercel garbage GET *"])
def test_a_rollback_does_not_wait_for_a_look_around(inside: InProcess, fault: str) -> None:
    """When Vercel answers no question any more, the way back is still asked for; only its proof is missing."""
    before = inside.serves()

    def break_it() -> None:
        inside.sandbox.inject("app failing-route /api/health/db where=production")
        inside.sandbox.inject(fault)

    inside.at_stage("watch", break_it)
    outcome, report = inside.deploy()
    assert outcome is Outcome.STRANDED
    assert [path.rpartition("/")[2] for path in inside.asked("POST", ROLL_BACK)] == [before]
    assert before in report.by_hand[0]
    assert inside.serves() == before


def after_answer(path: str) -> Callable[[httpx.Request, httpx.Response], None]:
    """Kills the run when Vercel has done it and nobody has written that down."""

    def after(request: httpx.Request, response: httpx.Response) -> None:
        if request.method == "POST" and path in request.url.path:
            raise Killed

    return after


@pytest.mark.parametrize("settles", [False, True], ids=["resumed", "settled"])
@pytest.mark.parametrize("moment", ["begins", "answered", "done"])
def test_killed_around_the_promotion_it_goes_on_or_back_and_nothing_else(
    inside: InProcess, moment: str, settles: bool
) -> None:
    before, wire = inside.serves(), inside.wire
    if moment == "answered":
        inside.tap(after=after_answer("/promote/"))
    else:
        inside.listeners.append(
            lambda e: killed() if (e.kind, e.subject) == (f"step {moment}", "promote") else None  # type: ignore[func-returns-value]
        )
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()
    inside.wire = wire
    made = inside.report().staged["id"]
    if settles:
        assert inside.settle() is (Outcome.BLOCKED if moment == "begins" else Outcome.ROLLED_BACK)
        assert inside.serves() == before
    else:
        outcome, report = inside.deploy(resume=True)
        assert outcome is Outcome.DEPLOYED, report.reason
        assert inside.serves() == report.staged["id"] == made


REFUSALS = ["answer status=500", "answer status=503", "answer status=429 retry_after=30", "cut", "answer status=403"]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_promotion_that_the_platform_did_not_take_is_no_verdict_on_the_release(
    inside: InProcess, refusal: str
) -> None:
    """Nothing is pinned, nothing is called rolled back, and the same commit may be tried again without a waiver."""
    before, release = inside.serves(), inside.release()
    inside.at_stage("promote", lambda: inside.sandbox.inject(f"vercel {refusal} POST {PROMOTE}"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert inside.serves() == before
    assert inside.sandbox.state.vercel.auto_assign, "not pinned"
    assert not [event for event in inside.journal("r1").events() if event.kind == "release bad"]
    inside.sandbox.faults.clear()
    inside.listeners.clear()
    outcome, report = inside.deploy(release=release, run="r2")
    assert outcome is Outcome.DEPLOYED, report.reason


@pytest.mark.parametrize("lands", [3, 12])
def test_a_promotion_that_lands_late_is_not_called_over_before_it_has(inside: InProcess, lands: float) -> None:
    """Vercel answered 500, and did it seconds later: the run sees it land, and goes on watching it."""
    began: list[float] = []

    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if request.method == "POST" and "/promote/" in request.url.path:
            vercel = inside.sandbox.state.vercel
            began.append(inside.clock.seconds)
            assert vercel.job
            job, vercel.job = vercel.job, None
            inside.clock.at[inside.clock.seconds + lands] = lambda: setattr(vercel, "job", job)
            return httpx.Response(500, json={"error": {"code": "internal", "message": "oops"}})
        return None

    inside.tap(after=after)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert inside.serves() == report.staged["id"]


def test_interrupted_while_vercel_has_not_answered_it_waits_for_the_answer(inside: InProcess) -> None:
    """The promotion lands after the signal: it is waited for and taken back, and nothing else comes later."""
    before = inside.serves()
    runners: list[Any] = []

    async def slow(request: httpx.Request) -> None:
        if request.method == "POST" and "/promote/" in request.url.path:
            runners[0].interrupt("interrupted by SIGINT")
            await asyncio.sleep(0.2)

    wire = inside.wire

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await slow(request)
            return await wire.handle_async_request(request)

    inside.wire = Slow()
    made = inside.runner

    def runner(*given: Any, **more: Any) -> Any:
        runners.append(made(*given, **more))
        return runners[-1]

    inside.runner = runner  # type: ignore[method-assign]
    outcome, report = inside.deploy()
    inside.wire = wire
    assert outcome is Outcome.ROLLED_BACK, report.reason
    inside.clock.seconds += 60
    assert inside.serves() == before


def an_older_move(inside: InProcess, kind: str) -> None:
    """An earlier run promoted the very deployment that this one ships, or took it back; both are over."""
    vercel, staged = inside.sandbox.state.vercel, inside.report().staged["id"]
    ends = (vercel.production, staged) if kind == "promote" else (staged, vercel.production)
    vercel.job = AliasJob(kind, *ends, inside.clock.now().timestamp() - 3600, 1, done=True)


@pytest.mark.parametrize("refusal", ["answer status=403", "answer status=500"])
@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_an_older_move_of_the_same_deployment_is_not_taken_for_this_runs(
    inside: InProcess, kind: str, refusal: str
) -> None:
    """Traffic never moves, so nothing is taken back and nothing is pinned."""
    patiently(inside)
    before = inside.serves()
    inside.before_step("note-production", lambda: an_older_move(inside, kind))
    inside.at_stage("promote", lambda: inside.sandbox.inject(f"vercel {refusal} POST {PROMOTE}"))
    outcome, report = inside.deploy()
    assert inside.asked("POST", ROLL_BACK) == []
    assert outcome is Outcome.BLOCKED, report.reason
    assert inside.serves() == before


def test_an_older_rolling_release_of_the_same_deployment_is_not_taken_for_this_runs(inside: InProcess) -> None:
    inside.require(dataclasses.replace(inside.settings.policies[PromotionPolicy], rolling=(10, 50)))
    inside.pipeline = rolling_out(inside.pipeline, inside.settings.policies[PromotionPolicy])
    inside.sandbox.state.vercel.rolling_config = {"target": "production", "stages": SHARES}
    before = inside.serves()

    def aborted() -> None:
        vercel, now = inside.sandbox.state.vercel, inside.clock.now().timestamp()
        rollout.begin(vercel, inside.report().staged["id"], now - 3600, inside.sandbox.state.next_id())
        assert vercel.rolling
        rollout.abort(vercel.rolling, now - 1800)

    inside.before_step("note-production", aborted)
    inside.at_stage("promote", lambda: inside.sandbox.inject("vercel answer status=403 POST */rolling-release/start"))
    outcome, report = inside.deploy()
    assert inside.asked("POST", ROLL_BACK) == []
    assert outcome is Outcome.BLOCKED, report.reason
    assert inside.serves() == before


def test_an_older_promotion_that_failed_says_nothing_of_this_one() -> None:
    before = ProductionBefore("dpl_old", "https://old", "lms.example.com", moved=5)
    staged = StagedDeployment("dpl_new", "https://new", "c" * 40)
    seen = VercelProject("prj", True, "promote", "dpl_new", "failed", moved_at=5)
    now = Production("dpl_old", "https://old", "lms.example.com")
    assert [one.verdict for one in is_live.judge(before, staged, seen, now)] == [Verdict.NOT_YET]
    ours = dataclasses.replace(seen, moved_at=6)
    assert [one.verdict for one in is_live.judge(before, staged, ours, now)] == [Verdict.BLOCK]


def killed_as_the_promotion_begins(inside: InProcess) -> None:
    inside.listeners.append(
        lambda e: killed() if (e.kind, e.subject) == ("step begins", "promote") else None  # type: ignore[func-returns-value]
    )
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()


def confirmed(inside: InProcess) -> int:
    """How often the run has asked its last questions before it moves production."""
    return len([e for e in inside.journal("r1").events() if (e.kind, e.subject) == ("stage begins", "confirm")])


def test_a_move_that_was_only_hoped_for_is_confirmed_again(inside: InProcess) -> None:
    """Killed before it asked Vercel; a colleague rolls production back; whoever resumes it must not move over that."""
    before = inside.serves()
    killed_as_the_promotion_begins(inside)
    assert confirmed(inside) == 1
    inside.sandbox.state.vercel.auto_assign = False
    outcome, report = inside.deploy(resume=True)
    assert outcome is Outcome.BLOCKED, report.reason
    assert "is pinned by an earlier rollback" in report.reason
    assert inside.asked("POST", PROMOTE) == inside.asked("POST", ROLL_BACK) == []
    assert inside.serves() == before


def test_a_move_that_never_was_is_made_once_it_is_confirmed_again(inside: InProcess) -> None:
    killed_as_the_promotion_begins(inside)
    outcome, report = inside.deploy(resume=True)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert confirmed(inside) == 2
    assert inside.serves() == report.staged["id"]


def test_a_move_that_comes_late_is_waited_for_before_anything_is_confirmed(inside: InProcess) -> None:
    """Vercel has the request and begins only seconds later: the resumed run sees it and goes on from there."""
    vercel, late = inside.sandbox.state.vercel, 5.0

    def after(request: httpx.Request, response: httpx.Response) -> None:
        if request.method == "POST" and "/promote/" in request.url.path:
            job, vercel.job = vercel.job, None
            inside.clock.at[inside.clock.seconds + late] = lambda: setattr(vercel, "job", job)
            raise Killed

    wire = inside.wire
    inside.tap(after=after)
    with pytest.raises(Killed):
        inside.deploy()
    inside.wire = wire
    outcome, report = inside.deploy(resume=True)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert confirmed(inside) == 1, "production is moving: there is nothing left to confirm"
    assert len(inside.asked("POST", PROMOTE)) <= 2


def test_when_nobody_can_say_whether_it_moved_it_counts_as_moved(inside: InProcess) -> None:
    killed_as_the_promotion_begins(inside)
    inside.sandbox.inject("vercel cut GET */aliases/* times=1")
    outcome, report = inside.deploy(resume=True)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert confirmed(inside) == 1
