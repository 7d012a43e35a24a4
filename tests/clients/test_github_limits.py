"""GitHub's limits are no answer about the repository: nobody is without rights, and nothing is off, because of one."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from pipeline.clients.github import GitHub
from pipeline.errors import Refused
from tests.clients.test_lists import asked
from tests.scripted import MovingClock

ASKED: dict[str, Callable[[GitHub], Awaitable[Any]]] = {
    "what is required": lambda github: github.required_checks("main"),
    "the workflow of a run": lambda github: github.workflow_of("7"),
    "who let it in": lambda github: github.environment_approvals("7"),
    "what somebody may do": lambda github: github.permission("kim-dev", "NONE"),
    "code scanning": lambda github: github.code_scanning_alerts(),
    "dependabot": lambda github: github.dependabot_alerts(),
}
LIMITS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
SAYS = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


def answering(page: str, says: str, status: int = 403) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/branches/main") and "/rules/" not in request.url.path:
            return httpx.Response(200, json={"commit": {"sha": "a" * 40}})
        return httpx.Response(status, json={"message": says, "documentation_url": page})

    return answer


def ask(answer: Callable[[httpx.Request], httpx.Response], what: str) -> Any:
    return asked(answer, lambda http: ASKED[what](GitHub("http://a", "t", "acme/lms", http, MovingClock())))


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_without_a_header_is_waited_for_and_answers_nothing(what: str, status: int) -> None:
    with pytest.raises(Refused, match="secondary rate limit") as caught:
        ask(answering(LIMITS, SAYS, status), what)
    assert caught.value.retry_after == 60
    assert not caught.value.lasting


@pytest.mark.parametrize("what", ASKED)
def test_a_403_of_another_kind_is_still_what_it_was(what: str) -> None:
    page = "https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run"
    assert ask(answering(page, "Resource not accessible by integration"), what) is not None
