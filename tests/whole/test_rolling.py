"""Production in shares: each is watched, none is given twice, and an end is an end for everybody."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from checks.outcome import Outcome
from checks.policy import PromotionPolicy
from pipeline.definitions.deploy import DEPLOY, rolling_out
from pipeline.render.links import Places
from pipeline.render.report import summary_markdown
from pipeline.sandbox import rollout
from tests.stage import InProcess
from tests.whole.test_promotion import SHARES, Killed, a_third, after_answer, colleague_rolls_out, killed

POLICY = PromotionPolicy((10, 50), rolling_watch=2)
ROLLING = ("promote", "share-50", "complete")
CALLS = ("start", "approve-stage", "complete")
ILL = "app failing-route /api/health/db where=staged"


def in_shares(inside: InProcess, policy: PromotionPolicy = POLICY) -> None:
    """Vercel and the run agree on 10 %, 50 %, all."""
    inside.sandbox.patch({"vercel": {"rolling_config": {"target": "production", "stages": SHARES}}})
    inside.require(policy)
    every = {"promote": {"every": policy.rolling_watch / 20, "patience": 10}}
    inside.pipeline = rolling_out(DEPLOY, policy).at_pace({**inside.config.pace("sandbox"), **every})


def visitors(inside: InProcess, count: int = 40) -> list[str]:
    """Which deployments that many visitors of production get; may be asked in the middle of a run."""

    async def ask() -> list[str]:
        url = f"http://{inside.settings.domain}/api/health/db"
        async with httpx.AsyncClient(transport=inside.wire) as client:
            return [(await client.get(url)).headers["x-deployment-id"] for _ in range(count)]

    with ThreadPoolExecutor(1) as elsewhere:  # the run's own loop may be busy with us
        return elsewhere.submit(lambda: asyncio.run(ask())).result()


def calls(inside: InProcess) -> dict[str, int]:
    return {name: len(inside.asked("POST", f"*/rolling-release/{name}")) for name in CALLS}


def on(inside: InProcess, kind: str, subject: str, act: Any) -> None:
    inside.listeners.append(lambda e: act() if (e.kind, e.subject) == (kind, subject) else None)


def test_visitors_are_split_as_the_shares_say_and_each_share_is_in_the_record(inside: InProcess) -> None:
    in_shares(inside)
    before, seen = inside.serves(), dict[str, float]()

    def look(stage: str) -> None:
        staged = inside.report().staged["id"]
        got = visitors(inside)
        assert set(got) <= {before, staged}
        seen[stage] = got.count(staged) / len(got)

    for stage in ("promote", *ROLLING[1:], "validate"):
        inside.at_stage(stage, lambda stage=stage: look(stage))  # type: ignore[misc]
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert seen == {"promote": 0, "share-50": 0.1, "complete": 0.5, "validate": 1}
    assert calls(inside) == {"start": 1, "approve-stage": 1, "complete": 1}
    assert inside.asked("POST", "*/promote/*") == [], "a promotion beside it would be a second way"
    given = {
        event.subject: one["value"]["percent"]
        for event in inside.journal("r1").events()
        if event.kind == "step begins"
        for one in event.body["inputs"]
        if one["type"] == "RollingShare"
    }
    assert given == {"advance-to-50": 10, "complete-rolling-release": 50}
    told = summary_markdown(report, Places("https://github.com", "acme/lms", "https://us.sentry.io", "acme", kept=True))
    for line in ("| promote | promote |", "| share-50 | advance-to-50 |", "| complete | complete-rolling-release |"):
        assert line in told
    for stage in ("promote", "share-50"):
        asked = [line.name for one in report.stages if one.name == stage for line in one.lines if line.kind == "gate"]
        assert set(asked) == {"rolling.share-is-ours", "rolling.canary-is-well", "rolling.canary-has-no-new-errors"}
    assert set(visitors(inside)) == {report.staged["id"]}
    assert inside.serves() == report.staged["id"]


def test_each_share_is_watched_for_as_long_as_it_says(inside: InProcess) -> None:
    in_shares(inside, PromotionPolicy((10, 50), rolling_watch=300))
    moments: dict[str, float] = {}
    for stage in (*ROLLING, "validate"):
        inside.at_stage(stage, lambda stage=stage: moments.update({stage: inside.clock.seconds}))  # type: ignore[misc]
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert moments["share-50"] - moments["promote"] >= 300
    assert moments["complete"] - moments["share-50"] >= 300
    assert inside.serves() == report.staged["id"]


@pytest.mark.parametrize(("step", "stage"), [("promote", "promote"), ("advance-to-50", "share-50")])
def test_a_canary_that_falls_ill_is_taken_back_for_everybody(inside: InProcess, step: str, stage: str) -> None:
    in_shares(inside)
    before = inside.serves()
    on(inside, "step done", step, lambda: inside.sandbox.inject(ILL))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert report.stages[-1].name == stage
    assert [path.rpartition("/")[2] for path in inside.asked("POST", "*/rollback/*")] == [before]
    rolling = inside.sandbox.state.vercel.rolling
    assert rolling
    assert rolling.state == "ABORTED"
    assert calls(inside)["complete"] == 0
    inside.sandbox.faults.clear()
    assert set(visitors(inside)) == {before}
    assert inside.serves() == before


def test_ill_in_the_middle_of_the_watch_is_soon_enough(inside: InProcess) -> None:
    in_shares(inside, PromotionPolicy((10, 50), rolling_watch=300))
    before = inside.serves()
    falls_ill = lambda: inside.sandbox.inject(ILL)  # noqa: E731
    on(inside, "step done", "advance-to-50", lambda: inside.clock.at.update({inside.clock.seconds + 150: falls_ill}))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert report.stages[-1].name == "share-50"
    inside.sandbox.faults.clear()
    assert set(visitors(inside)) == {before}


@pytest.mark.parametrize(
    "fault",
    [
        f"vercel {kind} POST */rolling-release/{call}"
        for call in CALLS
        for kind in ("answer status=500", "half-done", "cut")
    ],
)
def test_a_share_that_cannot_be_given_ends_in_the_old_build_for_everybody(inside: InProcess, fault: str) -> None:
    in_shares(inside)
    before = inside.serves()
    inside.sandbox.inject(fault)
    outcome, report = inside.deploy()
    if fault == "vercel half-done POST */rolling-release/start":
        assert outcome is Outcome.DEPLOYED, "it did begin, and Vercel says so"
    elif fault.endswith("/start"):
        assert outcome is Outcome.BLOCKED, "nobody was ever given a share"
    else:
        assert outcome is Outcome.ROLLED_BACK, report.reason
    inside.sandbox.faults.clear()
    assert set(visitors(inside)) == {report.staged["id"] if outcome is Outcome.DEPLOYED else before}


STEPS = ("promote", "advance-to-50", "complete-rolling-release")
MOMENTS = [
    *(("step begins", step) for step in STEPS),
    *(("answered", f"/rolling-release/{call}") for call in CALLS),
    *(("step done", step) for step in STEPS),
]


def cut_off(inside: InProcess, kind: str, subject: str) -> None:
    """Deploy, and be killed at that moment."""
    wire = inside.wire
    if kind == "answered":
        inside.tap(after=after_answer(subject))
    else:
        on(inside, kind, subject, killed)
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()
    inside.wire = wire


@pytest.mark.parametrize(("kind", "subject"), MOMENTS, ids=lambda value: value)
def test_killed_anywhere_and_resumed_each_share_is_given_once(inside: InProcess, kind: str, subject: str) -> None:
    in_shares(inside)
    cut_off(inside, kind, subject)
    began = calls(inside)
    assert max(began.values()) <= 1
    outcome, report = inside.deploy(resume=True)
    assert outcome is Outcome.DEPLOYED, report.reason
    done = [
        one["path"].rpartition("/")[2]
        for one in inside.sandbox.asked["vercel"]
        if "/rolling-release/" in one["path"] and one["method"] == "POST" and one["status"] == 200
    ]
    assert done == list(CALLS), "one after the other, and none twice"
    assert set(visitors(inside)) == {report.staged["id"]}
    assert inside.serves() == report.staged["id"]


@pytest.mark.parametrize(("kind", "subject"), MOMENTS, ids=lambda value: value)
def test_killed_anywhere_and_settled_everybody_gets_the_old_build(inside: InProcess, kind: str, subject: str) -> None:
    in_shares(inside)
    before = inside.serves()
    cut_off(inside, kind, subject)
    never = (kind, subject) == ("step begins", "promote")
    assert inside.settle() is (Outcome.BLOCKED if never else Outcome.ROLLED_BACK)
    inside.clock.seconds += 60
    assert set(visitors(inside)) == {before}
    assert inside.serves() == before


def test_a_colleagues_rolling_release_is_not_ended_by_ours_that_could_not_begin(inside: InProcess) -> None:
    in_shares(inside)
    before, theirs = inside.serves(), a_third(inside)
    inside.before_step("promote", lambda: colleague_rolls_out(inside, theirs))
    outcome, report = inside.deploy()
    assert outcome in (Outcome.STRANDED, Outcome.ROLLED_BACK)
    assert "already in progress" in report.reason
    assert inside.asked("POST", "*/rollback/*") == []
    rolling = inside.sandbox.state.vercel.rolling
    assert rolling
    assert (rolling.state, rolling.canary) == ("ACTIVE", theirs)
    assert set(visitors(inside)) == {before, theirs}


def test_a_colleague_who_aborts_ours_ends_the_run(inside: InProcess) -> None:
    in_shares(inside)
    before = inside.serves()

    def aborts() -> None:
        rolling = inside.sandbox.state.vercel.rolling
        assert rolling
        rollout.abort(rolling, inside.clock.now().timestamp())

    on(inside, "step done", "advance-to-50", aborts)
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert "is ABORTED" in report.reason
    assert set(visitors(inside)) == {before}


def test_a_colleague_who_advances_ours_saves_us_the_step(inside: InProcess) -> None:
    in_shares(inside)

    def advances() -> None:
        vercel, state = inside.sandbox.state.vercel, inside.sandbox.state
        assert vercel.rolling
        rollout.enter(vercel, vercel.rolling, 1, inside.clock.now().timestamp(), state.next_id())

    on(inside, "stage settled", "promote", advances)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert calls(inside) == {"start": 1, "approve-stage": 0, "complete": 1}
    assert inside.serves() == report.staged["id"]


def configured(inside: InProcess, **body: Any) -> None:
    """Through the API, as `vercel rolling-release configure` does it."""

    async def go() -> None:
        async with inside.world(inside.release()) as world:
            path = f"/v1/projects/{inside.settings.project}/rolling-release/config"
            await world.vercel.once("PATCH", path, lambda body: None, json=body)

    asyncio.run(go())


def by_hand(*shares: int) -> dict[str, Any]:
    stages = [{"targetPercentage": share} for share in (*shares, 100)]
    return {"enabled": True, "advancementType": "manual-approval", "stages": stages}


def by_time(*shares: int) -> dict[str, Any]:
    stages = [{"targetPercentage": share, "duration": 5} for share in shares]
    return {"enabled": True, "advancementType": "automatic", "stages": [*stages, {"targetPercentage": 100}]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"enabled": False}, "has the shares none; deploy.yml wants 10 %, 50 %, 100 %"),
        (by_hand(10), "has the shares 10 %, 100 %; deploy.yml wants 10 %, 50 %, 100 %"),
        (by_hand(10, 60), "has the shares 10 %, 60 %, 100 %"),
        (by_time(10, 60), "has the shares 10 %, 60 %, 100 %"),
        (by_time(10, 50), "advances by time, not by approval"),
    ],
    ids=["off", "fewer", "others", "others by time", "by time"],
)
def test_what_vercel_would_do_otherwise_stops_preflight(inside: InProcess, body: dict[str, Any], says: str) -> None:
    in_shares(inside)
    before = inside.serves()
    configured(inside, **body)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED, json.dumps(body)
    assert report.stages[-1].name == "preflight"
    assert says in report.reason
    assert calls(inside)["start"] == 0
    assert inside.serves() == before


def test_shares_that_nobody_asked_for_stop_preflight(inside: InProcess) -> None:
    """With rolling releases switched on, "promoted" would mean ten percent."""
    before = inside.serves()
    configured(inside, **by_hand(10, 50))
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "has the shares 10 %, 50 %, 100 %; deploy.yml wants none" in report.reason
    assert inside.serves() == before
