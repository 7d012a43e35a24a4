"""The way back as people walk it at night: pasted addresses, redirects, wildcards, sign-in pages, refusals, hurry."""

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from pipeline.clients import pacing
from pipeline.clients.pacing import SharedPace
from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import Deployment
from pipeline.emergency.choice import Stranded
from pipeline.emergency.domain import DomainAnswer
from pipeline.emergency.steps import Returned, State, _state, return_to_previous
from pipeline.errors import Mistake, PipelineError
from pipeline.sandbox.vercelstate import AliasJob
from tests.stage import InProcess

HEALTH = "/api/health/db"
Answer = Callable[[httpx.Request], httpx.Response | None]


class Lying(httpx.AsyncBaseTransport):
    """The sandbox behind a function that may answer in its place, or change what it answered."""

    def __init__(self, inner: httpx.AsyncBaseTransport, instead: Answer, after: Any = None) -> None:
        self._inner, self._instead, self._after = inner, instead, after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._instead(request)
        if answer is not None:
            answer.request = request
            return answer
        response = await self._inner.handle_async_request(request)
        return self._after(request, response, await response.aread()) if self._after else response


def nothing_else(request: httpx.Request) -> None:
    return None


def go_back(inside: InProcess, transport: httpx.AsyncBaseTransport | None = None, **more: Any) -> Returned:
    async def go() -> Returned:
        async with httpx.AsyncClient(transport=transport or inside.wire) as http:
            at = inside.settings
            vercel = Vercel(at.services.vercel, at.secrets["VERCEL_TOKEN"], at.team, at.project, http, inside.clock)
            return await return_to_previous(vercel, http, inside.clock, **{"health": HEALTH, **more})

    return asyncio.run(go())


@pytest.fixture
def bad(inside: InProcess) -> tuple[str, str]:
    """A bad release is live; the one before it is where a rollback has to go. Their ids."""
    good = inside.serves()
    inside.deploy()
    return inside.serves(), good


def test_a_first_domain_that_only_redirects_is_not_the_one_that_proves(inside: InProcess, bad: Any) -> None:
    domain, apex = inside.settings.domain, "127.0.0.9:4308"

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == f"/v4/aliases/{apex}":
            return httpx.Response(200, json={"alias": apex, "redirect": domain, "deploymentId": None})
        if request.url.netloc.decode() == apex:
            return httpx.Response(308, headers={"location": f"http://{domain}{request.url.path}"})
        return None

    def after(request: httpx.Request, response: httpx.Response, content: bytes) -> httpx.Response:
        if request.url.path.startswith("/v9/projects/"):
            body = json.loads(content)
            first = {"domain": apex, "environment": "production", "target": "PRODUCTION", "redirect": domain}
            return httpx.Response(200, json={**body, "alias": [first, *body["alias"]]}, request=request)
        return response

    for named in ("", apex):
        returned = go_back(inside, Lying(inside.wire, instead, after), domain=named)
        assert (returned.domain, returned.target.id, returned.state) == (domain, bad[1], State.RECOVERED)
    assert inside.serves() == bad[1]


@pytest.fixture
def second(inside: InProcess) -> Callable[[str], Lying]:
    """The sandbox with one more production domain, api.example.com, which points to the deployment that one says."""

    def lying(points_to: str) -> Lying:
        def after(request: httpx.Request, response: httpx.Response, content: bytes) -> httpx.Response:
            if request.url.path.startswith("/v9/projects/") and response.status_code == 200:
                body = json.loads(content)
                more = {**body["alias"][0], "domain": "api.example.com", "deployment": {"id": points_to}}
                return httpx.Response(200, json={**body, "alias": [*body["alias"], more]}, request=request)
            return response

        return Lying(inside.wire, nothing_else, after)

    return lying


def test_a_domain_that_stays_with_what_was_taken_back_is_named_with_what_moves_it(
    inside: InProcess, bad: Any, second: Callable[[str], Lying]
) -> None:
    """Somebody has set it by hand: Vercel goes back without it, and its visitors still get the bad release."""
    with pytest.raises(Stranded, match=rf"api.example.com still lead to {bad[0]}") as caught:
        go_back(inside, second(bad[0]), domain=inside.settings.domain)
    assert re.fullmatch(r"vercel alias set \S+ api.example.com", caught.value.by_hand)
    with pytest.raises(Stranded, match=r"api.example.com still"):  # and a second call does not call it over
        go_back(inside, second(bad[0]), domain=inside.settings.domain)
    assert inside.serves() == bad[1]
    assert go_back(inside, second(bad[1]), domain=inside.settings.domain).answer.well


