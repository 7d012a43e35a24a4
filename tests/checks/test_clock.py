"""A clock that is off is named before anything is touched, and crashes nothing."""

import dataclasses
import datetime
import email.utils

import httpx
import pytest

from checks.calendar import clock_is_right
from checks.evidence import ClockOffset
from checks.gate import Verdict, worst
from checks.outcome import Outcome
from pipeline.clients.base import Service
from pipeline.clients.storage import Storage
from pipeline.errors import Refused
from tests.scripted import MovingClock
from tests.stage import InProcess


def verdict(*said: tuple[str, float]) -> Verdict:
    return worst(tuple(clock_is_right.judge(ClockOffset(said))))


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(0, Verdict.PASS), (-29, Verdict.PASS), (31, Verdict.WARN), (-290, Verdict.WARN), (301, Verdict.BLOCK)],
)
def test_seconds_are_borne_and_minutes_are_not(ahead: float, expected: Verdict) -> None:
    assert verdict(("vercel", ahead)) is expected


def test_one_service_whose_own_clock_is_wrong_is_outvoted() -> None:
    assert verdict(("vercel", 3600), ("github", 1)) is Verdict.PASS


@pytest.mark.parametrize(("seconds", "says"), [(3600, "60 minutes behind"), (-3600, "60 minutes ahead of")])
def test_an_hour_is_named_in_preflight_and_nothing_is_built(inside: InProcess, seconds: int, says: str) -> None:
    inside.sandbox.inject(f"all clock seconds={seconds}")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert [stage.name for stage in report.stages] == ["preflight"]
    found = [f for line in report.stages[0].lines if line.name == "calendar.clock-is-right" for f in line.findings]
    assert says in found[0]["says"]
    assert "vercel" in found[0]["says"]


def test_a_service_that_says_no_time_is_no_answer_and_no_crash(inside: InProcess) -> None:
    def undated(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        response.headers["date"] = "the day before yesterday"
        return response

    inside.tap(after=undated)
    inside.pipeline = inside.pipeline.at_pace({"preflight": {"patience": 1}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "does not say what time it is" in report.reason


@pytest.mark.parametrize("hours", [-1, 1])
def test_how_long_to_wait_is_counted_by_the_clock_of_who_asks_for_it(hours: int) -> None:
    """An hour off, two seconds would be an hour, or none at all."""
    clock = MovingClock()
    theirs = clock.now() + datetime.timedelta(hours=hours)
    for headers in (
        {"retry-after": email.utils.format_datetime(theirs + datetime.timedelta(seconds=2), usegmt=True)},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{theirs.timestamp() + 2:.0f}"},
    ):
        answer = httpx.Response(429, headers={"date": email.utils.format_datetime(theirs, usegmt=True), **headers})
        service = Service("vercel", "https://api.example.com", httpx.AsyncClient(), clock)
        assert service.refusal("GET /", answer).retry_after == pytest.approx(2)


def test_what_r2_says_of_a_wrong_clock_is_said_in_words() -> None:
    bucket = Storage("a", "uploads", "k", "s")
    error = bucket._error("list uploads", Exception("403 Forbidden: <Code>RequestTimeTooSkewed</Code>"))
    assert isinstance(error, Refused)
    assert error.code == "RequestTimeTooSkewed"
    assert "this machine's clock is off" in str(error)


def test_a_clock_that_is_off_does_not_stop_the_way_back(inside: InProcess) -> None:
    before = inside.serves()
    inside.at_stage("promote", lambda: inside.sandbox.inject("all clock seconds=-7200"))
    outcome, report = inside.deploy("broken-health")
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert inside.serves() == before


def test_the_evidence_says_both_directions() -> None:
    seen = ClockOffset((("vercel", 3.2), ("sentry", -61.0)))
    assert seen.brief() == "+3 s to vercel, -61 s to sentry"
    assert dataclasses.replace(seen, said=()).brief() == ""
