"""Health checks that say too much good: kept by a cache, or well by their status alone."""

import httpx
import pytest

from checks.outcome import Outcome
from pipeline.probes.health import against_itself
from tests.reports.answers import answering, said, saying
from tests.session.test_monitoring import daily
from tests.stage import InProcess

HEALTH = "/api/health/db"


@pytest.mark.parametrize("kept", ["HIT", "STALE", "PRERENDER"])
def test_a_health_check_that_a_cache_answers_is_no_health_check(inside: InProcess, kept: str) -> None:
    """A route handler without dynamic parts is built once, and says "ok" ever after.

    https://github.com/vercel/next.js/issues/49441, https://github.com/CDCgov/dibbs-ecr-viewer/pull/539
    """
    before = inside.serves()

    def cached(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return said(answer, x_vercel_cache=kept, age="5123") if request.url.path == HEALTH else None

    answering(inside, cached)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert f"out of a cache ({kept}, 5123 s old)" in report.reason
    assert "force-dynamic" in report.reason
    assert inside.asked("POST", "/v13/deployments") == [], "it was found before anything was touched"
    assert daily(inside).graded.severity == "unknown", "nobody is woken for it, and it is no tick"
    assert inside.serves() == before


def test_an_answer_that_the_cache_did_not_have_is_the_apps(inside: InProcess) -> None:
    answering(inside, lambda request, answer: said(answer, x_vercel_cache="MISS", age="0"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason


def test_a_200_that_says_that_the_database_is_down_is_down(inside: InProcess) -> None:
    """The status code is always 200 and only the body knows, so whoever looks at the code alone sees nothing.

    https://github.com/onfranciis/OID/issues/34
    """
    before = inside.serves()

    def watched(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        ours = request.url.path == HEALTH and answer.json().get("deployment") == inside.report().staged.get("id")
        return saying(answer, database="down") if ours and inside.report().stages[-1].name == "watch" else None

    answering(inside, watched)
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert "answered 200, but says database: down" in report.reason
    assert inside.serves() == before


def test_a_200_that_says_so_in_production_is_a_p0_of_the_day(inside: InProcess) -> None:
    """A monitor that asks for the code alone stays green while nothing can be stored.

    https://github.com/parse-community/parse-server/issues/4575
    """
    at = HEALTH
    answering(inside, lambda request, answer: saying(answer, status="error") if request.url.path == at else None)
    graded = daily(inside).graded
    assert (graded.severity, graded.gate) == ("P0", "health.is-well-before")
    assert "says status: error" in graded.reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"status": "ok", "database": "ok", "commit": "abc"}, ""),
        ({"status": "ok", "error": None, "errors": []}, ""),
        ({"status": "pass", "checks": {"db": {"status": "pass"}, "cache": {"failed": 0}}}, ""),
        ({"ok": True, "flags": {"beta": False}}, ""),
        ({"status": "ok", "message": "no error since the deployment went down to zero"}, ""),
        ({"status": "ok", "db": False}, "db: False"),
        ({"ok": False}, "ok: False"),
        ({"status": "DOWN "}, "status: DOWN "),
        ({"status": "ok", "checks": {"db": {"status": "fail"}}}, "checks.db.status: fail"),
        ({"status": "ok", "error": "timeout"}, "error: timeout"),
    ],
)
def test_what_a_body_says_against_itself(body: dict[str, object], says: str) -> None:
    found = against_itself(body)
    assert found == (f"answered 200, but says {says}" if says else "")