def test_a_domain_whose_alias_went_back_and_that_still_answers_as_the_bad_one_is_no_success(
    inside: InProcess, bad: Any
) -> None:
    """Aliases are Vercel's word; what an edge hands out to its visitors is another matter."""
    inside.sandbox.patch({"vercel": {"domains": {"learn": ""}}})
    learn = inside.sandbox.core.ports.host("learn")

    def old(request: httpx.Request) -> httpx.Response | None:
        if request.url.netloc.decode() != learn:
            return None
        return httpx.Response(200, json={"status": "ok"}, headers={"x-deployment-id": bad[0]})

    with pytest.raises(Stranded, match=rf"{learn} still lead to {bad[0]}"):
        go_back(inside, Lying(inside.wire, old))
    assert inside.serves() == bad[1]
    assert go_back(inside).answer.well, "it is asked again, and answers as the old one now"


def test_a_domain_that_does_not_answer_delays_no_rollback(inside: InProcess, bad: Any) -> None:
    inside.sandbox.patch({"vercel": {"domains": {"nowhere.example.org": ""}}})
    assert go_back(inside).answer.well


def test_a_domain_that_leads_to_something_else_on_purpose_is_left_alone(
    inside: InProcess, bad: Any, second: Callable[[str], Lying]
) -> None:
    returned = go_back(inside, second("dpl_of_a_campaign"), domain=inside.settings.domain)
    assert (returned.state, returned.unseen) == (State.RECOVERED, ())


def test_other_domains_that_vercel_says_nothing_of_are_named(
    inside: InProcess, bad: Any, second: Callable[[str], Lying]
) -> None:
    lying = second(bad[0])

    def instead(request: httpx.Request) -> httpx.Response | None:
        moved = inside.sandbox.state.vercel.job is not None and inside.sandbox.state.vercel.job.kind == "rollback"
        return httpx.Response(500) if moved and request.url.path.startswith("/v9/projects/") else None

    lying._instead = instead
    assert go_back(inside, lying, domain=inside.settings.domain).unseen == ("api.example.com",)


def test_the_domain_itself_that_stays_is_moved_by_hand_and_not_rolled_back_again(inside: InProcess, bad: Any) -> None:
    host = inside.settings.domain

    def after(request: httpx.Request, response: httpx.Response, content: bytes) -> httpx.Response:
        if request.url.path.startswith("/v4/aliases/"):
            return httpx.Response(200, json={**json.loads(content), "deploymentId": bad[0]}, request=request)
        return response

    def instead(request: httpx.Request) -> httpx.Response | None:
        answer = httpx.Response(200, json={"deployment": bad[0]})
        return answer if request.url.netloc.decode() == host else None

    with pytest.raises(Stranded) as caught:
        go_back(inside, Lying(inside.wire, instead, after), domain=host)
    assert re.fullmatch(rf"vercel alias set \S+ {host}", caught.value.by_hand)


def test_a_domain_of_a_wildcard_alias_goes_back_and_a_second_call_stays(inside: InProcess, bad: Any) -> None:
    school = "school-1.localhost:4308"

    def instead(request: httpx.Request) -> None:
        if request.url.netloc.decode() == school:
            request.url = request.url.copy_with(host="127.0.0.1")
            request.headers["host"] = inside.settings.domain

    first = go_back(inside, Lying(inside.wire, instead), domain=school)
    assert (first.target.id, first.changed) == (bad[1], True)
    again = go_back(inside, Lying(inside.wire, instead), domain=school)
    assert (again.target.id, again.changed, again.was) == (bad[1], False, bad[0])
    assert inside.serves() == bad[1]


def test_a_domain_that_is_nobodys_of_this_project_moves_nothing(inside: InProcess, bad: Any) -> None:
    def instead(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, html="<p>hello") if request.url.host == "other.example.com" else None

    with pytest.raises(Mistake, match=r"other.example.com: is no domain of lms, which has 127"):
        go_back(inside, Lying(inside.wire, instead), domain="other.example.com")
    assert inside.serves() == bad[0]


@pytest.mark.parametrize("what", ["sign-in", "challenge", "401"])
def test_what_vercel_answers_in_place_of_the_site_proves_nothing(inside: InProcess, bad: Any, what: str) -> None:
    domain = inside.settings.domain

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "vercel.com":
            return httpx.Response(200, html="<title>Login")
        if request.url.netloc.decode() != domain or request.headers.get("x-vercel-protection-bypass") == "s3cret":
            return None
        if what == "challenge":
            return httpx.Response(429, headers={"x-vercel-mitigated": "challenge"}, html="checkpoint")
        if what == "401":
            return httpx.Response(401, headers={"set-cookie": "_vercel_sso_nonce=x"}, html="sign in")
        return httpx.Response(302, headers={"location": "https://vercel.com/sso-api?url=x"})

    with pytest.raises(Stranded, match=r"from Vercel's .* and not from the site; .* is assigned, no more"):
        go_back(inside, Lying(inside.wire, instead), domain=domain)
    assert inside.serves() == bad[1], "it went back; nobody saw it"
    assert inside.clock.seconds < 20, "whoever stands there will not leave, so nobody waits a minute"
    returned = go_back(inside, Lying(inside.wire, instead), domain=domain, bypass="s3cret")
    assert (returned.target.id, returned.changed, returned.answer.well) == (bad[1], False, True)


def test_the_bypass_secret_goes_to_the_domain_alone(inside: InProcess, bad: Any) -> None:
    elsewhere: list[str | None] = []

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "elsewhere.example.com":
            elsewhere.append(request.headers.get("x-vercel-protection-bypass"))
            return httpx.Response(200, json={"deployment": bad[1]})
        if request.url.netloc.decode() == inside.settings.domain:
            return httpx.Response(302, headers={"location": "https://elsewhere.example.com/x"})
        return None

    go_back(inside, Lying(inside.wire, instead), bypass="s3cret")
    assert elsewhere
    assert set(elsewhere) == {None}


@pytest.mark.parametrize(
    "refusal", ["answer status=503", "cut", "answer status=429 retry_after=2", "answer status=409"]
)
def test_one_refusal_is_not_the_end_of_a_rollback(inside: InProcess, bad: Any, refusal: str) -> None:
    told: list[State] = []
    inside.sandbox.inject(f"vercel {refusal} times=1 POST */rollback/*")
    returned = go_back(inside, tell=told.append)
    assert (returned.target.id, returned.state) == (bad[1], State.RECOVERED)
    assert told[0] is State.REFUSED
    assert State.REQUESTED in told


@pytest.fixture
def in_a_fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is one that a fleet has started to take a project back."""
    worker, line = socket.socketpair()
    shared = SharedPace(line, first=True)
    monkeypatch.setattr(pacing, "pace", lambda: shared)
    yield
    worker.close()
    line.close()


@pytest.mark.usefixtures("in_a_fleet")
@pytest.mark.parametrize("begins", ["with the rollback", "when it is accepted"])
def test_a_storm_of_refusals_that_outlasts_all_patience_strands_nothing(
    inside: InProcess, bad: Any, begins: str
) -> None:
    """What Vercel refuses as too often is waited for, which takes nothing from the patience with what comes after."""
    asked, clear, left = list[str](), list[float](), ["unreadable", "unreadable", "unreadable"]

    def instead(request: httpx.Request) -> httpx.Response | None:
        api, now = request.url.path.startswith("/v"), inside.clock.monotonic()
        if request.method == "POST":
            asked.append(request.url.path)
        if (request.method == "POST" or clear) and api:
            clear[:] = clear or [now + 300]
            if now < clear[0] and (begins == "with the rollback" or request.method == "GET"):
                return httpx.Response(429, headers={"retry-after": "30"}, json={"error": {"code": "rate_limited"}})
        if clear and left and (not api or request.url.path.startswith("/v4/aliases/")) and now >= clear[0]:
            left.pop()
            return httpx.Response(503)
        return None

    returned = go_back(inside, Lying(inside.wire, instead))
    assert (returned.target.id, returned.changed, inside.serves()) == (bad[1], True, bad[1])
    assert asked == asked[:1] * (11 if begins == "with the rollback" else 1), (
        "refused is not done; done is not asked again"
    )


def test_requested_is_said_only_when_vercel_accepted(inside: InProcess, bad: Any) -> None:
    told: list[State] = []
    inside.sandbox.inject("vercel answer status=404 POST */rollback/*")
    with pytest.raises(Stranded, match=r"answered 404(.|\n)* is refused, no more"):
        go_back(inside, tell=told.append)
    assert told == [State.REFUSED]
    assert inside.serves() == bad[0]


def test_an_alias_that_cannot_be_read_matters_not_when_the_domain_names_the_build(inside: InProcess, bad: Any) -> None:
    def instead(request: httpx.Request) -> httpx.Response | None:
        aliases = request.url.path.startswith("/v4/aliases/") and inside.sandbox.state.vercel.job is not None
        return httpx.Response(500) if aliases else None

    began = inside.clock.seconds
    returned = go_back(inside, Lying(inside.wire, instead))
    assert returned.state is State.RECOVERED
    assert inside.clock.seconds - began < 10


def test_a_promotion_that_is_under_way_lands_before_it_is_taken_back(inside: InProcess, bad: Any) -> None:
    """It would else land after the rollback, and put the bad release live with nobody looking."""
    live, good = bad
    vercel = inside.sandbox.state.vercel
    vercel.production = good
    vercel.job = AliasJob("promote", good, live, inside.clock.now().timestamp(), takes=8)
    told: list[State] = []
    returned = go_back(inside, tell=told.append)
    assert told[0] is State.WAITING
    assert (returned.target.id, returned.was) == (good, live)
    inside.clock.seconds += 60
    assert inside.serves() == good


def test_what_was_taken_back_in_between_is_passed_over_without_any_record(inside: InProcess) -> None:
    """Good A, bad B taken back, good C: Vercel itself remembers that C took the place of A."""
    good = inside.serves()
    inside.deploy()
    go_back(inside)
    inside.deploy(run="r2", release=inside.release(over_rollback=True))
    assert inside.serves() not in ("", good)
    returned = go_back(inside)
    assert returned.target.id == good


@pytest.mark.parametrize("knows", ["the record", "nobody"])
def test_a_second_call_stays_though_vercel_has_forgotten_the_move(inside: InProcess, knows: str) -> None:
    """Only where nobody knows of a rollback it goes one further back, and then that is what was asked for."""
    oldest = inside.serves()
    inside.deploy()
    good = inside.serves()
    inside.deploy(run="r2")
    bad = inside.serves()
    assert len({oldest, good, bad}) == 3

    def after(request: httpx.Request, response: httpx.Response, content: bytes) -> httpx.Response:
        if request.url.path.startswith("/v9/projects/"):
            return httpx.Response(200, json={**json.loads(content), "lastAliasRequest": None}, request=request)
        return response

    forgetful = Lying(inside.wire, nothing_else, after)
    assert go_back(inside, forgetful).target.id == good
    again = go_back(inside, forgetful, bad=lambda: frozenset({bad} if knows == "the record" else ()))
    assert (again.target.id, again.changed) == ((oldest, True) if knows == "nobody" else (good, False))


def test_production_that_nobody_can_name_chooses_nothing(inside: InProcess, bad: Any) -> None:
    def instead(request: httpx.Request) -> httpx.Response | None:
        return (
            httpx.Response(404, json={"error": {"code": "not_found"}}) if "/v4/aliases/" in request.url.path else None
        )

    def after(request: httpx.Request, response: httpx.Response, content: bytes) -> httpx.Response:
        if request.url.path.startswith("/v9/projects/"):
            body = {**json.loads(content), "targets": {}, "alias": []}
            return httpx.Response(200, json=body, request=request)
        return response

    with pytest.raises(PipelineError) as caught:
        go_back(inside, Lying(inside.wire, instead, after), domain=inside.settings.domain)
    assert isinstance(caught.value, Mistake)
    assert inside.serves() == bad[0]


def test_a_deployment_that_was_taken_back_is_named_only_on_purpose(inside: InProcess, bad: Any) -> None:
    live, good = bad
    known: dict[str, Any] = {"to": good, "bad": lambda: frozenset({good})}
    with pytest.raises(Mistake, match=f"--to {good}: was rolled back from before; say --even-bad"):
        go_back(inside, **known)
    assert inside.serves() == live
    assert go_back(inside, even_bad=True, **known).target.id == good


@pytest.mark.parametrize(
    ("live", "named", "state"),
    [
        ("dpl_good", "", State.RECOVERED),
        ("dpl_good", "dpl_good", State.RECOVERED),
        ("dpl_good", "dpl_bad", State.ASSIGNED),
        ("dpl_bad", "dpl_good", State.REQUESTED),
        (None, "dpl_good", State.RECOVERED),
        (None, "", State.REQUESTED),
        (None, "dpl_bad", State.REQUESTED),
    ],
)
def test_where_vercel_cannot_be_read_only_a_domain_that_names_the_deployment_proves(
    live: str | None, named: str, state: State
) -> None:
    target = Deployment("dpl_good", "https://x", "READY", "", "production", "a" * 40, 1, (), "", {})
    assert _state(live, target, DomainAnswer(200, 10, "", named), State.REQUESTED, ended=True) is state
